"""From a folder of photographs with a table of codes to a network in use: the page's own five commands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from openau.data import read_sample
from openau.table import read_table

PAGE = Path(__file__).parents[2] / "docs" / "own-data.md"
AUS = (1, 4, 6, 12, 25)


def block(kind: str) -> str:
    """Return the page's code of one kind."""
    [code] = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    return str(code)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of twenty people in a folder each, with the table that the page describes."""
    folder = tmp_path_factory.mktemp("own") / "photos"
    sample = read_sample()
    people = sorted(sample["subject"].unique())[:20]
    rows = []
    for _, row in sample[sample["subject"].isin(people)].groupby("subject").head(4).iterrows():
        name = f"{Path(row['subject']).name}/{Path(row['path']).name}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(row["path"], folder / name)
        codes = {f"AU{au}": round(row[f"AU{au:02d}"]) for au in AUS}
        rows.append({"image": name, "subject": Path(row["subject"]).name, **codes})
    table = pd.DataFrame(rows)
    header = block("csv").splitlines()[0]
    assert ",".join(table.columns) == header, "the page shows another table"
    table.to_csv(folder / "labels.csv", index=False)
    return folder


def test_five_commands_lead_from_photographs_and_codes_to_a_network_in_use(photos: Path) -> None:
    here = photos.parent
    recipe = block("toml")
    assert "epochs = 30" in recipe
    (here / "recipe.toml").write_text(recipe.replace("epochs = 30", "epochs = 1"), "utf-8")
    commands = [shlex.split(line) for line in block("sh").splitlines()]
    assert [words[:2] for words in commands] == [
        ["openau", "data"],
        ["openau", "train"],
        ["openau", "evaluate"],
        ["openau", "export"],
        ["openau", "analyze"],
    ]
    told = []
    for _, *words in commands:
        done = subprocess.run(
            [sys.executable, "-m", "openau.cli", *words],
            cwd=here,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, (words, done.stderr)
        told.append(done.stdout + done.stderr)
    assert "of test whom training shows: 0.0 %" in told[1]
    assert "AU12" in told[2]
    table = read_table(here / "results" / "aus.csv")
    assert sorted(table["source"].unique()) == sorted(
        f"photos/{name}" for name in pd.read_csv(photos / "labels.csv")["image"]
    )
    seen = table[table["success"] == 1]
    assert len(seen) > 0.8 * len(table)
    assert [c for c in table if re.fullmatch(r"AU\d+_p", str(c))] == [f"AU{au:02d}_p" for au in AUS]
    assert seen["AU12_p"].between(0, 1).all()
    assert len(list((here / "results").rglob("*.png")) + list((here / "results").rglob("*.jpg"))) == len(
        table
    )
