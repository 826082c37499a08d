"""Augmentation changes what may change, draws the same from the same generator, and shows no border."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import openau.data.augment as augment_module
from openau.data.augment import (
    AUGMENTATIONS,
    Augmentation,
    augment,
    augment_and_tell,
    centre,
    mirror,
    offline_copy,
    opposite_columns,
)
from openau.errors import SettingError

NOTHING = Augmentation(**{field.name: 0.0 for field in fields(Augmentation)})


def only(**values: Any) -> Augmentation:
    return Augmentation(**{field.name: values.get(field.name, 0.0) for field in fields(Augmentation)})


def wide(count: int = 8, side: int = 22) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=generator)


def draw(how: Augmentation, pictures: Tensor, seed: int = 0, size: int = 16) -> Tensor:
    return augment(pictures, size, how, torch.Generator().manual_seed(seed))


def test_with_everything_off_the_crop_is_the_instruments() -> None:
    pictures = wide()
    torch.testing.assert_close(draw(NOTHING, pictures), centre(pictures, 16), atol=2e-4, rtol=0)
    assert torch.equal(centre(pictures, 16)[3, 1], pictures[3, 3:19, 3:19, 1].float() / 255)


def test_a_flip_mirrors_and_flipping_twice_is_nothing() -> None:
    pictures = wide()
    mirrored = draw(only(flip=1.0), pictures)
    torch.testing.assert_close(mirrored, centre(pictures, 16).flip(3), atol=2e-4, rtol=0)
    again = draw(only(flip=1.0), pictures.flip(2))
    torch.testing.assert_close(again, centre(pictures, 16), atol=2e-4, rtol=0)


@given(st.integers(0, 40))
def test_every_draw_is_a_picture(seed: int) -> None:
    how = Augmentation(cover=0.5, coarse=0.5, blur=0.5, brightness=0.5, contrast=1.0)
    found = draw(how, wide(2), seed)
    assert found.shape == (2, 3, 16, 16)
    assert found.dtype == torch.float32
    assert torch.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_same_generator_draws_the_same_and_another_does_not() -> None:
    assert torch.equal(draw(Augmentation(), wide(), 4), draw(Augmentation(), wide(), 4))
    assert not torch.equal(draw(Augmentation(), wide(), 4), draw(Augmentation(), wide(), 5))


def test_every_face_gets_a_draw_of_its_own() -> None:
    found = draw(Augmentation(), wide(1).expand(6, -1, -1, -1))
    assert all(not torch.equal(found[0], found[row]) for row in range(1, 6))


def test_turned_zoomed_and_shifted_crops_never_leave_the_margin() -> None:
    # Beyond the stored crop the outermost pixels would go on for ever: mark them, and see no strip of them.
    pictures = torch.full((200, 66, 66, 3), 100, dtype=torch.uint8)
    for side in (slice(0, 1), slice(65, 66)):
        pictures[:, side] = 255
        pictures[:, :, side] = 255
    found = draw(only(shift=0.5, zoom=0.1, rotation_deg=12, stretch=0.04), pictures, size=48)
    assert found[:, :, 2:-2, 2:-2].max() < 0.45


def test_a_shift_moves_no_further_than_it_may() -> None:
    pictures = torch.zeros(200, 66, 66, 3, dtype=torch.uint8)
    pictures[:, 33, 33] = 255
    found = draw(only(shift=0.1), pictures, size=48)
    weight = found[:, 0] / found[:, 0].sum((1, 2), keepdim=True)
    place = torch.arange(48.0)
    across, down = (weight.sum(1) * place).sum(1), (weight.sum(2) * place).sum(1)
    for moved in (across, down):
        assert (moved - 24).abs().max() <= 4.8 + 1e-3
        assert moved.std() > 2


def test_grey_takes_the_colour_out_and_keeps_the_light() -> None:
    found = draw(only(grey=1.0, tint=0.5), wide())
    assert torch.allclose(found[:, 0], found[:, 2], atol=1e-5)
    luma = (centre(wide(), 16) * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    torch.testing.assert_close(found[:, 1], luma, atol=1e-3, rtol=0)


def test_brightness_moves_a_flat_picture_within_its_range() -> None:
    found = draw(only(brightness=0.1), torch.full((300, 22, 22, 3), 128, dtype=torch.uint8))
    change = found.mean((1, 2, 3)) - 128 / 255
    assert change.abs().max() <= 0.1 + 1e-3
    assert change.min() < -0.08
    assert change.max() > 0.08


def test_contrast_keeps_the_mean() -> None:
    before, found = centre(wide() // 2 + 64, 16), draw(only(contrast=0.3), wide() // 2 + 64)
    torch.testing.assert_close(found.mean((1, 2, 3)), before.mean((1, 2, 3)), atol=2e-3, rtol=0)
    ratio = found.std((1, 2, 3)) / before.std((1, 2, 3))
    assert ratio.min() >= 1 / 1.31
    assert ratio.max() <= 1.31
    assert ratio.std() > 0.03


@pytest.mark.parametrize("name", ["blur", "coarse"])
def test_blurred_and_coarse_pictures_have_less_detail(name: str) -> None:
    before, found = centre(wide(), 16), draw(only(**{name: 1.0}), wide())
    assert (found.diff(dim=3).abs().mean((1, 2, 3)) < 0.8 * before.diff(dim=3).abs().mean((1, 2, 3))).all()


def test_covering_hides_a_rectangle_of_at_most_a_quarter() -> None:
    how = only(cover=1.0)
    pictures = torch.full((100, 22, 22, 3), 128, dtype=torch.uint8)
    hidden = (draw(how, pictures) - 128 / 255).abs().amax(1) > 1e-3
    share = hidden.float().mean((1, 2))
    assert share.max() <= 0.25 + 0.1
    assert share.mean() > 0.05


def test_noise_and_shading_do_something_and_leave_the_mean() -> None:
    pictures = torch.full((64, 22, 22, 3), 128, dtype=torch.uint8)
    for how in (only(noise=0.05), only(shading=0.2)):
        found = draw(how, pictures)
        assert found.std((1, 2, 3)).mean() > 0.01
        assert abs(float(found.mean()) - 128 / 255) < 0.01


def test_each_axis_is_zoomed_alone_as_keras_does() -> None:
    # A disc of radius 8 in a wide crop: its width and height show the two factors.
    place = torch.arange(66) - 32.5
    disc = ((place[:, None] ** 2 + place**2) < 64)[None, :, :, None].expand(400, -1, -1, 3)
    found = draw(only(axis_zoom=0.3), (disc * 255).to(torch.uint8), size=48)[:, 0] > 0.5
    across, down = (found.any(axis).sum(1).float() / 16 for axis in (1, 2))
    for size in (across, down):
        assert 1 / 1.3 - 0.07 <= size.min() < 0.83  # extent up to 1.3: the picture as small as 1/1.3
        assert 1.3 < size.max() <= 1 / 0.7 + 0.07
    assert abs(torch.corrcoef(torch.stack((across, down)))[0, 1]) < 0.2


def test_shearing_tilts_the_upright_axis_alone() -> None:
    pictures = torch.zeros(100, 66, 66, 3, dtype=torch.uint8)
    pictures[:, :, 32:34] = 255
    found = draw(only(shear_deg=20.0), pictures, size=48)[:, 0]
    weight = found / found.sum(2, keepdim=True).clamp(min=1e-6)
    middle = (weight * torch.arange(48.0)).sum(2)
    slope = torch.rad2deg(torch.atan((middle[:, 40] - middle[:, 8]) / 32))
    assert 15 < slope.abs().max() <= 20.5
    rows = torch.zeros(50, 66, 66, 3, dtype=torch.uint8)
    rows[:, 32:34] = 255
    level = draw(only(shear_deg=20.0), rows, size=48)[:, 0]
    assert level.std(2).max() < 0.02


def test_deramgozins_set_turns_zooms_and_mirrors_and_leaves_light_alone() -> None:
    how = AUGMENTATIONS["deramgozin2023"]
    flat = torch.full((50, 66, 66, 3), 90, dtype=torch.uint8)
    torch.testing.assert_close(draw(how, flat, size=48), centre(flat, 48), atol=1e-3, rtol=0)
    assert {f.name for f in fields(Augmentation) if getattr(how, f.name)} == {
        "rotation_deg",
        "shear_deg",
        "axis_zoom",
        "flip",
    }


def test_an_offline_copy_is_the_same_for_ever_and_another_key_gives_another() -> None:
    picture = wide(1)[0].numpy()
    one, again, other = (offline_copy(picture, key) for key in (7, 7, 8))
    assert one.shape == picture.shape
    assert one.dtype == picture.dtype
    assert (one == again).all()
    assert (one != other).any()


def test_mirroring_exchanges_the_labels_of_the_sides() -> None:
    names = ["AU12_left", "AU12_right", "AU25"]
    target = torch.tensor([[1.0, 0.0, 1.0], [1.0, float("nan"), 0.0]])
    faces, found = mirror(wide(2), target, torch.tensor([False, True]), opposite_columns(names))
    assert torch.equal(faces[0], wide(2)[0])
    assert torch.equal(faces[1], wide(2)[1].flip(1))
    torch.testing.assert_close(found, torch.tensor([[1, 0, 1], [float("nan"), 1, 0]]), equal_nan=True)


@pytest.mark.parametrize("names", [["AU12_left", "AU25"], ["AU12_right"]])
def test_a_side_without_its_opposite_cannot_be_mirrored(names: list[str]) -> None:
    with pytest.raises(SettingError, match="could not be labelled"):
        opposite_columns(names)


@pytest.mark.parametrize("opposite", [[0], [0, 0], [1, 2, 0]])
def test_columns_that_do_not_pair_are_refused(opposite: list[int]) -> None:
    with pytest.raises(SettingError, match="do not pair"):
        mirror(wide(1), torch.zeros(1, max(2, len(opposite))), torch.tensor([True]), opposite)


@pytest.mark.parametrize(
    ("name", "value"), [("flip", 1.2), ("grey", -0.1), ("shift", -0.1), ("zoom", -1), ("axis_zoom", 1.0)]
)
def test_values_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(SettingError, match=name):
        Augmentation(**{name: value})


@given(st.integers(0, 1000))
def test_points_go_where_their_pixels_go(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(12, 24, (6, 1, 2), generator=generator)
    pictures = torch.zeros(6, 36, 36, 3, dtype=torch.uint8)
    for row, (x, y) in enumerate(places[:, 0].tolist()):
        pictures[row, y - 1 : y + 2, x - 1 : x + 2] = 255
    how = only(shift=0.1, zoom=0.2, rotation_deg=30.0, stretch=0.1, shear_deg=5.0, axis_zoom=0.2, flip=0.5)
    found, moves = augment_and_tell(pictures, 24, how, generator)
    moved = moves.points(places.float())[:, 0]
    for row in range(6):
        light = found[row, 0]
        if not ((moved[row] > 3) & (moved[row] < 20)).all():  # some of the spot may have been moved out
            continue
        rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
        middle = torch.stack(((light * columns).sum(), (light * rows).sum())) / light.sum()
        torch.testing.assert_close(middle, moved[row], atol=0.75, rtol=0)


def test_unmoved_points_lose_the_border_and_mirrored_ones_change_sides() -> None:
    points = torch.tensor([[[3.0, 3.0], [18.0, 5.0], [float("nan"), 4.0]]])
    generator = torch.Generator().manual_seed(0)
    _, moves = augment_and_tell(wide(1), 16, NOTHING, generator)
    torch.testing.assert_close(
        moves.points(points)[0, :2], torch.tensor([[0.0, 0.0], [15.0, 2.0]]), atol=1e-4, rtol=0
    )
    assert moves.points(points)[0, 2].isnan().any()
    _, moves = augment_and_tell(wide(1), 16, only(flip=1.0), generator)
    assert moves.mirrored.tolist() == [True]
    torch.testing.assert_close(
        moves.points(points)[0, :2], torch.tensor([[15.0, 0.0], [0.0, 2.0]]), atol=1e-4, rtol=0
    )


def test_telling_the_moves_changes_no_picture() -> None:
    how = Augmentation(cover=0.5)
    told, _ = augment_and_tell(wide(), 16, how, torch.Generator().manual_seed(4))
    assert torch.equal(told, draw(how, wide(), 4))


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("numbers", [1, 3 * 3 * 16 * 16])
def test_pictures_are_the_same_in_whatever_groups_they_are_drawn(
    name: str, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = draw(AUGMENTATIONS[name], wide())
    monkeypatch.setattr(augment_module, "_CACHED", numbers)
    assert torch.equal(draw(AUGMENTATIONS[name], wide()), whole)
