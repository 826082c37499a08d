"""OpenCV's frontal Haar cascade, with a second look that steadies the box.

The cascade is a window of 20x20 pixels, slid over the picture at many sizes; a face answers at many
neighbouring places and sizes, a chance resemblance at few. The search has two steps:

1. *Search.* A pyramid of halved pictures, each searched coarsely for faces of 20 to 40 pixels of its own.
   The finest is small enough that the cost is bounded whatever the picture's size, and a border around
   the coarser ones lets a face be found that fills the picture.
2. *Look again.* Around each answer a patch is brought to one fixed size and searched densely, tilted too
   where it answers weakly upright. The number n of answers no longer depends on the face's size, so it
   makes the score, 1 / (1 + (12 / n)^2); their weighted mean makes a box that stands still when the
   picture moves by a fraction of a pixel.

Reference: Viola and Jones (2001). The cascade is Lienhart's `haarcascade_frontalface_alt2`: at equal
false alarms it finds more small and dark faces than `haarcascade_frontalface_default`, and costs less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import cv2.data
import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.faces.detect import (
    Grey,
    checked_min_score,
    grey_picture,
    searchable,
    square_box,
    without_overlaps,
)
from openau.records import Box, Face, Pixels

Matrix = NDArray[Any]  # (2, 3) float64
Found = NDArray[np.float64]  # (N, 4) answers of the cascade: x, y, side, weight


class _Look(NamedTuple):
    """How densely a patch is searched.

    Attributes:
        face: Side of the expected face in the patch, in pixels.
        step: Ratio of one face size to the next.
    """

    face: int
    step: float

    @property
    def patch(self) -> int:
        """Side of the patch."""
        return round(1.86 * self.face)

    @property
    def sizes(self) -> tuple[float, int, int]:
        """What to search for."""
        return self.step, round(0.61 * self.face), round(1.57 * self.face)


CASCADE = "haarcascade_frontalface_alt2.xml"
_WINDOW = 20  # the cascade's own window, in pixels
_SMALLEST_FACE = 28  # pixels of the picture; below, false alarms outnumber faces, and no AU can be read
_QUICK_PIXELS, _TILTED_PIXELS, _THOROUGH_PIXELS = 320 * 240, 480 * 320, 1280 * 960  # of the finest level
_ENLARGED_SIDE = 48  # smaller pictures are enlarged to this short side
_FINEST = (1.41, 20, 35)  # search: ratio of one face size to the next, smallest and largest size in pixels
_COARSER = (1.25, 20, 39)  # the coarser levels cost little, so they are searched more densely
_BORDER = 10
_CENTRING = _Look(face=40, step=1.16)
_MEASURING = _Look(face=56, step=1.08)
_SIMILAR = 0.2  # how far two answers of one face may differ, as a share of the smaller side
_EVEN_ODDS = 12.0  # answers at which the score is 0.5: chance gives a few, frontal faces 30 and more
_SURE = 0.8  # below this score, other tilts of the patch and of the picture are tried
_PATCH_TILTS = (-18.0, 18.0)
_PICTURE_TILTS = (-25.0, 25.0, -50.0, 50.0)
_MOST_LOOKS = 64


class HaarDetector:
    """Finds upright frontal faces; the house's box convention is what it returns.

    Attributes:
        min_score: Faces below this score (0–1) are dropped.
        thorough: Whether to search a finer pyramid, and a tilted picture where nothing was found upright.
            For photographs; without it the smallest face is about a twelfth of the short side of the picture.
    """

    def __init__(self, min_score: float | None = None, *, thorough: bool = False) -> None:
        """Load the cascade that comes with OpenCV.

        Raises:
            SettingError: `min_score` is outside 0–1, or this OpenCV comes without its cascades.
        """
        self.min_score = checked_min_score(min_score, default=0.5)
        self.thorough = thorough
        path = Path(cv2.data.haarcascades) / CASCADE
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise SettingError(f"OpenCV's cascade {path} is missing; install opencv-python-headless below 5.")

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Return the faces in a picture, surest first.

        Args:
            rgb: (H, W, 3) RGB uint8 of any size.

        Raises:
            SettingError: It is not such an array.
        """
        plain = searchable(rgb)
        if plain is None:
            return []
        grey = _stretched(plain)
        if not self.thorough:
            return self._faces(grey, _QUICK_PIXELS)
        faces = self._faces(grey, _THOROUGH_PIXELS)
        if all(face.score < _SURE for face in faces):
            faces = without_overlaps([*faces, *self._tilted_faces(grey)])
        return faces

    def again(self, rgb: Pixels, known: Sequence[Face]) -> list[Face] | None:
        """Return known faces as they are now, surest first, or None where not all of them were found.

        Args:
            rgb: (H, W, 3) RGB uint8.
            known: The faces of a picture shortly before; each may have moved by a third of its size.

        Raises:
            SettingError: The picture is not such an array.
        """
        grey = _stretched(grey_picture(rgb))
        faces = []
        for x1, y1, x2, _ in (face.box_px for face in known):
            face = self._look(grey, x1, y1, x2 - x1, is_lone=True)
            if face is None or face.score < self.min_score:
                return None
            faces.append(face)
        apart = without_overlaps(faces)
        return apart if len(apart) == len(known) else None

    def _faces(self, grey: Grey, pixels: int) -> list[Face]:
        faces: list[Face] = []
        for group in self._search(grey, pixels)[:_MOST_LOOKS]:
            x, y, side = group[:, :3].mean(axis=0)
            if any(_is_within(x + side / 2, y + side / 2, face.box_px) for face in faces):
                continue
            face = self._look(grey, x, y, side, is_lone=len(group) == 1)
            if face is not None and face.score >= self.min_score:
                faces.append(face)
        return without_overlaps(faces)

    def _search(self, grey: Grey, pixels: int) -> list[Found]:
        """Return groups of answers in picture pixels, largest group first."""
        height, width = grey.shape
        answers = []
        for number, (level, border) in enumerate(_levels(grey, pixels)):
            found = self._answers(level, border, _COARSER if number else _FINEST)
            across, down = width / level.shape[1], height / level.shape[0]
            side = found[:, 2] * math.sqrt(across * down)
            x = (found[:, 0] + found[:, 2] / 2) * across - side / 2
            y = (found[:, 1] + found[:, 2] / 2) * down - side / 2
            answers.append(np.column_stack([x, y, side, found[:, 3]]))
        return _grouped(np.concatenate(answers))

    def _look(self, grey: Grey, x: float, y: float, side: float, *, is_lone: bool) -> Face | None:
        """Search around one answer: quickly to centre the patch, then densely; where weak, tilted too."""
        centred = self._look_once(grey, square_box(x + side / 2, y + side / 2, side), _CENTRING)
        if centred is None and is_lone and not self.thorough:
            return None  # one chance resemblance is not worth a quarter of a video frame's time
        box = square_box(x + side / 2, y + side / 2, side) if centred is None else centred.box_px
        best = self._look_once(grey, box, _MEASURING)
        if best is None or best.score < _SURE:
            tilted = (self._look_once(grey, box, _MEASURING, tilt) for tilt in _PATCH_TILTS)
            best = max([best, *tilted], key=lambda face: 0.0 if face is None else face.score)
        return best

    def _look_once(self, grey: Grey, box_px: Box, look: _Look, tilt_deg: float = 0.0) -> Face | None:
        x1, y1, x2, y2 = box_px
        scale = look.face / (x2 - x1)
        patch, to_picture = _patch(grey, ((x1 + x2) / 2, (y1 + y2) / 2), look.patch, scale, tilt_deg)
        groups = _grouped(self._answers(patch, 0, look.sizes))
        if not groups:
            return None
        found = groups[0]
        # Weights of the last stage lie in a narrow band: what counts is how far they stand above its foot.
        weight = found[:, 3] - 0.98 * found[:, 3].min()
        fx, fy, fside = np.average(found[:, :3], axis=0, weights=np.maximum(weight, 1e-6))
        # Boxes are measured at pixel edges, the map at pixel centres: half a pixel apart.
        middle = to_picture @ (fx + fside / 2 - 0.5, fy + fside / 2 - 0.5, 1.0) + 0.5
        score = 1 / (1 + (_EVEN_ODDS / len(found)) ** 2)
        return Face(square_box(middle[0], middle[1], fside / scale), score)

    def _tilted_faces(self, grey: Grey) -> list[Face]:
        """Search the picture tilted either way: for heads on one side, which the cascade does not know."""
        height, width = grey.shape
        scale = min(1.0, math.sqrt(_TILTED_PIXELS / grey.size))
        faces: list[Face] = []
        for tilt in _PICTURE_TILTS:
            matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), tilt, scale)
            reach = np.abs(matrix[:, :2]) @ (width, height)
            matrix[:, 2] += (reach - 1) / 2 - ((width - 1) / 2, (height - 1) / 2)
            size = (math.ceil(reach[0]), math.ceil(reach[1]))
            tilted = _warp(grey, matrix, size, scale)
            back = cv2.invertAffineTransform(matrix)
            found = self._faces(tilted, _TILTED_PIXELS)
            faces += [_moved(face, back, scale) for face in found if face.score >= _SURE]
        return faces

    def _answers(self, grey: Grey, border: int, sizes: tuple[float, int, int]) -> Found:
        """Return every single answer of the cascade, in a fixed order (threads find them in any)."""
        step, low, high = sizes
        if border:
            grey = cv2.copyMakeBorder(grey, border, border, border, border, cv2.BORDER_REPLICATE)
        boxes, _, weights = self._cascade.detectMultiScale3(
            grey, step, 0, 0, (low, low), (high, high), outputRejectLevels=True
        )
        if len(boxes) == 0:
            return np.zeros((0, 4))
        found = np.column_stack([np.asarray(boxes, np.float64)[:, :3], np.ravel(weights)])
        found[:, :2] -= border
        ordered: Found = found[np.lexsort(found.T)]
        return ordered


def _stretched(grey: Grey) -> Grey:
    """Return a dim or hazy picture with its contrast restored; the cascade refuses flat windows."""
    low, high = np.percentile(grey[::4, ::4], (1, 99))
    if high - low >= 90:
        return grey
    gain = 200 / max(high - low, 8.0)
    table = np.clip(np.rint((np.arange(256) - low) * gain), 0, 255).astype(np.uint8)
    stretched: Grey = table[grey]
    return stretched


def _levels(grey: Grey, pixels: int) -> Iterator[tuple[Grey, int]]:
    """Yield the pyramid, finest first, with the border each level is to be given."""
    height, width = grey.shape
    scale = min(_WINDOW / _SMALLEST_FACE, math.sqrt(pixels / grey.size))
    enlarged = _ENLARGED_SIDE / min(height, width)
    if enlarged > scale and grey.size * enlarged**2 <= pixels:
        scale = enlarged
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    yield grey, 0 if min(grey.shape) > 120 else _BORDER
    while min(grey.shape) > 1.5 * _WINDOW:
        size = ((grey.shape[1] + 1) // 2, (grey.shape[0] + 1) // 2)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        yield grey, _BORDER


def _grouped(found: Found) -> list[Found]:
    """Part answers into faces: two belong together when all their edges nearly agree. Largest group first."""
    if not len(found):
        return []
    first, last = found[:, :2], found[:, :2] + found[:, 2:3]
    slack = _SIMILAR * np.minimum(found[:, None, 2], found[None, :, 2])
    near = (np.abs(first[:, None] - first[None]) <= slack[..., None]).all(axis=2)
    near &= (np.abs(last[:, None] - last[None]) <= slack[..., None]).all(axis=2)
    label = np.arange(len(found))
    while True:  # each answer takes the smallest label within its reach, until none changes
        spread = np.where(near, label, len(found)).min(axis=1)
        if np.array_equal(spread, label):
            break
        label = spread
    groups = [found[label == value] for value in np.unique(label)]
    return sorted(groups, key=len, reverse=True)


def _patch(
    grey: Grey, centre: tuple[float, float], side: int, scale: float, tilt_deg: float
) -> tuple[Grey, Matrix]:
    """Cut a square patch around a point; return it with the (2, 3) map from its points to the picture's."""
    cos, sin = math.cos(math.radians(tilt_deg)) * scale, math.sin(math.radians(tilt_deg)) * scale
    turn = np.array([[cos, sin], [-sin, cos]])
    matrix = np.column_stack([turn, (side - 1) / 2 - turn @ (np.array(centre) - 0.5)])
    return _warp(grey, matrix, (side, side), scale), cv2.invertAffineTransform(matrix)


def _warp(grey: Grey, matrix: Matrix, size: tuple[int, int], scale: float) -> Grey:
    """Warp without aliasing: where the picture shrinks by whole factors, it is averaged first."""
    matrix = matrix.copy()
    # Only the part that is needed, so that a patch of a large picture costs little.
    corners = cv2.invertAffineTransform(matrix) @ np.array(
        [[0, size[0], 0, size[0]], [0, 0, size[1], size[1]], [1, 1, 1, 1]], np.float64
    )
    low = np.clip(np.floor(corners.min(axis=1)).astype(int) - 2, 0, (grey.shape[1] - 1, grey.shape[0] - 1))
    high = np.maximum(np.ceil(corners.max(axis=1)).astype(int) + 3, low + 1)
    part = grey[low[1] : high[1], low[0] : high[0]]
    matrix[:, 2] += matrix[:, :2] @ low
    factor = int(1 / scale)
    if factor > 1:
        small = (max(1, round(part.shape[1] / factor)), max(1, round(part.shape[0] / factor)))
        ratio = np.array([part.shape[1] / small[0], part.shape[0] / small[1]])
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
        matrix[:, 2] += matrix[:, :2] @ ((ratio - 1) / 2)
        matrix[:, :2] *= ratio
    return cv2.warpAffine(part, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _moved(face: Face, back: Matrix, scale: float) -> Face:
    x1, y1, x2, y2 = face.box_px
    x, y = back @ ((x1 + x2) / 2 - 0.5, (y1 + y2) / 2 - 0.5, 1.0) + 0.5
    return Face(square_box(x, y, (x2 - x1) / scale), face.score)


def _is_within(x: float, y: float, box_px: Box) -> bool:
    x1, y1, x2, y2 = box_px
    return x1 < x < x2 and y1 < y < y2
