"""The imbalance experiment compares what it says it compares, goes on where it stopped, and draws it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks import imbalance
from benchmarks.curves import Curve, as_svg, curve_figure
from benchmarks.faces_in_parts import gather
from benchmarks.imbalance import Plan, as_table, experiment, main, summarise
from benchmarks.shared_body import other_aus
from safetensors.torch import load_file

from openau.data.store import CropStore
from openau.errors import OpenAUError, SettingError
from openau.models import build_model
from openau.models.weights import NetworkSpec, save_network
from tests.fake.tiny_model import tiny_card

PLAN = Plan(
    network="attention_cnn",
    options={"hidden": 4},
    au=12,
    losses=("bce", "msr"),
    ratios=(1, 2),
    lrs=(0.01,),
    seeds=(0,),
    steps=3,
    batch=8,
)


def write_store(folder: Path, side: int) -> Path:
    """Write a store of 90 faces, a third with a bright mouth, AU 12, every other with a bright brow, AU 2."""
    random = np.random.default_rng(0)
    smiling, raised = np.arange(90) % 3 == 0, np.arange(90) % 2 == 0
    pictures = random.integers(0, 60, (90, 16, 16, 3), dtype=np.uint8)
    pictures[smiling, 10:14, 4:12] = 255
    pictures[raised, 2:4, 4:12] = 255
    pictures.repeat(side // 16, 1).repeat(side // 16, 2).tofile(folder / "crops.rgb")
    table = pd.DataFrame(
        {
            "dataset": "fake",
            "subject": [f"s{i // 3}" for i in range(90)],
            "sequence": "",
            "frame": 0,
            "path": [f"{i}.png" for i in range(90)],
            "split": ["train"] * 48 + ["validation"] * 18 + ["test"] * 24,
            "AU02": np.where(raised, 4.0, 0.0),
            "AU12": np.where(smiling, 4.0, 0.0),
        }
    )
    table.to_parquet(folder / "index.parquet", index=False)
    facts = {"schema": 1, "crop": {"size": side}, "wide": side, "detector": "fake", "lost": 0}
    (folder / "store.json").write_text(json.dumps(facts), "utf-8")
    assert len(CropStore.open(folder).table) == 90
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("store"), 16)


def test_a_larger_ratio_has_the_same_positives_and_more_negatives(store: Path) -> None:
    faces = gather([store], "attention_cnn", 12, ratio=2)
    assert len(faces.positive) == 16
    assert (faces.label[faces.positive] == 1).all()
    assert (faces.label[faces.negative] == 0).all()
    scarce = gather([store], "attention_cnn", 12, ratio=8)
    assert len(scarce.positive) == 4
    assert set(scarce.positive) <= set(faces.positive)
    assert len(gather([store], "attention_cnn", 12, ratio=2, positives=3).positive) == 3


def test_what_is_judged_is_balanced_and_of_its_own_part(store: Path) -> None:
    faces = gather([store], "attention_cnn", 12, ratio=2)
    for part, count in (("validation", 12), ("test", 16)):
        rows = faces.judged[part]
        assert len(rows) == len(set(rows)) == count
        assert faces.label[rows].mean() == 0.5
        assert set(faces.crops.table["split"].iloc[rows]) == {part}


@pytest.mark.parametrize(("au", "ratio", "word"), [(12, 100, "do not suffice"), (4, 2, "none of the AUs 4")])
def test_a_store_without_enough_pictures_is_refused(store: Path, au: int, ratio: int, word: str) -> None:
    with pytest.raises(OpenAUError, match=word):
        gather([store], "attention_cnn", au, ratio=ratio)


def test_a_part_without_positives_is_named(store: Path, tmp_path: Path) -> None:
    for file in store.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    table = pd.read_parquet(tmp_path / "index.parquet")
    table.loc[table["split"] == "test", "AU12"] = 0.0
    table.to_parquet(tmp_path / "index.parquet", index=False)
    with pytest.raises(SettingError, match="The part test has no picture with AU 12"):
        gather([tmp_path], "attention_cnn", 12, ratio=2)


def test_every_combination_is_run_once_judged_along_the_way_and_drawn(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = gather([store], "attention_cnn", 12, ratio=2)
    summary = experiment(faces, replace(PLAN, losses=("bce",)), tmp_path)
    before = pd.read_csv(tmp_path / "curves.csv")
    assert set(before["ratio"]) == {1, 2}
    assert sorted(set(before["step"])) == [1, 2, 3]
    runs: list[str] = []
    real = imbalance.run_once

    def counted(*args: Any, **options: Any) -> pd.DataFrame:
        runs.append(args[2])
        return real(*args, **options)

    monkeypatch.setattr(imbalance, "run_once", counted)
    summary = experiment(faces, PLAN, tmp_path)
    assert runs == ["msr", "msr"]  # what was done is not done again
    assert list(zip(summary["loss"], summary["ratio"], strict=True)) == [
        ("bce", 1),
        ("bce", 2),
        ("msr", 1),
        ("msr", 2),
    ]
    curves = pd.read_csv(tmp_path / "curves.csv")
    pd.testing.assert_frame_equal(curves.iloc[: len(before)], before)
    assert curves["accuracy"].between(0, 1).all()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "summary.csv"), summary, check_dtype=False)
    named = {f"{loss}, N:P {ratio}" for loss in ("bce", "msr") for ratio in (1, 2)}
    assert named <= words_in((tmp_path / "accuracy.svg").read_text())


def test_a_shared_body_learns_the_other_aus_once_and_is_then_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    plain = gather([write_store(tmp_path / "store", 32)], "resnet18", 12, ratio=2)
    assert other_aus(plain, 12) == (2,)
    plan = replace(PLAN, network="resnet18", options={})
    faces = imbalance.with_body(plain, plan, tmp_path / "out", steps=2)
    assert faces.maps is not None
    assert faces.maps.shape == (2, 90, 512, 1, 1)
    body = build_model("resnet18", 1, size=32)
    body.load_state_dict(load_file(tmp_path / "out" / "body.safetensors"))
    body.eval()
    rows, turned = plain.judged["test"], np.arange(16) % 2 == 0
    wanted = body.get_submodule("body")(plain.pictures(rows, turned))
    torch.testing.assert_close(faces.inputs(rows, turned), wanted, atol=1e-4, rtol=1e-4)
    before = faces.maps.clone()
    curve = imbalance.run_once(faces, plan, "msr", 2, lr=0.01, seed=0)
    assert curve["accuracy"].between(0, 1).all()
    assert torch.equal(faces.maps, before)
    monkeypatch.setattr("torch.optim.AdamW", None)  # the second time it is read
    again = imbalance.with_body(plain, plan, tmp_path / "out", steps=2)
    assert again.maps is not None
    assert torch.equal(again.maps, before)


def test_the_body_of_a_finished_run_is_read_as_it_was_trained(store: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    network = build_model("attention_cnn", 3, size=16, hidden=4).eval()
    spec = NetworkSpec("attention_cnn", (2, 12, 25), 16, {"hidden": 4})
    save_network(tmp_path / "checkpoint" / "best.safetensors", network, spec)
    card = replace(tiny_card(), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    (tmp_path / "card.json").write_text(card.to_json(), "utf-8")
    plain = gather([store], "attention_cnn", 12, ratio=2)
    faces = imbalance.with_body(plain, PLAN, tmp_path, run=tmp_path)
    assert (faces.mean, faces.std) == (card.mean, card.std)
    assert faces.maps is not None
    rows, turned = plain.judged["test"], np.arange(16) % 2 == 0
    logits = network(faces.pictures(rows, turned))
    dense = [network.get_submodule(name) for name in ("dense1", "dense2", "out")]
    again = faces.inputs(rows, turned).flatten(1)
    again = dense[2](dense[1](dense[0](again).relu()).relu())
    torch.testing.assert_close(again, logits, atol=1e-5, rtol=1e-5)
    curve = imbalance.run_once(faces, PLAN, "msr", 2, lr=0.01, seed=0)
    assert curve["accuracy"].between(0, 1).all()


def test_the_same_seed_gives_the_same_run(store: Path) -> None:
    faces = gather([store], "attention_cnn", 12, ratio=2)
    one, two = (imbalance.run_once(faces, PLAN, "msr", 2, lr=0.01, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_a_plain_au_is_learned(store: Path) -> None:
    plan = replace(PLAN, steps=150, losses=("msr",))
    curve = imbalance.run_once(gather([store], "attention_cnn", 12, ratio=2), plan, "msr", 2, lr=0.05, seed=0)
    last = curve[curve["part"] == "test"].iloc[-1]
    assert last["accuracy"] > 0.9
    assert last["accuracy"] == pytest.approx((last["sensitivity"] + last["specificity"]) / 2)


def test_validation_chooses_the_learning_rate_and_test_is_only_reported() -> None:
    rows = []
    for lr, validation, test in ((0.1, 0.7, 0.9), (0.2, 0.8, 0.6), (0.3, float("nan"), 1.0)):
        for part, accuracy in (("validation", validation), ("test", test)):
            for step in (1, 2):
                rows.append(
                    {
                        "loss": "bce",
                        "ratio": 5,
                        "seed": 0,
                        "lr": lr,
                        "step": step,
                        "part": part,
                        "accuracy": accuracy if step == 2 else 1.0,
                        "cross_entropy": 0.5,
                    }
                )
    found = summarise(pd.DataFrame(rows))
    assert found[["lr", "accuracy", "step"]].values.tolist() == [[0.2, 0.6, 2]]


def test_the_table_has_means_over_the_seeds_and_their_range() -> None:
    rows = [
        {"loss": "msr", "ratio": 5, "seed": seed, "lr": lr}
        | dict.fromkeys(("accuracy", "sensitivity", "specificity", "auc"), value)
        for seed, lr, value in ((0, 0.1, 0.5), (1, 0.01, 0.75))
    ]
    assert as_table(pd.DataFrame(rows)).splitlines()[2] == (
        "| msr | 5 | 0.01, 0.1 |" + " 0.625 (0.500–0.750) |" * 4
    )


def test_the_command_prints_the_summary_or_one_sentence(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        str(store),
        "--out",
        str(tmp_path / "out"),
        "--network",
        "attention_cnn",
        "--option",
        "hidden=4",
    ]
    options += ["--au", "12", "--ratios", "2", "--lrs", "0.01", "--steps", "2", "--batch", "4"]
    assert main([*options, "--losses", "msr"]) == 0
    assert "msr" in capsys.readouterr().out
    assert main([*options, "--losses", "hinge"]) == 2
    assert "no loss 'hinge'" in capsys.readouterr().err


def words_in(svg: str) -> set[str | None]:
    return {element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


def test_curves_are_drawn_where_their_values_are() -> None:
    curve = Curve("a < b", ((0.0, 0.5), (10.0, 1.0), (20.0, 2.0)), dashed=True)
    figure = curve_figure([curve], title="t", x="x", y="y", y_range=(0.5, 1.0))
    [line] = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), curve.points)
    assert line.get_linestyle() == "--"
    assert figure.axes[0].get_ylim() == (0.5, 1.0)
    assert figure.axes[0].get_xlim() == (0.0, 20.0)


def test_the_spread_of_seeds_is_a_band_behind_the_lines() -> None:
    curve = Curve("a", ((0.0, 0.75), (10.0, 0.75)), spread=((0.0, 0.5, 1.0), (10.0, 0.75, 1.0)))
    [axes] = curve_figure([curve], title="t", x="x", y="y", y_range=(0.5, 1.0)).axes
    [band], [line] = axes.collections, axes.lines
    corners = {tuple(corner) for corner in np.asarray(band.get_paths()[0].vertices).tolist()}
    assert corners == {(0.0, 0.5), (0.0, 1.0), (10.0, 0.75), (10.0, 1.0)}
    assert band.get_zorder() < line.get_zorder()


def test_the_same_curves_are_the_same_picture_and_their_names_can_be_read_in_it() -> None:
    curve = Curve("a < b", ((0.0, 0.5), (10.0, 1.0)))
    first, second = (
        as_svg(curve_figure([curve], title="t", x="x", y="y", y_range=(0.5, 1.0))) for _ in range(2)
    )
    assert first == second
    assert {"a < b", "t", "x", "y"} <= words_in(first)
