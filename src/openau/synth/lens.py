"""From light to pixels as a camera does it: exposure, lens, sensor, tone curve, compression."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import OutputError
from openau.records import Floats
from openau.synth.scene import Flaws
from openau.synth.texture import blur, float32, resize

_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
_GREY_WEIGHTS: Final = np.array([0.299, 0.587, 0.114], np.float32)
_STEPS: Final = 2048
_CEILING: Final = 2.5
"""Linear level above which the sensor tells no difference."""
_MIDDLE: Final = 0.2176  # linear level that is shown as 0.5


def develop(light: Floats, face: Floats, flaws: Flaws, target: float, rng: np.random.Generator) -> Floats:
    """Expose, blur and digitise linear light as a camera does.

    Args:
        light: (H, W, 3) float32, linear.
        face: (H, W) float32, 1 on the face's skin.
        flaws: The camera's errors.
        target: Linear level that the face's median should get before `exposure_stops`.
        rng: The source of the sensor noise.

    Returns:
        (H, W, 3) float32, display range 0-1.
    """
    height, width = light.shape[:2]
    balance = (1 + flaws.warmth, 1 - flaws.tint, 1 - flaws.warmth)
    picture = light * (np.float32(_exposure(light, face, flaws, target)) * float32(balance))
    if flaws.vignette:
        picture *= _vignette(height, width, flaws.vignette)
    picture = _smear(picture, flaws)
    if flaws.detail < 1:
        fewer = (max(8, round(height * flaws.detail)), max(8, round(width * flaws.detail)))
        picture = resize(picture, fewer, cv2.INTER_AREA)
    if flaws.noise:
        picture += _noise(picture, flaws, rng)
    shown = _tone(picture, flaws)
    if flaws.sharpening:
        shown += np.float32(flaws.sharpening) * (shown - blur(shown, 0.9))
    if flaws.jpeg_quality:
        shown = _compress(shown, flaws)
    if shown.shape[:2] != (height, width):
        shown = resize(shown, (height, width))
    return float32(np.clip(shown, 0, 1))


def _exposure(light: Floats, face: Floats, flaws: Flaws, target: float) -> float:
    """Return the gain: metered between face and whole frame, without burning the brightest skin."""
    luminance = light @ _LUMA
    skin = luminance[face > 0.5]
    if skin.size == 0:
        return 1.0
    middle, brightest = np.percentile(skin, [50, 98])
    for_face = target / max(float(middle), 1e-4)
    frame = float(np.minimum(luminance, 4 * middle).mean())
    # A frame that is brighter than the face leaves the face dark, as backlight does, within a stop.
    pulled = (0.2 / max(frame, 1e-4) / for_face) ** flaws.metering
    wanted = for_face * float(np.clip(pulled, 0.55, 1.5)) * 2**flaws.exposure_stops
    return float(min(wanted, 0.95 / max(float(brightest), 1e-4)))


def _vignette(height: int, width: int, strength: float) -> Floats:
    """Return the fall of light toward the corners, (H, W, 1)."""
    rows, columns = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return float32(1 - strength * (rows**2 + columns**2) / 2)[..., None]


def _smear(picture: Floats, flaws: Flaws) -> Floats:
    """Blur as a lens out of focus does, and as a moving head or hand does."""
    scale = picture.shape[1] / 224
    if flaws.blur_px:
        picture = float32(cv2.filter2D(picture, -1, _disc_kernel(2 * flaws.blur_px * scale)))
    if flaws.motion_px * scale > 0.5:
        kernel = _line_kernel(flaws.motion_px * scale, flaws.motion_deg)
        picture = float32(cv2.filter2D(picture, -1, kernel))
    return picture


def _disc_kernel(radius: float) -> Floats:
    """Return the picture of a point out of focus: a disc with an anti-aliased edge, sum 1."""
    reach = math.ceil(radius)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1)
    return float32(kernel / kernel.sum())


def _line_kernel(length: float, angle_deg: float) -> Floats:
    """Return the picture of a point that moves along a line, sum 1."""
    reach = math.ceil(length / 2) + 1
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    along, across = np.abs(columns * cos + rows * sin), np.abs(rows * cos - columns * sin)
    weight = np.clip(length / 2 + 0.5 - along, 0, 1) * np.clip(1 - across, 0, 1)
    return float32(weight / weight.sum())


def _noise(picture: Floats, flaws: Flaws, rng: np.random.Generator) -> Floats:
    """Return read noise, the same everywhere, and shot noise, which grows with the root of the light."""
    # `noise` is told for middle grey in the display range; there one linear unit is 1 / 0.96 of a shown one.
    middle = 0.96 * flaws.noise
    deviation = np.sqrt(0.25 + (0.75 / _MIDDLE) * np.maximum(picture, 0))
    grain = rng.standard_normal(picture.shape, np.float32)
    return float32(grain * deviation * np.float32(middle))


def _tone(picture: Floats, flaws: Flaws) -> Floats:
    """Apply the camera's tone curve and saturation; linear light becomes display range."""
    shown = _film()
    curved = shown + flaws.contrast * shown * (1 - shown) * (2 * shown - 1)
    curve = float32(flaws.haze + (1 - flaws.haze) * curved)
    place = np.sqrt(np.clip(picture, 0, _CEILING)) * np.float32((_STEPS - 1) / math.sqrt(_CEILING))
    found = curve[np.rint(place).astype(np.int32)]
    if flaws.grey or flaws.saturation != 1:
        grey = (found @ _GREY_WEIGHTS)[..., None]
        found = float32(grey + np.float32(0 if flaws.grey else flaws.saturation) * (found - grey))
    return found


@lru_cache(maxsize=1)
def _film() -> NDArray[np.float64]:
    """Return what is shown of `_STEPS` levels of light, before contrast and haze."""
    # Steps even in the root of the light: the curve is steep near black.
    linear = _CEILING * np.linspace(0, 1, _STEPS) ** 2
    # A soft shoulder instead of a hard ceiling: highlights keep their shape.
    level = np.where(linear > 0.6, 0.6 + 0.4 * (1 - np.exp(-(linear - 0.6) / 0.4)), linear)
    return np.asarray(level ** (1 / 2.2))


def _compress(shown: Floats, flaws: Flaws) -> Floats:
    """Write and read a JPEG, with whole or halved colour resolution."""
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if flaws.jpeg_halved else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    settings = [cv2.IMWRITE_JPEG_QUALITY, flaws.jpeg_quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    pixels = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    ok, encoded = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), settings)
    if not ok:
        raise OutputError("A picture could not be compressed as JPEG.")
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if decoded is None:
        raise OutputError("A picture could not be read back from JPEG.")
    return float32(decoded[..., ::-1]) / np.float32(255)
