"""From a recipe and crop stores to what trains: labels, parts, and what the parts share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.dataset import Crops
from openau.data.labels import Between, LabelRule, label_rule
from openau.data.leakage import LeakageReport, leakage
from openau.data.lookalike import difference_hashes
from openau.data.protocols import SPLITS, TWINS, Folds, build_folds
from openau.data.union import select_union, union_targets
from openau.errors import SettingError
from openau.facs import au_column
from openau.records import Floats
from openau.train.config import Recipe

Rows = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Who trains, validates and tests.

    Attributes:
        crops: The stores by the protocol's rows.
        rows: Part to the numbers of its rows in `crops.table`.
        folds: All folds of the protocol.
        report: What the parts share.
        left_out: Reason to the number of pictures that the label rules leave out.
    """

    crops: Crops
    rows: Rows
    folds: Folds
    report: LeakageReport
    left_out: dict[str, int]

    def lines(self, recipe: Recipe) -> list[str]:
        """Return what a person should read before training: the leakage report, and what is wrong by choice.

        Args:
            recipe: What was asked for.
        """
        found = self.report.lines()
        if self.folds.protocol in TWINS:
            found.append(
                f"The protocol {self.folds.protocol} parts pictures, not people; "
                f"its honest twin is {TWINS[self.folds.protocol]}."
            )
        for name in named_rules(recipe):
            rule = label_rule(name)
            if rule.note:
                instead = f" The rule to use instead: {rule.corrected_by}." if rule.corrected_by else ""
                found.append(f"Label rule {name}: {rule.note}{instead}")
        return found


def labelled(table: pd.DataFrame, recipe: Recipe, *, between: Between | None = None) -> Floats:
    """Return the targets of some rows by the recipe's label rules.

    Args:
        table: Rows of the index table.
        recipe: Names the rules.
        between: What weak AUs are, in place of what the recipe says.

    Returns:
        (N, A) in 0–1, NaN unknown; all of it where no AU is known and none is taught.

    Raises:
        SettingError: A rule has no such name.
        TableError: None of the recipe's AUs is known, though they are taught.
    """
    taught = {"aus", "edges"} & set(recipe.loss.tasks)
    if not taught and not any(au_column(au) in table.columns for au in recipe.action_units):
        return np.full((len(table), len(recipe.action_units)), np.nan, np.float32)
    rules, otherwise = label_rules(recipe)
    if between is not None:
        rules = {name: replace(rule, between=between) for name, rule in rules.items()}
        otherwise = replace(otherwise, between=between)
    return union_targets(table, recipe.action_units, rules, otherwise)


def named_rules(recipe: Recipe) -> list[str]:
    """Return the names of the recipe's label rules, each once."""
    names = [recipe.labels.rule, *map(str, recipe.labels.rules.values())]
    return list(dict.fromkeys(name for name in names if name))


def label_rules(recipe: Recipe) -> tuple[dict[str, LabelRule], LabelRule]:
    """Return each dataset's label rule, and that of all others.

    Raises:
        SettingError: A rule has no such name, or the threshold is not above 0.
    """
    settings = recipe.labels
    if settings.threshold <= 0:
        raise SettingError(f"The recipe's labels.threshold is {settings.threshold}; it must be above 0.")
    plain = LabelRule(recipe.action_units, settings.threshold, between=settings.between)
    otherwise = label_rule(settings.rule) if settings.rule else plain
    return {name: label_rule(str(rule)) for name, rule in settings.rules.items()}, otherwise


def arrange(crops: Crops, recipe: Recipe) -> Arrangement:
    """Apply the recipe's label rules and its protocol.

    Args:
        crops: The stores.
        recipe: Says how to label and how to split.

    Returns:
        The crops by the protocol's rows, who is in which part, and what the parts share.

    Raises:
        SettingError: Nothing is left to train on, or the recipe names a rule, protocol, option or fold that
            is not there.
        TableError: The index lacks what the label rule or the protocol needs.
    """
    settings = recipe.data
    table, left_out = select_union(crops.table, *label_rules(recipe))
    options = {name: value for name, value in settings.options.items() if name != "seed"}
    if settings.split == "subject":
        options = {"validation": settings.validation, "test": settings.test, **options}
    if settings.split != "given":
        options = {"seed": settings.options.get("seed", recipe.seed), **options}
    folds = build_folds(settings.split, table, **options)
    chosen = folds.split(settings.fold)
    arranged = crops.arranged(chosen.drop(columns="split"), seed=recipe.seed)
    report = leakage(chosen, hashes=_hashes(arranged) if settings.near_duplicates else None)
    split = chosen["split"].to_numpy(str)
    rows = {name: np.flatnonzero(split == name) for name in SPLITS}
    if not len(rows["train"]):
        raise SettingError("The split leaves no picture to train on; change data.split in the recipe.")
    return Arrangement(arranged, rows, folds, report, left_out)


def _hashes(crops: Crops) -> NDArray[np.uint64]:
    """Return the hash of every crop as the network sees it, (N, 4)."""
    border = (crops.side - crops.spec.size) // 2
    inside = slice(border, border + crops.spec.size)
    return difference_hashes(lambda rows: crops.wide(rows)[:, inside, inside], len(crops.table))
