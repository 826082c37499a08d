"""Index tables without pictures: the stand-ins for datasets that nobody may give away.

`dem_table` has the counts that Moreno-Armendáriz et al. (2024) print: 1,557 pictures of 246 people, 1,272
of them not neutral, and the positives of Table 4, with co-occurrences that give Table 5 after the copying.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from openau.facs import AU_SETS, au_column

DEM_EMOTIONS = {
    "contempt": 171,
    "disgust": 196,
    "anger": 171,
    "happiness": 258,
    "fear": 130,
    "surprise": 208,
    "sadness": 138,
    "neutral": 285,
}
DEM_PEOPLE = 246
TABLE_4 = {1: 261, 2: 229, 4: 279, 5: 64, 6: 261, 9: 100, 12: 459, 15: 76, 17: 39, 20: 14, 25: 327, 26: 187}
"""Pictures with each AU before the copying."""
TABLE_5 = {
    1: 361,
    2: 309,
    4: 379,
    5: 104,
    6: 261,
    9: 140,
    12: 459,
    15: 136,
    17: 429,
    20: 154,
    25: 397,
    26: 187,
}
"""And after it."""


def dem_table(seed: int = 0) -> pd.DataFrame:
    """Return a stand-in for DEM."""
    random = np.random.default_rng(seed)
    # Experts agreed on more pictures of some people than of others; how many each has is not printed.
    expressive = random.gamma(2, size=DEM_PEOPLE)
    chance = expressive / expressive.sum()
    rows = []
    for emotion, count in DEM_EMOTIONS.items():
        for done in range(0, count, DEM_PEOPLE):  # nobody has a second picture before everybody has one
            people = random.choice(DEM_PEOPLE, min(DEM_PEOPLE, count - done), replace=False, p=chance)
            rows += [{"subject": f"P{person:03d}", "emotion": emotion} for person in people]
    table = pd.DataFrame(rows)
    posed = np.flatnonzero(table["emotion"] != "neutral")
    order = random.permutation(posed)
    rare = order[:53]
    values = np.zeros((len(table), len(TABLE_4)))
    for column, (au, count) in enumerate(TABLE_4.items()):
        if au in (20, 17):
            chosen = rare[:14] if au == 20 else rare[14:]
        else:
            together = (TABLE_5[au] - count) // 10
            others = random.permutation(order[53:])[: count - together]
            chosen = np.concatenate([random.permutation(rare)[:together], others])
        values[chosen, column] = random.integers(2, 6, len(chosen))
    # No posed picture is without an AU: those drawn empty take one from a picture that has several of it.
    for row in posed[(values[posed] == 0).all(1)]:
        many = np.flatnonzero(((values > 0).sum(1) > 1) & ~np.isin(np.arange(len(table)), rare))
        donor = random.choice(many)
        column = random.choice(np.flatnonzero(values[donor]))
        values[row, column], values[donor, column] = values[donor, column], 0
    table = table.assign(**{au_column(au): values[:, n] for n, au in enumerate(TABLE_4)})
    frame = table.groupby("subject").cumcount()
    return table.assign(
        dataset="dem",
        sequence=table["subject"] + "/" + frame.astype(str),
        frame=0,
        path=[f"{row:04d}.jpg" for row in range(len(table))],
    )


def video_table(
    subjects: int = 6,
    frames: int = 40,
    *,
    dataset: str = "video",
    seed: int = 0,
    names: list[str] | None = None,
) -> pd.DataFrame:
    """Return frames of one video per subject, with three AUs whose base rates differ from person to
    person."""
    random = np.random.default_rng(seed)
    people = names or [f"S{number:03d}" for number in range(subjects)]
    rows = []
    for person in people:
        rates = random.beta(1, 3, 3)
        for frame in range(1, frames + 1):
            values = np.where(random.random(3) < rates, random.integers(2, 6, 3), random.integers(0, 2, 3))
            rows.append(
                {
                    "dataset": dataset,
                    "subject": person,
                    "sequence": f"{person}/1",
                    "frame": frame,
                    "path": f"{dataset}/{person}.mp4#frame={frame - 1}",
                    **{au_column(au): float(value) for au, value in zip((1, 4, 12), values, strict=True)},
                }
            )
    return pd.DataFrame(rows)


def disfa_plus_table(frames: int = 60) -> pd.DataFrame:
    """Return a stand-in for DISFA+: nine people, two trials each, intensities 0-5."""
    people = ["SN001", "SN003", "SN004", "SN007", "SN009", "SN010", "SN013", "SN025", "SN027"]
    random = np.random.default_rng(3)
    rows = [
        (person, f"{person}/T{trial}", frame)
        for person in people
        for trial in (1, 2)
        for frame in range(frames)
    ]
    table = pd.DataFrame(rows, columns=["subject", "sequence", "frame"])
    aus = {au_column(au): random.integers(0, 6, len(table)).astype(float) for au in AU_SETS["disfa-12"]}
    path = table["sequence"] + "/" + table["frame"].astype(str) + ".jpg"
    return table.assign(dataset="disfa_plus", path=path, **aus)
