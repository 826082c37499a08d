"""Time to index a tree of DISFA's size: `python -m benchmarks.index_dataset`. No picture is opened."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.ledger import Measurement, Result, finish, parser
from openau.data.datasets import dataset_facts
from openau.data.index import build_index
from openau.facs import AU_SETS

LIBRARIES = ("numpy", "pandas")
LIMIT_S = 20.0


def main() -> None:
    """Write the tree, index it, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    facts = dataset_facts("disfa")
    subjects = facts["subjects"][:3] if options.quick else facts["subjects"]
    with tempfile.TemporaryDirectory() as folder:
        for subject in subjects:
            frames = facts["pictures_per_subject"].get(subject, facts["pictures_per_subject"]["default"])
            write_subject(Path(folder), subject, frames)
        start = time.perf_counter()
        table = build_index("disfa", Path(folder))
        seconds = time.perf_counter() - start
    rows = (
        Measurement("index", seconds, "s", n=len(table), note=f"limit {LIMIT_S:g} s"),
        Measurement("labelled pictures", len(table), "pictures"),
    )
    finish(
        Result("index_dataset", {"dataset": "disfa", "files per picture": 1}, {}, LIBRARIES, rows), options
    )
    if seconds > LIMIT_S:
        raise SystemExit(f"Indexing took {seconds:.1f} s, more than {LIMIT_S:g} s.")


def write_subject(root: Path, subject: str, frames: int) -> None:
    """Write one subject's twelve label files and its empty pictures.

    Args:
        root: The copy.
        subject: For instance `SN001`.
        frames: How many.
    """
    labels = root / "ActionUnit_Labels" / subject
    pictures = root / "Images" / subject
    labels.mkdir(parents=True)
    pictures.mkdir(parents=True)
    random = np.random.default_rng(int(subject[2:]))
    for au in AU_SETS["disfa-12"]:
        values = random.integers(0, 6, frames)
        text = "".join(f"{frame},{value}\n" for frame, value in enumerate(values, 1))
        (labels / f"{subject}_au{au}.txt").write_text(text)
    for frame in range(frames):
        (pictures / f"{frame:04d}.png").touch()


if __name__ == "__main__":
    main()
