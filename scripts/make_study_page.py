#!/usr/bin/env python3
"""Keep the page of a finished study in docs/studies: the page, its figures, and its tables in one file.

Usage: python scripts/make_study_page.py OUT   (a folder made by openau study)

Figures lose colours until they are small; numbers stay as they are, the tables' in NAME/tables.csv.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

DOCS = Path(__file__).parent.parent / "docs" / "studies"
COLOURS = 64
WIDEST_PX = 1100


def keep_figure(source: Path, target: Path) -> None:
    """Write a figure with fewer colours and at most so many pixels across."""
    with Image.open(source) as opened:
        figure = opened.convert("RGB")
    if figure.width > WIDEST_PX:
        size = (WIDEST_PX, round(figure.height * WIDEST_PX / figure.width))
        figure = figure.resize(size, Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def keep(out: Path, docs: Path) -> Path:
    """Keep a study.

    Args:
        out: Folder of the finished study.
        docs: Where pages are kept.

    Returns:
        The page.
    """
    name = str(json.loads((out / "study.json").read_text("utf-8"))["study"])
    page = (out / "page.md").read_text("utf-8")
    for figure in sorted(set(re.findall(r"\]\(figures/([^)]+)\)", page))):
        keep_figure(out / "figures" / figure, docs / name / figure)
    page = page.replace("](figures/", f"]({name}/")
    tables = [
        pd.read_csv(path, dtype=str).assign(table=path.stem)
        for path in sorted((out / "tables").glob("*.csv"))
    ]
    every = pd.concat(tables)[["table", "row", "column", "kind", "value", "low", "high", "impossible"]]
    for column in ("value", "low", "high"):
        every[column] = every[column].where(every["kind"] != "measured", every[column].map(_shortened))
    (docs / name).mkdir(parents=True, exist_ok=True)
    every.to_csv(docs / name / "tables.csv", index=False)
    path = docs / f"{name}.md"
    path.write_text(f"{page.rstrip()}\n\nEvery number: [tables.csv]({name}/tables.csv).\n", "utf-8")
    return path


def _shortened(value: object) -> object:
    """Return a measured number with five digits behind the point."""
    try:
        return f"{float(str(value)):.5f}" if pd.notna(value) else value
    except ValueError:
        return value


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(keep(Path(sys.argv[1]), DOCS))
