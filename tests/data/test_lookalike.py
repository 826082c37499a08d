"""The same picture in another size or light is found; another picture is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.lookalike import difference_hash, near_duplicates
from openau.errors import SettingError
from openau.read import read_image
from openau.records import Pixels


def test_a_picture_is_recognised_in_another_size_and_light(astronaut: Pixels) -> None:
    small = np.asarray(cv2.resize(astronaut, (97, 113), interpolation=cv2.INTER_AREA), np.uint8)
    dim = (astronaut * 0.7).astype(np.uint8)
    encoded = cv2.imencode(".jpg", astronaut, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    jpeg = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, astronaut.shape, dtype=np.uint8)
    one = difference_hash(astronaut)[None]
    others = np.array(
        [difference_hash(p) for p in (small, dim, jpeg, astronaut[:, ::-1].copy(), noise)], np.uint64
    )
    assert near_duplicates(others, one).tolist() == [True, True, True, False, False]


def test_the_bits_are_left_to_right() -> None:
    ramp = np.repeat(np.arange(0, 252, 7, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    assert difference_hash(ramp).tolist() == [2**64 - 1] * 4
    assert difference_hash(np.ascontiguousarray(ramp[:, ::-1])).tolist() == [0] * 4


WORDS = st.lists(st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4), max_size=8)


@given(WORDS, WORDS, st.integers(90, 150))
def test_near_means_at_most_so_many_bits(one: list[list[int]], other: list[list[int]], bits: int) -> None:
    hashes, others = (np.array(words, np.uint64).reshape(-1, 4) for words in (one, other))
    wanted = [
        any(sum((a ^ b).bit_count() for a, b in zip(x, y, strict=True)) <= bits for y in other) for x in one
    ]
    assert near_duplicates(hashes, others, most_bits=bits).tolist() == wanted


def test_people_are_told_apart_and_poor_copies_are_found(shared: Path) -> None:
    crops = [_face(path) for path in sorted((shared / "faces" / "london").glob("*_neutral.jpg"))[:20]]
    poor = [
        cv2.resize((crop * 0.9).astype(np.uint8), (60, 60), interpolation=cv2.INTER_AREA) for crop in crops
    ]
    hashes, copies = (
        np.array([difference_hash(np.asarray(c, np.uint8)) for c in part]) for part in (crops, poor)
    )
    for row in range(len(crops)):
        assert near_duplicates(copies[row : row + 1], hashes[row : row + 1]).all()
        assert not near_duplicates(hashes[row : row + 1], np.delete(hashes, row, 0)).any()


def _face(path: Path) -> Pixels:
    rgb = read_image(path).rgb
    height, width = rgb.shape[:2]
    return rgb[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]


def test_more_bits_than_there_are_is_refused() -> None:
    with pytest.raises(SettingError, match="256 bits"):
        near_duplicates(np.zeros((1, 4), np.uint64), np.zeros((1, 4), np.uint64), most_bits=256)
