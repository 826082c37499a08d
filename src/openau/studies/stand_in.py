"""Rendered faces in a dataset's place: AUs, or emotions, as frequent as the dataset is said to have them.

Faces are chosen from a pool, never made to order, so that a study needs no renderer. The page prints wanted
and found shares beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.index import au_columns
from openau.errors import SettingError
from openau.facs import EMOTIONS, au_column
from openau.studies.study import StandIn

_RIDGE = 1e-2
_STEPS = 60


def stand_in(
    pool: pd.DataFrame,
    how: StandIn,
    name: str,
    *,
    pictures: int,
    rarest: float = 0.0,
    people: range = range(0),
    seed: int = 0,
) -> pd.DataFrame:
    """Choose rendered faces that take a dataset's place.

    Args:
        pool: Index table of rendered faces.
        how: What to choose by.
        name: The dataset's name, which the chosen rows get, marked as synthetic.
        pictures: Most pictures; 0 for as many as the shares allow.
        rarest: Largest N:P of an AU; 0 for the dataset's own.
        people: Numbers of the people, in an order that the seed draws; none for all, as for a crowd. After
            the last comes the first again.
        seed: Decides which.

    Returns:
        Rows of the pool with `dataset` `NAME (synthetic)`, AU columns on the dataset's scale.

    Raises:
        SettingError: The pool shows an AU or emotion never at all.
    """
    if people and not how.crowd:
        pool = _of_few(pool, people, seed)
    if how.emotions:
        chosen = _by_emotion(pool, how.emotions, pictures, seed)
    elif how.rates:
        rates = softened(how.rates, rarest)
        shown = np.stack([pool[au_column(au)].to_numpy() >= how.threshold for au in rates], 1)
        if how.only_with_au:
            kept = shown.any(1) & (_emotions(pool) != "neutral")
            pool, shown = pool[kept], shown[kept]
        wanted = np.array(list(rates.values()))
        count = min(pictures or len(pool) // 2, len(pool))
        chosen = np.sort(match_rates(shown, wanted, count, seed))
    else:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(pool))[: pictures or None])
    table = pool.iloc[chosen].reset_index(drop=True).assign(dataset=f"{name} (synthetic)")
    if how.scale == "occurrence":
        columns = au_columns(table)
        table[columns] = (table[columns] >= how.threshold).astype(np.float32)
        table["au_scale"] = "occurrence"
    return table


def softened(rates: Mapping[int, float], rarest: float) -> dict[int, float]:
    """Return shares of AUs in which none has more negatives per positive than wanted.

    Args:
        rates: AU to its share, 0–1.
        rarest: Largest N:P; 0 for no limit.
    """
    least = 1 / (1 + rarest) if rarest else 0.0
    return {au: max(rate, least) for au, rate in rates.items()}


def match_rates(
    shown: NDArray[np.bool_], rates: NDArray[np.float64], count: int, seed: int
) -> NDArray[np.int64]:
    """Choose rows so that each column is true as often as wanted, as nearly as the rows allow.

    Rows are drawn with the probabilities of largest entropy that have the wanted expectations: the logistic
    function of a constant and one weight per column, found by Newton's method on their convex dual. A little
    ridge keeps a wish that cannot be had from spoiling the others.

    Args:
        shown: (N, A) whether a row shows an AU.
        rates: (A,) wanted shares, 0–1.
        count: How many rows, at most N.
        seed: Decides which.

    Returns:
        (count,) int64 row numbers, each once.

    Raises:
        SettingError: A column is never true, or fewer rows are there than wanted.
    """
    if count > len(shown):
        raise SettingError(f"{count} faces were asked for, and there are {len(shown)}; render more.")
    if not shown.any(0).all():
        raise SettingError("An AU of the study never shows among the rendered faces; render others.")
    x = np.column_stack([np.ones(len(shown)), shown]).astype(np.float64)
    target = count * np.concatenate([[1.0], rates])
    weight = np.zeros(x.shape[1])
    penalty = np.full(len(weight), _RIDGE * count)
    penalty[0] = 1e-9
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ weight, -30, 30)))
        slope = x.T @ chance + penalty * weight - target
        bend = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty + 1e-9)
        weight -= np.clip(np.linalg.solve(bend, slope), -2, 2)
    chance = 1 / (1 + np.exp(-np.clip(x @ weight, -30, 30)))
    # Systematic sampling: each row's chance is kept, and their sum is the count.
    order = np.random.default_rng(seed).permutation(len(shown))
    ends = np.cumsum(chance[order] * (count / chance.sum()))
    marks = np.arange(count) + 0.5
    drawn = order[np.minimum(np.searchsorted(ends, marks), len(order) - 1)]
    fresh = np.unique(drawn)
    spare = np.setdiff1d(order, fresh)[: count - len(fresh)]
    return np.concatenate([fresh, spare]).astype(np.int64)


def shares(table: pd.DataFrame, how: StandIn, rarest: float = 0.0) -> pd.DataFrame:
    """Return wanted and found shares.

    Args:
        table: What `stand_in` returned.
        how: What it was chosen by.
        rarest: As `stand_in` took it.

    Returns:
        One row per AU or emotion: `name, dataset` (its share there), `wanted`, `found`.
    """
    if how.emotions:
        total = sum(how.emotions.values())
        found = table["emotion"].value_counts(normalize=True)
        rows = [
            (name, count / total, count / total, found.get(name, 0.0)) for name, count in how.emotions.items()
        ]
    else:
        least = 1.0 if how.scale == "occurrence" else how.threshold
        wanted = softened(how.rates, rarest)
        rows = [
            (au_column(au), rate, wanted[au], float((table[au_column(au)] >= least).mean()))
            for au, rate in how.rates.items()
        ]
    return pd.DataFrame(rows, columns=["name", "dataset", "wanted", "found"])


def _of_few(pool: pd.DataFrame, people: range, seed: int) -> pd.DataFrame:
    """Return all rows of some people."""
    names = np.random.default_rng(seed).permutation(np.sort(pool["subject"].astype(str).unique()))
    kept = names.take(people[: len(names)], mode="wrap")
    return pool[pool["subject"].astype(str).isin(kept)].reset_index(drop=True)


def _by_emotion(
    pool: pd.DataFrame, emotions: Mapping[str, int], pictures: int, seed: int
) -> NDArray[np.int64]:
    """Choose rows by emotion in the wanted proportion; one that runs out limits none of the others."""
    random = np.random.default_rng(seed)
    own = _emotions(pool)
    unknown = [name for name in emotions if name not in EMOTIONS or not (own == name).any()]
    if unknown:
        raise SettingError(f"The rendered faces show no {unknown[0]}; render others.")
    total = sum(emotions.values())
    there = {name: int((own == name).sum()) for name in emotions}
    most = pictures or int(max(there[name] * total / emotions[name] for name in emotions))
    rows = [
        random.permutation(np.flatnonzero(own == name))[: max(1, round(most * emotions[name] / total))]
        for name in emotions
    ]
    return np.sort(np.concatenate(rows)).astype(np.int64)


def _emotions(pool: pd.DataFrame) -> NDArray[np.object_]:
    """Return each row's emotion; empty where it has none."""
    if "emotion" not in pool.columns:
        return np.full(len(pool), "", object)
    return pool["emotion"].fillna("").astype(str).to_numpy(object)
