"""The papers' own numbers: verbatim, with their source and what is wrong with them, of a type of their own.

A `Published` number is text that somebody printed. It is never a float, so that it cannot be averaged with,
or pass for, something that was measured here.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from openau.errors import SettingError
from openau.facs import au_column

_FOLDER: Final = "assets/published"
_OURS: Final = ("consistency.csv", "wang2019_auc_lower_bounds.csv")


@dataclass(frozen=True, slots=True)
class Published:
    """One printed number.

    Attributes:
        paper: Key of the paper, `moreno2024`.
        table: Number of the table as printed; `text` for prose.
        dataset: As the paper writes it.
        model: As the paper writes it; `-` where the number is not of a model.
        au: `AU01`, `mean` for a printed mean, another row's name, or `-`.
        metric: What was printed, with its unit: `f1`, `f1_pct`, `n_train`.
        text: The number, verbatim, with a bound's sign where it has one.
        impossible: Whether arithmetic rules it out, given what is printed beside it.
    """

    paper: str
    table: str
    dataset: str
    model: str
    au: str
    metric: str
    text: str
    impossible: bool = False

    @property
    def number(self) -> float | None:
        """The number, for drawing it into a figure; None where a bound or a word is printed."""
        try:
            return float(self.text)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.text} ✗" if self.impossible else self.text


@dataclass(frozen=True, slots=True)
class Finding:
    """A printed total or mean, added up again.

    Attributes:
        table: Number of the table.
        what: What was added up.
        printed: As printed; `-` where the paper prints none.
        recomputed: From the table's own values.
        agrees: Whether both are the same to the printed digits.
    """

    table: str
    what: str
    printed: str
    recomputed: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """Printed numbers, to be chosen from.

    Attributes:
        paper: Key of the paper.
        reference: What to cite.
        rows: The numbers, in the printed order.
    """

    paper: str
    reference: str
    rows: tuple[Published, ...]

    def __iter__(self) -> Iterator[Published]:
        return iter(self.rows)

    def where(self, **wanted: str) -> PublishedTable:
        """Return the numbers whose fields are as given.

        Args:
            **wanted: Fields of `Published`, for instance `model="Ours", metric="f1"`.
        """
        rows = tuple(
            row for row in self.rows if all(getattr(row, name) == value for name, value in wanted.items())
        )
        return PublishedTable(self.paper, self.reference, rows)

    def by_au(self, **wanted: str) -> dict[str, Published]:
        """Return the chosen numbers by AU column (`AU01`, `mean`, `-`).

        Args:
            **wanted: As `where` takes them; must leave one number per AU.

        Raises:
            SettingError: Two numbers of one AU are left.
        """
        found: dict[str, Published] = {}
        for row in self.where(**wanted):
            if row.au in found:
                raise SettingError(f"{self.paper} prints {row.au} twice for {wanted}; name more fields.")
            found[row.au] = row
        return found

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in the printed order."""
        return tuple(dict.fromkeys(row.model for row in self.rows if row.model != "-"))


def published_papers() -> tuple[str, ...]:
    """Return the keys of the papers whose numbers come with the package."""
    return tuple(_papers())


def reference(paper: str) -> str:
    """Return what to cite.

    Args:
        paper: Key of the paper.

    Raises:
        SettingError: No numbers of it come with the package.
    """
    return str(_paper(paper)["reference"])


def read_published(paper: str, table: str | None = None) -> PublishedTable:
    """Return a paper's printed numbers.

    Args:
        paper: Key of the paper, `moreno2024`.
        table: Number of the table as printed (`7`, `II`), `text`; None for all.

    Raises:
        SettingError: No numbers of this paper or table come with the package.
    """
    facts = _paper(paper)
    rows = [row for row in _rows() if row.paper == paper and (table is None or row.table == table)]
    if not rows:
        raise SettingError(f"There are no published numbers of table {table!r} of {paper}.")
    return PublishedTable(paper, str(facts["reference"]), tuple(rows))


def published_notes(paper: str, table: str) -> tuple[str, ...]:
    """Return what a reader must know of a table before comparing with it; most tables need no note.

    Args:
        paper: Key of the paper.
        table: Number of the table as printed.

    Raises:
        SettingError: No numbers of this paper come with the package.
    """
    return tuple(note["text"] for note in _paper(paper)["notes"] if note["table"] == table)


def consistency(paper: str, table: str | None = None) -> tuple[Finding, ...]:
    """Return what the printed totals and means are when they are added up again.

    Args:
        paper: Key of the paper.
        table: Number of the table; None for all, `2 vs 3` for what two tables say of the same run.

    Raises:
        SettingError: No numbers of this paper come with the package.
    """
    name = str(_paper(paper)["name"])
    return tuple(
        Finding(row["table"], row["what"], row["printed"], row["recomputed"], row["verdict"] != "MISMATCH")
        for row in _read("consistency.csv")
        if row["paper"] == name and table in (None, row["table"])
    )


def smallest_auc(dataset: str, model: str, au: int) -> float:
    """Return the smallest ROC AUC that wang2019's printed F1 and N:P allow.

    With t the true and f the false positive rate at the printed operating point, the area is at least
    t(1 - f); of all points with the printed F1, the one with the smallest such area counts.

    Args:
        dataset: `EmotioNet` or `CK+`.
        model: As the paper writes it.
        au: FACS number.

    Returns:
        0–1.

    Raises:
        SettingError: The paper prints no such cell.
    """
    for row in _read("wang2019_auc_lower_bounds.csv"):
        if (row["dataset"], row["model"], row["au"]) == (dataset, model, str(au)):
            return float(row["auc_min_pct"]) / 100
    raise SettingError(f"wang2019 prints no AUC of {model} for AU {au} on {dataset}.")


def _paper(paper: str) -> Mapping[str, Any]:
    papers = _papers()
    if paper not in papers:
        raise SettingError(f"There are no published numbers of {paper!r}; choose one of {', '.join(papers)}.")
    found: Mapping[str, Any] = papers[paper]
    return found


@cache
def _papers() -> Mapping[str, Any]:
    text = resources.files("openau").joinpath(_FOLDER, "papers.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _rows() -> tuple[Published, ...]:
    keys = {str(facts["name"]): key for key, facts in _papers().items()}
    impossible = {
        (row["dataset"], row["model"], f"AU{row['au']}")
        for row in _read("wang2019_auc_lower_bounds.csv")
        if row["impossible"] == "True"
    }
    found = []
    for name in _files():
        for row in _read(name):
            marked = (row["dataset"], row["model"], row["au"]) in impossible and row["metric"] == "auc_pct"
            fields = {name: row[name] for name in ("table", "dataset", "model", "metric")}
            found.append(
                Published(
                    keys[row["paper"]], au=_au(row["au"]), text=row["value"], impossible=marked, **fields
                )
            )
    return tuple(found)


def _files() -> list[str]:
    folder = resources.files("openau").joinpath(_FOLDER)
    return sorted(
        file.name for file in folder.iterdir() if file.name.endswith(".csv") and file.name not in _OURS
    )


@cache
def _read(name: str) -> tuple[dict[str, str], ...]:
    text = resources.files("openau").joinpath(_FOLDER, name).read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _au(printed: str) -> str:
    """Return `AU01` for the printed `AU1`, `mean` for its spellings; other rows' names stay."""
    if printed.lower() in ("avg", "average", "mean"):
        return "mean"
    number = printed.removeprefix("AU")
    return au_column(int(number)) if printed.startswith("AU") and number.isdigit() else printed
