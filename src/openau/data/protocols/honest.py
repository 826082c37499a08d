"""Protocols that measure recognition of people never seen: no person trains and tests.

Published numbers on the field's lists mostly come without a validation part: the best epoch was chosen on
the test fold. Here a tenth of the training people is held out to choose by; `validation=0` gives the lists
as they are.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.people import dataset_key, known_people, people, units
from openau.data.protocols.folds import (
    OUT,
    TEST,
    TRAIN,
    Folds,
    drawn_people,
    given_parts,
    hold_out,
    single,
    tested_in_turn,
)
from openau.data.protocols.lists import FOLD_LISTS
from openau.errors import SettingError, TableError
from openau.facs import ACTION_UNITS

_MOST_EXCHANGED = 500
_ROUNDS = 20
_LISTS = MappingProxyType({"disfa": "disfa", "disfaplus": "disfa", "bp4d": "bp4d", "bp4dplus": "bp4dplus"})


def given(table: pd.DataFrame) -> Folds:
    """Keep the split that came with the data.

    Args:
        table: Index table with a `split` column.
    """
    return single("given", table, given_parts(table))


def subject(table: pd.DataFrame, *, seed: int = 0, validation: float = 0.1, test: float = 0.1) -> Folds:
    """Deal people out at random.

    Args:
        table: Index table.
        seed: Decides which.
        validation: Share of the people.
        test: Share of the people.
    """
    parts = drawn_people(table, validation, test, seed)
    return single("subject", table, parts, seed=seed, validation=validation, test=test)


def fold_lists(table: pd.DataFrame, *, seed: int = 0, validation: float = 0.1) -> Folds:
    """Test each of the field's published lists of subjects in turn: three for DISFA and BP4D, four for BP4D+.

    Args:
        table: Index table of one of these datasets.
        seed: Decides who of the training people validates.
        validation: Share of the training people that validate.

    Returns:
        The folds, in the order of the lists' names.

    Raises:
        TableError: The dataset has no lists, or a subject is on none of them.

    Reference:
        DISFA and BP4D: DRML (2016), JAA-Net (2018), ME-GraphAU (2022). BP4D+: FMAE (2024).
    """
    datasets = sorted(set(table["dataset"].astype(str)))
    known = {_LISTS.get(dataset_key(name)) for name in datasets}
    if len(known) != 1 or None in known:
        raise TableError(
            f"There are subject lists for DISFA, BP4D and BP4D+, each alone, not for {', '.join(datasets)}; "
            "use the protocol 'group-kfold'."
        )
    lists = FOLD_LISTS[str(known.pop())]
    part = {name: part for part, names in lists.items() for name in names}
    subjects = table["subject"].astype(str)
    missing = sorted(set(subjects) - set(part))
    if missing:
        raise TableError(f"The subject {missing[0]!r} is on none of the published lists; check the index.")
    return tested_in_turn("fold-lists", table, subjects.map(part).tolist(), validation=validation, seed=seed)


def fera2015(table: pd.DataFrame, *, seed: int = 0, validation: float = 0.1) -> Folds:
    """Train on BP4D's subjects of odd number, test on those of even number.

    Args:
        table: Index table of BP4D.
        seed: Decides who validates.
        validation: Share of the training people that validate.

    Raises:
        TableError: A subject's name has no number.

    Reference:
        Valstar et al. (2015), FERA 2015.
    """
    number = table["subject"].astype(str).str.extract(r"(\d+)$")[0]
    if number.isna().any():
        raise TableError("The protocol 'fera2015' needs subjects such as F001, numbered; check the index.")
    parts = np.where(number.astype(int) % 2 == 0, TEST, TRAIN).astype(np.int8)
    parts = hold_out(table, parts, validation, seed)
    return single("fera2015", table, parts, seed=seed, validation=validation)


def leave_one_subject_out(table: pd.DataFrame, *, seed: int = 0, validation: float = 0.1) -> Folds:
    """Test every person in turn: the protocol of CK+'s authors, and the one for DISFA+'s nine people.

    Args:
        table: Index table.
        seed: Decides who of the others validates.
        validation: Share of the others that validate.

    Raises:
        TableError: Somebody's name is unknown.
    """
    group = known_people(table, "Leaving one subject out").tolist()
    return tested_in_turn("loso", table, group, validation=validation, seed=seed)


def group_kfold(table: pd.DataFrame, *, seed: int = 0, k: int = 5, validation: float = 0.1) -> Folds:
    """Test k groups of people in turn, every AU about equally frequent in each.

    Args:
        table: Index table.
        seed: Decides which.
        k: Number of groups.
        validation: Share of the training people that validate.

    Raises:
        SettingError: There are fewer people than groups.
        TableError: Somebody's name is unknown.
    """
    names = units(table, "Folds without shared subjects").to_numpy(str)
    every, which = np.unique(names, return_inverse=True)
    if not 2 <= k <= len(every):
        raise SettingError(f"{len(every)} subjects cannot be parted into {k} groups; give 2 to {len(every)}.")
    counts = _counts(table, which, len(every))
    group = evened_out(counts, stratified_groups(counts, k, seed), k)[which]
    folds = tested_in_turn(
        "group-kfold", table, [f"{number + 1:02d}" for number in group], validation=validation, seed=seed
    )
    return Folds(folds.protocol, folds.table, folds.parts, folds.names, {**folds.options, "k": k})


def cross_dataset(table: pd.DataFrame, *, seed: int = 0, test: str = "", validation: float = 0.1) -> Folds:
    """Train on some datasets, test on another; people of the test dataset never train.

    Args:
        table: Index table of several datasets.
        seed: Decides who validates.
        test: The dataset to test on; empty to test each in turn.
        validation: Share of the training people that validate.

    Raises:
        SettingError: There is only one dataset, the one named is not there, or all others share its people.
    """
    datasets = table["dataset"].astype(str).to_numpy(str)
    every = sorted(set(datasets.tolist()))
    names = [name for name in every if not test or dataset_key(name) == dataset_key(test)]
    if len(every) < 2 or not names:
        raise SettingError(
            "A cross-dataset protocol needs two datasets and the test's among them; "
            f"there is {', '.join(every)}."
        )
    person = people(table)
    parts = []
    for name in names:
        here = datasets == name
        shared = person.isin(set(person[here].dropna())).to_numpy(bool) & ~here
        codes = np.where(here, TEST, np.where(shared, OUT, TRAIN)).astype(np.int8)
        if not (codes == TRAIN).any():
            raise SettingError(
                f"Everybody in the other datasets is in {name} too: nobody is left to train on."
            )
        parts.append(hold_out(table, codes, validation, seed))
    options: dict[str, object] = {"seed": seed, "test": test, "validation": validation}
    return Folds("cross-dataset", table, np.stack(parts), tuple(names), options)


def stratified_groups(counts: NDArray[np.float64], k: int, seed: int) -> NDArray[np.int64]:
    """Deal groups out to k parts so that every kind of row is about equally frequent in each.

    The groups whose rows are most uneven come first, each to the part where the parts' shares then differ
    least. With the two classes of one label this is scikit-learn's `StratifiedGroupKFold`.

    Args:
        counts: (G, C) rows of each of C kinds in each group; kinds may overlap.
        k: Number of parts.
        seed: Decides the order of groups that are alike.

    Returns:
        (G,) int64, the part of each group.
    """
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-np.std(counts[order], axis=1), kind="stable")]
    total = np.where(counts.sum(0) > 0, counts.sum(0), 1)
    filled = np.zeros((k, counts.shape[1]))
    found = np.zeros(len(counts), np.int64)
    for group in order:
        chosen, least, fewest = 0, np.inf, np.inf
        for part in range(k):
            there = filled.copy()
            there[part] += counts[group]
            spread, rows = float(np.std(there / total, axis=0).mean()), filled[part].sum()
            if spread < least or (np.isclose(spread, least) and rows < fewest):
                chosen, least, fewest = part, spread, rows
        filled[chosen] += counts[group]
        found[group] = chosen
    return found


def evened_out(counts: NDArray[np.float64], parts: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Exchange groups between parts as long as that makes every kind of row more evenly frequent.

    Args:
        counts: (G, C) rows of each of C kinds in each group.
        parts: (G,) int64, the part of each group.
        k: Number of parts.

    Returns:
        (G,) int64, the part of each group; with more than 500 groups as it was, for then it is even already.
    """
    if len(counts) > _MOST_EXCHANGED:
        return parts
    share = counts / np.where(counts.sum(0) > 0, counts.sum(0), 1)
    found = parts.copy()
    filled = np.stack([share[found == part].sum(0) for part in range(k)])
    for _ in range(_ROUNDS):
        before = found.copy()
        for group in range(len(share)):
            others = np.flatnonzero(found != found[group])
            if not len(others):
                return found
            change = share[others] - share[group]
            there = np.repeat(filled[None], len(others), 0)
            there[:, found[group]] += change
            there[np.arange(len(others)), found[others]] -= change
            spread = there.std(1).mean(1)
            best = int(spread.argmin())
            if spread[best] < filled.std(0).mean() - 1e-12:
                filled = there[best]
                found[[group, others[best]]] = found[[others[best], group]]
        if np.array_equal(before, found):
            break
    return found


def _counts(table: pd.DataFrame, which: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """Count each group's positives and negatives of every AU, and its rows."""
    columns = []
    for unit in ACTION_UNITS.values():
        if unit.column in table.columns:
            value = table[unit.column].to_numpy(np.float64, na_value=np.nan)
            top = np.nanmax(value) if not np.isnan(value).all() else 0.0
            positive = value >= (2 if top > 1 else 1)
            columns += [positive, ~positive & ~np.isnan(value)]
    if not columns:
        columns = [np.ones(len(table), bool)]
    counts = np.zeros((groups, len(columns)))
    np.add.at(counts, which, np.stack(columns, 1).astype(np.float64))
    return counts
