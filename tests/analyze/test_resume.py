from __future__ import annotations

import json
from pathlib import Path

import pytest

from openau.analyze.feed import Failure, Feed, Position
from openau.analyze.resume import Counts, Progress, RunFile, asked
from openau.analyze.settings import Settings
from openau.errors import OutputError, SettingError

PROGRESS = Progress(
    next=Position(3, 40),
    offset=1234,
    tracker={"next_id": 2},
    faces_in_video=7,
    counts=Counts(100, 90, 12, 3, 1),
    failures=(Failure("a.jpg", "a.jpg is broken."),),
)


def feed(identity: str) -> Feed:
    return Feed(identity, "image", lambda first: iter(()), identity)


def test_progress_comes_back_as_it_was(tmp_path: Path) -> None:
    run_file = RunFile(tmp_path, {"every": 1})
    assert run_file.load() is None
    run_file.save(PROGRESS)
    assert run_file.load() == (PROGRESS, False)
    run_file.save(PROGRESS, complete=True)
    assert run_file.load() == (PROGRESS, True)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("before", "now", "sentence"),
    [
        ({"every": 1}, {"every": 2}, "started with --every 1, not --every 2"),
        ({"max_faces": None}, {"max_faces": 2}, "started with no --max-faces, not --max-faces 2"),
        ({"overlay": True}, {"overlay": False}, "started with --overlay, not no --overlay"),
        ({"sources_sha256": "a"}, {"sources_sha256": "b"}, "the input files are not those"),
        ({"model_sha256": "a"}, {"model_sha256": "b"}, "the model file is not the one"),
        ({"openau": "0.0.9"}, {"openau": "0.1.0"}, "openau 0.0.9 started it and this is openau 0.1.0"),
    ],
)
def test_what_differs_is_named(
    tmp_path: Path, before: dict[str, object], now: dict[str, object], sentence: str
) -> None:
    RunFile(tmp_path, before).save(PROGRESS)
    with pytest.raises(SettingError, match=sentence):
        RunFile(tmp_path, now).load()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 99}', '{"schema": 1, "asked": {}}'])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(OutputError, match=r"run\.json"):
        RunFile(tmp_path, {}).load()


def test_sources_model_and_settings_decide_what_is_asked(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(b"1")
    settings = Settings().as_json()
    same = asked(settings, [feed("a"), feed("b")], model)
    assert same == asked(settings, [feed("a"), feed("b")], model)
    assert json.loads(json.dumps(same)) == same
    assert same != asked(settings, [feed("b"), feed("a")], model)
    model.write_bytes(b"2")
    assert same != asked(settings, [feed("a"), feed("b")], model)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        RunFile(tmp_path / "absent", {}).save(PROGRESS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"every": 0}, "every is 0; it must be at least 1"),
        ({"max_faces": 0}, "max-faces is 0"),
        ({"threads": -1}, "threads is -1"),
        ({"format": "xlsx"}, "choose csv or parquet"),
        ({"emotion_decoder": "guess"}, "no emotion decoder 'guess'"),
        ({"emotion_rules": "horoscope"}, "no emotion rules 'horoscope'"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Settings(**wrong)  # type: ignore[arg-type]  # wrong on purpose
