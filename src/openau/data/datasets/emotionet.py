"""EmotioNet: a million faces from the web, most of them coded by a machine."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, need_columns, numbers_of, read_csv
from openau.data.datasets.record import Dataset
from openau.errors import InputError, TableError
from openau.facs import au_column

UNKNOWN = 999
LAST_AU = 60
BY_PEOPLE = 1000
"""Number of the file whose labels people made, in the distribution of 2017 and 2018."""

_FILE = re.compile(r"dataFile_(\d+)\.txt", re.IGNORECASE)
_FOLDERS = (
    "emotioNet_challenge_files_server_challenge_1.2_aws",
    "emotioNet_challenge_files_server_challenge",
)
_SHEET = "EmotioNet_FACS_aws_2020_24600"


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the list of 2020, and the files of the large set.

    Args:
        root: The folder with them, and with the pictures you loaded in any folder below.
        notes: Takes what differs.

    Returns:
        One row per labelled picture that is there; of two labels for a picture, people's.

    Raises:
        InputError: The list of 2020 is there as a spreadsheet only.
    """
    sheet = tree.find(root, f"{_SHEET}.csv")
    if sheet is None and tree.find(root, f"{_SHEET}.xlsx"):
        raise InputError(f"{root}/{_SHEET}.xlsx is a spreadsheet; save it as {_SHEET}.csv beside it.")
    folder = tree.find(root, *_FOLDERS) or root
    parts = [] if sheet is None else [_list_of_2020(sheet)]
    numbered = [(int(m[1]), file) for file in tree.files(folder, ".txt") if (m := _FILE.fullmatch(file.name))]
    for number, file in sorted(numbered, key=lambda pair: (pair[0] != BY_PEOPLE, pair[0])):
        parts.append(_data_file(file).assign(coder="people" if number == BY_PEOPLE else "machine"))
    table = pd.concat(parts, ignore_index=True)
    pictures = _pictures(root)
    found = [pictures.get(key) or pictures.get(key.split("/")[-1]) for key in table["key"]]
    table["path"] = found
    wanted = {path for path in found if path}
    notes.differs(
        "{n} labelled pictures are not there and are left out; many of the links are dead.",
        table.loc[table["path"].isna(), "key"].tolist(),
    )
    notes.differs("{n} pictures have no label and are left out.", sorted({*pictures.values()} - wanted))
    table = table[table["path"].notna()]
    twice = table["path"].duplicated()
    notes.says(
        "{n} pictures are labelled twice; people's labels are taken.", table.loc[twice, "path"].tolist()
    )
    table = table[~twice].drop(columns="key")
    words = table["path"].str.extract(r"(N_\d+)[^/\\]*?_?(\d+)\.\w+$")
    return table.assign(
        sequence=words[0].fillna(table["path"]), frame=words[1].fillna("0").astype(int), subject=None
    )


def _data_file(file: Path) -> pd.DataFrame:
    """Return a file of the large set: address, first address, AU 1 to 60, separated by tabs."""
    columns = {2 + au - 1: np.float32 for au in range(1, LAST_AU + 1)}
    try:
        table = pd.read_csv(file, sep="\t", header=None, dtype={0: str, 1: str, **columns}, quoting=3)
    except (OSError, ValueError) as error:
        raise TableError(f"{file} cannot be read ({' '.join(str(error).split())}); copy it anew.") from error
    if table.shape[1] < 2 + LAST_AU:
        raise TableError(f"{file} has {table.shape[1]} columns, not {2 + LAST_AU}; it is no file with AUs.")
    values = {au: table[2 + au - 1].to_numpy(np.float64) for au in range(1, LAST_AU + 1)}
    return _labels(table[0], values, file)


def _list_of_2020(file: Path) -> pd.DataFrame:
    """Return the list of 2020: a header `URL, URL orig, 'AU 1', ...`, addresses in quotes."""
    table = read_csv(file)
    need_columns(table, ["URL"], file)
    numbers = {name: re.search(r"AU\D*(\d+)", name) for name in table.columns}
    values = {int(m[1]): numbers_of(table[name], file, name) for name, m in numbers.items() if m}
    return _labels(table["URL"], values, file).assign(coder="people")


def _labels(urls: pd.Series, values: dict[int, np.ndarray], file: Path) -> pd.DataFrame:
    columns = {}
    for au, codes in values.items():
        known = codes[~np.isnan(codes)]
        check_codes(known, (0, 1, UNKNOWN), file, f"AU {au}")
        columns[au_column(au)] = np.where(codes == UNKNOWN, np.nan, codes).astype(np.float32)
    keys = urls.astype(str).str.strip(" '\"").str.extract(r"([^/\\]+[/\\][^/\\]+|[^/\\]+)$")[0]
    return pd.DataFrame({"key": keys.fillna(""), **columns})


def _pictures(root: Path) -> dict[str, str]:
    """Return the pictures by `folder/name` and, where that is enough, by `name`."""
    found: dict[str, str] = {}
    for path in tree.pictures_below(root):
        place = Path(path)
        found.setdefault(place.name, path)
        found[f"{place.parent.name}/{place.name}"] = path
    return found


EMOTIONET = Dataset(
    name="emotionet",
    title="EmotioNet",
    content="About 950,000 faces from the web whose AUs a machine coded, and about 25,000 that people coded.",
    access="Application to the Ohio State University, cbcsl.ece.ohio-state.edu; you load the pictures from "
    "their addresses.",
    licence="Non-commercial research.",
    reference="Fabian Benitez-Quiroz, Srinivasan, Martinez (2016). EmotioNet: An accurate, real-time "
    "algorithm for the "
    "automatic annotation of a million facial expressions in the wild. CVPR.",
    tree="""emotioNet_challenge_files_server_challenge_1.2_aws/dataFile_0001.txt ...
                                             tabs, no header: two addresses, AU 1-60
EmotioNet_FACS_aws_2020_24600.csv            the list of 2020: URL, URL orig, 'AU 1', 'AU 2' ...
<any folder>/N_0000000001/N_0000000001_00001.jpg     pictures, found by folder and name""",
    codes="0, 1, and 999 for unknown. `coder` is `people` for the list of 2020 and dataFile_1000.txt, else "
    "`machine`. "
    "The folder N_... is a search word, not a person: there are no subjects. Remove near copies before you "
    "split.",
    marks=(*_FOLDERS, f"{_SHEET}.csv", f"{_SHEET}.xlsx"),
    scale="occurrence",
    read=read,
)
