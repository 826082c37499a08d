#!/usr/bin/env python3
"""Render the sample dataset and pack it into one archive, at most 8 MB.

Usage: scripts/make-sample [FILE] [WORK_FOLDER]   (default src/openau/assets/sample/sample.zip, build/sample)
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pandas as pd

from openau.synth import synthesize

SUBJECTS, PER_SUBJECT, SIZE, SEED = 120, 13, 112, 2026
RARE = dict.fromkeys((16, 18, 22, 27, 28), 15.0)
"""Negatives per positive of AUs that free expressions show once in a hundred pictures."""

LIMIT_BYTES = 8_000_000
SAMPLE = Path("src/openau/assets/sample/sample.zip")


def write_sample(file: Path, work: Path, *, subjects: int = SUBJECTS) -> None:
    """Render and pack; an interrupted run goes on where it stopped.

    Args:
        file: The archive.
        work: Folder for the rendered dataset.
        subjects: How many; any 120 in a row are balanced over skin, gender and split.

    Raises:
        SystemExit: The archive is too large.
    """
    synthesize(
        work,
        subjects * PER_SUBJECT,
        size=SIZE,
        seed=SEED,
        per_subject=PER_SUBJECT,
        ratios=RARE,
        test_ratio=15.0,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    pack_folder(work, part)
    size = part.stat().st_size
    if size > LIMIT_BYTES:
        raise SystemExit(f"The sample has {size} bytes, more than {LIMIT_BYTES}.")
    part.replace(file)
    print(f"{file}: {size} bytes")


def pack_folder(folder: Path, file: Path) -> None:
    """Pack a synthetic dataset: pictures as they are, the index as CSV that needs no Parquet reader.

    Args:
        folder: The dataset.
        file: The archive; the same dataset gives the same bytes.
    """
    table = pd.read_parquet(folder / "index.parquet")
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("synthesis.json", "landmarks.npy"):
            _add(archive, name, (folder / name).read_bytes(), zipfile.ZIP_LZMA)
        _add(archive, "index.csv", table.to_csv(index=False, lineterminator="\n").encode(), zipfile.ZIP_LZMA)
        for name in [*table["path"], *table["mask"]]:
            _add(archive, name, (folder / name).read_bytes(), zipfile.ZIP_STORED)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, method: int) -> None:
    """Add a file without its date."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, compress_type=method)


if __name__ == "__main__":
    arguments = [Path(word) for word in sys.argv[1:]]
    write_sample(*(arguments + [SAMPLE, Path("build/sample")][len(arguments) :]))
