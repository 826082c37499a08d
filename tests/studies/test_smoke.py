"""Every study runs end to end from the command line, from the sample in the package to its page."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from openau.cli.__main__ import main
from openau.studies import STUDIES, find_study, read_published

TABLES = {
    "deramgozin2023": ("table5", "table6-f1", "table6-accuracy", "table7-f1", "table8", "table9", "table10"),
    "moreno2024": ("table3", "table4", "table5", "table6", "table7-paper", "table8-subject", "table9"),
    "wang2019": ("figure5", "table2", "table3-3", "table3-11", "table4-f1-paper", "table5-auc-subject"),
}
"""Some of the tables that each study writes."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_study_runs_from_the_sample_to_its_page(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["study", name, "--synthetic", "--scale", "smoke", "--threads", "1", "--quiet", "--out", str(out)]
    assert main(words) == 0
    page = (out / "page.md").read_text("utf-8")
    assert page.count("**Synthetic:**") > 3
    assert set(re.findall(r"\]\((figures/[^)]+)\)", page)) <= {
        str(path.relative_to(out)) for path in out.glob("figures/*.png")
    }
    for key in TABLES.get(name, ()):
        table = pd.read_csv(out / "tables" / f"{key}.csv", dtype={"value": str})
        printed = set(table[table["kind"] == "published"]["value"])
        assert printed <= {row.text for row in read_published(name)}
        assert {"published", "measured"} & set(table["kind"])
        assert (out / "tables" / f"{key}.tex").stat().st_size > 100
    runs = sorted(path.name for path in (out / "runs").iterdir())
    assert f" {len(runs)} runs, " in page
    assert all((out / "runs" / run / "predictions.parquet").exists() for run in runs)
    assert find_study(name).title in page
