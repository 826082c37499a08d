"""`openau analyze` as people run it: in its own process, on a real face, cut off without warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from openau.records import Pixels
from openau.table import read_table
from tests.fake.media import write_video

FRAMES = 100


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The astronaut's face, moving through a 320×240 video."""
    from skimage import data

    rgb: Pixels = data.astronaut()  # type: ignore[no-untyped-call]  # has no types
    face = cv2.resize(rgb[30:230, 120:320], (160, 160), interpolation=cv2.INTER_AREA)

    def frames() -> Iterator[Pixels]:
        for i in range(FRAMES):
            frame = np.full((240, 320, 3), 90, np.uint8)
            if i % 50 > 2:
                x, y = int(70 + 60 * np.sin(i / 30)), int(40 + 30 * np.cos(i / 23))
                frame[y : y + 160, x : x + 160] = np.clip(face + 20.0 * np.sin(i / 9), 0, 255)
            yield frame

    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames())


def command(model: Path, out: Path, *words: object) -> list[str]:
    start = [sys.executable, "-m", "openau.cli", "analyze"]
    return [*start, *map(str, words), "--model", str(model), "--out", str(out)]


def openau(model: Path, out: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(model, out, *words), capture_output=True, text=True, check=False, timeout=240
    )


def stopped(words: list[str], how: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Run a command that gets a signal after 60 of its frames, wherever the machine is by then."""
    start = [sys.executable, str(Path(__file__).with_name("stopped.py")), how.name, "60"]
    return subprocess.run([*start, *words[3:]], capture_output=True, text=True, check=False, timeout=240)


def test_the_astronaut_has_one_face(model: Path, tmp_path: Path, astronaut: Pixels) -> None:
    photo = tmp_path / "astronaut.png"
    assert cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    done = openau(model, tmp_path / "out", photo, "--overlay", "--heatmaps", "--report", "--landmarks")
    assert (done.returncode, done.stderr) == (0, "")
    table = read_table(tmp_path / "out" / "aus.csv")
    assert table["success"].tolist() == [1]
    box = table.loc[0, ["x1", "y1", "x2", "y2"]].astype(float).to_numpy()
    assert box == pytest.approx([175, 65, 275, 165], abs=20)
    eyes, chin = table.loc[0, ["x_36", "y_36", "x_45", "y_45"]], table.loc[0, ["x_8", "y_8"]]
    assert eyes.astype(float).to_numpy() == pytest.approx([193, 102, 254, 105], abs=6)
    assert chin.astype(float).to_numpy() == pytest.approx([223, 175], abs=8)
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.*")) == [
        *("astronaut-face0.jpg", "astronaut.jpg", "aus.csv", "report.html", "run.json")
    ]


@pytest.fixture(scope="module")
def uninterrupted(model: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted") / "out"
    assert openau(model, out, clip, "--overlay", "--landmarks").returncode == 0
    return out


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_run_resumes_to_the_same_bytes(
    model: Path, clip: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    child = stopped(command(model, out, clip, "--overlay", "--landmarks"), signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert not (out / "aus.csv").exists()
    refused = openau(model, out, clip, "--overlay", "--landmarks")
    assert refused.returncode == 5
    assert "holds an unfinished run: add --resume" in refused.stderr
    resumed = openau(model, out, clip, "--overlay", "--landmarks", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert (out / "aus.csv").read_bytes() == (uninterrupted / "aus.csv").read_bytes()
    assert sorted(p.name for p in out.rglob("*")) == sorted(p.name for p in uninterrupted.rglob("*"))
    with av.open(str(out / "overlay" / "clip.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is POSIX")
def test_ctrl_c_is_130_and_resumes_to_the_same_bytes(
    model: Path, clip: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    child = stopped(command(model, out, clip, "--landmarks"), signal.SIGINT)
    assert child.returncode == 130
    sentence = "openau: interrupted; add --resume to the same command to go on where it stopped.\n"
    assert child.stderr == sentence
    resumed = openau(model, out, clip, "--landmarks", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert (out / "aus.csv").read_bytes() == (uninterrupted / "aus.csv").read_bytes()


WITHOUT_WORKSHOP = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Absent())
from openau.cli.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_analyze_never_reaches_for_the_workshop_or_the_network(
    model: Path, tmp_path: Path, astronaut: Pixels
) -> None:
    photo = tmp_path / "astronaut.png"
    assert cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    names = (
        "torch",
        "torchvision",
        "accelerate",
        "onnx",
        "numba",
        "scipy",
        "matplotlib",
        "sklearn",
        "pyarrow",
    )
    script = WITHOUT_WORKSHOP.replace("{names}", repr(names))
    words = [
        sys.executable,
        "-c",
        script,
        *command(model, tmp_path / "out", photo, "--overlay", "--report")[3:],
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # That children are offline is the work of tests/offline; here is the proof that this holds now.
    proof = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NetworkBlockedError" in proof.stderr
