from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from openau.cli.__main__ import main
from openau.cli.demo import agreement_text, demo_files
from openau.errors import InputError
from tests.fake.media import write_video
from tests.fake.squares import moving


def test_agreement_of_a_hand_made_clip() -> None:
    table = pd.DataFrame(
        {
            "frame": [0, 1, 2, 3, 4],
            "success": [1, 1, 1, 1, 0],
            "AU01_p": [0.1, 0.9, 0.8, 0.85, None],
            "AU01_c": [0, 1, 1, 1, None],
            "AU12_p": [0.5, 0.5, 0.5, 0.5, None],
            "AU12_c": [1, 1, 1, 1, None],
        }
    )
    truth = pd.DataFrame(
        {"frame": range(5), "AU01": [0.0, 3.0, 1.9, 2.0, 5.0], "AU12": [0.0] * 5, "AU43": [1.0] * 5}
    )
    lines = agreement_text(table, truth).splitlines()
    assert "SYNTHETIC" in lines[0]
    assert lines[2].startswith("4 of 5 frames with a face")
    # AU 1: present at 0.9 and 0.85, absent at 0.1 and 0.8: all four pairs right; the threshold errs once.
    assert lines[5].split() == ["AU01", "Inner", "brow", "raiser", "2", "1.000", "75.0%"]
    # AU 12 never occurs: no ROC AUC, and the threshold is always wrong.
    assert lines[6].split() == ["AU12", "Lip", "corner", "puller", "0", "–", "0.0%"]
    assert lines[7].split() == ["mean", "of", "1", "AUs", "1.000"]


def test_a_clip_without_faces_says_so() -> None:
    table = pd.DataFrame({"frame": [0], "success": [0], "AU01_p": [None], "AU01_c": [None]})
    truth = pd.DataFrame({"frame": [0], "AU01": [3.0]})
    assert "0 of 1 frames with a face" in agreement_text(table, truth)


@pytest.fixture
def clip(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "assets" / "demo"
    folder.mkdir(parents=True)
    write_video(folder / "clip.mp4", moving(12))
    truth = pd.DataFrame({"frame": range(12), "time_s": [i / 25 for i in range(12)], "AU12": [0, 4] * 6})
    truth.to_csv(folder / "truth.csv", index=False)
    monkeypatch.setattr("openau.cli.demo.resources.files", lambda package: tmp_path)
    for room in ("openau.runtime", "openau.analyze.batch"):
        monkeypatch.setattr(f"{room}.default_model_path", lambda: model)
    return folder / "clip.mp4"


def test_the_demonstration_writes_everything_and_may_be_repeated(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["demo", "--out", str(out)]) == 0
    first = capsys.readouterr().out
    assert "12 of 12 frames with a face" in first
    assert f"Report: {out}/report.html" in first
    names = sorted(p.name for p in out.rglob("*.*"))
    assert names == ["aus.csv", "clip.mp4", "report.html", "run.json"]
    assert main(["demo", "--out", str(out)]) == 0
    assert capsys.readouterr().out == first


def test_a_broken_clip_is_code_5(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip.write_bytes(b"")
    assert main(["demo", "--out", str(tmp_path / "out")]) == 5
    assert "could not be analysed: install openau again." in capsys.readouterr().err


def test_a_missing_clip_is_named(clip: Path) -> None:
    clip.unlink()
    with pytest.raises(InputError, match=r"clip\.mp4 is missing: install openau again"):
        demo_files()
