"""What a network asks of the pictures it reads, as its paper trained it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openau.errors import SettingError

Alignment = Literal["box", "similarity"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean per RGB channel that torchvision's ImageNet weights were trained with."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation per RGB channel that torchvision's ImageNet weights were trained with."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a network asks of its pictures and labels.

    Attributes:
        size: Side of the square input in pixels, as the paper has it.
        smallest: Smallest side the network can be built for.
        mean: Per RGB channel, subtracted after scaling pixels to 0–1.
        std: Per RGB channel, divided by.
        alignment: `box`, the face box cut upright; `similarity`, the eyes turned, scaled and moved to fixed
            places.
        aus: Key of `openau.facs.AU_SETS`: the AUs the paper trained it on, in output order; empty for a
            network that tells emotions alone.
    """

    size: int
    smallest: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    alignment: Alignment
    aus: str


def check_request(name: str, aus: int, size: int, smallest: int, *, multiple: int = 1) -> None:
    """Refuse to build a network for nothing or for pictures it cannot read.

    Args:
        name: The network, for the sentence.
        aus: Number of action units asked for.
        size: Side of the square input in pixels asked for.
        smallest: Smallest side it can take.
        multiple: What the side must be a multiple of.

    Raises:
        SettingError: `aus` is below 1, or `size` too small or no multiple.
    """
    if aus < 1:
        raise SettingError(f"{name} was asked for {aus} AUs; give at least 1.")
    if size < smallest or size % multiple:
        wanted = f"a multiple of {multiple}, at least {smallest}" if multiple > 1 else f"at least {smallest}"
        raise SettingError(f"{name} cannot take pictures of {size} pixels; give {wanted}.")


def check_images(name: str, shape: tuple[int, ...], size: int) -> None:
    """Refuse pictures of another shape than the network was built for.

    Args:
        name: The network, for the sentence.
        shape: Shape of what was given.
        size: Side S the network was built for.

    Raises:
        SettingError: The shape is not (B, 3, S, S).
    """
    if len(shape) != 4 or shape[1] != 3 or shape[2] != size or shape[3] != size:
        raise SettingError(f"{name} takes images (B, 3, {size}, {size}), not {tuple(shape)}.")
