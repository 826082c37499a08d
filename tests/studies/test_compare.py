"""Two ways of training are told apart only where the seeds say so."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from openau.errors import SettingError
from openau.records import CropSpec
from openau.studies import find_study
from openau.studies.compare import difference, verdict
from openau.studies.study import RunPlan, Scale, Setting, repeated, seeded
from openau.studies.tables import Measured
from openau.train import Recipe


@given(st.integers(2, 10), st.integers(0, 1000))
def test_the_interval_is_students_of_the_paired_differences(count: int, seed: int) -> None:
    first, second = np.random.default_rng(seed).uniform(-1, 1, (2, count)).tolist()
    found = difference(first, second)
    wanted = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert found.value == pytest.approx(np.mean(first) - np.mean(second), abs=1e-9)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-3)


def test_one_seed_has_no_interval_and_tells_nothing() -> None:
    found = difference([0.9], [0.1])
    assert found.value == pytest.approx(0.8)
    assert math.isnan(found.low)
    assert verdict(found) == "one seed"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.3, "higher"),
        (-0.3, -0.1, "lower"),
        (-0.1, 0.3, "not told apart"),
        (0.0, 0.3, "not told apart"),
    ],
)
def test_what_is_concluded_follows_from_the_interval(low: float, high: float, said: str) -> None:
    assert verdict(Measured((low + high) / 2, low, high)) == said


def test_seeds_that_do_not_belong_together_are_refused() -> None:
    for first, second in (([0.1, 0.2], [0.1]), ([0.1] * 11, [0.1] * 11)):
        with pytest.raises(SettingError, match="1 to 10 seeds"):
            difference(first, second)


def test_a_run_is_repeated_by_other_seeds_and_nothing_else_changes(tmp_path: Path) -> None:
    recipe = Recipe("a", (1,), CropSpec(32), seed=4)
    plan = RunPlan("key", "disfa", recipe.crop, recipe, "subject")
    late = replace(plan, recipe=lambda folders: replace(recipe, name=str(folders["before"])))
    found = repeated(plan, 3)
    assert (
        [run.key for run in found]
        == ["key", "key-seed1", "key-seed2"]
        == [seeded("key", n) for n in range(3)]
    )
    assert [run.recipe for run in found] == [replace(recipe, seed=4 + n) for n in range(3)]
    again = repeated(late, 2)[1].recipe
    assert callable(again)
    assert again({"before": tmp_path}) == replace(recipe, name=str(tmp_path), seed=5)


@pytest.mark.parametrize("name", ["deramgozin2023", "masur2023", "wang2019"])
def test_a_study_repeats_its_comparisons_by_as_many_seeds_as_its_scale_says(name: str) -> None:
    study = find_study(name)
    counts = {}
    for seeds in (1, 3):
        scale = replace(study.scales["small"], seeds=seeds)
        setting = Setting(Path("x"), "small", scale, ("paper", "subject"), {}, synthetic=True)
        keys = [plan.key for plan in study.plan(setting)]
        assert len(set(keys)) == len(keys)
        counts[seeds] = [sum(key.endswith(f"-seed{n}") for key in keys) for n in (1, 2, 3)]
    assert counts[1] == [0, 0, 0]
    assert counts[3][0] == counts[3][1] > 0 == counts[3][2]


def test_a_network_trains_in_bfloat16_where_its_scale_says_so() -> None:
    recipe = Recipe("a", (1,), CropSpec(32))
    kinds = []
    for networks in ((), (recipe.model.name,)):
        setting = Setting(Path("x"), "small", Scale(bfloat16=networks), ("paper",), {})
        kinds.append(setting.scaled(recipe).run.precision)
    assert kinds == ["float32", "bfloat16"]
