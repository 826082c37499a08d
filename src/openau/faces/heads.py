"""The default detector: a small network of our own, trained on rendered heads only.

The network knows faces of 20 to 70 pixels. The search has two steps:

1. *Search.* A pyramid of halved pictures is shown to the network; each of its cells says how likely a face is
   centred there, and where. A face answers on one level or two.
2. *Look again.* Around each answer a patch is brought to a fixed size, evened out in brightness, and shown
   anew: once to centre it, then in a few sizes, mirrored too. The mean of the answers makes a box that stands
   still when the picture moves by a fraction of a pixel, and a score that is the probability of a face: the
   card holds the curve that makes one of the other, fitted on rendered scenes that the network had not seen.

Faces are found turned aside as far as profile and tilted to about 45°.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import ModelError
from openau.faces.detect import checked_min_score, checked_picture, without_overlaps
from openau.records import Box, Face, Floats, Pixels
from openau.runtime import open_session

CARD_KEY: Final = "openau.detector"
STRIDE: Final = 8
SIDE_PX: Final = 32.0  # the side that the network's size output is relative to

Grey = NDArray[Any]  # (H, W) uint8
Looks = tuple[tuple[float, bool], ...]

_QUICK_PIXELS, _THOROUGH_PIXELS = 512 * 384, 1920 * 1440  # of the finest level
_SMALLEST_FACE = 20.0  # pixels of the picture; below, false alarms outnumber faces
_SMALL, _SMALL_ODDS = 32.0, math.log(5)  # faces below so many pixels, which so much more often are none
_SMALLEST = 16  # a picture thinner than this holds no face worth reading
_LEAST_SIDE = 64  # levels go down to this short side or less: there a face may fill the picture
_BORDER = 24  # around such levels; what is outside the picture repeats its edge
_BORDERED = 160  # short side of levels from which on there is a border
_QUICK_ASKED, _THOROUGH_ASKED = 0.3, 0.15  # raw probability from which an answer is looked at again
_MOST_LOOKS = 96
_LIKELY = 0.45  # raw probability at the first, quick look from which an answer is measured
_CENTRING: Looks = ((48.0, False),)  # side of the face in a patch, in pixels; whether the patch is mirrored
_MEASURING: Looks = tuple((face, is_mirrored) for face in (36.0, 48.0, 60.0) for is_mirrored in (False, True))
_PATCH = 104  # an odd number of cells: a face in the middle lies in the middle of a cell, not between four
_SAME = 0.45  # share of the smaller box that two answers of one face have in common, at least
_FLAT = 90.0  # range of grey levels below which a patch is given more contrast
_ALIKE = 0.4  # and how far apart the logarithms of their sides are, at most
_DARK = 90.0  # a picture whose brightest pixels are below is shown brighter


class _Answers(NamedTuple):
    """What the network says of N places, in pixels of the picture.

    Attributes:
        logit: (N,).
        middle: (N, 2) box centres.
        side: (N,) of the boxes.
    """

    logit: Floats
    middle: Floats
    side: Floats


class HeadDetector:
    """Finds faces from 20 pixels, in any pose up to profile; returns house boxes and calibrated scores.

    Attributes:
        min_score: Faces below this score (0-1) are dropped.
        thorough: Whether large pictures are searched in more of their pixels. For photographs; without it the
            smallest face is about 1/20 of the height of the picture, from VGA on.
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

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Return the faces in a picture, surest first.

        Args:
            rgb: (H, W, 3) RGB uint8 of any size.

        Raises:
            SettingError: It is not such an array.
        """
        grey = _grey(rgb)
        if min(grey.shape) < _SMALLEST:
            return []
        if self.thorough:
            found = self._search(grey, _THOROUGH_PIXELS, _THOROUGH_ASKED)
        else:
            found = self._search(grey, _QUICK_PIXELS, _QUICK_ASKED)
        middle, side = _grouped(found)
        near = self._look(grey, middle[:_MOST_LOOKS], side[:_MOST_LOOKS], _CENTRING)
        return self._measured(grey, near)

    def again(self, rgb: Pixels, known: Sequence[Face]) -> list[Face] | None:
        """Return known faces as they are now, surest first, or None where not all of them were found.

        Args:
            rgb: (H, W, 3) RGB uint8.
            known: The faces of a picture shortly before; each may have moved by a third of its size.

        Raises:
            SettingError: The picture is not such an array.
        """
        grey = _grey(rgb)
        if not known:
            return []
        boxes = np.array([face.box_px for face in known], np.float32)
        middle = np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)
        near = self._look(grey, middle, np.asarray(boxes[:, 2] - boxes[:, 0]), _CENTRING)
        faces = self._measured(grey, near)
        return faces if len(faces) == len(known) else None

    def _measured(self, grey: Grey, near: _Answers) -> list[Face]:
        """Measure what the first of two looks found likely enough; return faces without overlaps."""
        likely = near.logit >= math.log(_LIKELY / (1 - _LIKELY))
        found = self._look(grey, near.middle[likely], near.side[likely], _MEASURING)
        faces = [
            Face(_square(x, y, side), score)
            for (x, y), side, score in zip(found.middle, found.side, self._score(found), strict=True)
            if score >= self.min_score and side >= _SMALLEST_FACE
        ]
        return without_overlaps(faces)

    def _score(self, found: _Answers) -> list[float]:
        """Return the probability of a face for what a look found."""
        line = self._card["calibration"]
        logits = line["slope"] * found.logit.astype(np.float64) + line["intercept"]
        logits -= np.where(found.side < _SMALL, _SMALL_ODDS, 0.0)
        return [float(share) for share in 1 / (1 + np.exp(-logits))]

    def _search(self, grey: Grey, pixels: int, asked: float) -> _Answers:
        """Return the answers of all levels, in any order."""
        height, width = grey.shape
        scale = min(1.0, math.sqrt(pixels / (height * width)))
        gain = _gain(grey)
        found = []
        while True:
            size = max(STRIDE, round(width * scale)), max(STRIDE, round(height * scale))
            level = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
            border = _BORDER if min(size) < _BORDERED else 0
            if border:
                level = cv2.copyMakeBorder(level, border, border, border, border, cv2.BORDER_REPLICATE)
            said = self._say(np.minimum(np.float32(level) * np.float32(gain / 255), 1)[None])
            answers = _peaks(said[0], asked)
            ratio = np.array([width / size[0], height / size[1]], np.float32)
            middle = (answers.middle - border) * ratio
            found.append(_Answers(answers.logit, middle, answers.side * np.sqrt(ratio.prod())))
            if min(size) <= _LEAST_SIDE:
                break
            scale /= 2
        return _Answers(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _look(self, grey: Grey, middle: Floats, side: Floats, looks: Looks) -> _Answers:
        """Look at places anew; return the mean of what the network says, place by place."""
        if len(middle) == 0:
            return _Answers(np.zeros(0, np.float32), middle.reshape(0, 2), side)
        patches, back = _patches(grey, middle, side, looks)
        said = np.concatenate([self._say(patches[k : k + 32]) for k in range(0, len(patches), 32)])
        logit, spots, sides = _at_the_middle(said)
        shape = (len(middle), len(looks))
        mirrored = np.tile([is_mirrored for _, is_mirrored in looks], len(middle))
        spots[mirrored, 0] = _PATCH - spots[mirrored, 0]
        spots = (spots - _PATCH / 2) * back[:, None] + np.repeat(middle, len(looks), axis=0)
        sides = sides * back
        weight = _sigmoid(logit).reshape(shape) + np.float32(1e-6)
        weight = weight / weight.sum(1, keepdims=True)
        return _Answers(
            logit.reshape(shape).mean(1),
            (spots.reshape(*shape, 2) * weight[..., None]).sum(1),
            np.exp((np.log(sides).reshape(shape) * weight).sum(1)),
        )

    def _say(self, pictures: Floats) -> Floats:
        """Run the network on (B, H, W) pictures in 0-1 of any size; return (B, 14, h, w)."""
        _, height, width = pictures.shape
        down, across = -height % STRIDE, -width % STRIDE
        if down or across:
            pictures = np.pad(pictures, ((0, 0), (0, down), (0, across)), mode="edge")
        said: Floats = self._network.run(None, {"grey": pictures[:, None]})[0]
        return said


def finder_path() -> Path:
    """Return where the network lies that comes with the package."""
    return Path(str(resources.files("openau") / "assets" / "models" / "face_finder.onnx"))


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


def _grey(rgb: Pixels) -> Grey:
    return cv2.cvtColor(np.ascontiguousarray(checked_picture(rgb)), cv2.COLOR_RGB2GRAY)


def _gain(grey: Grey) -> float:
    """Return the factor that makes a dark picture ordinary."""
    sample = grey[:: max(1, grey.shape[0] // 200), :: max(1, grey.shape[1] // 200)]
    brightest = float(np.percentile(sample, 99))
    return min(6.0, _DARK / max(brightest, 1.0)) if brightest < _DARK else 1.0


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def _peaks(said: Floats, asked: float) -> _Answers:
    """Return the cells that are likelier than their neighbours, of one picture's (14, h, w)."""
    heat = said[0]
    tops = (heat >= math.log(asked / (1 - asked))) & (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero(tops)
    return _read(said[:, rows, columns], rows, columns)


def _read(said: Floats, rows: NDArray[Any], columns: NDArray[Any]) -> _Answers:
    """Return what cells (14, N) say, in pixels of what the network saw."""
    middle = np.stack([columns + 0.5 + said[1], rows + 0.5 + said[2]], axis=1) * STRIDE
    side = SIDE_PX * np.exp(np.clip(said[3], -2, 2))
    return _Answers(said[0], np.asarray(middle, np.float32), np.asarray(side, np.float32))


def _at_the_middle(said: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the best cell near the middle of each patch: logit (N,), centre (N, 2), side (N,)."""
    cells = said.shape[-1]
    reach = 3  # cells either side: three eighths of the patch
    first, last = cells // 2 - reach, cells // 2 + reach + cells % 2
    inner = said[:, 0, first:last, first:last]
    best = inner.reshape(len(said), -1).argmax(1)
    rows, columns = best // inner.shape[2] + first, best % inner.shape[2] + first
    answers = _read(said[np.arange(len(said)), :, rows, columns].T, rows, columns)
    return answers.logit, answers.middle, answers.side


def _patches(grey: Grey, middle: Floats, side: Floats, looks: Looks) -> tuple[Floats, Floats]:
    """Cut patches around places, one for each look.

    Returns:
        (N * looks, P, P) in 0-1; (N * looks,) picture pixels per patch pixel.
    """
    patches, back = [], []
    for (x, y), size in zip(middle, side, strict=True):
        for face, is_mirrored in looks:
            scale = face / max(float(size), 1.0)
            patch = _evened(_patch(grey, float(x), float(y), scale))
            patches.append(patch[:, ::-1] if is_mirrored else patch)
            back.append(1 / scale)
    return np.stack(patches), np.asarray(back, np.float32)


def _patch(grey: Grey, x: float, y: float, scale: float) -> Grey:
    """Cut a patch of `_PATCH` pixels around a place; what is outside the picture repeats its edge."""
    half = _PATCH / 2 / scale
    left, top = math.floor(x - half) - 2, math.floor(y - half) - 2
    right, bottom = math.ceil(x + half) + 3, math.ceil(y + half) + 3
    height, width = grey.shape
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    part = grey[top : max(top + 1, min(bottom, height)), left : max(left + 1, min(right, width))]
    ratio_x = ratio_y = 1.0
    if scale < 0.6:  # averaged first, so that nothing flickers
        small = max(1, round(part.shape[1] * scale * 1.2)), max(1, round(part.shape[0] * scale * 1.2))
        ratio_x, ratio_y = part.shape[1] / small[0], part.shape[0] / small[1]
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    across, down = scale * ratio_x, scale * ratio_y
    # Pixel centres at integers in both.
    matrix = np.array(
        [
            [across, 0, across / 2 - 0.5 + (left - x) * scale + _PATCH / 2],
            [0, down, down / 2 - 0.5 + (top - y) * scale + _PATCH / 2],
        ]
    )
    return cv2.warpAffine(
        part, matrix, (_PATCH, _PATCH), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _evened(patch: Grey) -> Floats:
    """Bring a patch to ordinary brightness and contrast, where it is dark or pale; (P, P) in 0-1."""
    inner = patch[_PATCH // 5 : -_PATCH // 5, _PATCH // 5 : -_PATCH // 5]
    low, high = np.percentile(inner, (2, 98))
    picture = np.float32(patch)
    if high - low < _FLAT:
        middle = (float(high) + float(low)) / 2
        gain = min(4.0, _FLAT / max(float(high - low), 1.0))
        picture = (picture - middle) * gain + min(max(middle, 70.0), 185.0)
    return np.asarray(np.clip(picture, 0, 255) / 255, np.float32)


def _grouped(found: _Answers) -> tuple[Floats, Floats]:
    """Join answers of the same face; return centres and sides, likeliest first."""
    order = np.argsort(-found.logit, kind="stable")
    middle, side, weight = found.middle[order], found.side[order], _sigmoid(found.logit[order])
    left = np.ones(len(order), bool)
    middles, sides = [], []
    for k in range(len(order)):
        if not left[k]:
            continue
        alike = np.abs(np.log(side / side[k])) < _ALIKE
        same = left & alike & (_overlap(middle, side, k) > _SAME)
        left &= ~same
        shares = weight[same] / weight[same].sum()
        middles.append((middle[same] * shares[:, None]).sum(0))
        sides.append(float(np.exp((np.log(side[same]) * shares).sum())))
    return np.asarray(middles, np.float32).reshape(-1, 2), np.asarray(sides, np.float32)


def _overlap(middle: Floats, side: Floats, k: int) -> Floats:
    """Return which share of the smaller of two boxes the other covers, for box k and all others."""
    reach = (side + side[k]) / 2 - np.abs(middle - middle[k]).max(1)
    common = [
        np.minimum((side + side[k]) / 2 - np.abs(middle[:, a] - middle[k, a]), np.minimum(side, side[k]))
        for a in (0, 1)
    ]
    area = np.maximum(common[0], 0) * np.maximum(common[1], 0)
    return np.where(reach > 0, area / np.minimum(side, side[k]) ** 2, 0)


def _square(x: float, y: float, side: float) -> Box:
    half = float(side) / 2
    return float(x) - half, float(y) - half, float(x) + half, float(y) + half
