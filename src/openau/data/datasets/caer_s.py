"""CAER-S: stills from television shows, with context."""

from __future__ import annotations

from functools import partial

from openau.data.datasets.classes import EMOTIONS, read_classes
from openau.data.datasets.record import Dataset

CAER_S = Dataset(
    name="caer_s",
    title="CAER-S",
    content="About 70,000 stills from clips of 79 television shows, seven emotions; no AUs, no subjects.",
    access="caer-dataset.github.io.",
    licence="Research only, as far as is known.",
    reference="Lee, Kim, Kim, Park, Sohn (2019). Context-aware emotion recognition networks. ICCV.",
    tree="""CAER-S/train/Anger|Disgust|Fear|Happy|Neutral|Sad|Surprise/0001.png
CAER-S/test/...                                  some copies: Angry, valid/""",
    codes="The folder is the emotion. The official split is by picture: stills of one clip, and of one "
    "show, may "
    "stand on both sides, and no name tells the show.",
    marks=("train", "test"),
    scale=None,
    read=partial(read_classes, names=EMOTIONS),
)
