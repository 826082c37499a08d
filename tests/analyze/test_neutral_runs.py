"""A neutral face given to a run, or learned by it, through the doors that users take."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.analyze import Analyzer, Listener, Settings, analyze_paths
from openau.emotion import decode_emotion
from openau.errors import SettingError
from openau.facs import EMOTIONS, au_column
from openau.read import read_video
from tests.fake.interrupted import StopAt
from tests.fake.squares import picture, save
from tests.fake.tiny_model import AUS, tiny_card, write_tiny_model

USUAL = tuple(0.05 + 0.01 * k for k in range(len(AUS)))
COLUMNS = [f"{au_column(au)}_p" for au in AUS]


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows what neutral faces read."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    write_tiny_model(path, replace(tiny_card(intensity=True), neutral=USUAL))
    return path


def test_the_given_face_itself_reads_as_neutral(knowing: Path, tmp_path: Path) -> None:
    photo = save(tmp_path / "neutral.png", picture((10, 20)))
    before = Analyzer(knowing).image(photo).table.iloc[0][COLUMNS].to_numpy(float)
    settings = Settings(model=knowing, neutral=str(photo))
    analyze_paths([photo], tmp_path / "out", settings)
    row = pd.read_csv(tmp_path / "out" / "aus.csv").iloc[0]
    near = np.abs(before - USUAL) < 0.1  # what reads far off is moved only so far
    assert near.sum() >= 3
    np.testing.assert_allclose(row[COLUMNS].to_numpy(float)[near], np.array(USUAL)[near], atol=2e-3)
    assert row["AU12_r"] == pytest.approx(0, abs=1e-3)
    again = Analyzer(knowing, neutral=photo).image(photo).table.iloc[0]
    np.testing.assert_allclose(again[COLUMNS].to_numpy(float), row[COLUMNS].to_numpy(float), atol=1e-4)


def test_a_video_teaches_its_own_neutral_and_photographs_do_not(
    knowing: Path, clip: Path, tmp_path: Path
) -> None:
    photo = save(tmp_path / "photo.png", picture((10, 20)))
    for name, neutral in (("plain", None), ("auto", "auto")):
        settings = Settings(model=knowing, neutral=neutral, every=2)
        analyze_paths([photo, clip], tmp_path / name, settings)
    plain, learned = (pd.read_csv(tmp_path / name / "aus.csv") for name in ("plain", "auto"))
    pd.testing.assert_frame_equal(plain.iloc[:1], learned.iloc[:1])
    gap = [(t[COLUMNS].iloc[-5:] - list(USUAL)).abs().mean().mean() for t in (plain, learned)]
    assert gap[1] < gap[0]
    readings = list(Analyzer(knowing, neutral="auto").frames(read_video(clip, every=2)))
    last = readings[-1][0].output
    assert last is not None
    np.testing.assert_allclose(last.probability, learned[COLUMNS].iloc[-1].to_numpy(float), atol=1e-3)


def test_an_interrupted_run_remembers_what_it_learned(knowing: Path, clip: Path, tmp_path: Path) -> None:
    settings = Settings(model=knowing, neutral="auto")
    analyze_paths([clip], tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        analyze_paths([clip], tmp_path / "parts", settings, listener=StopAt(20))
    analyze_paths([clip], tmp_path / "parts", settings, resume=True)
    tables = [(tmp_path / name / "aus.csv").read_bytes() for name in ("whole", "parts")]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("faces", [(), ((5, 5), (60, 30))])
def test_a_photograph_without_one_single_face_is_refused(
    knowing: Path, tmp_path: Path, faces: tuple[tuple[int, int], ...]
) -> None:
    photo = save(tmp_path / "group.png", picture(*faces))
    with pytest.raises(SettingError, match=f"shows {len(faces)} faces"):
        analyze_paths([photo], tmp_path / "out", Settings(model=knowing, neutral=str(photo)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("neutral", ["photo", "auto"])
def test_the_emotion_that_is_read_from_the_aus_follows_the_corrected_ones(
    knowing: Path, clip: Path, tmp_path: Path, neutral: str
) -> None:
    given = str(save(tmp_path / "neutral.png", picture((10, 20)))) if neutral == "photo" else neutral
    analyzer = Analyzer(knowing, neutral=given)
    for reading, *_ in analyzer.frames(read_video(clip, every=10)):
        if reading.output is not None:
            assert reading.emotion == decode_emotion(reading.output, analyzer.card.thresholds)


class Notes(Listener):
    """Keeps what a run notes."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def noted(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.fixture(scope="module")
def feeling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows what neutral faces read, and tells an emotion of its own."""
    path = tmp_path_factory.mktemp("model") / "feeling.onnx"
    write_tiny_model(path, replace(tiny_card(), neutral=USUAL, emotions=EMOTIONS))
    return path


@pytest.mark.parametrize("neutral", ["photo", "auto"])
def test_an_emotion_that_the_network_tells_stays_and_the_user_hears_of_it(
    feeling: Path, clip: Path, tmp_path: Path, neutral: str
) -> None:
    given = str(save(tmp_path / "neutral.png", picture((10, 20)))) if neutral == "photo" else neutral
    notes = Notes()
    for name, zero in (("plain", None), ("zeroed", given)):
        settings = Settings(model=feeling, neutral=zero, every=10, report=True)
        analyze_paths([clip], tmp_path / name, settings, listener=notes)
    plain, zeroed = (pd.read_csv(tmp_path / name / "aus.csv") for name in ("plain", "zeroed"))
    told = ["emotion", *(f"emotion_{name}_p" for name in EMOTIONS)]
    pd.testing.assert_frame_equal(plain[told], zeroed[told])
    assert not plain[COLUMNS].equals(zeroed[COLUMNS])
    [sentence] = notes.sentences
    assert re.search("model tiny tells the emotion itself.*corrects the AUs only", sentence)
    pages = [(tmp_path / name / "report.html").read_text("utf-8") for name in ("plain", "zeroed")]
    assert ["not corrected by the neutral face" in page for page in pages] == [False, True]
    with pytest.warns(UserWarning, match="tells the emotion itself"):
        Analyzer(feeling, neutral=given)


def test_a_model_that_knows_no_neutral_faces_is_refused(tmp_path: Path, clip: Path) -> None:
    write_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(SettingError, match="leave out --neutral"):
        analyze_paths([clip], tmp_path / "out", Settings(model=tmp_path / "tiny.onnx", neutral="auto"))
