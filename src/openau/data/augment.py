"""Variations of a batch of faces that leave its action units as they are.

Everything is drawn from one generator, so that a batch can be drawn again exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from openau.data.moves import Moves
from openau.errors import SettingError
from openau.records import Pixels


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much a training face may vary. Every range is symmetric about "unchanged"; 0 switches it off.

    Attributes:
        shift: Largest shift, as a share of the crop's side.
        zoom: Largest relative change of size; 0.2 is 1/1.2 to 1.2 times.
        rotation_deg: Largest turn in the picture plane.
        stretch: Largest relative change of width against height.
        shear_deg: Largest tilt of the upright axis against the level one.
        axis_zoom: Largest change of either axis's extent, each alone, as a share: 0.3 is 0.7 to 1.3 times.
        flip: Probability of a mirror image (the AUs are unsided, so the labels stay).
        brightness: Largest change of brightness, as a share of white.
        contrast: Largest relative change of contrast about the face's mean.
        gamma: Largest relative change of the tone curve's exponent.
        saturation: Largest relative change of colourfulness.
        tint: Largest relative change of one colour channel against the others.
        grey: Probability of a picture without colour.
        shading: Largest brightness ramp across the face in a random direction, as a share of white.
        noise: Largest standard deviation of pixel noise, as a share of white.
        blur: Probability of a slight blur.
        coarse: Probability of a low-resolution picture (reduced by 1.5 to 3 and enlarged again).
        cover: Probability that a random rectangle of up to a quarter of the face is covered.
    """

    shift: float = 0.06
    zoom: float = 0.15
    rotation_deg: float = 12.0
    stretch: float = 0.08
    shear_deg: float = 0.0
    axis_zoom: float = 0.0
    flip: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.3
    gamma: float = 0.3
    saturation: float = 0.4
    tint: float = 0.12
    grey: float = 0.2
    shading: float = 0.2
    noise: float = 0.03
    blur: float = 0.2
    coarse: float = 0.2
    cover: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be a probability or a range."""
        for name in ("flip", "grey", "blur", "coarse", "cover"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingError(f"augmentation.{name} is {getattr(self, name)}; give a probability 0-1.")
        for name in (
            "shift",
            "zoom",
            "rotation_deg",
            "stretch",
            "shear_deg",
            "brightness",
            "contrast",
            "gamma",
        ):
            if getattr(self, name) < 0:
                raise SettingError(f"augmentation.{name} is {getattr(self, name)}; it must not be negative.")
        if self.noise < 0 or not 0 <= self.axis_zoom < 1:
            raise SettingError(
                f"augmentation.noise is {self.noise} and augmentation.axis_zoom {self.axis_zoom}; "
                "noise must not be negative, axis_zoom from 0 to below 1."
            )


def augment(wide: Tensor, size: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Draw one variation of every face.

    Args:
        wide: (B, W, W, 3) uint8, crops with a margin, W ≥ `size`.
        size: Side S of the network's crop, at the same pixel pitch.
        how: Ranges and probabilities.
        generator: Where the randomness comes from; on the device of `wide`.

    Returns:
        (B, 3, S, S) float32 in 0–1.
    """
    return augment_and_tell(wide, size, how, generator)[0]


def augment_and_tell(
    wide: Tensor, size: int, how: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Moves]:
    """Draw one variation of every face, and tell how each was moved.

    Args:
        wide: (B, W, W, 3) uint8, crops with a margin, W ≥ `size`.
        size: Side S of the network's crop, at the same pixel pitch.
        how: Ranges and probabilities.
        generator: Where the randomness comes from; on the device of `wide`.

    Returns:
        (B, 3, S, S) float32 in 0–1, the very pictures that `augment` draws, and the moves.
    """
    count = len(wide)
    moves = _draw_moves(count, wide.shape[1], size, how, generator)
    light = _draw_light(count, how, generator)
    images = torch.empty(count, 3, size, size, device=wide.device)
    together = count if wide.is_cuda else max(1, _CACHED // (3 * size * size))
    for start in range(0, count, together):
        part = slice(start, start + together)
        moved = _move(wide[part], moves.matrix[part], size)
        images[part] = _relight(moved, {name: values[part] for name, values in light.items()}, how)
    images, covered = _spoil(images, how, generator)
    return images.clamp_(0, 1), replace(moves, covered=covered)


_CACHED = 2**19
"""Numbers that about fit into a processor's own cache, where one step after the other finds them."""

_NOTHING = dict.fromkeys((field.name for field in fields(Augmentation)), 0.0)

AUGMENTATIONS = MappingProxyType(
    {
        "default": Augmentation(),
        "none": Augmentation(**_NOTHING),
        "deramgozin2023": Augmentation(
            **{**_NOTHING, "rotation_deg": 30.0, "shear_deg": 0.3, "axis_zoom": 0.3, "flip": 0.5}
        ),
        "moreno2024-offline": Augmentation(
            **{**_NOTHING, "shift": 0.05, "zoom": 0.1, "rotation_deg": 10.0, "flip": 0.5, "brightness": 0.1}
            | {"contrast": 0.2, "gamma": 0.1, "noise": 0.02}
        ),
    }
)
"""Ranges by name.

`deramgozin2023`: what Deramgozin et al. (2023), section 4.2, give to Keras's generator: turns to ±30°, a
shear of 0.3 (which Keras reads as degrees: almost nothing), each axis 0.7 to 1.3 times, mirror images.
Beyond the crop's edge there are real pixels here, the edge's own there.

`moreno2024-offline`: how a copy made before training differs from its picture; the paper does not name its
operations.
"""


def offline_copy(wide: Pixels, key: int, how: Augmentation = AUGMENTATIONS["moreno2024-offline"]) -> Pixels:
    """Draw one lasting variation of one stored crop.

    Args:
        wide: (W, W, 3) RGB uint8.
        key: Decides the variation, at least 0: the same key gives the same copy for ever.
        how: Ranges and probabilities.

    Returns:
        (W, W, 3) RGB uint8.

    Reference:
        Moreno-Armendáriz et al. (2024), section III: "data augmentation" of AU 20 and AU 17.
    """
    picture = torch.from_numpy(np.ascontiguousarray(wide))[None]
    varied = augment(picture, wide.shape[0], how, torch.Generator().manual_seed(key))
    return varied[0].permute(1, 2, 0).mul_(255).round_().to(torch.uint8).numpy()


def mirror(wide: Tensor, target: Tensor, chosen: Tensor, opposite: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Mirror some faces of a batch, and exchange the labels of their left and right AUs.

    Args:
        wide: (B, W, W, 3) uint8.
        target: (B, A) labels.
        chosen: (B,) bool, which faces.
        opposite: For each of the A columns that of the same AU on the other side; itself where it has no
            side.

    Returns:
        The faces and their labels, in memory of their own.

    Raises:
        SettingError: `opposite` is not one column for each, or mirroring twice would not give the labels
            back.
    """
    columns = list(range(target.shape[1]))
    if sorted(opposite) != columns or [opposite[column] for column in opposite] != columns:
        raise SettingError(f"The opposite columns {list(opposite)} do not pair the {len(columns)} AUs.")
    exchanged = target[:, list(opposite)]
    return (
        torch.where(chosen[:, None, None, None], wide.flip(2), wide),
        torch.where(chosen[:, None], exchanged, target),
    )


def opposite_columns(names: Sequence[str]) -> list[int]:
    """Return for each column that of the same AU on the other side.

    Args:
        names: `AU12_left`, `AU12_right`, `AU25` and so on.

    Returns:
        Column numbers, as `mirror` takes them.

    Raises:
        SettingError: An AU has only one of its two sides.
    """
    turned = {"left": "right", "right": "left"}
    found = []
    for name in names:
        stem, _, side = name.rpartition("_")
        other = f"{stem}_{turned[side]}" if side in turned else name
        if other not in names:
            raise SettingError(f"There is {name} but no {other}: a mirror image could not be labelled.")
        found.append(list(names).index(other))
    return found


def centre(wide: Tensor, size: int) -> Tensor:
    """Return the faces as the instrument would cut them, unchanged.

    Args:
        wide: (B, W, W, 3) uint8, crops with a margin.
        size: Side S of the network's crop.

    Returns:
        (B, 3, S, S) float32 in 0–1.
    """
    start = (wide.shape[1] - size) // 2
    cut = wide[:, start : start + size, start : start + size]
    return cut.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _rand(generator: torch.Generator, *shape: int) -> Tensor:
    """Draw values 0-1 where the generator lives."""
    return torch.rand(shape, generator=generator, device=generator.device)


def _uniform(count: int, limit: float, generator: torch.Generator) -> Tensor:
    """Draw (count,) values between -limit and limit."""
    return (2 * _rand(generator, count) - 1) * limit


def _factor(count: int, limit: float, generator: torch.Generator) -> Tensor:
    """Draw (count,) factors between 1/(1+limit) and 1+limit, even on a log scale."""
    return torch.exp(_uniform(count, math.log1p(limit), generator))


def _chosen(count: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draw (count, 1, 1, 1) booleans."""
    return (_rand(generator, count) < probability)[:, None, None, None]


def _draw_moves(count: int, wide: int, size: int, how: Augmentation, generator: torch.Generator) -> Moves:
    """Draw shift, zoom, turn, stretch and mirror images.

    A shift is kept small enough that no corner leaves the wide crop, where the turn and zoom leave room.
    """
    extent = size / wide / _factor(count, how.zoom, generator)
    angle = _uniform(count, math.radians(how.rotation_deg), generator)
    stretch = _factor(count, how.stretch, generator).sqrt()
    mirror = 1 - 2 * (_rand(generator, count) < how.flip).to(torch.float32)
    across, down = extent * stretch, extent / stretch
    upright = angle
    # What is off draws nothing, so that the same seed gives the same pictures as before it was there.
    if how.axis_zoom > 0:
        across = across * (1 + _uniform(count, how.axis_zoom, generator))
        down = down * (1 + _uniform(count, how.axis_zoom, generator))
    if how.shear_deg > 0:
        upright = angle + _uniform(count, math.radians(how.shear_deg), generator)
    cosine, sine = angle.cos(), angle.sin()
    up_cosine, up_sine = upright.cos(), upright.sin()
    reach = torch.stack(
        (across * cosine.abs() + down * up_sine.abs(), across * sine.abs() + down * up_cosine.abs()), 1
    )
    limit = torch.full_like(reach, 2 * how.shift * size / wide)
    shift = (_rand(generator, count, 2) * 2 - 1) * torch.minimum(limit, (1 - reach).clamp(min=0))
    matrix = torch.stack(
        (
            torch.stack((across * cosine * mirror, -down * up_sine, shift[:, 0]), 1),
            torch.stack((across * sine * mirror, down * up_cosine, shift[:, 1]), 1),
        ),
        1,
    )
    return Moves(matrix, mirror < 0, wide, size, torch.full_like(matrix[:, 0, :1], torch.nan).expand(-1, 4))


def _move(wide: Tensor, matrix: Tensor, size: int) -> Tensor:
    """Return (B, 3, S, S) pictures in 0-1, cut from wide crops where (B, 2, 3) matrices tell."""
    images = wide.to(torch.float32).div_(255).permute(0, 3, 1, 2)
    grid = F.affine_grid(matrix, [len(images), 3, size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _draw_light(count: int, how: Augmentation, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw tone, light and colour, each (count, 1 or 3, 1, 1).

    All but the shading is drawn in the same order whatever is off.
    """
    drawn = {
        "gamma": _factor(count, how.gamma, generator),
        "contrast": _factor(count, how.contrast, generator),
        "brightness": _uniform(count, how.brightness, generator),
        "colour": _factor(count, how.saturation, generator),
    }
    light = {name: values[:, None, None, None] for name, values in drawn.items()}
    light["colour"] = light["colour"] * (~_chosen(count, how.grey, generator))
    tint = _factor(3 * count, how.tint, generator).reshape(count, 3, 1, 1)
    light["tint"] = torch.where(light["colour"] == 0, torch.ones_like(tint), tint)
    if how.shading > 0:
        light["turn"] = _uniform(count, math.pi, generator)[:, None, None, None]
        light["shading"] = _rand(generator, count, 1, 1, 1) * how.shading
    return light


def _relight(images: Tensor, light: dict[str, Tensor], how: Augmentation) -> Tensor:
    """Change tone, light and colour in place; what would change nothing is not computed."""
    images = images.clamp_(1e-4, 1)
    if how.gamma > 0:
        images.pow_(light["gamma"])
    if how.contrast > 0:
        middle = images.mean((1, 2, 3), keepdim=True)
        images.sub_(middle).mul_(light["contrast"]).add_(middle)
    if how.brightness > 0:
        images.add_(light["brightness"])
    if how.saturation > 0 or how.grey > 0:
        weight = images.new_tensor([0.299, 0.587, 0.114])[None, :, None, None]
        luma = (images * weight).sum(1, keepdim=True)
        images.sub_(luma).mul_(light["colour"]).add_(luma)
    if how.tint > 0:
        images.mul_(light["tint"])
    if how.shading > 0:
        ramp = torch.linspace(-1, 1, images.shape[2], device=images.device)
        slope = light["turn"].cos() * ramp + light["turn"].sin() * ramp[:, None]
        images.mul_(1 + light["shading"] / 0.5 * slope)
    return images


def _spoil(images: Tensor, how: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lose resolution, blur, cover and add noise, as cameras and hands do; tell what is covered."""
    covered = images.new_full((images.shape[0], 4), torch.nan)
    count, size = images.shape[0], images.shape[2]
    if how.coarse > 0:
        factor = 1.5 + 1.5 * float(_rand(generator))
        chosen = _chosen(count, how.coarse, generator)[:, 0, 0, 0]
        small = F.interpolate(images[chosen], size=max(8, round(size / factor)), mode="area")
        images[chosen] = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
    if how.blur > 0:
        kernel = images.new_tensor([0.25, 0.5, 0.25])
        kernel = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
        chosen = _chosen(count, how.blur, generator)[:, 0, 0, 0]
        padded = F.pad(images[chosen], (1, 1, 1, 1), mode="replicate")
        images[chosen] = F.conv2d(padded, kernel, groups=3)
    if how.cover > 0:
        images, covered = _cover(images, how.cover, generator)
    if how.noise > 0:
        strength = _rand(generator, count, 1, 1, 1) * how.noise
        noise = torch.randn(images.shape, generator=generator, device=generator.device)
        images = noise.mul_(strength).add_(images)
    return images, covered


def _cover(images: Tensor, probability: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cover a random rectangle with a random flat colour; tell which, NaN where none was."""
    count, size = images.shape[0], images.shape[2]
    side = 0.15 + 0.35 * _rand(generator, count, 2)
    corner = _rand(generator, count, 2) * (1 - side)
    place = (torch.arange(size, device=images.device) + 0.5) / size
    inside = (place >= corner[..., None]) & (place < (corner + side)[..., None])
    mask = (inside[:, 0, :, None] & inside[:, 1, None, :])[:, None]
    colour = _rand(generator, count, 3, 1, 1)
    chosen = _chosen(count, probability, generator)
    across = torch.cat([corner.flip(1), (corner + side).flip(1)], 1)  # y comes first above
    covered = torch.where(chosen[:, :, 0, 0], across, torch.nan)
    return torch.where(mask & chosen, colour, images), covered
