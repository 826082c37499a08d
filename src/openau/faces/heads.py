"""The default detector: a small network of our own, trained on rendered heads only.

The network knows faces of 20 to 70 pixels. The search has two steps:

1. *Search.* A pyramid of halved pictures is shown to the network; each of its cells says how likely a face is
   centred there, and where. A face answers on one level or two.
2. *Look again.* Around each answer a patch is brought to a fixed size, evened out in brightness, and shown
   anew: once to centre it, then in a few sizes, mirrored too. The mean of the answers makes a box that stands
   still when the picture moves by a fraction of a pixel, and a score that is the probability of a face: the
   card holds the curve that makes one of the other, fitted on rendered scenes that the network had not seen.
   The likeliest answers come first: where they turn out to be a face, no other answer is looked at.

Faces are found turned aside as far as profile and tilted to about 45°.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import ModelError
from openau.faces.answers import (
    STRIDE,
    Answers,
    at_the_middle,
    grouped,
    joined,
    logit_of,
    peaks,
    share_in_common,
    sigmoid,
)
from openau.faces.closeup import PATCH, patches, percentiles
from openau.faces.detect import (
    Grey,
    checked_min_score,
    grey_picture,
    searchable,
    square_box,
    without_overlaps,
)
from openau.records import Face, Floats, Pixels
from openau.runtime import open_session, packaged_network

CARD_KEY: Final = "openau.detector"


class _Look(NamedTuple):
    """How places are looked at anew.

    Attributes:
        faces_px: Sides of the face in the patches.
        mirrored: Whether at the mirror images, too.
    """

    faces_px: tuple[float, ...]
    mirrored: bool


_QUICK_PIXELS, _THOROUGH_PIXELS = 512 * 384, 1920 * 1440  # of the finest level
_SMALLEST_FACE = 20.0  # pixels of the picture; below, false alarms outnumber faces
_SMALL, _SMALL_ODDS = 32.0, math.log(2)  # faces below so many pixels, which so much more often are none
_LEAST_SIDE = 64  # levels go down to this short side or less: there a face may fill the picture
_BORDER = 24  # around such levels; what is outside the picture repeats its edge
_BORDERED = 160  # short side of levels from which on there is a border
_QUICK_ASKED, _THOROUGH_ASKED = 0.3, 0.15  # raw probability from which an answer is looked at again
_MOST_LOOKS = 96
_FIRST = 0.6  # raw probability of the answers that are looked at before all others
_MORE = 0.15  # so much likelier an answer must be at the first, quick look to be measured
_SURE = 0.98  # score of a face around which no other answer is looked at
_SETTLED = 30.0  # pixels of its level; a larger face would have answered there or before
_OVERLAP = 0.3  # share of the smaller box from which on two faces are one
_CENTRING = _Look((48.0,), mirrored=False)
_MEASURING = _Look((36.0, 48.0, 60.0), mirrored=True)
_BATCH = 32  # patches
_DARK = 90.0  # a picture whose brightest pixels are below is shown brighter


class HeadDetector:
    """Finds faces from 20 pixels, in any pose up to profile; returns house boxes and calibrated scores.

    Attributes:
        min_score: Faces below this score (0-1) are dropped.
        thorough: Whether large pictures are searched in more of their pixels, and more answers are looked at
            again. For photographs; without it the smallest face is about 1/20 of the height of the picture,
            from VGA on.
    """

    def __init__(
        self, min_score: float | None = None, *, thorough: bool = False, network: Path | None = None
    ) -> None:
        """Open the network that comes with the package, or another one.

        Args:
            min_score: None takes what the network's card says.
            thorough: See above.
            network: A file that `openau.export.finder` wrote; None takes the package's own.

        Raises:
            ModelError: The network is missing or damaged.
            SettingError: `min_score` is outside 0-1.
        """
        self._network, self._card = _open(finder_path() if network is None else network)
        self.min_score = checked_min_score(min_score, default=float(self._card["min_score"]))
        self.thorough = thorough
        self._asked = _THOROUGH_ASKED if thorough else _QUICK_ASKED

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Return the faces in a picture, surest first.

        Args:
            rgb: (H, W, 3) RGB uint8 of any size.

        Raises:
            SettingError: It is not such an array.
        """
        grey = searchable(rgb)
        if grey is None:
            return []
        gain = _gain(grey)
        return self._joined(grey, [self._answers(grey, level, gain) for level in self._levels(grey)], [])

    def until(self, rgb: Pixels, is_enough: Callable[[list[Face]], bool]) -> list[Face]:
        """Search from large faces to small ones; return the faces found until it was enough, surest first.

        Args:
            rgb: (H, W, 3) RGB uint8 of any size.
            is_enough: Is asked now and then with the sure faces found so far; a larger one does not follow.

        Raises:
            SettingError: The picture is not such an array.
        """
        grey = searchable(rgb)
        if grey is None:
            return []
        gain = _gain(grey)
        faces: list[Face] = []
        seen = []
        for level in reversed(list(self._levels(grey))):
            seen.append(self._answers(grey, level, gain))
            likely = seen[-1].chosen(seen[-1].logit >= logit_of(_FIRST))
            faces = self._joined(grey, [likely], faces)
            smallest = _SETTLED * math.sqrt(grey.size / level.size)
            settled = [face for face in faces if face.score >= _SURE and _side(face) >= smallest]
            if settled and is_enough(settled):
                return faces
        return self._joined(grey, seen, faces)

    def again(self, rgb: Pixels, known: Sequence[Face]) -> list[Face] | None:
        """Return known faces as they are now, surest first, or None where not all of them were found.

        Args:
            rgb: (H, W, 3) RGB uint8.
            known: The faces of a picture shortly before; each may have moved by a third of its size.

        Raises:
            SettingError: The picture is not such an array.
        """
        grey = grey_picture(rgb)
        if not known:
            return []
        faces = without_overlaps(self._faces(grey, _places(known), []), _OVERLAP)
        return faces if len(faces) == len(known) else None

    def _levels(self, grey: Grey) -> Iterator[Grey]:
        """Yield the picture in halved sizes, finest first."""
        height, width = grey.shape
        pixels = _THOROUGH_PIXELS if self.thorough else _QUICK_PIXELS
        scale = min(1.0, math.sqrt(pixels / (height * width)))
        if scale < 1:
            size = [max(1, round(side * scale / STRIDE)) * STRIDE for side in (width, height)]
            grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
        yield grey
        while min(grey.shape) > _LEAST_SIDE:
            half = (grey.shape[1] + 1) // 2, (grey.shape[0] + 1) // 2
            grey = np.asarray(cv2.resize(grey, half, interpolation=cv2.INTER_AREA))
            yield grey

    def _answers(self, grey: Grey, level: Grey, gain: float) -> Answers:
        """Return what is found on one level, in pixels of the picture."""
        ratio = np.array([grey.shape[1] / level.shape[1], grey.shape[0] / level.shape[0]], np.float32)
        border = _BORDER if min(level.shape) < _BORDERED else 0
        below, beside = (border + -(side + 2 * border) % STRIDE for side in level.shape)
        if below or beside:
            level = cv2.copyMakeBorder(level, border, below, border, beside, cv2.BORDER_REPLICATE)
        shown = level * np.float32(gain / 255)
        found = peaks(self._say((shown if gain == 1 else np.minimum(shown, 1))[None])[0], self._asked)
        middle = (found.middle - np.float32(border)) * ratio
        return Answers(found.logit, middle, found.side * np.sqrt(ratio.prod()))

    def _joined(self, grey: Grey, parts: list[Answers], known: list[Face]) -> list[Face]:
        """Look where something answered, first where it is likeliest; return known and new faces."""
        found = grouped(joined(parts)).chosen(slice(_MOST_LOOKS))
        first = found.logit >= logit_of(_FIRST)
        for now in (first, ~first):
            left = found.chosen(now & _is_free(found, known))
            known = without_overlaps([*known, *self._faces(grey, left, known)], _OVERLAP)
        return known

    def _faces(self, grey: Grey, found: Answers, known: Sequence[Face]) -> list[Face]:
        """Look at answers, and again at those that are likely, but for places of known faces."""
        near = self._look(grey, found, _CENTRING)
        likely = near.logit >= logit_of(self._asked + _MORE)
        near = grouped(near.chosen(likely & _is_free(near, known)))
        found = self._look(grey, near, _MEASURING)
        return [
            Face(square_box(x, y, side), score)
            for (x, y), side, score in zip(found.middle, found.side, self._score(found), strict=True)
            if score >= self.min_score and side >= _SMALLEST_FACE
        ]

    def _score(self, found: Answers) -> list[float]:
        """Return the probability of a face for what a look found."""
        line = self._card["calibration"]
        logits = line["slope"] * found.logit.astype(np.float64) + line["intercept"]
        logits -= np.where(found.side < _SMALL, _SMALL_ODDS, 0.0)
        return [float(share) for share in 1 / (1 + np.exp(-logits))]

    def _look(self, grey: Grey, found: Answers, look: _Look) -> Answers:
        """Look at places anew; return the mean of what the network says, place by place."""
        if len(found.side) == 0:
            return found
        cut, back = patches(grey, found.middle, found.side, look.faces_px, mirrored=look.mirrored)
        shape = back.shape
        flat = cut.reshape(-1, PATCH, PATCH)
        said = np.concatenate([self._say(flat[k : k + _BATCH]) for k in range(0, len(flat), _BATCH)])
        logit, middle, side = at_the_middle(said)
        logit, middle, side = logit.reshape(shape), middle.reshape(*shape, 2), side.reshape(shape) * back
        if look.mirrored:
            middle[:, 1::2, 0] = PATCH - middle[:, 1::2, 0]
        middle = (middle - PATCH / 2) * back[..., None] + found.middle[:, None]
        weight = sigmoid(logit) + np.float32(1e-6)
        weight /= weight.sum(1, keepdims=True)
        return Answers(
            logit.mean(1), (middle * weight[..., None]).sum(1), np.exp((np.log(side) * weight).sum(1))
        )

    def _say(self, pictures: Floats) -> Floats:
        """Run the network on (B, H, W) pictures in 0-1, H and W multiples of 8; return (B, 14, h, w)."""
        said: Floats = self._network.run(None, {"grey": pictures[:, None]})[0]
        return said


def finder_path() -> Path:
    """Return where the network lies that comes with the package."""
    return packaged_network("face_finder")


@lru_cache(maxsize=2)
def _open(path: Path) -> tuple[Any, dict[str, Any]]:
    """Open a network and read its card, once per process: sessions may run in several threads at once."""
    if not path.is_file():
        raise ModelError(f"The face detector {path} is missing; install openau again, or choose haar.")
    # One thread: pictures are worked on side by side, and small levels gain nothing from more.
    session = open_session(path, threads=1)
    try:
        card: dict[str, Any] = json.loads(session.get_modelmeta().custom_metadata_map[CARD_KEY])
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path} is no face detector: it has no card; install openau again.") from error
    return session, card


def _gain(grey: Grey) -> float:
    """Return the factor that makes a dark picture ordinary."""
    sample = grey[:: max(1, grey.shape[0] // 200), :: max(1, grey.shape[1] // 200)]
    [brightest] = percentiles(np.ascontiguousarray(sample), (99,))
    return min(6.0, _DARK / max(brightest, 1.0)) if brightest < _DARK else 1.0


def _places(faces: Sequence[Face]) -> Answers:
    """Return faces as answers, to look there again."""
    boxes = np.array([face.box_px for face in faces], np.float32).reshape(-1, 4)
    scores = np.array([face.score for face in faces], np.float32)
    middle = np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)
    return Answers(scores, middle, boxes[:, 2] - boxes[:, 0])


def _is_free(found: Answers, faces: Sequence[Face]) -> NDArray[np.bool_]:
    """Return which of N answers lie where no sure face is, (N,)."""
    free = np.ones(len(found.side), bool)
    sure = _places([face for face in faces if face.score >= _SURE])
    for middle, side in zip(sure.middle, sure.side, strict=True):
        free &= share_in_common(found.middle, found.side, middle, float(side)) <= _OVERLAP
    return free


def _side(face: Face) -> float:
    return face.box_px[2] - face.box_px[0]
