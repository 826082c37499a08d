"""Tiny copies of every dataset in its official layout, traps and all: grey pictures and invented labels."""

from __future__ import annotations

from pathlib import Path

from openau.data.datasets import Notes
from openau.data.index import build_index
from tests.fake.datasets import (
    bp4d,
    caer_s,
    ck_plus,
    disfa,
    disfa_plus,
    emotionet,
    fer,
    frames,
    own,
    raf,
    rendered,
    wild,
)
from tests.fake.datasets.copy import FakeCopy

FAKES: dict[str, FakeCopy] = {
    "disfa": disfa.COPY,
    "disfa_plus": disfa_plus.COPY,
    "ck_plus": ck_plus.COPY,
    "bp4d": bp4d.COPY,
    "bp4d_plus": bp4d.COPY_PLUS,
    "emotionet": emotionet.COPY,
    "fer2013": fer.COPY,
    "fer_plus": fer.COPY_PLUS,
    "raf_db": raf.COPY,
    "raf_au": raf.COPY_AU,
    "caer_s": caer_s.COPY,
    "table": own.TABLE,
    "folder": own.FOLDER,
    "dem": own.DEM,
    "gft": own.GFT,
    "affectnet": wild.AFFECTNET,
    "aff_wild2": wild.AFF_WILD2,
    "unbc": frames.UNBC,
    "feafa": frames.FEAFA,
    "semaine": frames.SEMAINE,
    "synthetic": rendered.SYNTHETIC,
    "sample": rendered.SAMPLE,
}
"""Registry name to its fake copy."""


def write_copy(name: str, folder: Path) -> Path:
    """Write a dataset's fake copy into a folder, which may be there already, and return the folder."""
    folder.mkdir(exist_ok=True)
    FAKES[name].write(folder)
    return folder


def sentences(name: str, root: Path) -> str:
    """Return everything that a dataset's reader says about a copy."""
    notes = Notes()
    build_index(name, root, notes)
    return "\n".join(finding.sentence for finding in notes.findings)
