"""Near duplicates: pictures that look the same though their files differ.

A difference hash says for 64 pairs of neighbouring places whether the picture gets brighter from left to
right. It hardly changes with size, compression or light, and two unrelated faces differ in about half of
its bits.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Pixels

MOST_BITS = 6
"""Hashes that differ in no more bits than this count as the same picture."""

_BLOCK = 2**22


def difference_hash(rgb: Pixels) -> int:
    """Return the 64-bit difference hash of a picture.

    Args:
        rgb: (H, W, 3) RGB uint8.

    Returns:
        The hash; bit 63 is the upper left pair.

    Reference:
        Krawetz (2013), "Kind of like that".
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey.astype(np.float32), (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def near_duplicates(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], *, most_bits: int = MOST_BITS
) -> NDArray[np.bool_]:
    """Tell which pictures look like one of others.

    Args:
        hashes: (N,) uint64 of the pictures in question.
        others: (M,) uint64 of the others.
        most_bits: Hashes that differ in no more bits count as the same picture, 0–63.

    Returns:
        (N,) bool.

    Raises:
        SettingError: `most_bits` is out of range.
    """
    if not 0 <= most_bits <= 63:
        raise SettingError(f"A hash of 64 bits cannot differ in {most_bits}; give 0-63.")
    found = np.zeros(len(hashes), bool)
    rest = np.unique(others)
    if not len(rest):
        return found
    step = max(1, _BLOCK // len(rest))
    for start in range(0, len(hashes), step):
        differing = hashes[start : start + step, None] ^ rest[None]
        found[start : start + step] = (_bit_count(differing) <= most_bits).any(1)
    return found


def _bit_count(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Count the bits set in each word (numpy's own bitwise_count came with 2.0)."""
    one, two, four = (np.uint64(int(byte * 8, 16)) for byte in ("55", "33", "0f"))
    words = words - ((words >> np.uint64(1)) & one)
    words = (words & two) + ((words >> np.uint64(2)) & two)
    words = (words + (words >> np.uint64(4))) & four
    counts: NDArray[np.uint64] = (words * np.uint64(int("01" * 8, 16))) >> np.uint64(56)
    return counts
