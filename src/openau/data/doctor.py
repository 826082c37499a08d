"""The doctor: compares a copy of a dataset with the official layout and counts, and says what differs first.

Where a copy cannot be used at all, the reader's own sentence says why. Where it can, the differences are
listed: missing people, pictures without labels, counts that are not the published ones, broken pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from openau.data.datasets import Finding, Notes, dataset_facts
from openau.data.index import au_columns, build_index, check_index, dataset_name, find_dataset
from openau.data.pictures import read_picture
from openau.errors import InputError, OpenAUError
from openau.facs import au_column

OPENED = 12
"""How many pictures the doctor opens, spread over the copy."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What the doctor found.

    Attributes:
        name: The dataset's key in the registry.
        root: The copy.
        findings: What differs from the official copy, and how the copy was read.
        table: The index table; None where the copy cannot be used.
        error: Why it cannot be used; None where it can.
    """

    name: str
    root: Path
    findings: tuple[Finding, ...]
    table: pd.DataFrame | None = None
    error: OpenAUError | None = None

    @property
    def differs(self) -> bool:
        """Whether anything is not as in the official copy."""
        return self.error is not None or any(finding.differs for finding in self.findings)


def check_dataset(name: str, root: Path, *, opened: int = OPENED) -> Diagnosis:
    """Compare a copy of a dataset with the official one.

    Args:
        name: As `openau.data.index.dataset_name` takes it.
        root: The copy's folder.
        opened: How many pictures to open, spread over the copy.

    Returns:
        The diagnosis; nothing about the copy itself is raised.

    Raises:
        SettingError: No dataset has this name.
    """
    key = dataset_name(name)
    notes = Notes()
    try:
        table = check_index(build_index(key, root, notes), str(root))
    except OpenAUError as error:
        return Diagnosis(key, root, tuple(notes.findings), error=error)
    for compare in (_subjects, _counts, _splits, _emotions, _positives):
        for sentence in compare(table, dataset_facts(key)):
            notes.differs(sentence)
    unreadable = _unreadable(table, opened)
    if unreadable and len(unreadable) == min(opened, len(table)):
        none = InputError(f"None of the pictures of {root} that were tried can be read: {unreadable[0]}")
        return Diagnosis(key, root, tuple(notes.findings), error=none)
    notes.differs("{n} of the pictures that were tried cannot be read; copy them anew.", unreadable)
    return Diagnosis(key, root, tuple(notes.findings), table)


def describe(diagnosis: Diagnosis) -> list[str]:
    """Return a diagnosis as lines of text, the worst first.

    Args:
        diagnosis: What `check_dataset` found.
    """
    dataset = find_dataset(diagnosis.name)
    title = dataset.title if dataset else diagnosis.name
    if diagnosis.error is not None:
        lines = [f"{title} in {diagnosis.root}: cannot be used.", f"  {diagnosis.error}"]
        if dataset:
            lines += [
                "The folder as its authors ship it:",
                *(f"  {row}" for row in dataset.tree.splitlines()),
            ]
    else:
        assert diagnosis.table is not None
        verdict = "differs from the official copy" if diagnosis.differs else "is as its authors ship it"
        lines = [f"{title} in {diagnosis.root}: can be used, and {verdict}.", f"  {summary(diagnosis.table)}"]
    if diagnosis.error is None and diagnosis.differs:
        lines.append("  A part of a dataset can be used; its results cannot be compared with published ones.")
    for differs, mark in ((True, "!"), (False, "-")):
        for finding in diagnosis.findings:
            if finding.differs == differs:
                lines.append(f"{mark} {finding.sentence}")
                lines += [f"    for instance {example}" for example in finding.examples]
    return lines


def summary(table: pd.DataFrame) -> str:
    """Return an index's size in words."""
    subjects = table["subject"].nunique()
    parts = [
        _so_many(len(table), "labelled picture"),
        _so_many(subjects, "subject") if subjects else "subjects unknown",
        _so_many(table["sequence"].nunique(), "sequence"),
        _so_many(len(au_columns(table)), "AU"),
    ]
    if "emotion" in table:
        parts.append(_so_many(table["emotion"].nunique(), "emotion"))
    return ", ".join(parts)


def _so_many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _subjects(table: pd.DataFrame, facts: Mapping[str, Any]) -> Iterator[str]:
    here = set(table["subject"].dropna().astype(str))
    if known := facts.get("subjects"):
        if missing := sorted(set(known) - here):
            yield f"{len(missing)} of {len(known)} subjects are missing: {_listed(missing)}; unpack theirs."
        if strange := sorted(here - set(known)):
            yield f"{len(strange)} subjects are not the dataset's: {_listed(strange)}; take them out."
    elif (count := facts.get("subject_count")) and len(here) != count:
        yield f"There are {len(here)} subjects, not {count}; unpack the archives that are missing."


def _counts(table: pd.DataFrame, facts: Mapping[str, Any]) -> Iterator[str]:
    if (count := facts.get("sequences")) and (here := table["sequence"].nunique()) != count:
        yield f"There are {here:,} sequences, not {count:,}; unpack the archives that are missing."
    if (count := facts.get("pictures")) and len(table) != count:
        yield f"There are {len(table):,} labelled pictures, not {count:,}; unpack what is missing."
    per_subject = facts.get("pictures_per_subject", {})
    if per_subject:
        found = table["subject"].value_counts()
        wanted = {str(s): per_subject.get(str(s), per_subject["default"]) for s in found.index}
        wrong = [f"{s} {found[s]:,} instead of {n:,}" for s, n in sorted(wanted.items()) if found[s] != n]
        if wrong:
            yield f"{len(wrong)} subjects have another number of labelled pictures: {_listed(wrong)}."


def _splits(table: pd.DataFrame, facts: Mapping[str, Any]) -> Iterator[str]:
    if "split" not in table:
        return
    here = table["split"].value_counts()
    for split, count in facts.get("splits", {}).items():
        if (found := int(here.get(split, 0))) != count:
            yield f"The official part `{split}` has {found:,} labelled pictures, not {count:,}."


def _emotions(table: pd.DataFrame, facts: Mapping[str, Any]) -> Iterator[str]:
    if "emotion" not in table:
        return
    here = table["emotion"].value_counts()
    wrong = [
        f"{name} {int(here.get(name, 0)):,} instead of {count:,}"
        for name, count in facts.get("emotions", {}).items()
        if int(here.get(name, 0)) != count
    ]
    if wrong:
        yield f"{len(wrong)} emotions have other counts: {_listed(wrong)}."


def _positives(table: pd.DataFrame, facts: Mapping[str, Any]) -> Iterator[str]:
    """Compare label counts, which mean something only for a complete copy."""
    known = facts.get("positives", {})
    if not known or len(table) != facts.get("pictures"):
        return
    threshold = facts["positives_from"]
    wrong = []
    for au, count in known.items():
        column = au_column(int(au))
        here = int((table[column] >= threshold).sum()) if column in table else 0
        if here != count:
            wrong.append(f"AU {au} {here:,} instead of {count:,}")
    if wrong:
        yield f"{len(wrong)} AUs occur on more or fewer pictures: {_listed(wrong)}; are their files mixed up?"


def _unreadable(table: pd.DataFrame, opened: int) -> list[str]:
    """Open pictures spread over the table, and return what is said of those that cannot be read."""
    rows = np.unique(np.linspace(0, len(table) - 1, min(opened, len(table))).astype(int))
    said = []
    for path in table["path"].iloc[rows]:
        if (sentence := _fails(read_picture, path)) is not None:
            said.append(sentence)
    return said


def _fails(read: Callable[[str], object], path: str) -> str | None:
    try:
        read(path)
    except InputError as error:
        return str(error)
    return None


def _listed(things: list[str], shown: int = 5) -> str:
    more = f" and {len(things) - shown} more" if len(things) > shown else ""
    return ", ".join(things[:shown]) + more
