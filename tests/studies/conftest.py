"""A study that takes seconds: one small network on the fake faces, both protocols."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openau.records import CropSpec
from openau.studies import RunPlan, Scale, Setting, Source, StandIn, Study, build_setting, run_study
from openau.studies.compare import split_worth
from openau.studies.page import Section
from openau.studies.parts import au_rows, measured_columns, published_columns
from openau.studies.published import read_published
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.tables import ResultTable
from openau.train import Recipe
from openau.train.config import DataSettings, ModelSettings, OptimiserSettings, RunSettings
from tests.fake.synthetic_folder import write_synthetic_folder

PAPER_RECIPE = Recipe(
    name="tiny",
    aus=(1, 12),
    crop=CropSpec(48),
    model=ModelSettings(options={"hidden": 4}),
    optimiser=OptimiserSettings("adam", lr=1e-4, warmup=0, average=0.0),
    run=RunSettings(epochs=700, batch=64),
)


def plan(setting: Setting) -> list[RunPlan]:
    recipe = setting.scaled(PAPER_RECIPE, multiple=16, smallest=16)
    splits = {"paper": "deramgozin2023", "subject": "deramgozin2023-subject"}
    found = []
    for protocol in setting.protocols:
        chosen = replace(recipe, data=DataSettings(split=splits[protocol]))
        found.append(RunPlan(f"disfa-{protocol}", "disfa", recipe.crop, chosen, protocol))
    return found


def sections(results: Results) -> list[Section]:
    keys = {PROTOCOL_NAMES[p]: f"disfa-{p}" for p in results.setting.protocols}
    columns = published_columns(read_published("deramgozin2023", "7"), "f1", models=("Ours",))
    columns += measured_columns(results, keys, "f1")
    table = ResultTable("f1", "F1.", au_rows((1, 12)), columns, under=results.under(list(keys.values()), "7"))
    worth = {"tiny": {p: f"disfa-{p}" for p in results.setting.protocols}}
    return [Section("F1", ("Text.",), [table, *split_worth(results, worth)])]


@pytest.fixture(scope="session")
def study() -> Study:
    return Study(
        name="deramgozin2023",
        title="a test",
        sources=(Source("disfa", "DISFA", StandIn("intensity", {1: 0.45, 12: 0.4}, source="a guess.")),),
        scales={
            "smoke": Scale(pictures=60, epochs=1, size=16, batch=16, lr=1e-3, resamples=20),
            "small": Scale(),
            "full": Scale(),
        },
        plan=plan,
        sections=sections,
        differences=("It is tiny.",),
    )


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic_folder(tmp_path_factory.mktemp("studies") / "faces")


@pytest.fixture(scope="session")
def setting(study: Study, faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    out = tmp_path_factory.mktemp("study") / "out"
    return build_setting(study, out, scale="smoke", synthetic=True, faces=faces, threads=1)


@pytest.fixture(scope="session")
def page(study: Study, setting: Setting) -> str:
    return run_study(study, setting).read_text("utf-8")
