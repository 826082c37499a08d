"""masur2023 plans AU networks before the emotions that start from them, and runs to its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.studies import RunPlan, Setting, build_setting, find_study, run_study
from openau.studies.masur2023_plan import BEFORE, plan
from openau.train import Recipe, load_recipe


def setting(tmp_path: Path, scale: str = "smoke", **options: object) -> Setting:
    return build_setting(find_study("masur2023"), tmp_path, scale=scale, synthetic=True, **options)  # type: ignore[arg-type]


def made(plan: RunPlan, folders: dict[str, Path]) -> Recipe:
    return plan.recipe(folders) if callable(plan.recipe) else plan.recipe


def test_every_run_starts_from_one_before_it_that_fits(tmp_path: Path) -> None:
    plans = plan(setting(tmp_path))
    recipes: dict[str, Recipe] = {}
    for one in plans:
        recipe = made(one, {key: tmp_path / key for key in recipes})  # a later run would be a KeyError
        if recipe.model.initial:
            first = recipes[Path(recipe.model.initial).name]
            assert first.action_units == recipe.action_units
            assert first.crop == recipe.crop
            inner = recipe.model.options.get("au_network", recipe.model.name)
            assert inner == first.model.name
        recipes[one.key] = recipe
    assert len(recipes) == 13
    assert recipes["caer-graph-disfa-frozen"].model.options["frozen"]
    assert recipes["caer-heatmaps-scratch"].model.initial == ""
    assert recipes[BEFORE["bp4d"]].loss.more == {"edges": 0.05}
    assert recipes[BEFORE["disfa"]].loss.more == {"edges": 0.01}
    assert {one.recipe.model.name for one in plans if isinstance(one.recipe, Recipe)} >= {"caer_face_stream"}


def test_a_small_study_reads_emotions_from_a_network_that_learns_from_so_few(tmp_path: Path) -> None:
    plans = {one.key: one for one in plan(setting(tmp_path, "small"))}
    before = made(plans[BEFORE["disfa"]], {})
    after = made(plans["caer-graph-disfa"], dict.fromkeys(plans, tmp_path))
    assert before.model.name == after.model.options["au_network"] == "compact_resnet"
    assert before.crop == after.crop
    assert (before.model.mean, before.action_units) == (after.model.mean, after.action_units)
    assert not any(key.endswith("graph-1") for key in plans)
    assert sum(key.startswith("caer-graph-disfa-scratch") for key in plans) == 5


def test_every_run_has_the_scales_side_and_precision(tmp_path: Path) -> None:
    how = setting(tmp_path, "small")
    plans = plan(how)
    folders = {one.key: tmp_path for one in plans}
    for one in plans:
        recipe = made(one, folders)
        assert recipe.crop.size == how.scale.size
        assert (recipe.run.precision == "bfloat16") == (recipe.model.name in how.scale.bfloat16), one.key


def test_the_full_scale_is_the_papers(tmp_path: Path) -> None:
    plans = {
        one.key: made(
            one, dict.fromkeys([*BEFORE.values(), "bp4d-heatmaps", "disfa-graph-1", "bp4d-graph-1"], tmp_path)
        )
        for one in plan(setting(tmp_path, "full"))
    }
    assert plans["caer-heatmaps"].crop.size == 96
    assert plans["disfa-graph"].crop.size == 224
    assert "backbone" not in str(plans["caer-graph-disfa"].model.options)
    assert plans["disfa-graph"].optimiser.lr == 1e-5
    assert plans["bp4d-heatmaps"].loss.name == "heatmap_mse"
    real = {one.key: one.recipe for one in plan(setting(tmp_path, "full", roots={"bp4d": tmp_path}))}
    heatmaps = real["bp4d-heatmaps"]
    assert isinstance(heatmaps, Recipe)
    assert (heatmaps.loss.name, heatmaps.crop.align) == (
        "heatmap_mse",
        "points",
    )  # so the store knows landmarks


@pytest.mark.slow
@pytest.mark.timeout(1200)  # two minutes on a free core, more on a busy one
def test_the_study_runs_to_its_page_on_the_sample(tmp_path: Path) -> None:
    study = find_study("masur2023")
    page = run_study(study, build_setting(study, tmp_path / "out", scale="smoke", synthetic=True, threads=1))
    text = page.read_text("utf-8")
    for title in ("Table I:", "Table II:", "Table III:", "Figures 3, 4"):
        assert title in text
    assert (page.parent / "figures" / "figure3-faces.png").exists() or "Figure 3: faces" not in text
    table = pd.read_csv(page.parent / "tables" / "table2.csv")
    numbers = table[table["kind"] == "measured"].pivot_table(
        index="row", columns="column", values="value", aggfunc="first"
    )
    before, frozen = (
        numbers[f"ours {what}, accuracy"].astype(float) for what in ("before", "after, AU network frozen")
    )
    np.testing.assert_allclose(frozen, before)  # what is frozen forgets nothing
    run = page.parent / "runs" / "caer-graph-disfa"
    assert load_recipe(run / "recipe.toml").model.initial.endswith("disfa-graph")
    assert "emotion_fear_p" in pd.read_parquet(run / "predictions.parquet")
    assert page.read_text("utf-8").count("Synthetic:") > 5
