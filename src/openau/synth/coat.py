"""Compiled loops that lay colour on the skin's texture: one pass over the texels, not one per operation."""

from __future__ import annotations

from openau.records import Floats
from openau.synth.compiled import uncounted

_REDDER = (0.10, -0.13, -0.12)
_DARKER = (0.62, 0.72, 0.55)


@uncounted
def base_coat(
    painted: Floats, skin: Floats, tint: Floats, red: Floats, shadow: Floats
) -> None:  # pragma: no cover - compiled
    """Fill the colour of bare skin.

    Args:
        painted: (S, S, 4) float32, its first three channels are filled.
        skin: (3,) float32, the subject's reflectance.
        tint: (S, S) float32, brightness of the skin's grain, about 1.
        red: (S, S) float32, blood under the skin, 0-1.
        shadow: (S, S) float32, darkness around the eyes, 0-1.
    """
    for y in range(painted.shape[0]):
        for x in range(painted.shape[1]):
            for c in range(3):
                redder, darker = 1 + _REDDER[c] * red[y, x], 1 - _DARKER[c] * shadow[y, x]
                painted[y, x, c] = skin[c] * tint[y, x] * redder * darker


@uncounted
def lay_over(painted: Floats, cover: Floats, colour: Floats) -> None:  # pragma: no cover - compiled
    """Blend a colour over the skin where something covers it, in place.

    Args:
        painted: (S, S, 4) float32.
        cover: (S, S) float32, 0-1.
        colour: (3,) float32.
    """
    for y in range(painted.shape[0]):
        for x in range(painted.shape[1]):
            share = cover[y, x]
            if share > 0:
                for c in range(3):
                    painted[y, x, c] += (colour[c] - painted[y, x, c]) * share


@uncounted
def lay_lit(
    painted: Floats, cover: Floats, colour: Floats, light: Floats
) -> None:  # pragma: no cover - compiled
    """Blend a colour of uneven brightness over the skin, in place.

    Args:
        painted: (S, S, 4) float32.
        cover: (S, S) float32, 0-1.
        colour: (3,) float32.
        light: (S, S) float32, the colour's brightness, about 1.
    """
    for y in range(painted.shape[0]):
        for x in range(painted.shape[1]):
            share = cover[y, x]
            if share > 0:
                for c in range(3):
                    painted[y, x, c] += (colour[c] * light[y, x] - painted[y, x, c]) * share


@uncounted
def dim(painted: Floats, share: Floats, colour: Floats) -> None:  # pragma: no cover - compiled
    """Take away a share of the light of each channel, in place.

    Args:
        painted: (S, S, 4) float32.
        share: (S, S) float32, 0-1.
        colour: (3,) float32, how much of the share each channel loses.
    """
    for y in range(painted.shape[0]):
        for x in range(painted.shape[1]):
            if share[y, x] != 0:
                for c in range(3):
                    painted[y, x, c] *= 1 - share[y, x] * colour[c]


@uncounted
def bound(painted: Floats, low: float, high: float) -> None:  # pragma: no cover - compiled
    """Keep the first three channels between two reflectances, in place.

    Args:
        painted: (S, S, 4) float32.
        low: Least reflectance.
        high: Greatest reflectance.
    """
    for y in range(painted.shape[0]):
        for x in range(painted.shape[1]):
            for c in range(3):
                painted[y, x, c] = min(max(painted[y, x, c], low), high)
