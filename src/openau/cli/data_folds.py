"""`openau data folds`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from openau.cli.command import Command
from openau.cli.options import Flag, Name, Place, Required
from openau.errors import OutputError, SettingError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from openau.data import Folds as DataFolds
    from openau.data import LeakageReport


@dataclass(frozen=True)
class Folds(Command):
    """Deal a dataset's pictures out to training, validation and test, and say what the parts share.

    Attributes:
        table: An index, `.csv` or `.parquet`, or a crop store.
        protocol: Who trains and who tests, as `docs/protocols.md` names it.
        rule: The label rule, which also says which pictures are left out; none leaves out none.
        options: The protocol's own options, for instance `seed=1 test=0.2`.
        near_duplicates: Look for faces that look the same in training and test, too; needs a crop store.
        out: Where to write the folds, `.parquet`.
    """

    table: Required
    protocol: Name = "subject"
    rule: Name = ""
    options: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="")] = ()
    near_duplicates: Flag = False
    out: Place = None

    def run(self) -> int:
        """Print the leakage report of each fold, or of the worst where there are many.

        Raises:
            OutputError: The table to write exists already, or has another ending.
            SettingError: Faces are to be compared, and there are no crops.
        """
        from openau.data import build_folds, label_rule, leakage, select_rows

        if self.out is not None and (self.out.suffix != ".parquet" or self.out.exists()):
            raise OutputError(f"{self.out} exists already or is no .parquet; give another file.")
        options = dict(map(_option, self.options))
        table = _read(self.table)
        hashes = _hashes(self.table) if self.near_duplicates else None
        if self.rule:
            table, left_out = select_rows(table, label_rule(self.rule))
            for reason, count in left_out.items():
                print(f"{count} pictures left out: {reason}")
        folds = build_folds(self.protocol, table, **options)
        splits = map(folds.split, range(len(folds)))
        reports = [
            leakage(split, hashes=None if hashes is None else hashes[split.index.to_numpy()])
            for split in splits
        ]
        _tell(folds, reports)
        if self.out is not None:
            folds.save(self.out)
            print(self.out)
        return 0


_MOST_TOLD = 5


def _tell(folds: DataFolds, reports: list[LeakageReport]) -> None:
    """Print every report, or how many are clean and the worst of them."""
    chosen = list(range(len(reports)))
    if len(reports) > _MOST_TOLD:
        clean = sum(report.is_clean for report in reports)
        worst = max(chosen, key=lambda fold: reports[fold].judged[1].pictures_of_known_people)
        print(f"{len(reports)} folds, {clean} of them share nobody and nothing. The one that shares most:")
        chosen = [worst]
    for fold in chosen:
        if len(reports) > 1:
            print(f"Fold {folds.names[fold]}:")
        for line in reports[fold].lines():
            print(line)


def _option(text: str) -> tuple[str, Any]:
    """Return one option's name and value, the value as in TOML, where a word needs no quotation marks."""
    name, sign, value = text.partition("=")
    if not sign:
        raise SettingError(f"{text!r} is no option of a protocol; write NAME=VALUE.")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


def _read(path: Path) -> pd.DataFrame:
    """Read an index, or the index of a crop store."""
    from openau.data import CropStore
    from openau.data.tables import read_index

    return CropStore.open(path).table if path.is_dir() else read_index(path)


def _hashes(path: Path) -> NDArray[np.uint64]:
    """Return the hash of every crop of a store, (N, 4)."""
    from openau.data import CropStore
    from openau.data.lookalike import difference_hashes

    if not path.is_dir():
        raise SettingError(f"{path} is a table: only a crop store has faces to compare. Prepare one first.")
    store = CropStore.open(path)
    return difference_hashes(store.crops, len(store.table))
