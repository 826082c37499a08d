"""`openau explain` turns a run and pictures into tables, panels and scores."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from openau.cli.__main__ import main
from openau.data import build_index, prepare
from openau.draw import OverlayWriter
from openau.explain import open_explained, portraits_of_index
from openau.faces import Detector
from openau.read import read_video
from openau.records import CropSpec
from tests.fake.explained import AU1_ROWS, AUS, COLUMNS, write_masked_folder, write_run
from tests.fake.squares import build_square_detector, picture, save
from tests.fake.synthetic_folder import find_marked_face


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_masked_folder(tmp_path_factory.mktemp("rendered") / "faces")


@pytest.fixture(autouse=True)
def _squares_are_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openau.explain.portraits.build_detector", build_square_detector)


def test_a_rendered_split_is_explained_scored_and_tested(
    run: Path, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "occlusion")
    words = [
        "explain",
        str(run),
        str(faces),
        "--dataset",
        "synthetic",
        "--split",
        "test",
        "--detector",
        "index",
    ]
    words += ["--out", str(tmp_path / "out"), "--score", "masks", "--panels", "2", "--curves", "1"]
    assert main([*words, "--sanity", "2", "--resamples", "50", "--methods", *methods]) == 0
    assert "6 faces" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "explanations.csv")
    assert len(table) == 6 * len(methods) * len(AUS)
    assert set(table["au"]) == {"AU01", "AU12", "AU25"}
    shown = table[(table["au"] == "AU01") & (table["label"] > 0)]
    # The true box is cut to 16 pixels: a fifth of its height and three quarters of its width show AU 1.
    assert shown["chance"].unique() == pytest.approx(4 * 12 / 256)
    assert table[table["au"] == "AU25"]["energy"].isna().all(), "AU 25 has no mask here"
    peaks = table[table["map_max"] > 0]
    assert peaks["peak_x"].between(16, 80).all()
    assert peaks["peak_y"].between(16, 80).all()
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    row = scores[(scores["method"] == "occlusion") & (scores["au"] == "AU01")].iloc[0]
    assert row["energy_low"] <= row["energy"] <= row["energy_high"]
    own = shown[shown["method"] == "occlusion"]["energy"].mean()
    assert row["energy"] == pytest.approx(own)
    pairs = pd.read_csv(tmp_path / "out" / "confusion.csv")
    assert {"AU01", "AU12"} == set(pairs["region"])
    faith = pd.read_csv(tmp_path / "out" / "faithful.csv")
    assert {"deletion", "insertion", "random_weights"} <= set(faith["what"])
    assert len(list((tmp_path / "out" / "panels").glob("*.png"))) == 2
    averages = cv2.imread(str(tmp_path / "out" / "averages.png"))
    assert averages is not None
    assert averages.shape[0] > 4 * 240
    assert "chance" in (tmp_path / "out" / "explanations.md").read_text(encoding="utf-8")


def test_a_crop_store_is_scored_by_landmarks(run: Path, faces: Path, tmp_path: Path) -> None:
    store = prepare(build_index("synthetic", faces), CropSpec(16), tmp_path / "store", detector="index").store
    words = [
        "explain",
        str(run),
        str(store),
        "--limit",
        "3",
        "--score",
        "landmarks",
        "--aus",
        "1,12",
        "--quiet",
    ]
    assert main([*words, "--out", str(tmp_path / "out"), "--panels", "0", "--resamples", "0"]) == 0
    table = pd.read_csv(tmp_path / "out" / "explanations.csv")
    assert len(table) == 6
    assert table["chance"].between(0.005, 0.5).all()
    assert not (tmp_path / "out" / "panels").exists()


def test_masks_are_cut_like_the_picture(run: Path, faces: Path) -> None:
    def build_marked() -> Detector:
        return find_marked_face

    index = build_index("synthetic", faces)
    index = index[index["AU01"] > 0]
    portrait = next(iter(portraits_of_index(index, detector=build_marked())))
    [region] = portrait.masks((1,), portrait.cut(CropSpec(64)))
    wanted = np.zeros((96, 96), bool)
    wanted[2 * AU1_ROWS.start : 2 * AU1_ROWS.stop, 2 * COLUMNS.start : 2 * COLUMNS.stop] = True
    assert np.array_equal(region, wanted[17:81, 17:81])  # the detector finds the face one pixel off


def test_a_model_file_shows_its_own_grad_cam_of_pictures(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "two.png", picture((10, 20), (60, 8)))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    words = ["explain", str(model), str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(words) == 3
    assert "broken.png" in capsys.readouterr().err
    table = pd.read_csv(tmp_path / "out" / "explanations.csv")
    assert sorted(set(table["face"])) == [0, 1]
    assert table["label"].isna().all()
    assert len(list((tmp_path / "out" / "panels").iterdir())) == 2


def test_a_model_file_is_tested_by_its_answers_alone(model: Path, faces: Path, tmp_path: Path) -> None:
    words = ["explain", str(model), str(faces), "--dataset", "synthetic", "--detector", "index", "--quiet"]
    words += ["--limit", "2", "--panels", "0", "--resamples", "0", "--curves", "2", "--score", "masks"]
    assert main([*words, "--aus", "1,12", "--methods", "occlusion", "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "explanations.csv")
    assert set(table["method"]) == {"occlusion"}
    faith = pd.read_csv(tmp_path / "out" / "faithful.csv")
    assert set(faith["what"]) == {"deletion", "insertion", "deletion_random", "insertion_random"}
    assert faith["value"].between(0, 1).all()


def test_two_networks_stand_side_by_side_each_with_its_own_crop(
    run: Path, model: Path, faces: Path, tmp_path: Path
) -> None:
    words = ["explain", str(run), str(faces), "--dataset", "synthetic", "--detector", "index", "--quiet"]
    words += [
        "--methods",
        "grad_cam",
        "--beside",
        str(model),
        "--limit",
        "4",
        "--score",
        "masks",
        "--resamples",
        "0",
        "--panels",
        "1",
    ]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "explanations.csv")
    names = [run.name, model.stem]
    assert sorted(set(table["model"])) == sorted(names)
    shared = [f"AU{au:02d}" for au in open_explained(run).card.aus if au in open_explained(model).card.aus]
    for name in names:
        alone = table[table["model"] == name]
        assert len(alone) == 4 * len(shared)
        assert sorted(set(alone["au"])) == shared
    assert set(pd.read_csv(tmp_path / "out" / "scores.csv")["model"]) == set(names)
    [panel] = (tmp_path / "out" / "panels").iterdir()
    drawn = cv2.imread(str(panel))
    assert drawn is not None
    assert drawn.shape[0] > 2 * 240
    alone_words = [word for word in words if word not in ("--beside", str(model))]
    assert main([*alone_words, "--out", str(tmp_path / "alone")]) == 0
    single = pd.read_csv(tmp_path / "alone" / "explanations.csv")
    both = table[(table["model"] == run.name)].reset_index(drop=True)
    merged = both.merge(single, on=["source", "au"], suffixes=("", "_alone"))
    assert merged["map_max"].tolist() == merged["map_max_alone"].tolist()


def test_a_video_becomes_a_table_with_times_and_a_video_of_maps(run: Path, tmp_path: Path) -> None:
    with OverlayWriter(tmp_path / "walk.mp4", quality=0) as writer:
        for number in range(6):
            writer.write(picture((10 + 4 * number, 20)), number / 10)
    words = ["explain", str(run), str(tmp_path / "walk.mp4"), "--every", "2", "--quiet"]
    assert main([*words, "--aus", "1,12", "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "explanations.csv")
    assert table["frame"].unique().tolist() == [0, 2, 4]
    assert table["time_s"].unique() == pytest.approx([0, 0.2, 0.4], abs=1e-3)
    [film] = (tmp_path / "out" / "videos").iterdir()
    frames = list(read_video(film))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.2, 0.4], abs=1e-3)
    assert frames[0].rgb.shape[0] > 240
    assert not (tmp_path / "out" / "panels").exists()


def test_reading_a_run_gives_its_networks_probabilities(run: Path) -> None:
    explained = open_explained(run)
    assert explained.card.aus == AUS


@pytest.fixture
def places(run: Path, faces: Path, model: Path, tmp_path: Path) -> dict[str, Path]:
    """What words of the bad command lines stand for."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "squares").mkdir()
    save(tmp_path / "squares" / "one.png", picture((10, 20)))
    return {
        "RUN": run,
        "FACES": tmp_path / "squares",
        "DATASET": faces,
        "MODEL": model,
        "EMPTY": tmp_path / "empty",
    }


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["RUN"], 2, "nothing to explain"),
        (["RUN", "FACES", "--split", "test"], 2, "--split"),
        (["RUN", "DATASET", "--dataset", "synthetic", "--split", "x"], 2, "it has test, train"),
        (["RUN", "FACES", "--methods", "lime"], 2, "no method 'lime'"),
        (["RUN", "FACES", "--aus", "45"], 2, "no AU 45"),
        (["RUN", "FACES", "--score", "luck"], 2, "masks, landmarks or none"),
        (["RUN", "FACES", "--layer", "conv9"], 2, "no layer 'conv9'"),
        (["RUN", "FACES", "--curves", "-1"], 2, "curves is -1"),
        (["RUN", "FACES", "--score", "masks"], 3, "no exact masks"),
        (["RUN", "EMPTY"], 3, "no picture"),
        (["FACES", "FACES"], 4, "not a finished training run"),
        (["MODEL", "FACES", "--methods", "hires_cam"], 2, "knows grad_cam, occlusion"),
        (["MODEL", "FACES", "--sanity", "1"], 2, "run folder"),
        (["MODEL", "FACES", "--layer", "conv1"], 2, "at its own layer"),
        (["RUN", "FACES", "--beside", "RUN"], 2, "named twice"),
        (["RUN", "FACES", "--beside", "MODEL", "--aus", "4"], 2, "has no AU 4"),
        (["RUN", "FACES", "--every", "0"], 2, "every is 0"),
        (["RUN", "FACES", "--out", "FACES"], 5, "exists already"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    words: list[str],
    code: int,
    sentence: str,
    places: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(places.get(word, word)) for word in words]
    if "--out" not in words:
        given += ["--out", str(tmp_path / "out")]
    assert main(["explain", *given]) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
