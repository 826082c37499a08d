"""The faces to be explained: of pictures and folders, or of a dataset's index with what it knows of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.one_face import choose_face
from openau.data.pictures import read_picture
from openau.data.truth import read_landmarks, read_masks
from openau.errors import InputError, SettingError
from openau.explain.regions import landmark_regions
from openau.faces import Detector, build_detector, crop_face, with_landmarks
from openau.facs import au_column
from openau.read import Source, find_sources, read_image, read_video
from openau.records import Crop, CropSpec, Face, Floats, Frame, Pixels

Notice = Callable[[str, bool], None]
"""Told one sentence on a picture without a face to explain, and whether it could not even be read."""


Place = tuple[int, int, int]
"""Of a face among all that are to be explained: number of the path or row, of the frame, of the face."""


def _unheard(sentence: str, unreadable: bool) -> None:
    """Hear nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One face to be explained.

    Attributes:
        source: The picture's path, or its address in an index.
        number: Of the face in the picture, from 0.
        subject: Whose face it is; the picture where that is not known.
        rgb: (H, W, 3) RGB uint8, the photograph.
        face: Where the face is.
        landmarks: (68, 2) in pixels of the photograph, where known.
        row: The picture's row of the index, one row; None where there is none.
        frame: As in `openau.records.Frame`.
        time_s: As in `openau.records.Frame`.
        item: Number of the path or row that it is from, from 0.
    """

    source: str
    number: int
    subject: str
    rgb: Pixels
    face: Face
    landmarks: Floats | None = None
    row: pd.DataFrame | None = None
    frame: int = 0
    time_s: float | None = None
    item: int = 0

    @property
    def place(self) -> Place:
        """Where it stands among all."""
        return self.item, self.frame, self.number

    def cut(self, spec: CropSpec) -> Crop:
        """Return the face as a network reads it.

        Args:
            spec: The network's crop recipe.
        """
        [face] = with_landmarks(self.rgb, [self.face], spec)
        return crop_face(self.rgb, face, spec)

    def present(self, aus: Sequence[int]) -> NDArray[np.float64]:
        """Return what the labels say: 1 where an AU shows at least as a trace, 0 where not, NaN unknown.

        Args:
            aus: The A action units.

        Returns:
            (A,).
        """
        if self.row is None:
            return np.full(len(aus), np.nan)
        values = [
            float(self.row[au_column(au)].iloc[0]) if au_column(au) in self.row else np.nan for au in aus
        ]
        return np.array([value if np.isnan(value) else float(value >= 1) for value in values])

    def masks(self, aus: Sequence[int], crop: Crop) -> NDArray[np.bool_]:
        """Return where AUs show in the crop, by the exact masks of a rendered picture.

        Args:
            aus: The A action units.
            crop: From `cut`.

        Returns:
            (A, S, S); False everywhere where an AU does not show.

        Raises:
            InputError: The picture is of no rendered dataset.
        """
        if self.row is None or "mask" not in self.row:
            raise InputError(
                f"{self.source} has no exact masks, only rendered pictures have; score by landmarks instead."
            )
        [planes] = read_masks(self.row, aus)
        scale = planes.shape[2] / self.rgb.shape[1], planes.shape[1] / self.rgb.shape[0]
        return _cut_planes(planes, scale, crop)

    def regions(self, aus: Sequence[int], crop: Crop) -> NDArray[np.bool_]:
        """Return where AUs are expected in the crop, by the landmarks.

        Args:
            aus: The A action units.
            crop: From `cut`.

        Returns:
            (A, S, S).

        Raises:
            InputError: The face has no landmarks.
        """
        if self.landmarks is None:
            raise InputError(
                f"No landmarks are known of {self.source}: only rendered pictures and some detectors "
                "have them."
            )
        points = self.landmarks @ crop.matrix[:, :2].T + crop.matrix[:, 2]
        return landmark_regions(points.astype(np.float32), aus, crop.pixels.shape[0])


def _cut_planes(planes: NDArray[np.bool_], scale: tuple[float, float], crop: Crop) -> NDArray[np.bool_]:
    """Cut (A, H, W) planes like the photograph, whose pixels are `scale` times as many; False outside."""
    size = crop.pixels.shape[0]
    back = np.linalg.inv(np.vstack([crop.matrix, (0.0, 0.0, 1.0)]))[:2]
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)
    points = grid @ back[:, :2].T + back[:, 2]
    # Pixel centres are whole numbers in both: half a pixel apart from the edges, which scale.
    column, row = (np.floor((points[..., k] + 0.5) * scale[k]).astype(int) for k in (0, 1))
    height, width = planes.shape[1:]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    found = planes[:, row.clip(0, height - 1), column.clip(0, width - 1)]
    return np.asarray(found & inside, bool)


class Portraits(Iterable[Portrait]):
    """Faces to be explained, from any place on.

    Attributes:
        described: What they are, plain values: an interrupted run over others is not gone on with.
        unreadable: How many pictures and videos could not be read so far.

    Args:
        described: As above.
        notice: Told what cannot be read and what shows no face.
    """

    def __init__(self, described: Mapping[str, Any], notice: Notice) -> None:
        self.described = dict(described)
        self.unreadable = 0
        self._notice = notice

    def __iter__(self) -> Iterator[Portrait]:
        return self.after(None)

    def after(self, place: Place | None) -> Iterator[Portrait]:
        """Yield the faces behind a place, without reading again what stands before it.

        Args:
            place: Of the last face that is not wanted; None for all.
        """
        raise NotImplementedError

    def _tell(self, sentence: str, unreadable: bool) -> None:
        self.unreadable += unreadable
        self._notice(sentence, unreadable)


class _OfPaths(Portraits):
    def __init__(self, paths: Sequence[Path], detector: str | Detector, every: int, notice: Notice) -> None:
        name = detector if isinstance(detector, str) else repr(detector)
        described = {"paths": [str(path) for path in paths], "detector": name, "every": every}
        super().__init__(described, notice)
        self._paths, self._every = paths, every
        self._find = build_detector(detector) if isinstance(detector, str) else detector
        if every < 1:
            raise SettingError(f"every is {every}; it must be 1 or more.")

    def after(self, place: Place | None) -> Iterator[Portrait]:
        first, frame, number = place or (0, 0, -1)
        for item, source in enumerate(find_sources(self._paths)):
            if item >= first:
                is_here = place is not None and item == first
                yield from self._of_source(source, item, (frame, number) if is_here else (0, -1))

    def _of_source(self, source: Source, item: int, behind: tuple[int, int]) -> Iterator[Portrait]:
        """Yield the faces of a path behind a frame's so-manieth."""
        name, found = str(source.path), 0
        is_video = source.kind == "video"
        frames = (
            read_video(source.path, every=self._every, start=behind[0])
            if is_video
            else _one_frame(source.path)
        )
        try:
            for frame in frames:
                faces = self._find(frame.rgb)
                found += len(faces)
                for number, face in enumerate(faces):
                    if (frame.index, number) > behind:
                        yield Portrait(
                            name,
                            number,
                            name,
                            frame.rgb,
                            face,
                            face.points,
                            None,
                            frame.index,
                            frame.time_s,
                            item,
                        )
        except InputError as error:
            self._tell(str(error), True)
            return
        if not found:
            self._tell(f"{name}: no face was found.", False)


def portraits_of_paths(
    paths: Sequence[Path],
    *,
    detector: str | Detector = "openau",
    every: int = 1,
    notice: Notice = _unheard,
) -> Portraits:
    """Find the faces of pictures, videos and folders, one picture or frame at a time.

    Args:
        paths: Pictures, videos and folders.
        detector: Name of a detector, or one.
        every: Take each so-manieth frame of a video.
        notice: Told what cannot be read and what shows no face.

    Raises:
        InputError: While iterating: a path does not exist.
        NoInputError: While iterating: the folders hold nothing to read.
        SettingError: `every` is below 1, or no detector has this name.
    """
    return _OfPaths(paths, detector, every, notice)


def _one_frame(path: Path) -> Iterator[Frame]:
    yield read_image(path)


class _OfIndex(Portraits):
    def __init__(self, table: pd.DataFrame, detector: str | Detector, notice: Notice) -> None:
        name = detector if isinstance(detector, str) else repr(detector)
        digest = hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()
        super().__init__({"rows": len(table), "digest": digest, "detector": name}, notice)
        self._table = table
        self._find = None
        if detector != "index":
            self._find = build_detector(detector) if isinstance(detector, str) else detector

    def after(self, place: Place | None) -> Iterator[Portrait]:
        table = self._table
        has_box, has_points = {"x1", "y1", "x2", "y2"} <= set(table), {"landmarks", "row"} <= set(table)
        for number in range(0 if place is None else place[0] + 1, len(table)):
            row = table.iloc[number : number + 1]
            path = str(row["path"].iloc[0])
            try:
                rgb = read_picture(path)
            except InputError as error:
                self._tell(str(error), True)
                continue
            x1, y1, x2, y2 = row[["x1", "y1", "x2", "y2"]].to_numpy(float)[0] if has_box else (np.nan,) * 4
            box = None if np.isnan([x1, y1, x2, y2]).any() else (x1, y1, x2, y2)
            given = [] if box is None else [Face(box, 1.0)]
            face = choose_face(given if self._find is None else self._find(rgb), box)
            if face is None:
                self._tell(f"{path}: no face was found.", False)
                continue
            points = read_landmarks(row)[0] if has_points else face.points
            face = replace(face, points=points)
            yield Portrait(path, 0, str(row["subject"].iloc[0]), rgb, face, points, row, item=number)


def portraits_of_index(
    table: pd.DataFrame,
    *,
    detector: str | Detector = "openau",
    notice: Notice = _unheard,
) -> Portraits:
    """Find the labelled face of each picture of an index, as `openau data prepare` does.

    Args:
        table: Rows of an index.
        detector: Name of a detector, or one; `index` cuts by the index's true boxes.
        notice: Told which pictures cannot be read or show no face.

    Raises:
        SettingError: No detector has this name.
    """
    return _OfIndex(table, detector, notice)
