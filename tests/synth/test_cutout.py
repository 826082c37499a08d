"""Heads cut out of their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openau.errors import TableError
from openau.synth.cutout import SIZE, draw_pose, read_cutouts, write_cutouts
from openau.synth.identity import Stage


def test_heads_are_cut_out_whole_with_their_truth(tmp_path: Path, stage: Stage) -> None:
    told: list[int] = []
    write_cutouts(tmp_path, lambda: stage, [7], per_subject=3, progress=told.append)
    heads = read_cutouts(tmp_path, [7])
    assert told == [7]
    assert len(heads) == 3
    assert heads.rgba.shape == (3, SIZE, SIZE, 4)
    for rgba, box in zip(heads.rgba, heads.box_px, strict=True):
        x1, y1, x2, y2 = (int(v) for v in box)
        cover = rgba[..., 3]
        assert cover[y1:y2, x1:x2].mean() > 0.4 * 255
        assert cover[0].mean() < 0.2 * 255  # there is room above the hair
        assert {0, 255} <= set(np.unique(cover))


def test_a_finished_subject_is_kept_and_the_same_seed_gives_the_same_heads(
    tmp_path: Path, stage: Stage
) -> None:
    def never() -> Stage:
        raise AssertionError("nothing is missing")

    for name in ("a", "b"):
        write_cutouts(tmp_path / name, lambda: stage, [3], per_subject=1, seed=4)
    write_cutouts(tmp_path / "a", never, [3])
    first, second = (read_cutouts(tmp_path / name, [3]) for name in ("a", "b"))
    np.testing.assert_array_equal(first.rgba, second.rgba)


def test_a_missing_subject_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="render the heads again"):
        read_cutouts(tmp_path, [1])


def test_most_heads_look_here_some_aside_and_some_away() -> None:
    rng = np.random.default_rng(0)
    yaw = np.abs([draw_pose(rng)[1] for _ in range(2000)])
    assert 0.6 < (yaw < 40).mean() < 0.85
    assert 0.08 < ((yaw > 45) & (yaw < 90)).mean() < 0.3
    assert 0.05 < (yaw > 100).mean() < 0.12
