#!/usr/bin/env python3
"""Write the part of docs/datasets.md that the dataset records say themselves.

Usage: python scripts/make_dataset_page.py
"""

from __future__ import annotations

from pathlib import Path

from openau.data.datasets import Dataset, dataset_facts
from openau.data.index import DATASETS, find_dataset

PAGE = Path(__file__).parent.parent / "docs" / "datasets.md"
BEGIN = "<!-- from the dataset records: python scripts/make_dataset_page.py -->"


def section(dataset: Dataset) -> str:
    """Return what the page says about one dataset."""
    source = dataset_facts(dataset.name).get("source")
    lines = [
        f"### {dataset.title}: `{dataset.name}`",
        "",
        dataset.content,
        "",
        "```text",
        dataset.tree,
        "```",
        "",
        dataset.codes,
        "",
        f"- Access: {dataset.access}",
        f"- Licence: {dataset.licence}",
        f"- Cite: {dataset.reference}",
    ]
    if source:
        lines.append(f"- The doctor's counts: {source}")
    return "\n".join(lines)


def filled(text: str) -> str:
    """Return the page with everything after the mark written anew.

    Args:
        text: The page.
    """
    datasets = [dataset for name in DATASETS if (dataset := find_dataset(name))]
    return "\n\n".join([text.split(BEGIN)[0] + BEGIN, *map(section, datasets)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
