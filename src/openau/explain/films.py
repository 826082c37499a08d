"""Videos of maps: what is known of each frame is kept on disk until its video is drawn at the end.

A video file cannot be written on after an interruption; a file of plain records can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from openau.draw import OverlayWriter, PanelRow, draw_panel
from openau.explain.journal import cut_off, size_of
from openau.read import read_video
from openau.records import Crop

_FOLDER = "videos"


class Films:
    """The records of each video's frames, and in the end the videos.

    Args:
        folder: Of the run.
        titles: A names of the maps.
    """

    def __init__(self, folder: Path, titles: Sequence[str]) -> None:
        self._folder, self._titles = folder, list(titles)
        self._names: list[str] = []
        self._sources: list[str] = []

    def take(self, source: str, frame: int, rows: Sequence[PanelRow]) -> None:
        """Keep the maps of a frame's first face.

        Args:
            source: The video's path.
            frame: Index of the frame.
            rows: The maps.
        """
        if not self._sources or source != self._sources[-1]:
            self._sources.append(source)
            self._names = [row.name for row in rows]
        with self._records(len(self._sources) - 1).open("ab") as file:
            np.save(file, np.array(frame))
            for row in rows:
                for values in _packed(row):
                    np.save(file, values)

    def state(self) -> dict[str, Any]:
        """Return what has to be known to go on."""
        sizes = [size_of(self._records(number)) for number in range(len(self._sources))]
        return {"sources": self._sources, "names": self._names, "sizes": sizes}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Args:
            state: From `state`.
        """
        self._sources, self._names = list(state["sources"]), list(state["names"])
        for path in self._folder.glob(".film-*"):
            if int(path.name.split("-")[1]) >= len(self._sources):
                path.unlink()
        for number, size in enumerate(state["sizes"]):
            cut_off(self._records(number), size)

    def draw(self) -> None:
        """Draw every video.

        Raises:
            InputError: A video cannot be read any more.
        """
        for number, source in enumerate(self._sources):
            target = self._folder / _FOLDER / f"{number:04d}-{Path(source).stem}.mp4"
            target.parent.mkdir(exist_ok=True)
            with self._records(number).open("rb") as file, OverlayWriter(target) as film:
                known = self._read(file)
                wanted, rows = next(known)
                for frame in read_video(Path(source), start=wanted):
                    if frame.index < wanted:
                        continue
                    picture = draw_panel(frame.rgb, rows, self._titles, wrap=True)
                    film.write(picture, frame.time_s or 0.0)
                    following = next(known, None)
                    if following is None:
                        break
                    wanted, rows = following

    def _read(self, file: BinaryIO) -> Iterator[tuple[int, list[PanelRow]]]:
        """Yield each frame's index and maps."""
        end = size_of(Path(file.name))
        while file.tell() < end:
            frame = int(np.load(file))
            yield frame, [_unpacked(name, file) for name in self._names]

    def _records(self, number: int) -> Path:
        return self._folder / f".film-{number:04d}"


def _packed(row: PanelRow) -> tuple[NDArray[Any], ...]:
    """Return all of a row but its name and the crop's pixels, which are in the video."""
    size = row.crop.pixels.shape[0]
    regions = np.zeros((0, size, size), bool) if row.regions is None else row.regions
    return row.crop.matrix, row.maps, np.array(row.says), np.array(regions.shape), np.packbits(regions)


def _unpacked(name: str, file: BinaryIO) -> PanelRow:
    matrix, maps, says, shape, bits = (np.load(file) for _ in range(5))
    count, size = int(shape[0]), int(shape[1])
    regions = np.unpackbits(bits, count=count * size * size).reshape(shape).astype(bool) if count else None
    crop = Crop(np.zeros((size, size, 3), np.uint8), matrix)
    return PanelRow(name, crop, maps, [str(line) for line in says], regions)
