"""The same picture in another size or light is found; another picture is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.lookalike import difference_hash, near_duplicates
from openau.errors import SettingError
from openau.records import Pixels


def test_a_picture_is_recognised_in_another_size_and_light(astronaut: Pixels) -> None:
    small = np.asarray(cv2.resize(astronaut, (97, 113), interpolation=cv2.INTER_AREA), np.uint8)
    dim = (astronaut * 0.7).astype(np.uint8)
    encoded = cv2.imencode(".jpg", astronaut, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    jpeg = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, astronaut.shape, dtype=np.uint8)
    one = np.array([difference_hash(astronaut)], np.uint64)
    others = np.array(
        [difference_hash(p) for p in (small, dim, jpeg, astronaut[:, ::-1].copy(), noise)], np.uint64
    )
    assert near_duplicates(others, one).tolist() == [True, True, True, False, False]


def test_the_bits_are_left_to_right() -> None:
    ramp = np.repeat(np.arange(0, 252, 7, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    assert difference_hash(ramp) == 2**64 - 1
    assert difference_hash(np.ascontiguousarray(ramp[:, ::-1])) == 0


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=8),
    st.lists(st.integers(0, 2**64 - 1), max_size=8),
    st.integers(0, 40),
)
def test_near_means_at_most_so_many_bits(one: list[int], other: list[int], bits: int) -> None:
    found = near_duplicates(np.array(one, np.uint64), np.array(other, np.uint64), most_bits=bits)
    assert found.tolist() == [any((a ^ b).bit_count() <= bits for b in other) for a in one]


def test_more_bits_than_there_are_is_refused() -> None:
    with pytest.raises(SettingError, match="64 bits"):
        near_duplicates(np.zeros(1, np.uint64), np.zeros(1, np.uint64), most_bits=64)
