"""Who is on a picture, across datasets.

Two rows show the same person where their names agree, and names are compared within a *family* of datasets
that recorded the same people: every person of DISFA+ is also in DISFA, under the same number.
"""

from __future__ import annotations

import re
from types import MappingProxyType

import pandas as pd

from openau.errors import TableError

FAMILIES = MappingProxyType({"disfaplus": "disfa"})
"""Dataset to the one whose subject numbers it shares (names in lower case, `+` spelled out)."""


def dataset_key(name: str) -> str:
    """Return a dataset's name in the one spelling by which names are compared: `DISFA+` is `disfaplus`."""
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("+", "plus"))


def people(table: pd.DataFrame) -> pd.Series:
    """Name the person of every row, the same across datasets of one family.

    Args:
        table: Index table. A column `person`, where given, wins over dataset and subject.

    Returns:
        One name per row; missing where the dataset does not say who it is.
    """
    family = {
        name: FAMILIES.get(dataset_key(name), name) for name in table["dataset"].astype(str).unique().tolist()
    }
    subject = table["subject"].astype("string")
    subject = subject.mask(subject == "")
    named = table["dataset"].astype(str).map(family).astype("string") + "/" + subject
    if "person" in table.columns:
        named = table["person"].astype("string").fillna(named)
    return named


def known_people(table: pd.DataFrame, purpose: str) -> pd.Series:
    """Name the person of every row, or refuse a table that does not know.

    Args:
        table: Index table.
        purpose: What needs to know; the sentence begins with this.

    Returns:
        One name per row.

    Raises:
        TableError: A row's person is unknown.
    """
    found = people(table)
    unknown = found.isna()
    if unknown.any():
        dataset = str(table["dataset"].to_numpy()[int(unknown.to_numpy().argmax())])
        raise TableError(
            f"{purpose} needs to know who is on every picture, and {dataset} does not say for "
            f"{int(unknown.sum())} of them; choose a protocol that splits by picture, and read its "
            "leakage report."
        )
    return found


def units(table: pd.DataFrame, purpose: str) -> pd.Series:
    """Name what must not be parted: the person of every row, or the people who were recorded together.

    Args:
        table: Index table. A column `group`, where given, names people who were recorded together.
        purpose: What needs to know; the sentence begins with this.

    Returns:
        One name per row.

    Raises:
        TableError: A row's person is unknown, or one is in two groups.
    """
    person = known_people(table, purpose)
    if "group" not in table.columns:
        return person
    together = table["dataset"].astype("string") + "/group " + table["group"].astype("string")
    found = together.fillna(person)
    several = found.groupby(person).nunique()
    if (several > 1).any():
        raise TableError(
            f"{several.index[several > 1][0]} is in several groups of the index, which cannot be parted; "
            "correct or drop the column 'group'."
        )
    return found
