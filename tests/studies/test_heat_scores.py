"""Studies score where their networks look: against exact masks, once, and say by what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from openau.data import CropStore, build_index, prepare
from openau.explain.template import SIDE as TEMPLATE_SIDE
from openau.explain.template import TEMPLATE
from openau.records import CropSpec
from openau.studies import Setting, Study, heat_scores
from openau.studies.heat_scores import heat_section
from openau.studies.page import Section
from openau.studies.results import Results
from tests.fake.synthetic_folder import write_synthetic_folder

RUNS = {"disfa": {"tiny": "disfa-subject", "twin": "disfa-paper"}}


@pytest.fixture(scope="module")
def results(study: Study, setting: Setting, page: str) -> Results:
    plans = study.plan(setting)
    folders = {plan.key: setting.out / "runs" / plan.key for plan in plans}
    [store] = (setting.out / "stores").iterdir()
    return Results(study, setting, plans, folders, lambda source, crop: store)


@pytest.fixture(scope="module")
def section(results: Results) -> Section:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heat_scores, "_FACES", 40)
        return heat_section(results, "Looks", RUNS, matrices=("tiny",), pairs=((1, 12),))


def test_every_network_method_and_au_has_its_scores_and_chance(section: Section, results: Results) -> None:
    tables = {table.key: table for table in section.tables}
    table = tables["looks-disfa-sample-grad_cam_plus_plus"].as_frame()
    assert set(table["row"]) == {"AU01", "AU12", "mean"}
    assert set(table["column"]) == {
        "chance", "tiny, energy", "tiny, pointing", "twin, energy", "twin, pointing"
    }  # fmt: skip
    rows = pd.read_csv(results.setting.out / "explained" / "disfa-sample" / "explanations.csv")
    chosen = rows.query("model == 'tiny' and method == 'grad_cam_plus_plus' and au == 'AU12' and present")
    cell = table.query("row == 'AU12' and column == 'tiny, energy'").iloc[0]
    assert cell["value"] == pytest.approx(chosen["energy"].mean())
    assert cell["low"] <= cell["value"] <= cell["high"]
    labelled = rows[rows["au"] == "AU12"]
    assert (labelled["present"] == (labelled["label"] == 1)).all()


def test_the_matrix_of_the_aus_has_each_aus_own_lift_on_its_diagonal(section: Section) -> None:
    tables = {table.key: table.as_frame() for table in section.tables}
    matrix = tables["looks-disfa-sample-matrix-tiny"].set_index(["row", "column"])["value"]
    pairs = tables["looks-pairs"].set_index(["row", "column"])["value"]
    row = "DISFA (synthetic), the sample's faces, tiny, Grad-CAM"
    assert matrix["AU01", "region of AU01"] == pairs[row, "AU01 in its own"]
    assert matrix["AU01", "region of AU12"] == pairs[row, "AU01 in AU12's"]
    means = tables["looks"].set_index(["row", "column"])["value"]
    assert means["DISFA (synthetic), the sample's faces, twin", "Grad-CAM, pointing"] >= 0


def test_what_was_scored_is_read_again(section: Section, results: Results) -> None:
    folder = results.setting.out / "explained"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = heat_section(results, "Looks", RUNS, matrices=("tiny",), pairs=((1, 12),))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert [t.as_markdown() for t in again.tables] == [t.as_markdown() for t in section.tables]


def test_tested_faces_with_landmarks_are_scored_by_facs_regions(tmp_path: Path) -> None:
    folder = write_synthetic_folder(tmp_path / "faces", subjects=4)
    points = 16 + TEMPLATE * (64 / TEMPLATE_SIDE)
    np.save(folder / "landmarks.npy", np.broadcast_to(points, (24, 68, 2)).astype(np.float32))
    prepare(build_index("synthetic", folder), CropSpec(48), tmp_path / "store", detector="index")
    tested = CropStore.open(tmp_path / "store").table["path"].iloc[:5]
    fake = SimpleNamespace(
        plans={"run": SimpleNamespace(source="disfa", crop=CropSpec(48))},
        store=lambda source, crop: tmp_path / "store",
        title=lambda source: source,
        predictions=lambda key: pd.DataFrame({"sample": tested}),
        setting=SimpleNamespace(scale=SimpleNamespace(pictures=60)),
    )
    runs = {"disfa": {"tiny": "run"}, "dem": {"tiny": "run"}}
    found = heat_scores._face_sets(fake, "disfa", runs, "dem")  # type: ignore[arg-type]
    wanted = [("sample", "masks"), ("own", "landmarks"), ("other", "landmarks")]
    assert [(one.key, one.regions) for one in found] == wanted
    assert found[1].rows["path"].tolist() == tested.tolist()
    trained = set(CropStore.open(tmp_path / "store").table["subject"]) - set(found[1].rows["subject"])
    assert trained, "the test sees nothing"
    assert not trained & set(found[2].rows["subject"])
