"""Scores of a map say how well it points beside chance; curves and sanity say whether to trust it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from torch import Tensor, nn

from openau.errors import SettingError
from openau.explain import (
    REGION_AUS,
    Confusion,
    deletion_insertion,
    energy_inside,
    landmark_regions,
    peak_inside,
    randomised,
    rank_correlation,
    score_face,
    summarise,
)
from openau.records import Floats
from tests.fake.explained import upright_face

MAPS = arrays.arrays(np.float32, (2, 6, 6), elements=st.integers(0, 9).map(float))
REGIONS = arrays.arrays(np.bool_, (3, 6, 6))


def test_energy_and_peak_have_hand_computed_values() -> None:
    maps = np.array([[[1, 2], [3, 4]], [[0, 0], [0, 0]], [[5, 5], [0, 0]]], np.float32)
    regions = np.array([[[0, 0], [1, 1]], [[1, 0], [0, 0]], [[0, 0], [0, 0]]], bool)
    nan = np.nan
    np.testing.assert_allclose(energy_inside(maps, regions), [[0.7, 0.1, nan], [nan] * 3, [0, 0.5, nan]])
    np.testing.assert_allclose(peak_inside(maps, regions), [[1, 0, nan], [nan] * 3, [0, 0.5, nan]])


@given(MAPS, REGIONS, st.sampled_from([0.25, 2.0, 64.0]))
def test_scores_do_not_change_with_a_maps_height(
    maps: Floats, regions: NDArray[np.bool_], factor: float
) -> None:
    for score in (energy_inside, peak_inside):
        np.testing.assert_allclose(score(maps * np.float32(factor), regions), score(maps, regions))


@given(MAPS, REGIONS)
def test_a_region_and_the_rest_share_all_of_a_map(maps: Floats, regions: NDArray[np.bool_]) -> None:
    for score in (energy_inside, peak_inside):
        both = score(maps, regions) + score(maps, ~regions)
        np.testing.assert_allclose(both[np.isfinite(both)], 1.0)


@given(REGIONS)
def test_a_map_without_preference_scores_chance(regions: NDArray[np.bool_]) -> None:
    scores = score_face(np.ones((3, 2, 2), np.float32), regions)
    for values in (scores.energy, scores.peak):
        np.testing.assert_allclose(values, np.broadcast_to(scores.chance, values.shape))


def test_confusion_counts_only_faces_that_show_the_au() -> None:
    regions = np.zeros((2, 4, 4), bool)
    regions[0, :2], regions[1, 2:] = True, True
    upper = np.repeat(regions[:1], 2, 0).astype(np.float32)  # both maps light up AU 1's region
    pairs = Confusion((1, 12))
    pairs.add(score_face(upper, regions), np.array([False, True]))
    pairs.add(score_face(upper, regions), np.array([False, True]))
    table = pairs.table()
    assert table[["au", "region", "faces"]].to_numpy().tolist() == [["AU12", "AU01", 2], ["AU12", "AU12", 2]]
    assert table["energy"].tolist() == [1, 0]
    assert table["lift"].tolist() == [2, 0]


def test_a_summary_resamples_subjects_and_not_faces() -> None:
    scores = pd.DataFrame(
        {
            "subject": ["a"] * 98 + ["b", "c"],
            "au": [1] * 100,
            "energy": [1.0] * 98 + [0.0, np.nan],
        }
    )
    table = summarise(scores, ["energy"], resamples=200)
    assert table["au"].tolist() == ["AU01", "mean"]
    row = table.iloc[0]
    assert (row["faces"], row["subjects"]) == (99, 2)
    assert row["energy"] == pytest.approx(98 / 99)
    assert (row["energy_low"], row["energy_high"]) == (0, 1)  # resamples without "a" exist
    assert table.iloc[1]["energy"] == row["energy"]


def test_maps_and_regions_must_be_as_many() -> None:
    with pytest.raises(SettingError, match="2 maps and 3 regions"):
        score_face(np.ones((2, 2, 2), np.float32), np.ones((3, 4, 4), bool))


def test_regions_lie_where_their_names_say() -> None:
    size = 64
    points = upright_face(float(size), 0, 0)
    regions = dict(zip(REGION_AUS, landmark_regions(points, REGION_AUS, size), strict=True))
    rows = {au: np.flatnonzero(region.any(1)) for au, region in regions.items()}
    assert all(0.005 < region.mean() < 0.3 for region in regions.values())
    assert rows[1].max() < points[36:48, 1].min(), "the inner brow lies above the eyes"
    assert rows[6].max() < points[48:60, 1].max(), "cheeks lie above the chin"
    assert rows[17].min() > points[33, 1], "the chin lies below the nose"
    assert regions[12][round(points[48, 1]), round(points[48, 0])], "the lip corner belongs to AU 12"
    assert regions[12][round(points[54, 1]), round(points[54, 0])]
    assert not (regions[1] & regions[12]).any()


@pytest.mark.parametrize("au", REGION_AUS)
def test_regions_of_a_mirrored_face_are_mirrored(au: int) -> None:
    size = 64
    points = upright_face(float(size), 0, 0)
    points -= np.array((0.5, 0), np.float32)  # symmetric about the middle of the pixels
    [region] = landmark_regions(points, (au,), size)
    difference = region ^ region[:, ::-1]
    assert difference.mean() < 0.02


def test_regions_turn_with_the_face() -> None:
    points = upright_face(64.0, 0, 0)
    turned = (points - 31.5) @ np.array([[0, 1], [-1, 0]], np.float32) + 31.5  # a quarter turn
    [plain], [quarter] = (landmark_regions(p, (12,), 64) for p in (points, turned))
    assert (np.rot90(plain, -1) ^ quarter).mean() < 0.02 or (np.rot90(plain, 1) ^ quarter).mean() < 0.02


def test_regions_refuse_what_they_do_not_know() -> None:
    with pytest.raises(SettingError, match="68"):
        landmark_regions(np.zeros((5, 2), np.float32), (1,), 16)
    with pytest.raises(SettingError, match="AU 45"):
        landmark_regions(upright_face(), (45,), 16)
    assert not landmark_regions(np.full((68, 2), np.nan, np.float32), (1, 12), 16).any()


class Left(nn.Module):
    """AU 0 reads the left half's brightness, AU 1 nothing."""

    def forward(self, images: Tensor) -> Tensor:
        logit = 8 * images[:, 0, :, : images.shape[3] // 2].std((1, 2)) - 2
        return torch.stack((logit, torch.zeros_like(logit)), dim=1)


def test_deletion_falls_and_insertion_rises_first_where_the_map_is_right() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 24, 24)
    right, wrong = torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4)
    right[..., :2], wrong[..., 2:] = 1, 1
    good, bad = (deletion_insertion(Left(), images, maps, steps=12) for maps in (right, wrong))
    assert (good[0, :, 0] < good[2, :, 0]).all()
    assert (good[1, :, 0] > good[3, :, 0]).all()
    assert (bad[0, :, 0] > good[0, :, 0]).all()
    torch.testing.assert_close(good[:, :, 1], torch.full((4, 2), 0.5))


def test_curves_are_the_same_for_the_same_seed_and_refuse_single_steps() -> None:
    images, maps = torch.randn(1, 3, 12, 12), torch.rand(1, 2, 3, 3)
    first, second = (deletion_insertion(Left(), images, maps, steps=4, seed=2) for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(SettingError, match="1 steps"):
        deletion_insertion(Left(), images, maps, steps=1)


def test_rank_correlation_is_scipys_spearman() -> None:
    stats = pytest.importorskip("scipy.stats")
    torch.manual_seed(0)
    one, other = torch.randint(0, 4, (2, 3, 3)).float(), torch.rand(2, 3, 3)
    wanted = [stats.spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(rank_correlation(one, other), wanted)
    assert rank_correlation(torch.zeros(1, 3, 3), other[:1]).isnan().all()
    torch.testing.assert_close(rank_correlation(other, other**3), torch.ones(2, dtype=torch.float64))


def test_randomised_weights_are_the_same_numbers_in_other_places() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    before = [weight.clone() for weight in network.parameters()]
    twin = randomised(network)
    for old, weight, other in zip(before, network.parameters(), twin.parameters(), strict=True):
        assert torch.equal(old, weight)
        assert torch.equal(old.flatten().sort().values, other.detach().flatten().sort().values)
    assert not torch.equal(before[0], next(twin.parameters()))
