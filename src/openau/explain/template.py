"""One face onto which the maps of many are laid, so that they can be averaged."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Crop, Floats, Pixels

SIDE = 240
"""Side of the template's square in pixels."""

# The mean of 322 rendered faces of little expression that look at the camera, their eyes level and 1/3 of the
# square apart, made symmetric; in thousandths of the square's side. The brows are those of 1661 faces whose
# landmarks lie on the brows that are drawn, laid on the other points as faces are.
# fmt: off
_THOUSANDTHS = (
    (153, 402), (157, 504), (170, 594), (185, 684), (221, 789), (286, 878), (345, 919), (420, 943),
    (500, 961), (580, 943), (655, 919), (714, 878), (779, 789), (815, 684), (830, 594), (843, 504),
    (847, 402), (224, 327), (270, 296), (325, 283), (382, 288), (439, 299), (561, 299), (618, 288),
    (675, 283), (730, 296), (776, 327), (500, 378), (500, 434), (500, 486), (500, 551), (434, 631),
    (468, 632), (500, 636), (532, 632), (566, 631), (274, 401), (302, 381), (357, 377), (403, 409),
    (361, 415), (303, 416), (597, 409), (643, 377), (698, 381), (726, 401), (697, 416), (639, 415),
    (367, 751), (410, 717), (461, 699), (500, 702), (539, 699), (590, 717), (633, 751), (596, 779),
    (555, 793), (500, 797), (445, 793), (404, 779), (384, 750), (447, 742), (500, 744), (553, 742),
    (616, 750), (557, 747), (500, 749), (443, 747),
)
# fmt: on
TEMPLATE: NDArray[np.float64] = np.array(_THOUSANDTHS) * (SIDE / 1000)
"""(68, 2) landmarks of the template in its pixels, iBUG order."""

_LINES = ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36))
_RINGS = ((36, 42), (42, 48), (48, 60), (60, 68))


def onto_template(landmarks: Floats) -> NDArray[np.float64]:
    """Return the affine map that brings a face's landmarks closest to the template's, in least squares.

    Args:
        landmarks: (68, 2) as x, y in pixels of the photograph, iBUG order.

    Returns:
        (2, 3) from photograph pixels to template pixels.

    Raises:
        SettingError: The landmarks are not 68, not finite, or all on one line.
    """
    if landmarks.shape != (68, 2) or not np.isfinite(landmarks).all():
        raise SettingError(f"A face is laid on the template by (68, 2) landmarks, not by {landmarks.shape}.")
    points = np.hstack([landmarks.astype(np.float64), np.ones((68, 1))])
    solution, _, rank, _ = np.linalg.lstsq(points, TEMPLATE, rcond=None)
    if rank < 3:
        raise SettingError("The landmarks lie on one line; they are no face.")
    return np.asarray(solution.T, np.float64)


def crop_square(crop: Crop) -> NDArray[np.float64]:
    """Return the map that fills the template's square with the crop, for faces without landmarks.

    Args:
        crop: The cut face.

    Returns:
        (2, 3) from photograph pixels to template pixels.
    """
    factor = SIDE / crop.pixels.shape[0]
    # A pixel x of the crop has its centre at (x + 0.5) factor - 0.5 of the template.
    return np.asarray(crop.matrix * factor + np.array([[0, 0, 1], [0, 0, 1]]) * (factor - 1) / 2, np.float64)


def lay_maps(maps: Floats, crop: Crop, matrix: NDArray[np.float64]) -> Floats:
    """Lay maps of a crop on the template; 0 where the crop does not reach.

    Args:
        maps: (A, S, S) float32, in pixels of the crop.
        crop: The cut face.
        matrix: (2, 3) from photograph pixels to template pixels.

    Returns:
        (A, T, T) float32.
    """
    back = np.vstack([cv2.invertAffineTransform(crop.matrix), (0.0, 0.0, 1.0)])
    laid = [cv2.warpAffine(one, matrix @ back, (SIDE, SIDE), flags=cv2.INTER_LINEAR) for one in maps]
    return np.stack(laid).astype(np.float32) if laid else np.zeros((0, SIDE, SIDE), np.float32)


def lay_face(rgb: Pixels, matrix: NDArray[np.float64]) -> Pixels:
    """Lay a photograph on the template.

    Args:
        rgb: (H, W, 3) RGB uint8.
        matrix: (2, 3) from photograph pixels to template pixels.

    Returns:
        (T, T, 3) RGB uint8.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.5:  # area-average first: a bilinear warp alone would skip pixels
        wide, high = (max(1, round(side * 2 * scale)) for side in (rgb.shape[1], rgb.shape[0]))
        fx, fy = rgb.shape[1] / wide, rgb.shape[0] / high
        rgb = np.asarray(cv2.resize(rgb, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.array([[fx, 0.0, fx / 2 - 0.5], [0.0, fy, fy / 2 - 0.5], [0.0, 0.0, 1.0]])
    tile = cv2.warpAffine(rgb, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(tile, np.uint8)


def outlined(face: Pixels) -> Pixels:
    """Return the template with its landmarks joined by thin lines.

    Args:
        face: (T, T, 3) RGB uint8; left as it is.
    """
    out = face.copy()
    for spans, is_ring in ((_LINES, False), (_RINGS, True)):
        for first, last in spans:
            line = np.rint(TEMPLATE[first:last] * 16).astype(np.int32)
            cv2.polylines(out, [line], is_ring, (255, 255, 255), 1, cv2.LINE_AA, shift=4)
    return out
