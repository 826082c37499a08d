"""What was interrupted goes on: killed at any time, asked for again, the results are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from openau.errors import NoInputError
from openau.explain import Choices, RunModel, explain_portraits, journal, portraits_of_index
from openau.explain.portraits import Portraits, portraits_of_paths
from openau.models import build_model
from openau.read import read_video
from openau.records import Face, Pixels
from tests.fake.media import numbered_frames, write_video
from tests.fake.synthetic_folder import find_marked_face, write_synthetic_folder
from tests.fake.tiny_model import tiny_card

AUS = (1, 12)


class Interrupted(BaseException):
    """Stands for whatever ends a process."""


def network(seed: int = 0) -> RunModel:
    torch.manual_seed(seed)
    return RunModel(build_model("attention_cnn", 2, size=16).eval(), tiny_card(AUS, size=16))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    from openau.data import build_index

    return build_index("synthetic", write_synthetic_folder(tmp_path_factory.mktemp("faces"), subjects=3))


CHOICES = Choices(methods=("grad_cam", "hires_cam"), panels=3, curves=1, sanity=5, resamples=5, batch=4)


def contents(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {key: arrays[key].tobytes() for key in arrays.files}
        elif path.suffix == ".mp4":
            found[name] = [frame.rgb.tobytes() for frame in read_video(path)]
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def stop_after(faces: int) -> Any:
    def progress(done: int, total: int | None) -> None:
        if done >= faces:
            raise Interrupted

    return progress


@pytest.fixture(autouse=True)
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BETWEEN_S", 0.0)


def faces_of(table: pd.DataFrame) -> Portraits:
    return portraits_of_index(table, detector="index")


def test_an_interrupted_run_goes_on_and_ends_as_if_nothing_had_happened(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert explain_portraits({"it": network()}, faces_of(table), whole, CHOICES) == 18
    seen: list[int] = []
    for stop in (4, 12):
        with pytest.raises(Interrupted):
            explain_portraits({"it": network()}, faces_of(table), parts, CHOICES, progress=stop_after(stop))
        assert not parts.exists()
    explain_portraits(
        {"it": network()}, faces_of(table), parts, CHOICES, progress=lambda done, total: seen.append(done)
    )
    assert seen == [12, 16, 18], "what was done is not done again"
    assert contents(parts) == contents(whole)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("other", ["weights", "choices", "faces"])
def test_what_was_asked_otherwise_is_begun_anew(other: str, table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        explain_portraits(
            {"it": network()}, faces_of(table), tmp_path / "out", CHOICES, progress=stop_after(8)
        )
    model = network(1) if other == "weights" else network()
    choices = Choices(methods=("grad_cam",), batch=4) if other == "choices" else CHOICES
    rows = table.iloc[1:] if other == "faces" else table
    seen: list[int] = []
    count = explain_portraits(
        {"it": model}, faces_of(rows), tmp_path / "out", choices, progress=lambda d, _: seen.append(d)
    )
    assert seen[0] == 4
    assert count == len(rows)


def test_pictures_that_are_done_are_not_read_again(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def find(rgb: Pixels) -> list[Face]:
        asked.append(1)
        return find_marked_face(rgb)

    for stop in (8, 99):
        asked.clear()
        try:
            found = portraits_of_index(table, detector=find)
            explain_portraits({"it": network()}, found, tmp_path / "out", CHOICES, progress=stop_after(stop))
        except Interrupted:
            assert len(asked) == 9  # one shows no face
    assert len(asked) == len(table) - 9


def test_what_could_not_be_read_before_counts_afterwards(tmp_path: Path) -> None:
    folder = write_synthetic_folder(tmp_path / "faces", subjects=2)
    first = sorted((folder / "pictures").iterdir())[0]
    first.write_bytes(b"\x89PNG")

    def detector(rgb: Pixels) -> list[Face]:
        return [Face((16.0, 16.0, 80.0, 80.0), 1.0)]

    found = portraits_of_paths([folder / "pictures"], detector=detector)
    with pytest.raises(Interrupted):
        explain_portraits({"it": network()}, found, tmp_path / "out", CHOICES, progress=stop_after(4))
    heard: list[str] = []
    again = portraits_of_paths([folder / "pictures"], detector=detector, notice=lambda s, _: heard.append(s))
    assert explain_portraits({"it": network()}, again, tmp_path / "out", CHOICES) == 11
    assert (again.unreadable, heard) == (1, [])


def test_a_video_goes_on_at_its_frame_and_is_drawn_whole(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    write_video(film, numbered_frames(12))

    def detector(rgb: Pixels) -> list[Face]:
        side = float(min(rgb.shape[:2]))
        return [Face((0.0, 0.0, side, side), 1.0)]

    choices = Choices(methods=("grad_cam",), batch=4)
    for out, stops in (("whole", ()), ("parts", (4, 8))):
        for stop in stops:
            found = portraits_of_paths([film], detector=detector)
            with pytest.raises(Interrupted):
                explain_portraits(
                    {"it": network()}, found, tmp_path / out, choices, progress=stop_after(stop)
                )
        found = portraits_of_paths([film], detector=detector)
        assert explain_portraits({"it": network()}, found, tmp_path / out, choices) == 12
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    [drawn] = (tmp_path / "parts" / "videos").iterdir()
    assert len(list(read_video(drawn))) == 12
    rows = pd.read_csv(tmp_path / "parts" / "explanations.csv")
    assert sorted(set(rows["frame"])) == list(range(12))


def test_nothing_is_left_of_a_run_that_cannot_be(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(NoInputError):
        explain_portraits({"it": network()}, faces_of(table.iloc[:0]), tmp_path / "out", CHOICES)
    assert list(tmp_path.iterdir()) == []


_KILLED = """
import sys
from pathlib import Path
import pandas as pd
import torch
from openau.explain import explain_portraits, journal
from tests.explain.test_resuming import CHOICES, faces_of, network
journal.BETWEEN_S = 0.0
torch.set_num_threads(int(sys.argv[3]))  # another number rounds otherwise
table = pd.read_pickle(sys.argv[1])
def told(done, total):
    print(done, flush=True)
explain_portraits({"it": network()}, faces_of(table), Path(sys.argv[2]), CHOICES, progress=told)
"""


def test_a_run_that_was_killed_goes_on(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_pickle(tmp_path / "table.pkl")
    words = [sys.executable, "-c", _KILLED, str(tmp_path / "table.pkl"), str(tmp_path / "out")]
    words.append(str(torch.get_num_threads()))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 8:
            time.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    seen: list[int] = []
    explain_portraits(
        {"it": network()}, faces_of(table), tmp_path / "out", CHOICES, progress=lambda d, _: seen.append(d)
    )
    assert seen[0] >= 8
    explain_portraits({"it": network()}, faces_of(table), tmp_path / "whole", CHOICES)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
