"""Protocols: functions from an index table to folds. The papers' own, and honest ones, side by side.

Each comes with a leakage report (`openau.data.leakage`); a split of random pictures carries a loud banner
in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pandas as pd

from openau.data.protocols import honest, papers
from openau.data.protocols.folds import SPLITS, Folds
from openau.errors import SettingError

__all__ = ["PROTOCOLS", "SPLITS", "TWINS", "Folds", "build_folds", "subject_split"]

Protocol = Callable[..., Folds]

PROTOCOLS: dict[str, Protocol] = {
    "given": honest.given,
    "subject": honest.subject,
    "fold-lists": honest.fold_lists,
    "fera2015": honest.fera2015,
    "loso": honest.leave_one_subject_out,
    "group-kfold": honest.group_kfold,
    "cross-dataset": honest.cross_dataset,
    "minority": papers.minority,
    "moreno2024": papers.moreno2024,
    "moreno2024-augment-first": papers.moreno2024_augment_first,
    "moreno2024-split-first": papers.moreno2024_split_first,
    "moreno2024-subject": papers.moreno2024_subject,
    "deramgozin2023": papers.deramgozin2023,
    "deramgozin2023-subject": papers.deramgozin2023_subject,
    "wang2019": papers.wang2019,
    "wang2019-subject": papers.wang2019_subject,
    "wang2019-ckplus": papers.wang2019_ckplus,
    "masur2023": papers.masur2023,
}
"""Protocols by name: table and options to folds."""

TWINS = {
    "moreno2024": "moreno2024-subject",
    "moreno2024-augment-first": "moreno2024-subject",
    "moreno2024-split-first": "moreno2024-subject",
    "deramgozin2023": "deramgozin2023-subject",
    "wang2019": "wang2019-subject",
    "wang2019-ckplus": "loso",
}
"""Protocols that part pictures, not people, and the honest one to use instead."""


def build_folds(name: str, table: pd.DataFrame, **options: object) -> Folds:
    """Apply a protocol.

    Args:
        name: A key of `PROTOCOLS`.
        table: Index table, its row labels unique.
        **options: The protocol's own, for instance `seed`, `validation`, `test`, `k`.

    Returns:
        The folds.

    Raises:
        SettingError: No protocol has this name, or it has no such option, or a value is out of range.
        TableError: The table lacks what the protocol needs.
    """
    if name not in PROTOCOLS:
        raise SettingError(f"There is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}.")
    protocol = PROTOCOLS[name]
    known = [option for option in inspect.signature(protocol).parameters if option != "table"]
    for option in options:
        if option not in known:
            raise SettingError(
                f"The protocol {name!r} has no option {option!r}; it takes {', '.join(known) or 'none'}."
            )
    return protocol(table, **options)


def subject_split(
    table: pd.DataFrame, *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> pd.DataFrame:
    """Give every subject, with all its pictures, to training, validation or test.

    The same table and seed give the same split, whatever the rows' order.

    Args:
        table: Index table.
        validation: Share of the subjects for validation, 0–1.
        test: Share of the subjects for test, 0–1.
        seed: Decides which.

    Returns:
        A copy with the column `split`: `train`, `validation` or `test`.

    Raises:
        SettingError: The shares leave nothing to train on, or there are fewer subjects than parts.
    """
    return honest.subject(table, validation=validation, test=test, seed=seed).split()
