"""Balanced subjects: twelve cells of skin group and apparent gender, even in every split."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Gender = Literal["female", "male"]

SKIN_TYPES: Final = 6
"""Number of skin groups in the index, 1 the lightest and 6 the darkest."""


class Cell(NamedTuple):
    """One group of subjects.

    Attributes:
        skin_type: Skin group, 1 (lightest) to 6 (darkest).
        gender: Apparent gender.
    """

    skin_type: int
    gender: Gender


CELLS: Final = tuple(Cell(skin, gender) for skin in range(1, SKIN_TYPES + 1) for gender in ("female", "male"))
"""Every skin group with every apparent gender."""


def cell_of(number: int) -> Cell:
    """Return the cell of a subject number.

    Splits go by the number's last digit, so the cell must not: among the numbers that share a last digit,
    each run of twelve holds every cell once. Any 120 subjects in a row therefore hold every cell once per
    last digit, whatever the split makes of the digits.

    Args:
        number: Not negative.
    """
    tens, digit = divmod(number, 10)
    return CELLS[(tens + 5 * digit) % len(CELLS)]
