"""Recipes carry the papers' printed numbers; what the studies compute beside training is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.data import CropStore, build_folds, build_index, label_rule, select_rows
from openau.emotion import DECODERS, RULES
from openau.errors import InputError, SettingError
from openau.facs import au_column, au_set
from openau.models.pretrained import IMAGENET
from openau.records import Floats
from openau.studies import STUDIES, RunPlan, Setting, build_setting, find_study, read_published
from openau.studies import deramgozin2023 as deramgozin
from openau.studies import moreno2024 as moreno
from openau.studies import wang2019_plan as wang
from openau.studies.emotions import emotion_agreement
from openau.studies.figures import draw_confusions, draw_curves
from openau.studies.heat import heat_maps
from openau.train import Recipe
from tests.fake.datasets import FAKES


def plans(name: str, out: Path, **choices: object) -> dict[str, RunPlan]:
    study = find_study(name)
    setting = build_setting(study, out, **{"scale": "full", "synthetic": True, **choices})  # type: ignore[arg-type]
    return {plan.key: plan for plan in study.plan(setting)}


def recipe(plan: RunPlan) -> Recipe:
    assert isinstance(plan.recipe, Recipe)
    return plan.recipe


def test_moreno2024_trains_by_table_6(tmp_path: Path) -> None:
    every = plans("moreno2024", tmp_path)
    assert len(every) == 4 * (len(moreno.NETWORKS) + 1)  # ours stands beside them
    for network, paper in moreno.NETWORKS.items():
        printed = {row.metric: row.text for row in read_published("moreno2024", "6").where(model=paper)}
        found = recipe(every[f"dem-paper-{network}"])
        assert found.run.epochs == int(printed["epochs"]) == 50
        assert found.run.batch == int(printed["batch_size"])
        assert found.optimiser.lr == float(printed["learning_rate"])
        assert found.crop.size == 224
    assert recipe(every["disfa_plus-paper-vgg19"]).run.batch == 24
    assert recipe(every["dem-paper-vgg19"]).data.split == "moreno2024-augment-first"


def test_a_small_moreno2024_compares_the_splits_by_our_network_and_several_seeds(
    tmp_path: Path,
) -> None:
    every = plans("moreno2024", tmp_path, scale="small")
    ours = [key for key in every if key.startswith("disfa_plus-paper-compact_resnet")]
    assert len(ours) == 5
    assert len({recipe(every[key]).seed for key in ours}) == 5
    assert recipe(every["disfa_plus-subject-compact_resnet"]).crop.align == "points"
    assert sum("vgg19" in key for key in every) == 4


def test_moreno2024_freezes_only_behind_imagenet_weights(tmp_path: Path) -> None:
    scratch = recipe(plans("moreno2024", tmp_path)["dem-paper-resnet101"]).model
    assert (scratch.options, scratch.weights) == ({"trainable": "all"}, "")
    with pytest.raises(InputError, match="openau models --name vgg19 --fetch"):
        plans("moreno2024", tmp_path, weights=tmp_path)
    for weights in IMAGENET.values():
        (tmp_path / weights.file_name).touch()
    every = plans("moreno2024", tmp_path, weights=tmp_path)
    loaded = recipe(every["dem-paper-resnet101"]).model
    assert loaded.options == {"trainable": "last_block"}
    assert Path(loaded.weights).parent == tmp_path
    assert recipe(every["dem-paper-shufflenet_v2"]).model.weights == ""  # the paper trained it from scratch


def test_deramgozin2023_trains_by_its_section_4(tmp_path: Path) -> None:
    every = plans("deramgozin2023", tmp_path)
    found = recipe(every["disfa-paper-attention"])
    assert (found.run.epochs, found.optimiser.name, found.optimiser.lr) == (700, "adam", 1e-4)
    assert (found.optimiser.schedule, found.optimiser.decay) == ("legacy", 1e-6)
    assert found.augmentation.rotation_deg == 30
    assert recipe(every["ck_plus-subject-plain"]).model.options["attention"] is False
    assert recipe(every["ck_plus-subject-focal"]).loss.name == "focal"
    assert deramgozin.RULES.keys() == deramgozin.AUS.keys()


def test_datasets_that_name_nobody_keep_their_own_split_as_the_honest_one(tmp_path: Path) -> None:
    own = plans("deramgozin2023", tmp_path, roots={"raf_db": tmp_path})
    assert recipe(own["raf_db-subject-attention"]).data.split == "given"
    assert recipe(own["fer_plus-subject-attention"]).data.split == "deramgozin2023-subject"


def test_wang2019_sweeps_the_imbalance_of_au_1(tmp_path: Path) -> None:
    every = plans("wang2019", tmp_path)
    for ratio in wang.RATIOS:
        for loss in ("bce", "msr"):
            found = recipe(every[wang.sweep_key("paper", ratio, loss)])
            assert found.action_units == (1,)
            assert (found.loss.name, found.data.options) == (loss, {"train_ratio": ratio})
    assert recipe(every["aus-paper-11-ad_msr"]).optimiser.name == "sgd"
    assert recipe(every["emotionet-paper-l-dscmr"]).loss.name == "ad_msr"
    assert recipe(every["ck_plus-paper-drml"]).crop.size == 170
    assert recipe(every["ck_plus-paper-drml"]).model.options == {}
    smoke = recipe(plans("wang2019", tmp_path, scale="smoke")["ck_plus-paper-drml"])
    assert smoke.model.options == {"dense": (256, 128)}


def test_the_real_emotionet_has_no_split_by_people(tmp_path: Path) -> None:
    every = plans("wang2019", tmp_path, roots={"emotionet": tmp_path})
    assert {plan.protocol for plan in every.values() if plan.source == "emotionet"} == {"paper"}
    assert {plan.protocol for plan in every.values() if plan.source == "ck_plus"} == {"paper", "subject"}
    with pytest.raises(SettingError, match="--protocol paper"):
        plans("wang2019", tmp_path, roots={"emotionet": tmp_path}, protocol="subject")


DATASETS = sorted({source.name for name in STUDIES for source in find_study(name).sources})


@pytest.mark.parametrize("dataset", DATASETS)
def test_official_copies_go_through_every_rule_and_split_of_the_studies(dataset: str, tmp_path: Path) -> None:
    FAKES[dataset].write(tmp_path / dataset)
    index = build_index(dataset, tmp_path / dataset)
    if dataset == "dem":  # the tiny copy codes fewer AUs than the dataset
        index = index.assign(AU17=3.0, AU20=0.0)
    jobs = set()
    for name in STUDIES:
        if dataset not in {source.name for source in find_study(name).sources}:
            continue
        for plan in plans(name, tmp_path, roots={dataset: tmp_path}).values():
            if plan.source == dataset and isinstance(plan.recipe, Recipe):
                data = plan.recipe.data
                jobs.add((plan.recipe.labels.rule, data.split, tuple(sorted(data.options.items()))))
    assert jobs
    for rule, split, options in jobs:
        table = many_times(index)
        table = select_rows(table, label_rule(rule))[0] if rule else table
        folds = build_folds(split, table, **dict(options))
        parts = set(folds.split()["split"])
        assert "train" in parts


def many_times(index: pd.DataFrame, times: int = 12) -> pd.DataFrame:
    """Return an index of as many people as a split needs, with AU 1 on every third picture."""
    copies = []
    for number in range(times):
        copy = index.copy()
        copy["path"] = [f"{number}-{path}" for path in copy["path"]]
        if copy["subject"].notna().all():
            copy["subject"] = [f"{name}-{number}" for name in copy["subject"].astype(str)]
        copies.append(copy)
    table = pd.concat(copies, ignore_index=True)
    if "AU01" in table.columns:
        top = table["AU01"].max() if table["AU01"].max() > 0 else 1.0
        table["AU01"] = np.where(np.arange(len(table)) % 3 == 0, top, 0.0)
    return table


def test_what_the_text_says_of_figure_5_names_its_ratio() -> None:
    said = {(row.dataset, row.model): row.text for row in read_published("wang2019", "text-Fig5")}
    assert sorted(said.values()) == [">70", "~90", "~90"]
    assert all("N:P" in dataset for dataset, _ in said)


def pattern(emotion: str, aus: tuple[int, ...]) -> list[float]:
    return [float(au in RULES["deramgozin2023"].emotions[emotion]) for au in aus]


def emotions_table(truth: list[str], probability: list[list[float]]) -> pd.DataFrame:
    aus = RULES["deramgozin2023"].aus
    columns: dict[str, Floats] = {}
    for number, au in enumerate(aus):
        columns[f"{au_column(au)}_t"] = np.array([pattern(name, aus)[number] for name in truth], np.float32)
        columns[f"{au_column(au)}_p"] = np.array([row[number] for row in probability], np.float32)
    return pd.DataFrame(columns)


def test_emotions_are_judged_with_their_coverage() -> None:
    aus = RULES["deramgozin2023"].aus
    right = pattern("anger", aus)
    nobody = [1.0] * len(aus)  # every AU at once is no emotion's pattern
    table = emotions_table(["anger", "anger", "fear", "neutral"], [right, nobody, right, [0.0] * len(aus)])
    exact = emotion_agreement(table, "exact")
    assert exact.coverage == pytest.approx(0.75)
    assert exact.accuracy_on_covered == pytest.approx(2 / 3)
    assert exact.accuracy == pytest.approx(0.5)
    assert emotion_agreement(table, "nearest").coverage == 1
    assert set(DECODERS) == {"exact", "contains", "nearest"}


def test_maps_and_probabilities_are_those_of_the_finished_run(setting: Setting, page: str) -> None:
    run = setting.out / "runs" / "disfa-paper"
    store = CropStore.open(next((setting.out / "stores").iterdir()))
    table = pd.read_parquet(run / "predictions.parquet")
    rows = np.arange(len(store.table))
    maps, probability = heat_maps(run, store.crops(rows), (1, 12))
    assert maps.shape == (len(rows), 2, 16, 16)
    assert maps.min() >= 0
    assert maps.max() <= 1
    own = {f"{p:.4f}" for p in probability[:, 0]}
    assert {f"{p:.4f}" for p in table["AU01_p"]} <= own
    swapped = heat_maps(run, store.crops(rows), (12, 1))
    np.testing.assert_array_equal(swapped[0][:, 0], maps[:, 1])


def test_figures_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    curves = {"panel": {"line": ([1.0, 2.0], [0.5, float("nan")])}}
    for name in ("one", "two"):
        draw_curves(tmp_path / name, curves, across="epoch", up="loss", label="Synthetic")
        draw_confusions(tmp_path / f"{name}-c", {"AU01": (3, 0, 1, 4), "AU02": (0, 0, 0, 0)})
    for ending in ("png", "svg"):
        for kind in ("", "-c"):
            first, second = (tmp_path / f"{name}{kind}.{ending}" for name in ("one", "two"))
            assert first.read_bytes() == second.read_bytes()
    assert b"Synthetic" in (tmp_path / "one.svg").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_stand_ins_ask_for_the_papers_shares() -> None:
    dem = next(source for source in find_study("moreno2024").sources if source.name == "dem")
    assert set(dem.stand_in.rates) == set(au_set("moreno2024-12"))
    assert dem.stand_in.rates[12] == pytest.approx(459 / 1272)
    emotionet = next(source for source in find_study("wang2019").sources if source.name == "emotionet")
    assert emotionet.stand_in.rates[20] == pytest.approx(1 / 221.85)
    disfa = next(source for source in find_study("deramgozin2023").sources if source.name == "disfa")
    assert disfa.stand_in.rates[25] == pytest.approx(46052 / 63924)
