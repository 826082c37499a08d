"""Masks and landmarks of an index: read by row, and refused in one sentence where they are not there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from openau.data import read_landmarks, read_masks, read_parameters
from openau.errors import InputError, SettingError, TableError


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Two pictures: AU 1 (bit 0) on the left half of the first, AU 43 (bit 22) and skin on the second."""
    first, second = np.zeros((2, 4, 4, 3), np.uint8)
    first[:, :2, 0] = 1
    second[0, :, 2] = 1 << 6 | 1 << 7
    for name, rgb in (("a", first), ("b", second)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rgb[..., ::-1])
    np.save(tmp_path / "landmarks.npy", np.arange(3 * 136, dtype=np.float32).reshape(3, 68, 2))
    return pd.DataFrame(
        {
            "mask": [str(tmp_path / f"{name}.png") for name in "ab"],
            "landmarks": str(tmp_path / "landmarks.npy"),
            "row": [2, 0],
        }
    )


def test_planes_come_in_the_order_asked_for(table: pd.DataFrame) -> None:
    masks = read_masks(table, [43, 1, 0])
    assert masks.shape == (2, 3, 4, 4)
    assert masks[0, 1, :, :2].all()
    assert masks[1, 0, 0].all()
    assert np.array_equal(masks[1, 0], masks[1, 2])
    assert masks.sum() == 8 + 4 + 4


@pytest.mark.parametrize("size", [(8, 8), (2, 2), (4, 12)])
def test_masks_come_in_the_size_asked_for(table: pd.DataFrame, size: tuple[int, int]) -> None:
    mask = read_masks(table.iloc[:1], [1], size=size)[0, 0]
    assert mask.shape == size
    assert mask[:, : size[1] // 2].all()
    assert not mask[:, size[1] // 2 :].any()


def test_landmarks_come_by_row(table: pd.DataFrame) -> None:
    points = read_landmarks(table)
    assert points[0, 0].tolist() == [271.5, 272.5]
    assert points[1, 0].tolist() == [-0.5, 0.5]


def test_no_rows_give_no_masks(table: pd.DataFrame) -> None:
    assert read_masks(table.iloc[:0], [1, 2], size=(5, 6)).shape == (0, 2, 5, 6)


def test_parameters_come_by_row(table: pd.DataFrame, tmp_path: Path) -> None:
    index = pd.DataFrame({"parameters": ['{"k": 0}', '{"k": 1}', '{"k": 2}']})
    index.to_csv(tmp_path / "index.csv", index=False)
    assert read_parameters(table) == [{"k": 2}, {"k": 0}]
    index.to_parquet(tmp_path / "index.parquet")
    assert read_parameters(table) == [{"k": 2}, {"k": 0}]
    pd.DataFrame({"path": ["a"]}).to_parquet(tmp_path / "index.parquet")
    with pytest.raises(TableError, match="has no parameters"):
        read_parameters(table)
    with pytest.raises(TableError, match="'landmarks'"):
        read_parameters(table.drop(columns="row"))


def test_what_is_not_there_is_named(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="'mask'"):
        read_masks(table.drop(columns="mask"), [1])
    with pytest.raises(TableError, match="'landmarks'"):
        read_landmarks(table.drop(columns="row"))
    with pytest.raises(SettingError, match="AU 45 has no mask"):
        read_masks(table, [45])
    with pytest.raises(InputError, match=r"landmarks\.npy cannot be read"):
        read_landmarks(table.assign(row=99))
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"b\.png is missing or no 24-bit picture"):
        read_masks(table, [1])
