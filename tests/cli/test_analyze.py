from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from openau.cli.__main__ import main
from openau.cli.progress import Told
from openau.facs import EMOTIONS
from tests.fake.media import write_video
from tests.fake.squares import moving, picture, save
from tests.fake.tiny_model import AUS, tiny_card, write_tiny_model


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "face.png", picture((10, 20)))


def analyze(model: Path, out: Path, *words: object) -> int:
    return main(["analyze", *map(str, words), "--model", str(model), "--out", str(out)])


def test_one_line_says_what_was_done(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_video(tmp_path / "clip.mp4", moving(10, empty=[3]))
    wall = save(tmp_path / "wall.png", picture())
    assert analyze(model, tmp_path / "out", photo, wall, clip) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        "2 photographs, 10 video frames, 10 faces, 1 photograph without a face, "
        f"1 video frame without a face: {tmp_path}/out/aus.csv ("
    )
    assert said.err == f"{wall}: no face was found.\n"


def test_quiet_says_nothing_but_problems(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wall = save(tmp_path / "wall.png", picture())
    assert analyze(model, tmp_path / "out", photo, wall, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_what_neutral_does_not_correct_is_said_once(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = replace(tiny_card(), neutral=(0.1,) * len(AUS), emotions=EMOTIONS)
    write_tiny_model(tmp_path / "feeling.onnx", card)
    for name, words in (("told", []), ("quiet", ["--quiet"])):
        out = tmp_path / name
        assert analyze(tmp_path / "feeling.onnx", out, photo, photo, "--neutral", photo, *words) == 0
    said = capsys.readouterr().err
    assert said.count("the neutral face corrects the AUs only") == 1
    assert said.count("\n") == 1


def test_a_bad_file_is_one_sentence_and_code_3(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no")
    assert analyze(model, tmp_path / "out", tmp_path / "bad.png", photo) == 3
    said = capsys.readouterr()
    assert said.err.startswith(f"openau: {tmp_path}/bad.png ")
    assert said.err.count("\n") == 1
    assert "1 photograph, 1 face, 1 input that could not be read: " in said.out


def test_only_bad_files_write_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no")
    assert analyze(model, tmp_path / "out", tmp_path / "bad.png") == 3
    assert capsys.readouterr().out == "0 faces, 1 input that could not be read: nothing was written\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "nothing to analyse: give pictures, videos or folders, or --camera 0."),
        (["absent.png"], "absent.png does not exist: check the spelling."),
        (["{photo}", "--camera", "0"], "Give either paths or --camera, not both."),
        (["{photo}", "--every", "0"], "every is 0; it must be at least 1."),
        (["{photo}", "--max-faces", "-1"], "max-faces is -1; it must be at least 1."),
        (["{photo}", "--threads", "99999999"], "threads is 99999999; it must be at most 1024."),
        (["--camera", "-1"], "The camera is -1; cameras are numbered from 0."),
    ],
)
def test_wrong_arguments_are_code_2(
    words: list[str],
    sentence: str,
    photo: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert analyze(model, tmp_path / "out", *(word.format(photo=photo) for word in words)) == 2
    said = capsys.readouterr().err
    assert said.startswith("openau: ")
    assert said.endswith(f"{sentence}\n")
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_ours_is_code_4(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a network")
    assert analyze(tmp_path / "m.onnx", tmp_path / "out", photo) == 4
    assert capsys.readouterr().err.startswith("openau: The model file ")


def test_results_that_exist_are_code_5_and_can_be_finished_with_resume(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(model, tmp_path / "out", photo) == 0
    capsys.readouterr()
    assert analyze(model, tmp_path / "out", photo) == 5
    assert "holds results already (aus.csv): choose another --out" in capsys.readouterr().err
    assert analyze(model, tmp_path / "out", photo, "--resume") == 0
    assert "was complete already" in capsys.readouterr().out


def test_ctrl_c_says_how_to_go_on(
    photo: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(self: Told, frames: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Told, "advanced", interrupt)
        assert analyze(model, tmp_path / "out", photo) == 130
    said = "openau: interrupted; add --resume to the same command to go on where it stopped.\n"
    assert capsys.readouterr().err == said
    assert analyze(model, tmp_path / "out", photo, "--resume") == 0


def test_failures_are_said_again_when_a_complete_run_is_resumed(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no")
    words = (tmp_path / "bad.png", photo)
    assert analyze(model, tmp_path / "out", *words) == 3
    capsys.readouterr()
    assert analyze(model, tmp_path / "out", *words, "--resume") == 3
    assert "bad.png" in capsys.readouterr().err


def test_a_name_that_is_not_utf8_does_not_end_in_a_traceback(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = save(tmp_path / "x.png", picture()).rename(tmp_path / "caf\udce9.png")
    assert analyze(model, tmp_path / "out\udce9", photo) == 0
    assert "caf" in (tmp_path / "out\udce9" / "aus.csv").read_text("utf-8")


def test_progress_is_a_bar_on_a_terminal_only(
    photo: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    wall = save(tmp_path / "wall.png", picture())
    assert analyze(model, tmp_path / "out", photo, wall) == 0
    said = capsys.readouterr().err
    assert "2/2" in said
    assert f"{wall}: no face was found." in said.replace("\n", "")


def test_info_shows_the_card(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(model)]) == 0
    said = capsys.readouterr().out
    assert "name           tiny, version 0\n" in said
    assert "  AU12  Lip corner puller       0.50\n" in said
    assert "heat maps      from pool\n" in said


def test_info_as_json_is_the_card(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(tiny_card().to_json())


def test_info_of_something_else_is_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    assert main(["info", str(tmp_path / "m.onnx")]) == 4
    assert capsys.readouterr().err.startswith(f"openau: The model file {tmp_path}/m.onnx ")
