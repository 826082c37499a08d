from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from openau.analyze import Analyzer, Settings, analyze_paths
from openau.errors import InputError, ModelError, SettingError
from openau.records import Frame
from openau.table import read_table
from tests.fake.squares import moving, picture, save
from tests.fake.tiny_model import AUS


@pytest.fixture(scope="module")
def analyzer(model: Path) -> Analyzer:
    return Analyzer(model)


def test_a_picture_has_one_reading_per_face(analyzer: Analyzer) -> None:
    analysis = analyzer.image(picture((5, 5), (60, 30)))
    assert [reading.face.box_px for reading in analysis.records if reading.face] == [
        (5, 5, 29, 29),
        (60, 30, 84, 54),
    ]
    outputs = [reading.output for reading in analysis.records]
    assert all(output is not None and output.aus == AUS for output in outputs)
    assert [reading.emotion is not None for reading in analysis.records] == [True, True]
    assert analysis.table["x1"].tolist() == [5, 60]


def test_a_picture_without_a_face_has_one_reading_without(analyzer: Analyzer) -> None:
    analysis = analyzer.image(picture())
    assert [(r.source, r.face, r.output, r.emotion) for r in analysis.records] == [
        ("array", None, None, None)
    ]
    assert analysis.table["success"].tolist() == [0]


def test_a_file_and_its_pixels_are_read_alike(analyzer: Analyzer, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture((10, 20)))
    from_file, from_text = analyzer.image(path), analyzer.image(str(path))
    from_pixels = analyzer.image(picture((10, 20)))
    pd.testing.assert_frame_equal(from_file.table, from_text.table)
    assert from_file.records[0].source == str(path)
    pd.testing.assert_frame_equal(
        from_file.table.drop(columns="source"), from_pixels.table.drop(columns="source")
    )


def test_grey_is_the_same_as_grey_in_colour(analyzer: Analyzer) -> None:
    grey = picture((10, 20))[:, :, 0]
    in_colour = analyzer.image(np.dstack([grey] * 3))
    pd.testing.assert_frame_equal(analyzer.image(grey).table, in_colour.table)


def test_pixels_that_are_a_view_are_read_right(analyzer: Analyzer) -> None:
    rgb = picture((10, 20))
    mirrored = rgb[:, ::-1]
    pd.testing.assert_frame_equal(analyzer.image(mirrored).table, analyzer.image(mirrored.copy()).table)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (np.zeros((4, 4, 3), np.float32), "array is float32; a picture is uint8"),
        (np.zeros((4, 4, 3), np.uint16), "array is uint16"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"shape \(2, 4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        ([[1, 2]], "a path or a NumPy array, not list"),
    ],
)
def test_what_is_no_picture_is_refused(analyzer: Analyzer, wrong: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        analyzer.image(wrong)
    with pytest.raises(InputError, match=sentence):
        list(analyzer.frames([wrong]))


def test_a_video_comes_frame_by_frame_and_faces_keep_their_id(analyzer: Analyzer, clip: Path) -> None:
    found = list(analyzer.video(clip))
    assert [readings[0].frame for readings in found] == list(range(70))
    faces = [readings[0].face for readings in found]
    assert [i for i, face in enumerate(faces) if face is None] == [20, 21, 22]
    assert {face.face_id for face in faces[:20] if face} == {0}


def test_a_video_is_read_only_as_far_as_it_is_asked_for(analyzer: Analyzer, clip: Path) -> None:
    frames = analyzer.video(str(clip), every=2)
    assert [next(frames)[0].frame, next(frames)[0].frame] == [0, 2]


def test_every_below_one_is_refused(analyzer: Analyzer, clip: Path) -> None:
    with pytest.raises(SettingError, match="every is 0"):
        list(analyzer.video(clip, every=0))


def test_frames_from_anywhere_are_numbered_unless_they_know_better(analyzer: Analyzer) -> None:
    rgb = picture((10, 20))
    found = [*analyzer.frames([rgb, Frame(rgb, "screen", 9, 1.5), rgb])]
    assert [(r[0].source, r[0].frame, r[0].time_s) for r in found] == [
        ("array", 0, None),
        ("screen", 9, 1.5),
        ("array", 2, None),
    ]


def test_the_table_takes_readings_and_frames_of_readings(analyzer: Analyzer) -> None:
    found = list(analyzer.frames(moving(3)))
    flat = [reading for readings in found for reading in readings]
    pd.testing.assert_frame_equal(analyzer.table(found), analyzer.table(flat))


def test_python_and_the_command_line_agree(
    analyzer: Analyzer, clip: Path, model: Path, tmp_path: Path
) -> None:
    summary = analyze_paths([clip], tmp_path / "out", Settings(model=model))
    assert summary.table is not None
    # One by one or in batches, a probability may differ in its last digit.
    pd.testing.assert_frame_equal(read_table(summary.table), analyzer.table(analyzer.video(clip)), atol=2e-4)


def test_landmarks_come_only_when_asked_for(model: Path, analyzer: Analyzer) -> None:
    rgb = picture((10, 20))
    asked = Analyzer(model, landmarks=True).image(rgb)
    [reading] = asked.records
    assert reading.face is not None
    assert reading.face.points is not None
    assert asked.table["x_0"].iloc[0] == pytest.approx(reading.face.points[0, 0], abs=0.01)
    assert asked.table["y_67"].iloc[0] == pytest.approx(reading.face.points[67, 1], abs=0.01)
    plain = analyzer.image(rgb)
    assert plain.records[0].face is not None
    assert plain.records[0].face.points is None
    assert "x_0" not in plain.table


def test_heat_maps_come_only_when_asked_for(model: Path, analyzer: Analyzer) -> None:
    rgb = picture((10, 20))
    plain, asked = analyzer.image(rgb).records[0].output, None
    asked = Analyzer(model, heatmaps=True).image(rgb).records[0].output
    assert plain is not None
    assert asked is not None
    assert plain.heatmaps is None
    assert asked.heatmaps is not None
    assert asked.heatmaps.shape == (len(AUS), 6, 6)


def test_the_card_is_the_models(analyzer: Analyzer) -> None:
    assert (analyzer.card.name, analyzer.card.aus) == ("tiny", AUS)


def test_wrong_settings_are_refused_at_once(model: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="max-faces is 0"):
        Analyzer(model, max_faces=0)
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        Analyzer(tmp_path / "absent.onnx")


def test_there_are_at_most_six_public_methods() -> None:
    public = [name for name in vars(Analyzer) if not name.startswith("_")]
    assert sorted(public) == ["card", "frames", "image", "table", "video"]


def test_the_example_in_the_docstring_runs(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openau.runtime.default_model_path", lambda: model)
    examples = doctest.DocTestFinder().find(Analyzer, "Analyzer", globs={})
    results = [doctest.DocTestRunner().run(example) for example in examples]
    assert sum(result.attempted for result in results) >= 6
    assert sum(result.failed for result in results) == 0


def test_the_door_is_where_the_package_says() -> None:
    import openau

    assert openau.Analyzer is Analyzer
