"""The leakage report: what the test part of a split shares with training.

Every protocol comes with it, leaky or honest, and it is stored beside every result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.people import people
from openau.data.protocols.folds import SPLITS

NEIGHBOURS = (1, 5)
"""Distances in frames within which a training frame counts as a neighbour."""


@dataclass(frozen=True, slots=True)
class Leakage:
    """What one part shares with training. Shares are of the part's pictures, 0–1, NaN where it is empty.

    Attributes:
        people: Share of the part's people whom training shows too; NaN where nobody is known.
        pictures_of_known_people: Share of its pictures that show such a person.
        pictures_without_a_name: Share of its pictures whose person the dataset does not tell.
        neighbours: Distance in frames to the share of pictures with another training frame of the same
            sequence no further away.
        copies: Share of its pictures that are, or of which training holds, a copy of the same photograph.
        near_duplicates: Share of its pictures that look like a training picture; None where not looked for.
    """

    people: float
    pictures_of_known_people: float
    pictures_without_a_name: float
    neighbours: dict[int, float]
    copies: float
    near_duplicates: float | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing shared was found, and everybody's name is known."""
        shares = (self.pictures_of_known_people, self.pictures_without_a_name, self.copies)
        return not any(share > 0 for share in (*shares, self.near_duplicates or 0.0))


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """What a split shares.

    Attributes:
        pictures: Part to its number of pictures, copies included.
        subjects: Part to its number of people.
        copies: Part to how many of its pictures are augmented copies.
        shared_subjects: Everybody who stands in more than one part.
        shared_pictures: Every photograph that stands in more than one part, itself or as a copy.
        test: What the test part shares with training.
        validation: What the validation part shares with training.
    """

    pictures: dict[str, int]
    subjects: dict[str, int]
    copies: dict[str, int]
    shared_subjects: list[str]
    shared_pictures: list[str]
    test: Leakage
    validation: Leakage

    @property
    def judged(self) -> tuple[str, Leakage]:
        """The part that results are measured on: test, or validation where there is no test part."""
        return ("test", self.test) if self.pictures["test"] else ("validation", self.validation)

    @property
    def is_clean(self) -> bool:
        """Whether nothing shared was found in any part."""
        return not self.shared_subjects and not self.shared_pictures and self.judged[1].is_clean

    @property
    def banner(self) -> str:
        """What must be said before anything else; empty where there is nothing to say."""
        name, leak = self.judged
        found = []
        if leak.pictures_of_known_people > 0:
            found.append(
                f"{_percent(leak.pictures_of_known_people)} of the {name} pictures show a person "
                "whom training shows"
            )
        if leak.neighbours[1] > 0:
            found.append(f"{_percent(leak.neighbours[1])} lie next to a training frame of the same sequence")
        if leak.copies > 0:
            found.append(f"{_percent(leak.copies)} are copies of a training photograph")
        if (leak.near_duplicates or 0) > 0:
            found.append(f"{_percent(leak.near_duplicates or 0.0)} look like a training picture")
        if found:
            return (
                f"LEAKY SPLIT: {', '.join(found)}. Results measure memory: "
                "compare them with no other split's."
            )
        if leak.pictures_without_a_name > 0:
            return (
                f"UNKNOWN PEOPLE: for {_percent(leak.pictures_without_a_name)} of the {name} pictures nobody "
                "says who it is, so training may show the same person."
            )
        return ""

    def lines(self) -> list[str]:
        """Return the report for people to read, the banner first."""
        name, leak = self.judged
        parts = ", ".join(
            f"{part} {self.pictures[part]} pictures of {self.subjects[part]} people" for part in SPLITS
        )
        looks = "not looked for" if leak.near_duplicates is None else _percent(leak.near_duplicates)
        found = [
            f"Split: {parts}.",
            f"People of {name} whom training shows: {_percent(leak.people)}; pictures of them: "
            f"{_percent(leak.pictures_of_known_people)}.",
            f"Pictures of {name} with another training frame of the same sequence within "
            + ", ".join(f"±{k}: {_percent(share)}" for k, share in leak.neighbours.items())
            + ".",
            f"Copies across the split: {_percent(leak.copies)}; near duplicates: {looks}.",
        ]
        return [f"*** {self.banner} ***", *found] if self.banner else found

    def record(self) -> dict[str, Any]:
        """Return the report as plain values, for `leakage.json`; what is unknown is None."""
        return {"banner": self.banner, "clean": self.is_clean, **_without_nan(asdict(self))}


def leakage(table: pd.DataFrame, *, hashes: NDArray[np.uint64] | None = None) -> LeakageReport:
    """Report what the parts of a split share.

    Args:
        table: Index table with a `split` column; copies carry a `copy` number above 0.
        hashes: (N, 4) uint64, each picture's `openau.data.lookalike.difference_hash`; None to leave near
            duplicates out.

    Returns:
        The report.
    """
    split = table["split"].to_numpy(str)
    person = people(table).to_numpy(object, na_value="")
    photograph = table["path"].to_numpy(str)
    copied = table["copy"].to_numpy(np.int64) > 0 if "copy" in table.columns else np.zeros(len(table), bool)
    parts = {
        name: _against_training(table, split == name, split == "train", person, hashes)
        for name in ("validation", "test")
    }
    return LeakageReport(
        pictures={name: int((split == name).sum()) for name in SPLITS},
        subjects={name: len(set(person[split == name].tolist()) - {""}) for name in SPLITS},
        copies={name: int(copied[split == name].sum()) for name in SPLITS},
        shared_subjects=_in_several(person, split),
        shared_pictures=_in_several(photograph, split),
        test=parts["test"],
        validation=parts["validation"],
    )


def _against_training(
    table: pd.DataFrame,
    here: NDArray[np.bool_],
    training: NDArray[np.bool_],
    person: NDArray[np.object_],
    hashes: NDArray[np.uint64] | None,
) -> Leakage:
    """Compare one part's rows with the training rows."""
    known = set(person[training].tolist()) - {""}
    own = set(person[here].tolist()) - {""}
    photographs = set(table["path"].to_numpy(str)[training].tolist())
    near = None
    if hashes is not None:
        from openau.data.lookalike import near_duplicates

        near = _share(near_duplicates(hashes[here], hashes[training]))
    return Leakage(
        people=len(own & known) / len(own) if own else float("nan"),
        pictures_of_known_people=_share(name in known for name in person[here].tolist()),
        pictures_without_a_name=_share(name == "" for name in person[here].tolist()),
        neighbours={k: _share(_has_neighbour(table, here, training, k)) for k in NEIGHBOURS},
        copies=_share(path in photographs for path in table["path"].to_numpy(str)[here].tolist()),
        near_duplicates=near,
    )


def _has_neighbour(
    table: pd.DataFrame, here: NDArray[np.bool_], training: NDArray[np.bool_], distance: int
) -> NDArray[np.bool_]:
    """Tell for each row here whether another training frame of its sequence is at most so far away."""
    sequence = table.groupby(["dataset", "subject", "sequence"], dropna=False, sort=False).ngroup()
    frame = pd.to_numeric(table["frame"], errors="coerce").fillna(0).to_numpy(np.int64)
    place = sequence.to_numpy(np.int64) * (np.ptp(frame) + 2 * distance + 1) + (frame - frame.min())
    trained = np.sort(place[training])
    asked = place[here]
    before = np.searchsorted(trained, asked) > np.searchsorted(trained, asked - distance)
    after = np.searchsorted(trained, asked + distance, "right") > np.searchsorted(trained, asked, "right")
    found: NDArray[np.bool_] = before | after
    return found


def _in_several(name: NDArray[Any], split: NDArray[np.str_]) -> list[str]:
    """Return the names that stand in more than one part."""
    parts = pd.Series(split).groupby(pd.Series(name.astype(str))).nunique()
    return sorted(str(found) for found in parts.index[parts > 1] if found)


def _share(found: Iterable[bool] | NDArray[np.bool_]) -> float:
    values = list(found)
    return float(np.mean(values)) if values else float("nan")


def _percent(share: float) -> str:
    return "none known" if np.isnan(share) else f"{100 * share:.1f} %"


def _without_nan(value: Any) -> Any:
    """Return nested plain values with None for NaN, and text for keys."""
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
