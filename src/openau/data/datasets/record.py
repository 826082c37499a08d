"""A dataset as one record: what it is, how its folder looks, and the function that reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from openau.data.datasets.findings import Notes
from openau.data.datasets.tree import locate
from openau.errors import NoInputError

Scale = Literal["intensity", "occurrence"]
Reader = Callable[[Path, Notes], pd.DataFrame]
Locator = Callable[[Path, str, Notes], Path]

LEADING = ("dataset", "subject", "sequence", "frame", "time_s", "path", "split", "emotion", "au_scale")
"""The first columns of every index, where it has them."""

TEXT = ("dataset", "subject", "sequence", "path", "split", "emotion", "au_scale")
"""The columns of text."""

VALUE = re.compile(r"AU\d{2}(_left|_right|_intensity)?")
"""An AU's column in an index."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: calling it with a folder gives the index table.

    Attributes:
        name: Its key in the registry.
        title: Its name as its authors write it.
        content: What it holds, in a sentence or two.
        access: Who gives it out, and how.
        licence: What may be done with it, as far as it is known.
        reference: The publication to cite.
        tree: The folder as its authors ship it, as text.
        codes: What the values in its label files mean, and what they become.
        marks: Names of files or folders; the dataset's folder is the one that has one of them.
        scale: What an AU column holds: `intensity` 0–5 or `occurrence` 0/1; None where it has no AUs.
        read: Reads the folder that has the marks; notes what differs from the official copy.
        locate: Finds the folder where no name marks it.
    """

    name: str
    title: str
    content: str
    access: str
    licence: str
    reference: str
    tree: str
    codes: str
    marks: tuple[str, ...]
    scale: Scale | None
    read: Reader
    locate: Locator | None = None

    def __call__(self, root: Path, notes: Notes | None = None) -> pd.DataFrame:
        """Index a copy.

        Args:
            root: The copy's folder, or one above it.
            notes: Takes what differs from the official copy.

        Returns:
            The index table.

        Raises:
            InputError: The folder is not this dataset.
            NoInputError: Not one labelled picture is in it.
            TableError: A label file holds what the dataset's codes do not have.
        """
        notes = Notes() if notes is None else notes
        if self.locate is None:
            place = locate(root, self.title, self.marks, notes)
        else:
            place = self.locate(root, self.title, notes)
        table = self.read(place, notes)
        if table.empty:
            found = "; ".join(finding.sentence for finding in notes.findings if finding.differs)
            raise NoInputError(
                f"{root} has no labelled picture of {self.title}; {found or 'unpack the pictures into it.'}"
            )
        return _finished(table, self)


def _finished(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Give an index its common columns, types and order; AUs that are known nowhere have no column."""
    table = table.assign(dataset=dataset.name)
    values = [column for column in table.columns if VALUE.fullmatch(column)]
    if dataset.scale is not None and "au_scale" not in table:
        table["au_scale"] = dataset.scale
    table = table.drop(columns=[column for column in values if table[column].isna().all()])
    values = sorted(column for column in values if column in table)
    table[values] = table[values].astype(np.float32)
    for column in TEXT:
        if column in table:  # one kind of text and of missing text, whatever the reader made them from
            table[column] = table[column].astype(object).where(table[column].notna(), None)
    first = [column for column in LEADING if column in table]
    rest = [column for column in table.columns if column not in {*first, *values}]
    return table[[*first, *values, *rest]].reset_index(drop=True)
