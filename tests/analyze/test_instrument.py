from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from openau.analyze.instrument import Detectors, build_instrument
from openau.analyze.settings import Settings
from openau.emotion import decode_emotion
from openau.errors import SettingError
from openau.faces import TEMPLATE, Detector, Tracker
from openau.records import Face, Frame
from tests.fake.squares import build_square_detector, picture


def test_every_thread_has_its_own_detectors_and_keeps_them() -> None:
    built: list[Detector] = []
    both = Barrier(2, timeout=5)

    def build(thorough: bool) -> Detector:
        built.append(build_square_detector(thorough=thorough))
        return built[-1]

    detectors = Detectors(build)

    def use(_: int) -> tuple[Detector, Detector]:
        both.wait()
        return detectors.of_kind(is_photo=True), detectors.of_kind(is_photo=True)

    with ThreadPoolExecutor(2) as pool:
        (a, a_again), (b, b_again) = pool.map(use, range(2))
    assert a is a_again
    assert b is b_again
    assert a is not b
    assert len(built) == 2


def test_photographs_and_video_have_different_detectors() -> None:
    asked: list[bool] = []

    def build(thorough: bool) -> Detector:
        asked.append(thorough)
        return build_square_detector()

    detectors = Detectors(build)
    assert detectors.of_kind(is_photo=True) is not detectors.of_kind(is_photo=False)
    assert asked == [True, False]


def test_a_detector_that_cannot_be_built_is_said_at_once(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **named: object) -> Detector:
        raise SettingError("There is no such detector.")

    monkeypatch.setattr("openau.analyze.instrument.build_detector", refuse)
    with pytest.raises(SettingError, match="no such detector"):
        build_instrument(Settings(model=model))


def test_each_frame_of_a_batch_gets_its_own_faces(model: Path) -> None:
    instrument = build_instrument(Settings(model=model))
    pictures = [picture((5, 5)), picture(), picture((5, 5), (60, 30))]
    frames = [Frame(rgb, "clip", index, index / 25) for index, rgb in enumerate(pictures)]
    cut = [
        instrument.crop(frame, instrument.detect(frame.rgb, is_photo=False), Tracker()) for frame in frames
    ]
    batched = instrument.read(cut)
    assert [[reading.frame for reading in readings] for readings in batched] == [[0], [1], [2, 2]]
    assert [[reading.face is not None for reading in r] for r in batched] == [[True], [False], [True, True]]
    for entry, readings in zip(cut, batched, strict=True):
        (alone,) = instrument.read([entry])
        for reading, expected in zip(readings, alone, strict=True):
            assert reading.face is expected.face
            if reading.output is not None and expected.output is not None:
                assert reading.output.probability == pytest.approx(expected.output.probability, abs=1e-5)


def test_the_emotion_is_read_by_the_chosen_rules() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    posterior = {}
    for rules in ("deramgozin2023", "emotionet"):
        instrument = build_instrument(Settings(emotion_rules=rules, threads=1))
        face = Face((16.0, 16.0, 80.0, 80.0), 1.0, points=16 + 64 * TEMPLATE.astype(np.float32))
        crops = instrument.crop(Frame(rgb, "face.png", 0), (face,), Tracker())
        [[reading]] = instrument.read([crops])
        assert reading.output is not None
        wanted = decode_emotion(reading.output, instrument.card.thresholds, rules=rules)
        assert reading.emotion == wanted
        assert wanted is not None
        posterior[rules] = wanted.probability
    assert posterior["deramgozin2023"] != posterior["emotionet"]
