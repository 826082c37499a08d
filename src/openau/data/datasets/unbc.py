"""UNBC-McMaster shoulder pain expression archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, read_numbers
from openau.data.datasets.record import Dataset
from openau.errors import TableError
from openau.facs import au_column

TITLE = "UNBC"
AUS = (4, 6, 7, 9, 10, 12, 20, 25, 26, 43)
"""The AUs that are coded throughout; some sequences also have 27 and 50."""


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the AUs of every frame, and check them against the pain score that is made of them.

    Args:
        root: The folder with `Images` and `Frame_Labels`.
        notes: Takes what differs.

    Returns:
        One row per frame with a FACS file and a picture; `pspi` is the published pain score.
    """
    labels = tree.need(root, TITLE, "Frame_Labels")
    facs = tree.need(labels, TITLE, "FACS")
    pain = tree.find(labels, "PSPI")
    images = tree.need(root, TITLE, "Images")
    rows: list[dict[str, object]] = []
    lost: list[str] = []
    extra: list[str] = []
    for subject, place in tree.folders(facs).items():
        for name, folder in tree.folders(place).items():
            pictures = tree.numbered(_inner(images, subject, name) or facs / name / "none")
            files = _labels(folder)
            scores = _labels(_inner(pain, subject, name)) if pain else {}
            lost += [f"{name} frame {n}" for n in sorted(files) if n not in pictures]
            extra += [f"{name} frame {n}" for n in sorted(set(pictures) - set(files))]
            for frame in sorted(set(files) & set(pictures)):
                row = {"subject": subject, "sequence": name, "frame": frame, "path": pictures[frame]}
                row |= _action_units(Path(files[frame]))
                if frame in scores:
                    row["pspi"] = _score(Path(scores[frame]))
                rows.append(row)
    notes.differs("{n} labelled frames have no picture and are left out; unpack the pictures.", lost)
    notes.differs("{n} pictures have no FACS file and are left out.", extra)
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    listed = [column for column in table.columns if column.startswith("AU")]
    columns = sorted({*listed, *(au_column(au) for au in AUS)})
    values = table.reindex(columns=columns).fillna(0.0).replace(-1.0, np.nan)
    table = pd.concat([table.drop(columns=listed), values], axis=1)
    _check_pain(table, notes)
    return table


def pspi(table: pd.DataFrame) -> pd.Series:
    """Return Prkachin and Solomon's pain score of every row: AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43.

    Args:
        table: With these AU columns.

    Returns:
        0-16, NaN where an AU is unknown.

    Reference:
        Prkachin and Solomon (2008), Pain 139.
    """
    lids = table[["AU06", "AU07"]].max(axis=1, skipna=False)
    nose = table[["AU09", "AU10"]].max(axis=1, skipna=False)
    return table["AU04"] + lids + nose + table["AU43"]


def _check_pain(table: pd.DataFrame, notes: Notes) -> None:
    if "pspi" not in table:
        notes.differs("There are no PSPI files, so the AUs are not checked against the pain score.")
        return
    found = pspi(table)
    wrong = table[(found != table["pspi"]) & found.notna() & table["pspi"].notna()]
    notes.differs(
        "{n} frames have AUs that do not add up to their pain score (PSPI); copy Frame_Labels anew.",
        [f"{row.sequence} frame {row.frame}" for row in wrong.itertuples()],
    )


def _action_units(file: Path) -> dict[str, float]:
    """Return the AUs that are present; -1 stands for one whose intensity is not given."""
    values = read_numbers(file, 4) if file.stat().st_size else np.empty((0, 4))
    check_codes(values[:, 0], range(1, 100), file, "the number of an AU")
    check_codes(values[:, 1], range(6), file, "an intensity")
    return {
        au_column(int(au)): (max(strength, 1.0) if au == 43 else strength if strength > 0 else -1.0)
        for au, strength in values[:, :2]
    }


def _score(file: Path) -> float:
    values = read_numbers(file, 1)[:, 0]
    check_codes(values, range(17), file, "the pain score")
    if len(values) != 1:
        raise TableError(f"{file} has {len(values)} pain scores, not one; copy it anew.")
    return float(values[0])


def _labels(folder: Path | None) -> dict[int, str]:
    """Return `ib109t1aeaff001_facs.txt` by its frame, 1."""
    return {} if folder is None else tree.numbered(folder, (".txt",))


def _inner(place: Path | None, subject: str, name: str) -> Path | None:
    """Return the folder of a sequence, where it is there."""
    found = place and tree.find(place, subject)
    return found and tree.find(found, name)


UNBC = Dataset(
    name="unbc",
    title="UNBC",
    content="UNBC-McMaster: 25 people with shoulder pain move their arm: 200 sequences, 48,398 frames, AUs "
    "and a pain score each.",
    access="No longer given out; unofficial copies carry no right to use them.",
    licence="Research only.",
    reference="Lucey, Cohn, Prkachin, Solomon, Matthews (2011). Painful data: The UNBC-McMaster shoulder "
    "pain "
    "expression archive database. FG.",
    tree="""Images/109-ib109/ib109t1aeaff/ib109t1aeaff001.png
Frame_Labels/FACS/109-ib109/ib109t1aeaff/ib109t1aeaff001_facs.txt     lines: AU, intensity, two other numbers
Frame_Labels/PSPI/109-ib109/ib109t1aeaff/ib109t1aeaff001_facs.txt     one number 0-16""",
    codes="A listed AU is present with intensity 1-5, AU 43 with 1; AUs that are not listed, and all of an "
    "empty file, are "
    "0. An AU listed with intensity 0 is present and its intensity unknown. `pspi` is the pain score of "
    "the file, "
    "which the doctor computes again from the AUs.",
    marks=("Frame_Labels",),
    scale="intensity",
    read=read,
)
