"""Protocols: functions from an index table to a table with a `split` column, and the labels to train on.

The threshold that turns an intensity into an occurrence belongs here, not to the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.errors import SettingError, TableError
from openau.facs import au_column
from openau.records import Floats

SPLITS = ("train", "validation", "test")
Between = Literal["negative", "mask", "soft"]


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
    if validation < 0 or test < 0 or validation + test >= 1:
        raise SettingError(
            f"The shares {validation} for validation and {test} for test leave nothing to train on."
        )
    subjects = np.array(sorted((table["dataset"] + "/" + table["subject"].astype(str)).unique()))
    counts = [max(1, round(share * len(subjects))) if share > 0 else 0 for share in (validation, test)]
    if sum(counts) >= len(subjects):
        raise SettingError(
            f"There are only {len(subjects)} subjects, too few for three parts without sharing."
        )
    shuffled = np.random.default_rng(seed).permutation(subjects)
    part = dict.fromkeys(shuffled[: counts[0]], "validation")
    part |= dict.fromkeys(shuffled[counts[0] : sum(counts)], "test")
    names = table["dataset"] + "/" + table["subject"].astype(str)
    return table.assign(split=[part.get(name, "train") for name in names])


def given_split(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the split that came with the data.

    Args:
        table: Index table with a `split` column.

    Returns:
        `table`.

    Raises:
        TableError: There is no such column, or it holds something other than train, validation, test.
    """
    if "split" not in table.columns:
        raise TableError("The index has no column 'split'; set data.split to 'subject' in the recipe.")
    unknown = sorted(set(table["split"].astype(str)) - set(SPLITS))
    if unknown:
        raise TableError(f"The index has the split {unknown[0]!r}; use train, validation and test.")
    return table


def leakage(table: pd.DataFrame) -> dict[str, Any]:
    """Report what the parts of a split share.

    Args:
        table: Index table with a `split` column.

    Returns:
        Pictures and subjects per part; subjects and pictures that stand in more than one part.
    """
    subject = table["dataset"] + "/" + table["subject"].astype(str)
    parts = table["split"].groupby(subject).nunique()
    pictures = table["split"].groupby(table["path"]).nunique()
    return {
        "pictures": {name: int((table["split"] == name).sum()) for name in SPLITS},
        "subjects": {name: int(subject[table["split"] == name].nunique()) for name in SPLITS},
        "shared_subjects": sorted(parts.index[parts > 1].tolist()),
        "shared_pictures": sorted(pictures.index[pictures > 1].tolist()),
    }


def intensities(table: pd.DataFrame, aus: Sequence[int]) -> Floats:
    """Return the raw AU values of a table.

    Args:
        table: Index table.
        aus: The A action units wanted, in order.

    Returns:
        (N, A) float32, NaN where unknown; an AU the table does not have is unknown throughout.

    Raises:
        TableError: The table has none of the AUs.
    """
    if not any(au_column(au) in table.columns for au in aus):
        raise TableError(f"The index has none of the AUs {', '.join(map(str, aus))}; choose others.")
    return table.reindex(columns=[au_column(au) for au in aus]).to_numpy(np.float32)


def targets(
    table: pd.DataFrame, aus: Sequence[int], *, threshold: float = 2.0, between: Between = "negative"
) -> Floats:
    """Turn raw AU values into training targets.

    Args:
        table: Index table; values 0–5, NaN unknown.
        aus: The A action units wanted, in order.
        threshold: An AU occurs where its intensity is at least this.
        between: What an intensity above 0 but below the threshold is: `negative` 0, `mask` unknown, `soft`
            a target that rises from 0 to ½.

    Returns:
        (N, A) float32 in 0–1, NaN unknown.

    Raises:
        TableError: The table has none of the AUs.
        SettingError: `threshold` is not above 0, or `between` unknown.
    """
    if threshold <= 0:
        raise SettingError(f"The label threshold is {threshold}; it must be above 0.")
    values = intensities(table, aus)
    occurrence = np.where(np.isnan(values), np.nan, values >= threshold).astype(np.float32)
    weak = (values > 0) & (values < threshold)
    if between == "mask":
        occurrence[weak] = np.nan
    elif between == "soft":
        occurrence[weak] = values[weak] / (2 * threshold)
    elif between != "negative":
        raise SettingError(f"There is no rule {between!r} for weak AUs; choose negative, mask or soft.")
    return occurrence


def base_rates(target: Floats) -> NDArray[np.float64]:
    """Return each AU's share of positives among its known labels.

    Args:
        target: (N, A) in 0–1, NaN unknown.

    Returns:
        (A,), NaN where nothing is known.
    """
    known = ~np.isnan(target)
    count = known.sum(0)
    positive = np.where(known, target >= 0.5, False).sum(0)
    rates = np.full(target.shape[1], np.nan)
    np.divide(positive, count, out=rates, where=count > 0)
    return rates
