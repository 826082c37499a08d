"""Several datasets as one training set: each with its own label rule, its own AUs, and NaN for the rest.

An AU that a dataset did not code is unknown on all its pictures, so it neither rewards nor punishes the
network there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from openau.data.labels import LabelRule, base_rates, rule_targets, select_rows
from openau.data.people import dataset_key
from openau.errors import SettingError, TableError
from openau.facs import au_column
from openau.records import Floats


def rule_of(rules: Mapping[str, LabelRule], dataset: str, otherwise: LabelRule | None = None) -> LabelRule:
    """Return a dataset's label rule, however its name is spelled.

    Args:
        rules: Dataset to rule.
        dataset: The dataset.
        otherwise: The rule of datasets that are not in `rules`.

    Raises:
        SettingError: It has none.
    """
    for name, rule in rules.items():
        if dataset_key(name) == dataset_key(dataset):
            return rule
    if otherwise is None:
        raise SettingError(f"There is no label rule for the dataset {dataset!r}; name one.")
    return otherwise


def select_union(
    table: pd.DataFrame, rules: Mapping[str, LabelRule], otherwise: LabelRule | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out the pictures that each dataset's rule leaves out.

    Args:
        table: Joined index table; its row labels are unique.
        rules: Dataset to rule.
        otherwise: The rule of datasets that are not in `rules`.

    Returns:
        The kept rows, in their order; how many were left out, by `dataset: reason`.

    Raises:
        SettingError: A dataset has no rule.
        TableError: Nothing is left.
    """
    kept: list[pd.Index] = []
    left_out: dict[str, int] = {}
    for dataset, part in table.groupby("dataset", sort=True):
        rows, reasons = select_rows(part, rule_of(rules, str(dataset), otherwise))
        kept.append(rows.index)
        left_out |= {f"{dataset}: {reason}": count for reason, count in reasons.items()}
    chosen = table[table.index.isin(np.concatenate(kept))]
    if chosen.empty:
        raise TableError("The label rules leave no picture; choose others.")
    return chosen, left_out


def union_targets(
    table: pd.DataFrame,
    aus: Sequence[int],
    rules: Mapping[str, LabelRule],
    otherwise: LabelRule | None = None,
) -> Floats:
    """Return the targets of joined datasets.

    Args:
        table: Joined index table of N rows.
        aus: The A action units wanted, in order.
        rules: Dataset to rule.
        otherwise: The rule of datasets that are not in `rules`.

    Returns:
        (N, A) float32 in 0–1; NaN where unknown, also for every AU that the row's dataset does not have.

    Raises:
        SettingError: A dataset has no rule.
        TableError: No dataset has any of the AUs.
    """
    found = np.full((len(table), len(aus)), np.nan, np.float32)
    names = table["dataset"].astype(str).to_numpy(str)
    for dataset in np.unique(names):
        here = names == dataset
        rule = rule_of(rules, dataset, otherwise)
        part = table[here]
        if rule.labels_from == "aus" and not any(au_column(au) in part.columns for au in aus):
            continue
        found[here] = rule_targets(part, rule, aus)
    if len(table) and np.isnan(found).all():
        raise TableError(
            f"None of the AUs {', '.join(map(str, aus))} is known on any picture; choose others."
        )
    return found


def known_counts(table: pd.DataFrame, aus: Sequence[int], target: Floats) -> pd.DataFrame:
    """Count what each dataset knows.

    Args:
        table: Joined index table of N rows.
        aus: The A action units.
        target: (N, A) in 0–1, NaN unknown.

    Returns:
        One row per dataset and AU: `dataset, au, known, positive, base_rate`.
    """
    names = table["dataset"].astype(str).to_numpy(str)
    rows = []
    for dataset in np.unique(names):
        part = target[names == dataset]
        rates = base_rates(part)
        for number, au in enumerate(aus):
            known = ~np.isnan(part[:, number])
            rows.append(
                {
                    "dataset": str(dataset),
                    "au": au,
                    "known": int(known.sum()),
                    "positive": int((part[known, number] >= 0.5).sum()),
                    "base_rate": float(rates[number]),
                }
            )
    return pd.DataFrame(rows)
