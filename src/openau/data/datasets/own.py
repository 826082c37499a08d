"""Your own data: a table of labels, or folders that are the labels; and two datasets read the same way."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.classes import EMOTIONS, SPLITS, stills
from openau.data.datasets.columns import SETTINGS, load_columns
from openau.data.datasets.findings import Notes
from openau.data.datasets.record import Dataset
from openau.data.datasets.tables import locate_tables, person_of, read_tables
from openau.errors import InputError
from openau.facs import ACTION_UNITS, au_column

_AU_FOLDER = re.compile(r"AU[ _-]?0*(\d{1,2})", re.IGNORECASE)
_GFT_PERSON = r"(?:^|[^0-9])(\d{3}[ABC])(?![A-Za-z0-9])"


def read_folder(root: Path, notes: Notes) -> pd.DataFrame:
    """Read pictures in folders named after an emotion or an AU, below folders of parts where there are some.

    Args:
        root: The folder.
        notes: Takes folders that are named otherwise.

    Returns:
        One row per picture. A picture in `AU12` shows AU 12; its other AUs are unknown.

    Raises:
        InputError: No folder is named after an emotion or an AU.
    """
    parts = {SPLITS[n.casefold()]: p for n, p in tree.folders(root).items() if n.casefold() in SPLITS}
    rows: list[dict[str, object]] = []
    strange = []
    for split, place in (parts or {"": root}).items():
        for name, folder in tree.folders(place).items():
            label = _label(name)
            if label is None:
                strange.append(str(folder.relative_to(root)))
                continue
            rows += [{"path": path, "split": split, **label} for path in tree.pictures_below(folder)]
    if not rows:
        raise InputError(
            f"{root} has no pictures in folders such as happiness or AU12; name the folders so, or give a "
            f"table."
        )
    notes.differs("{n} folders are named neither after an emotion nor after an AU and are left out.", strange)
    table = pd.DataFrame(rows)
    if (root / SETTINGS).is_file() and (pattern := load_columns(root / SETTINGS).subject_pattern):
        table["subject"] = table["path"].str.extract(f"(?:{pattern})")[0]
    return stills(table if parts else table.drop(columns="split"), root)


def _label(name: str) -> dict[str, object] | None:
    if emotion := EMOTIONS.get(name.casefold()):
        return {"emotion": emotion}
    match = _AU_FOLDER.fullmatch(name)
    if match and int(match[1]) in ACTION_UNITS:
        return {au_column(int(match[1])): 1.0, "au_scale": "occurrence"}
    return None


def _locate_folder(root: Path, title: str, notes: Notes) -> Path:
    """Return the folder, or the only one within it that has more than one."""
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; give the folder of your copy of {title}.")
    root = root.resolve()
    if not any(root.iterdir()):
        raise InputError(f"{root} is empty; unpack your pictures into it.")
    place = root
    for _ in range(tree.DEPTH):
        inside = tree.folders(place)
        [*names] = inside
        if len(names) != 1 or names[0].casefold() in SPLITS or _label(names[0]):
            break
        place = inside[names[0]]
    if place != root:
        notes.says(f"The copy lies deeper than the folder you named, in {place}.")
    return place


def read_gft(root: Path, notes: Notes) -> pd.DataFrame:
    """Read GFT's tables, one per person, and say which three people talked to each other.

    Args:
        root: The folder with the tables.
        notes: Takes what differs.

    Returns:
        One row per labelled frame; `group` is the conversation, a stronger unit than the person.
    """
    table = read_tables(root, notes, title="GFT", scale="occurrence", name_of=person_of(_GFT_PERSON))
    return table.assign(group=table["subject"].str[:3])


TABLE = Dataset(
    name="table",
    title="Table",
    content="Your own pictures or videos with a table of labels, or a table that OpenFace, py-feat or "
    "OpenAU wrote.",
    access="Yours.",
    licence="Yours to know.",
    reference="Your own data.",
    tree="""labels.csv | labels.tsv | labels.parquet   a column for the picture and one per AU
pictures and videos                        anywhere below; found by path, by the end of it, or by name
columns.toml                               only where the columns are not found by their names""",
    codes="AU columns: AU12, AU1, au_12, AU12_r (intensity), AU12_c (occurrence), AU12_p (probability), "
    "AU12_left, L12 and "
    "the like. 9, 999, -1 and empty cells are unknown. Values up to 5 are intensities, 0 and 1 "
    "occurrences, fractions "
    "up to 1 probabilities: these become occurrences from 0.5 on and are kept as AU12_p. Of OpenFace's and "
    "OpenAU's "
    "tables, frames with success 0 are left out; a table without a column for the picture is about the "
    "video, "
    "picture or folder of pictures with its own name.",
    marks=(),
    scale=None,
    read=read_tables,
    locate=locate_tables,
)

FOLDER = Dataset(
    name="folder",
    title="Folder",
    content="Your own pictures in folders named after an emotion (happiness, sad ...) or an AU (AU12).",
    access="Yours.",
    licence="Yours to know.",
    reference="Your own data.",
    tree="""happiness/*.jpg   AU12/*.jpg
or train|validation|test/happiness/*.jpg""",
    codes="A picture in AU12 shows AU 12; whether it shows others is unknown. `columns.toml` may give "
    "`subject_pattern`, whose first group in a path is the person: so CK+48, a copy of CK+ in emotion "
    "folders "
    "without FACS codes, keeps its people with `(S\\d+)_`.",
    marks=(),
    scale=None,
    read=read_folder,
    locate=_locate_folder,
)

DEM = Dataset(
    name="dem",
    title="DEM",
    content="Dataset on Emotions among Mexicans: 1,557 photographs of 246 people, eight emotions, AUs 0-5.",
    access="Ask the authors (Instituto Politecnico Nacional, Mexico City); how they ship it is not "
    "published.",
    licence="Not published.",
    reference="Moreno-Armendariz, Espinosa-Juarez, Godinez-Montero (2024). Using diverse ConvNets to "
    "classify face "
    "action units in dataset on emotions among Mexicans (DEM). IEEE Access 12.",
    tree="""labels.csv        columns image,subject,emotion,AU1,AU2,...; other names are told in columns.toml
pictures          anywhere below""",
    codes="The layout is not published: this is how to write it down. Intensity 0-5, empty where unknown.",
    marks=(),
    scale="intensity",
    read=partial(read_tables, title="DEM", scale="intensity"),
    locate=locate_tables,
)

GFT = Dataset(
    name="gft",
    title="GFT",
    content="Sayette Group Formation Task: 96 people talk in 32 groups of three, one minute each coded for "
    "AUs.",
    access="Labels: osf.io/7wcyz. Videos: signed form, University of Pittsburgh.",
    licence="Labels CC BY 4.0; videos research only.",
    reference="Girard, Chu, Jeni, Cohn, De la Torre, Sayette (2017). Sayette Group Formation Task (GFT) "
    "spontaneous "
    "facial expression database. FG.",
    tree="""one table per person, 001A.csv ...   columns frame, AU1, AU2, ...
001A.mp4 or 001A/0001.jpg ...        the person's video or pictures
The archive's own folders were not at hand: put its tables of AU occurrence beside the videos.""",
    codes="0/1; 9, 999, -1 and empty cells are unknown. `group` is the conversation: split by it, not by "
    "person. A video's "
    "first frame is number 0, unless columns.toml says first_frame = 1.",
    marks=(),
    scale="occurrence",
    read=read_gft,
    locate=locate_tables,
)
