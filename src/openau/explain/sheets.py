"""Panels of the first faces, and videos of maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from openau.draw import PanelRow, draw_panel
from openau.explain.films import Films
from openau.explain.portraits import Portrait
from openau.facs import ACTION_UNITS, au_column
from openau.records import Pixels


class Sheets:
    """Draws the maps of faces into a folder.

    Of pictures, the first ones become `panels/`. A video becomes a video of its own in `videos/`: all maps of
    the first face of every frame, at the frame's time.

    Args:
        folder: Where to.
        aus: The A action units.
        panels: How many faces of pictures are drawn.
    """

    def __init__(self, folder: Path, aus: tuple[int, ...], panels: int) -> None:
        self._folder, self._titles, self._left = folder, titled(aus), panels
        self._films = Films(folder, self._titles)

    def take(self, portrait: Portrait, rows: Sequence[PanelRow], number: int) -> None:
        """Draw one face where it is to be drawn.

        Args:
            portrait: The face.
            rows: Its maps.
            number: Of the face among all, from 0.
        """
        if portrait.time_s is not None:
            if portrait.number == 0:
                self._films.take(portrait.source, portrait.frame, rows)
        elif self._left > 0:
            self._left -= 1
            stem = Path(portrait.source.split("#")[0]).stem
            name = f"{number:04d}-{stem}-{portrait.number}.png"
            write_picture(self._folder / "panels" / name, draw_panel(portrait.rgb, rows, self._titles))

    def state(self) -> dict[str, Any]:
        """Return what has to be known to go on."""
        return {"left": self._left, "films": self._films.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Args:
            state: From `state`.
        """
        self._left = state["left"]
        self._films.restore(state["films"])

    def finish(self) -> None:
        """Draw the videos."""
        self._films.draw()


def titled(aus: Sequence[int]) -> list[str]:
    """Return the names of action units as captions.

    Args:
        aus: The A action units.
    """
    return [f"{au_column(au)} {ACTION_UNITS[au].name}" for au in aus]


def write_picture(path: Path, rgb: Pixels) -> None:
    """Write a PNG, making its folder.

    Args:
        path: The file.
        rgb: (H, W, 3) RGB uint8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    path.write_bytes(data.tobytes())
