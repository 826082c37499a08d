"""Folds: who trains, who validates and who tests, for one run or for several; and the ways to draw them.

Every draw depends on the seed and on what stands in the rows, never on their order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.people import people, units
from openau.errors import InputError, SettingError, TableError

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST, OUT = 0, 1, 2, -1
"""The parts as numbers, in the order of `SPLITS`; `OUT` is in none."""

Codes = NDArray[np.int8]
_SAVED = ("dataset", "subject", "sequence", "frame", "person", "group", "copy", "mirrored")


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """What a protocol decides.

    Attributes:
        protocol: Its name.
        table: N rows: those of the index, by its row labels; a protocol may have added copies of some (`copy`
            above 0, drawn from the same picture under the same row label; `mirrored` where it is the mirror
            image).
        parts: (F, N) int8: for each of the F folds 0 training, 1 validation, 2 test, -1 left out.
        names: What to call each fold.
        options: What was chosen, seed and all.
    """

    protocol: str
    table: pd.DataFrame
    parts: Codes
    names: tuple[str, ...]
    options: dict[str, object]

    def __post_init__(self) -> None:
        """Refuse parts that do not fit the table."""
        if self.parts.shape != (len(self.names), len(self.table)):
            raise SettingError(
                f"{len(self.names)} folds of {len(self.table)} pictures cannot have parts of shape "
                f"{self.parts.shape}."
            )

    def __len__(self) -> int:
        return len(self.names)

    def split(self, fold: int = 0) -> pd.DataFrame:
        """Return one fold's rows with the column `split`; what it leaves out is not there.

        Args:
            fold: Its number, from 0.

        Raises:
            SettingError: There is no such fold.
        """
        if not 0 <= fold < len(self):
            raise SettingError(
                f"The protocol {self.protocol} has the folds 0 to {len(self) - 1}, not {fold}."
            )
        codes = self.parts[fold]
        here: pd.DataFrame = self.table.assign(split=np.array([*SPLITS, ""])[codes])[codes != OUT]
        return here

    def save(self, path: Path, *, fold: int | None = None) -> None:
        """Write the folds as Parquet: one row per picture, one column `split_<name>` per fold.

        Args:
            path: Target file; replaced as a whole.
            fold: Number of the fold that is also written as the column `split`.
        """
        kept = [name for name in _SAVED if name in self.table.columns]
        saved = self.table[["path", *kept]].rename(columns={"path": "sample"})
        saved.insert(0, "row", self.table.index)
        for name, codes in zip(self.names, self.parts, strict=True):
            saved[f"split_{name}"] = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(SPLITS)))
        if fold is not None:
            saved["split"] = saved[f"split_{self.names[fold]}"]
        saved.attrs = {"protocol": self.protocol, "options": json.dumps(self.options)}
        part = path.with_name(f".{path.name}.part")
        saved.to_parquet(part, index=False)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Folds:
        """Read folds that `save` wrote.

        Args:
            path: The file.

        Raises:
            InputError: It is missing, or holds no folds.
        """
        try:
            saved = pd.read_parquet(path)
            protocol, options = saved.attrs["protocol"], json.loads(saved.attrs["options"])
            names = [name for name in saved.columns if name.startswith("split_")]
            codes = [pd.Categorical(saved[name], categories=list(SPLITS)).codes for name in names]
            table = saved.drop(columns=[*names, "split"], errors="ignore").rename(columns={"sample": "path"})
            table = table.set_index("row")
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} holds no folds ({error}); make them again.") from error
        table.index.name = None
        parts = np.array(codes, np.int8)
        return cls(protocol, table, parts, tuple(name.removeprefix("split_") for name in names), options)


def single(protocol: str, table: pd.DataFrame, parts: Codes, **options: object) -> Folds:
    """Return folds of a protocol that has only one.

    Args:
        protocol: Its name.
        table: Index table.
        parts: (N,) int8.
        **options: What was chosen.
    """
    return Folds(protocol, table, parts[None], ("1",), options)


def check_shares(validation: float, test: float) -> None:
    """Refuse shares that leave nothing to train on.

    Args:
        validation: Share 0–1.
        test: Share 0–1.

    Raises:
        SettingError: They are negative, or add up to 1 or more.
    """
    if validation < 0 or test < 0 or validation + test >= 1:
        raise SettingError(
            f"The shares {validation} for validation and {test} for test leave nothing to train on."
        )


def drawn_pictures(table: pd.DataFrame, validation: float, test: float, seed: int) -> Codes:
    """Deal pictures out at random, whoever is on them: how papers leak.

    Args:
        table: Index table.
        validation: Share of the pictures.
        test: Share of the pictures.
        seed: Decides which.

    Returns:
        (N,) int8 parts.
    """
    check_shares(validation, test)
    drawn = np.random.default_rng(seed).permutation(row_order(table))
    first, second = round(validation * len(table)), round((validation + test) * len(table))
    parts = np.zeros(len(table), np.int8)
    parts[drawn[:first]] = VALIDATION
    parts[drawn[first:second]] = TEST
    return parts


def drawn_people(table: pd.DataFrame, validation: float, test: float, seed: int) -> Codes:
    """Deal people out at random, each with all their pictures.

    Args:
        table: Index table.
        validation: Share of the people; at least one where above 0.
        test: Share of the people; at least one where above 0.
        seed: Decides which.

    Returns:
        (N,) int8 parts.

    Raises:
        SettingError: There are fewer people than parts.
    """
    check_shares(validation, test)
    names = units(table, "A split without shared subjects").to_numpy(str)
    every = np.unique(names)
    counts = [max(1, round(share * len(every))) if share > 0 else 0 for share in (validation, test)]
    if sum(counts) >= len(every):
        raise SettingError(f"There are only {len(every)} subjects, too few for three parts without sharing.")
    shuffled = np.random.default_rng(seed).permutation(every)
    parts = np.zeros(len(table), np.int8)
    parts[np.isin(names, shuffled[: counts[0]])] = VALIDATION
    parts[np.isin(names, shuffled[counts[0] : sum(counts)])] = TEST
    return parts


def hold_out(table: pd.DataFrame, parts: Codes, share: float, seed: int) -> Codes:
    """Move a share of the training people to validation, so that the test part chooses nothing.

    Where nobody says who is on a picture, sequences or else pictures are moved.

    Args:
        table: Index table.
        parts: (N,) int8 parts.
        share: Share of the training people, 0 for no validation.
        seed: Decides which.

    Returns:
        (N,) int8 parts.

    Raises:
        SettingError: The share is outside 0–1, or leaves nothing to train on.
    """
    check_shares(share, 0)
    training = np.flatnonzero(parts == TRAIN)
    if share == 0 or len(training) == 0:
        return parts
    if people(table).notna().all():
        group = units(table, "Validation").to_numpy(str)[training]
    else:
        group = people(table).fillna(table["path"].astype("string")).to_numpy(str)[training]
    every = np.unique(group)
    count = max(1, round(share * len(every)))
    if count >= len(every):
        raise SettingError(
            f"Validation on {share} of {len(every)} training subjects leaves none to train on."
        )
    chosen = np.random.default_rng((seed, 1)).permutation(every)[:count]
    found = parts.copy()
    found[training[np.isin(group, chosen)]] = VALIDATION
    return found


def tested_in_turn(
    protocol: str, table: pd.DataFrame, group: Sequence[str], *, validation: float, seed: int
) -> Folds:
    """Make one fold per group: it tests, all others train; then validation is held out.

    Args:
        protocol: Its name.
        table: Index table of N rows.
        group: N names; the folds in the order of these.
        validation: Share of the training people that validate.
        seed: Decides which.

    Returns:
        The folds.

    Raises:
        SettingError: There are fewer than two groups.
    """
    of_row = np.asarray(group, str)
    names = sorted(set(of_row.tolist()))
    if len(names) < 2:
        raise SettingError(f"The protocol {protocol} needs at least two groups, and there is {len(names)}.")
    parts = np.stack([
        hold_out(table, np.where(of_row == name, TEST, TRAIN).astype(np.int8), validation, seed)
        for name in names
    ])  # fmt: skip
    return Folds(protocol, table, parts, tuple(names), {"seed": seed, "validation": validation})


def given_parts(table: pd.DataFrame) -> Codes:
    """Read the split that came with the data.

    Args:
        table: Index table with a `split` column.

    Returns:
        (N,) int8 parts.

    Raises:
        TableError: There is no such column, or it holds something other than train, validation, test.
    """
    if "split" not in table.columns:
        raise TableError("The index has no column 'split'; choose another protocol than 'given'.")
    split = table["split"].astype(str)
    unknown = sorted(set(split) - set(SPLITS))
    if unknown:
        raise TableError(f"The index has the split {unknown[0]!r}; use train, validation and test.")
    return np.array([SPLITS.index(name) for name in split], np.int8)


def row_order(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the (N,) positions of a table's rows in an order that does not depend on theirs."""
    names = [
        name for name in ("dataset", "subject", "sequence", "frame", "path", "copy") if name in table.columns
    ]
    keys = table[names].reset_index(drop=True)
    texts = [name for name in names if name not in ("frame", "copy")]
    keys[texts] = keys[texts].astype("string").fillna("")
    return keys.sort_values(names, kind="stable").index.to_numpy(np.int64)
