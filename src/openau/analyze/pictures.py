"""The pictures of a run: overlays, heat maps and the report, made from readings as they come."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from openau.analyze.feed import Feed, Position
from openau.analyze.settings import Settings
from openau.draw import OverlayWriter, draw_heatmaps, draw_readings
from openau.errors import OutputError
from openau.records import Crop, Frame, ModelCard, Pixels, Reading
from openau.report import ReportBuilder
from openau.table.write import write_error

if TYPE_CHECKING:
    import pandas as pd

OVERLAY_FOLDER = "overlay"
HEATMAP_FOLDER = "heatmaps"
REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """One frame to draw.

    Attributes:
        source: Number of its source.
        frame: The picture.
        readings: What was found in it.
        crops: The cut face of each reading; none for a frame that an earlier, interrupted run analysed.
        has_overlay: Whether an earlier run drew its overlay already.
    """

    source: int
    frame: Frame
    readings: tuple[Reading, ...]
    crops: tuple[Crop, ...] = ()
    has_overlay: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Frames to draw, in order.

    Attributes:
        drawings: The frames.
        ended: Numbers of the sources that end with them.
    """

    drawings: tuple[Drawing, ...]
    ended: tuple[int, ...]


class Pictures:
    """Writes what the settings ask for; one page after the other, in the order of the frames."""

    def __init__(
        self,
        folder: Path,
        feeds: Sequence[Feed],
        card: ModelCard,
        settings: Settings,
        truth: pd.DataFrame | None = None,
    ) -> None:
        """Name where the pictures go.

        Args:
            folder: The folder of the results.
            feeds: All sources of the run.
            card: The model's card.
            settings: What is asked for.
            truth: Of a synthetic clip, per frame its true AUs, for the report.
        """
        self._folder = folder
        self._feeds = feeds
        self._card = card
        self._settings = settings
        self._names = picture_names([feed.name for feed in feeds]) if self.are_wanted else []
        self._video: OverlayWriter | None = None
        words = settings.in_words(tells_emotion=bool(card.emotions))
        self._report = ReportBuilder(card, words) if settings.report else None
        if self._report is not None and truth is not None:
            self._report.set_truth(truth)
        for wanted, name in ((settings.overlay, OVERLAY_FOLDER), (settings.heatmaps, HEATMAP_FOLDER)):
            if wanted:
                _make_folder(folder / name)

    @property
    def are_wanted(self) -> bool:
        """Whether there is anything to draw at all."""
        return self._settings.overlay or self._settings.heatmaps or self._settings.report

    def first_needed(self, following: Position) -> int | None:
        """Return the first source whose frames a resumed run must see again; None if it needs none.

        Args:
            following: Where the run was cut off.
        """
        if self._settings.report:
            return 0
        return following.source if self._settings.overlay and following.frame > 0 else None

    def draw(self, page: Page) -> None:
        """Draw one page.

        Raises:
            OutputError: A picture cannot be written.
        """
        for drawing in page.drawings:
            if self._report is not None:
                self._report.add(drawing.frame, drawing.readings)
            if self._settings.overlay and not drawing.has_overlay:
                self._draw_overlay(drawing)
            if self._settings.heatmaps:
                self._draw_heatmaps(drawing)
        if page.ended and self._video is not None:
            self._video.close()
            self._video = None

    def finish(self) -> None:
        """Close what is open and write the report.

        Raises:
            OutputError: The report cannot be written.
        """
        if self._video is not None:
            self._video.close()
        if self._report is not None:
            self._report.write(self._folder / REPORT_FILE)

    def abort(self) -> None:
        """Drop the video under way; a resumed run draws it again from its first frame."""
        if self._video is not None:
            self._video.abort()
            self._video = None

    def _draw_overlay(self, drawing: Drawing) -> None:
        name, is_photo = self._names[drawing.source], self._feeds[drawing.source].kind == "image"
        rgb = draw_readings(drawing.frame.rgb, drawing.readings, self._card)
        if is_photo:
            save_picture(self._folder / OVERLAY_FOLDER / f"{name}.jpg", rgb)
            return
        if self._video is None:
            path = self._folder / OVERLAY_FOLDER / f"{name}.mp4"
            for left_by_a_killed_run in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
                left_by_a_killed_run.unlink()
            self._video = OverlayWriter(path)
        self._video.write(rgb, drawing.frame.time_s)

    def _draw_heatmaps(self, drawing: Drawing) -> None:
        name = self._names[drawing.source]
        if self._feeds[drawing.source].kind != "image":
            name += f"-frame{drawing.frame.index:06d}"
        for reading, crop in zip(drawing.readings, drawing.crops, strict=False):
            if reading.face is None or reading.output is None:
                continue
            rgb = draw_heatmaps(drawing.frame.rgb, crop, reading.output, self._card)
            save_picture(self._folder / HEATMAP_FOLDER / f"{name}-face{reading.face.face_id}.jpg", rgb)


def picture_names(sources: Sequence[str]) -> list[str]:
    """Return a file name without suffix for every source; equal ones are numbered.

    Args:
        sources: Paths, or names of cameras.
    """
    names: list[str] = []
    taken: set[str] = set()
    for source in sources:
        stem = Path(source.replace(":", "-")).stem.encode("utf-8", "backslashreplace").decode()
        stem = stem.replace("\\", "_").replace("%", "_")
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def save_picture(path: Path, rgb: Pixels) -> None:
    """Write a JPEG; it appears under its name only when it is whole.

    Args:
        path: A `.jpg` file, replaced if it exists.
        rgb: (H, W, 3) RGB uint8.

    Raises:
        OutputError: The disk is full or the folder cannot be written.
    """
    # Encoded in memory: imwrite reports a full disk as success.
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise OutputError(f"{path} cannot be written: a {rgb.shape[1]}×{rgb.shape[0]} picture is no JPEG.")
    new = path.with_name(f".{path.name}.part")
    try:
        new.write_bytes(data.tobytes())
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise write_error(path, error) from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
