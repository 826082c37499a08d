"""Where the networks look, in numbers: the maps of a study's runs against the regions of the AUs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from openau.data import CropStore, read_sample
from openau.explain import Choices, Method, explain_portraits, open_explained, portraits_of_index
from openau.explain.choices import Regions
from openau.facs import au_column
from openau.studies.page import Section
from openau.studies.parts import au_rows
from openau.studies.results import Results
from openau.studies.tables import MEAN, Cell, Column, Measured, ResultTable

METHODS: dict[Method, str] = {"grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++"}

Runs = Mapping[str, Mapping[str, str]]
"""Dataset to the title of a network to the key of its run."""

_FACES, _ALL_FACES = 200, 2000
"""Most faces of a set, at a smaller scale and at the paper's."""

_SAYS = (
    "Energy is the share of a map's sum inside the AU's region, pointing how often its highest place lies "
    "there, on faces labelled with at least a trace of the AU (where there is no label, those where the "
    "network says so). Chance is the region's share of the crop, which is what a map without preference has "
    "for both. Maps that are 0 everywhere are left out. Energy over chance is 1 for no preference."
)
_SHOWN_TOGETHER = (
    "An exact mask is there only where its AU shows, so that another AU's region is looked at on faces that "
    "show both."
)
_REGIONS = {
    "masks": "exact masks",
    "landmarks": "FACS regions over true landmarks, a coarse expectation",
}


def heat_section(
    results: Results,
    heading: str,
    runs: Runs,
    *,
    matrices: Sequence[str] = (),
    pairs: Sequence[tuple[int, int]] = (),
    others: Mapping[str, str] | None = None,
) -> Section:
    """Return the section that scores the heat maps of some runs, by Grad-CAM and Grad-CAM++.

    Against exact masks: tested faces of the dataset's stand-in where it was rendered with masks, else the
    sample in the package, whose people no run has seen. Tested faces with landmarks alone are scored against
    FACS regions. `OUT/explained` keeps every table whole; what is there is not computed again.

    Args:
        results: The finished runs.
        heading: Of the section.
        runs: The runs; those of one dataset know the same AUs.
        matrices: Titles of the networks whose confusion of AUs is shown in full.
        pairs: An AU, and the AU in whose region its map is looked for.
        others: Dataset to the one whose tested faces its networks see, too, people they know left out.
    """
    scored = [
        _Scored(results, source, faces, keys)
        for source, keys in runs.items()
        for faces in _face_sets(results, source, runs, (others or {}).get(source, ""))
    ]
    tables = [_means(scored), *([_pairs(scored, pairs)] if pairs else [])]
    for one in scored:
        if one.faces.regions == "masks" and one.faces.key != "other":
            tables += [one.by_au(method) for method in METHODS]
            tables += [one.elsewhere(), *(one.matrix(network) for network in matrices)]
    return Section(heading, (_SAYS, _SHOWN_TOGETHER), tables)


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces to look at.

    Attributes:
        key: `own`, `other` or `sample`.
        title: What they are.
        rows: Rows of an index.
        detector: How their faces are found.
        regions: What the maps are scored against.
    """

    key: str
    title: str
    rows: pd.DataFrame
    detector: str
    regions: Regions


def _face_sets(results: Results, source: str, runs: Runs, other: str) -> list[_Faces]:
    """Return the faces on which a dataset's runs are scored: tested ones, the sample, another dataset's."""
    most = _FACES if results.setting.scale.pictures else _ALL_FACES
    store, tested = _tested(results, runs[source])
    found = [_Faces("own", "tested faces", _spread(tested, most), store.detector, _regions(tested))]
    if found[0].regions != "masks":
        found.insert(
            0, _Faces("sample", "the sample's faces", _spread(read_sample(), most), "index", "masks")
        )
    if other:
        theirs, rows = _tested(results, runs[other])
        known = set(store.table["subject"]) - set(tested["subject"])
        strange = _spread(rows[~rows["subject"].isin(known)], most)
        title = f"tested faces of {results.title(other)}"
        found.append(_Faces("other", title, strange, theirs.detector, _regions(strange)))
    return [faces for faces in found if faces.regions != "none"]


def _tested(results: Results, keys: Mapping[str, str]) -> tuple[CropStore, pd.DataFrame]:
    """Return the store of a dataset's runs and its tested rows."""
    key = next(iter(keys.values()))
    plan = results.plans[key]
    store = CropStore.open(results.store(plan.source, plan.crop))
    return store, store.table[store.table["path"].isin(results.predictions(key)["sample"])]


def _regions(rows: pd.DataFrame) -> Regions:
    """Return what the maps of some faces can be scored against."""
    return "masks" if _known(rows, "mask") else "landmarks" if _known(rows, "landmarks") else "none"


def _known(rows: pd.DataFrame, column: str) -> bool:
    return len(rows) > 0 and column in rows and bool(rows[column].notna().all())


def _spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most so many rows, evenly from all."""
    count = min(most, len(rows))
    if not count:
        return rows
    return rows.iloc[[(2 * k + 1) * len(rows) // (2 * count) for k in range(count)]]


class _Scored:
    """The maps of one dataset's runs on one set of faces.

    Args:
        results: The finished runs.
        source: Name of the dataset.
        faces: The faces.
        keys: Title of a network to the key of its run.
    """

    def __init__(self, results: Results, source: str, faces: _Faces, keys: Mapping[str, str]) -> None:
        self.faces, self.networks = faces, tuple(keys)
        self.key = f"looks-{source}-{faces.key}"
        self.title = f"{results.title(source)}, {faces.title}"
        folder = results.setting.out / "explained" / f"{source}-{faces.key}"
        if not folder.exists():
            choices = Choices(
                methods=tuple(METHODS),
                regions=faces.regions,
                panels=0,
                resamples=results.setting.scale.resamples,
                seed=results.setting.seed,
            )
            models = {title: open_explained(results.folders[key]) for title, key in keys.items()}
            explain_portraits(
                models, portraits_of_index(faces.rows, detector=faces.detector), folder, choices
            )
        self._scores = _read(folder / "scores.csv")
        self._pairs = _read(folder / "confusion.csv")
        self.under = (
            f"{len(faces.rows)} faces; regions: {_REGIONS[faces.regions]}. In full: "
            f"`explained/{source}-{faces.key}`.",
        )

    @property
    def aus(self) -> list[int]:
        """The AUs of which there are scores."""
        names = self._scores["au"] if len(self._scores) else ()
        return sorted({int(name[2:]) for name in names if name != MEAN})

    def score(self, network: str, method: Method, what: str) -> dict[str, Measured]:
        """Return `energy`, `pointing`, `chance` or `lift`, energy over chance, by AU, and the mean."""
        return {
            row["au"]: _lift(row) if what == "lift" else _measured(row, what)
            for row in _of(self._scores, network, method)
        }

    def lift(self, network: str, method: Method, au: int, region: int) -> float:
        """Return energy over chance of an AU's map in the region of an AU; NaN where it was not seen."""
        for row in _of(self._pairs, network, method):
            if row["au"] == au_column(au) and row["region"] == au_column(region):
                return float(row["lift"])
        return math.nan

    def by_au(self, method: Method) -> ResultTable:
        """Return the scores of every AU and network by one method."""
        columns = [_column("chance", self.score(self.networks[0], method, "chance"))]
        for network in self.networks:
            for what in ("energy", "pointing"):
                columns.append(_column(f"{network}, {what}", self.score(network, method, what)))
        caption = f"{METHODS[method]} in the AU's region: networks trained on {self.title}."
        return ResultTable(f"{self.key}-{method}", caption, au_rows(self.aus), columns, under=self.under)

    def elsewhere(self) -> ResultTable:
        """Return in which other AU's region each map is highest."""
        columns = []
        for network in self.networks:
            for method, name in METHODS.items():
                best: dict[str, tuple[float, str]] = {}
                for row in _of(self._pairs, network, method):
                    if row["au"] != row["region"] and not math.isnan(row["lift"]):
                        found = (float(row["lift"]), str(row["region"]))
                        best[row["au"]] = max(best.get(row["au"], found), found)
                cells: dict[str, Cell] = {au: f"{region} {lift:.2f}" for au, (lift, region) in best.items()}
                columns.append(Column(f"{network}, {name}", cells))
        caption = f"The other AU whose region a map prefers, energy over chance: {self.title}."
        rows = [au_column(au) for au in self.aus]
        return ResultTable(f"{self.key}-elsewhere", caption, rows, columns, under=self.under)

    def matrix(self, network: str) -> ResultTable:
        """Return whose region each AU's Grad-CAM lights up."""
        columns = [
            _column(
                f"region of {au_column(region)}",
                {au_column(au): Measured(self.lift(network, "grad_cam", au, region)) for au in self.aus},
            )
            for region in self.aus
        ]
        caption = f"Whose region the Grad-CAM of {network} lights up, energy over chance: {self.title}."
        rows = [au_column(au) for au in self.aus]
        key = f"{self.key}-matrix-{network.lower()}"
        return ResultTable(key, caption, rows, columns, "map of", self.under)


def _means(scored: Sequence[_Scored]) -> ResultTable:
    """Return energy over chance and pointing of every network, means over the AUs."""
    cells: dict[str, dict[str, Measured]] = {}
    rows = []
    for one in scored:
        for network in one.networks:
            rows.append(f"{one.title}, {network}")
            for method, name in METHODS.items():
                for what, title in (("lift", "energy over chance"), ("pointing", "pointing")):
                    value = one.score(network, method, what).get(MEAN)
                    if value is not None:
                        cells.setdefault(f"{name}, {title}", {})[rows[-1]] = value
            chance = one.score(network, "grad_cam", "chance").get(MEAN)
            if chance is not None:
                cells.setdefault("chance of pointing", {})[rows[-1]] = chance
    under = tuple(dict.fromkeys(f"*{one.title}:* {line}" for one in scored for line in one.under))
    columns = [_column(title, column) for title, column in cells.items()]
    caption = "Maps in the AU's region, means over the AUs."
    return ResultTable("looks", caption, rows, columns, "network", under)


def _pairs(scored: Sequence[_Scored], pairs: Sequence[tuple[int, int]]) -> ResultTable:
    """Return energy over chance of some AUs' maps in their own region, and in another's."""
    asked = dict.fromkeys(pair for au, other in pairs for pair in ((au, au), (au, other)))
    rows: list[str] = []
    cells: dict[str, dict[str, Measured]] = {}
    for one in scored:
        for network in one.networks:
            for method, name in METHODS.items():
                rows.append(f"{one.title}, {network}, {name}")
                for au, region in asked:
                    title = f"{au_column(au)} in " + ("its own" if au == region else f"{au_column(region)}'s")
                    lift = one.lift(network, method, au, region)
                    cells.setdefault(title, {})[rows[-1]] = Measured(lift)
    columns = [_column(title, column) for title, column in cells.items()]
    caption = "Whose region some AUs' maps light up, energy over chance."
    return ResultTable("looks-pairs", caption, rows, columns, "network")


def _read(table: Path) -> pd.DataFrame:
    """Return a table; without rows where nothing was scored, because no face showed any AU."""
    return pd.read_csv(table) if table.exists() else pd.DataFrame()


def _column(title: str, cells: Mapping[str, Measured]) -> Column:
    return Column(title, cast("Mapping[str, Cell]", cells), digits=2)


def _measured(row: Mapping[str, Any], what: str) -> Measured:
    ends = (float(row.get(f"{what}_{end}", math.nan)) for end in ("low", "high"))
    return Measured(float(row[what]), *ends)


def _lift(row: Mapping[str, Any]) -> Measured:
    """Return energy over chance; the chance of the faces is taken as it is."""
    energy, chance = _measured(row, "energy"), float(row["chance"])
    return Measured(energy.value / chance, energy.low / chance, energy.high / chance)


def _of(table: pd.DataFrame, network: str, method: Method) -> list[dict[str, Any]]:
    """Return the rows of one network and method."""
    if table.empty:
        return []
    chosen = table[(table["model"] == network) & (table["method"] == method)]
    return cast("list[dict[str, Any]]", chosen.to_dict("records"))
