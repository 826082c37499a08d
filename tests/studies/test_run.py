"""A study runs from faces to a page, is resumed where it stopped, and refuses what does not fit."""

from __future__ import annotations

import json
import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from openau.errors import InputError, OutputError, SettingError
from openau.studies import (
    STUDIES,
    Scale,
    Setting,
    Study,
    StudyProgress,
    build_setting,
    find_study,
    run_study,
)
from openau.studies.front import synthetic_label
from openau.train import Recipe


def test_the_page_has_the_published_numbers_beside_both_protocols(page: str) -> None:
    head = "| AU | *Ours, published* | the paper's split | no person shared |"
    assert head in page
    row = next(line for line in page.split(head)[1].splitlines() if line.startswith("| AU01"))
    assert row.split("|")[2].strip() == "*0.83*"
    assert "F1, difference" in page
    assert "one seed" in page
    assert page.count("LEAKY SPLIT") == 2  # under both tables that have a column of it
    assert "Nothing is shared between the parts." in page
    assert "protocol `deramgozin2023-subject`" in page


def test_every_table_of_rendered_faces_says_so(page: str) -> None:
    captions = [line for line in page.splitlines() if line.startswith("**") and "Synthetic:**" in line]
    assert len(captions) == 4  # the head, the stand-in, F1, what the split was worth
    assert "at most 60 pictures of each dataset, 1 epochs, 16 pixels" in page
    assert "- It is tiny." in page
    assert "**A smoke run** shows that all of it works." in page


def test_numbers_on_the_page_are_those_of_the_run_folder(page: str, setting: Setting) -> None:
    table = pd.read_csv(setting.out / "tables" / "f1.csv").query("column == 'the paper\\'s split'")
    own = pd.read_csv(setting.out / "runs" / "disfa-paper" / "evaluation" / "evaluation.csv")
    wanted = own[own["au"] == "mean"]["f1"].iloc[0]
    assert float(table[table["row"] == "mean"]["value"].iloc[0]) == pytest.approx(wanted)


def test_what_is_finished_is_not_trained_again(study: Study, setting: Setting, page: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in setting.out.rglob("*.safetensors")}
    told: list[StudyProgress] = []
    assert run_study(study, setting, resume=True, progress=told.append).read_text("utf-8") == page
    assert told == []
    assert {path: path.stat().st_mtime_ns for path in setting.out.rglob("*.safetensors")} == before
    assert [path.name for path in before] == ["best.safetensors"] * 2


def test_an_interrupted_study_goes_on_to_the_same_numbers(
    study: Study, setting: Setting, page: str, tmp_path: Path
) -> None:
    class StopError(Exception):
        """A stand-in for whatever ends a study early."""

    def stop(now: StudyProgress) -> None:
        assert now.time_left_s >= 0
        if (now.run, now.training.step) == (2, 2):
            raise StopError

    other = replace(setting, out=tmp_path / "out")
    with pytest.raises(StopError):
        run_study(study, other, progress=stop)
    assert not (other.out / "page.md").exists()
    run_study(study, other, resume=True)
    one, two = (pd.read_csv(where.out / "tables" / "f1.csv") for where in (setting, other))
    pd.testing.assert_frame_equal(one, two)


def test_a_recipe_may_be_made_from_an_earlier_run(study: Study, setting: Setting, tmp_path: Path) -> None:
    seen: dict[str, Path] = {}

    def plans(where: Setting) -> list[object]:
        first, second = study.plan(where)

        def later(folders: dict[str, Path]) -> Recipe:
            seen.update(folders)
            assert isinstance(second.recipe, Recipe)
            return second.recipe

        return [first, replace(second, recipe=later)]  # type: ignore[arg-type] # a dict is a mapping

    changed = replace(study, plan=plans)  # type: ignore[arg-type] # as above
    run_study(changed, replace(setting, out=tmp_path / "out"))
    assert seen == {"disfa-paper": tmp_path / "out" / "runs" / "disfa-paper"}


def test_a_folder_of_another_study_is_left_alone(
    study: Study, setting: Setting, page: str, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="--resume"):
        run_study(study, setting)
    with pytest.raises(OutputError, match="another setting"):
        run_study(study, replace(setting, seed=9), resume=True)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="not empty"):
        run_study(study, replace(setting, out=tmp_path))


def test_what_cannot_be_run_begins_no_folder(
    study: Study, setting: Setting, page: str, tmp_path: Path
) -> None:
    wrong: tuple[tuple[type[Exception], str, dict[str, Any]], ...] = (
        (InputError, "There is no folder", {"faces": tmp_path / "nowhere"}),
        (InputError, "There is no folder", {"roots": {"disfa": tmp_path / "nowhere"}}),
        (SettingError, "seed is -1", {"seed": -1}),
    )
    for error, sentence, change in wrong:
        with pytest.raises(error, match=sentence):
            run_study(study, replace(setting, out=tmp_path / "out", **change))
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_a_root_or_stand_in_is_asked_for(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--root disfa=DIR"):
        build_setting(study, tmp_path)
    with pytest.raises(SettingError, match="has no dataset bp4d"):
        build_setting(study, tmp_path, roots={"BP4D": tmp_path})
    with pytest.raises(SettingError, match="scale"):
        build_setting(study, tmp_path, scale="huge", synthetic=True)
    with pytest.raises(SettingError, match="protocol"):
        build_setting(study, tmp_path, protocol="lucky", synthetic=True)
    assert build_setting(study, tmp_path, roots={"DISFA": tmp_path}).roots == {"disfa": tmp_path}


def test_a_scale_makes_a_recipe_smaller_never_larger(study: Study, tmp_path: Path) -> None:
    from tests.studies.conftest import PAPER_RECIPE

    small = build_setting(study, tmp_path, scale="smoke", synthetic=True).scaled(PAPER_RECIPE, multiple=16)
    assert (small.run.epochs, small.run.batch, small.crop.size, small.optimiser.lr) == (1, 16, 16, 1e-3)
    full = build_setting(study, tmp_path, scale="full", synthetic=True).scaled(PAPER_RECIPE, multiple=16)
    assert (full.run, full.crop, full.optimiser) == (
        PAPER_RECIPE.run,
        PAPER_RECIPE.crop,
        PAPER_RECIPE.optimiser,
    )


def test_a_page_says_whose_place_rendered_faces_take(tmp_path: Path) -> None:
    wang = find_study("wang2019")
    none, one, both = (
        synthetic_label(wang, build_setting(wang, tmp_path, roots=roots, synthetic=True))
        for roots in ({}, {"ck_plus": tmp_path}, {"ck_plus": tmp_path, "emotionet": tmp_path})
    )
    assert none == "**Synthetic:** rendered faces, not the dataset."
    assert one == "**Partly synthetic:** rendered faces in place of EmotioNet."
    assert both == ""


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_every_study_is_whole(name: str, tmp_path: Path) -> None:
    study = find_study(name)
    assert study.name == name
    assert set(study.scales) == {"smoke", "small", "full"}
    plans = study.plan(build_setting(study, tmp_path, scale="smoke", synthetic=True))
    keys = [plan.key for plan in plans]
    assert len(set(keys)) == len(keys)
    assert {plan.source for plan in plans} <= {source.name for source in study.sources}
    for source in study.sources:
        assert build_setting(study, tmp_path, roots={source.name: tmp_path}, synthetic=True).roots
    full = study.plan(build_setting(study, tmp_path, scale="full", synthetic=True))
    assert all(isinstance(plan.recipe, Recipe) or callable(plan.recipe) for plan in full)


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(SettingError, match="deramgozin2023"):
        find_study("nobody2000")


@pytest.mark.slow
def test_faces_are_rendered_where_there_is_a_rig_and_the_scale_wants_them(
    study: Study, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAU_RIG", str(shared / "rig"))
    scale = Scale(pictures=24, epochs=1, size=16, batch=8, lr=1e-3, resamples=0, faces=64)
    rendering = replace(study, scales={**study.scales, "small": scale})
    setting = build_setting(rendering, tmp_path / "out", synthetic=True, threads=1)
    assert setting.rig is not None
    text = run_study(rendering, setting).read_text("utf-8")
    assert "Faces from `openau synthesize`" in text
    assert (tmp_path / "out" / "faces" / "index.parquet").exists()
    monkeypatch.delenv("OPENAU_RIG")
    monkeypatch.delenv("OPENAU_SHARED", raising=False)
    assert build_setting(rendering, tmp_path, synthetic=True).rig is None


def test_a_finished_study_is_kept_in_the_documents(page: str, setting: Setting, tmp_path: Path) -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "make_study_page.py"))
    kept = script["keep"](setting.out, tmp_path)
    text = kept.read_text("utf-8")
    assert text.startswith(page.splitlines()[0])
    assert all((tmp_path / link).exists() for link in re.findall(r"\]\(([^)]+)\)", text))
    every = pd.read_csv(tmp_path / setting_name(setting) / "tables.csv", dtype={"value": str})
    one = pd.read_csv(setting.out / "tables" / "f1.csv", dtype={"value": str})
    mine = every[every["table"] == "f1"]
    assert mine[mine["kind"] == "published"]["value"].tolist() == (
        one[one["kind"] == "published"]["value"].tolist()
    )
    np.testing.assert_allclose(
        mine[mine["kind"] == "measured"]["value"].astype(float),
        one[one["kind"] == "measured"]["value"].astype(float),
        atol=1e-5,
    )


def setting_name(setting: Setting) -> str:
    return str(json.loads((setting.out / "study.json").read_text("utf-8"))["study"])


def test_weights_that_nobody_looks_into_are_not_kept(study: Study, faces: Path, tmp_path: Path) -> None:
    light = replace(study, plan=lambda how: [replace(run, keeps_weights=False) for run in study.plan(how)])
    how = build_setting(
        light, tmp_path / "out", scale="smoke", protocol="subject", synthetic=True, faces=faces, threads=1
    )
    page = run_study(light, how).read_text("utf-8")
    assert not list((tmp_path / "out").rglob("*.safetensors"))
    assert run_study(light, how, resume=True).read_text("utf-8") == page


def test_the_page_lists_every_run_with_its_length(page: str, setting: Setting) -> None:
    table = pd.read_csv(setting.out / "tables" / "runs.csv", dtype={"value": str})
    steps = table[table["column"] == "steps"].set_index("row")["value"].astype(float).to_dict()
    for run, found in steps.items():
        log = pd.read_csv(setting.out / "runs" / str(run) / "log.csv")
        assert found == log["step"].iloc[-1]
    assert set(steps) == {path.name for path in (setting.out / "runs").iterdir()}
    assert "## Runs" in page
