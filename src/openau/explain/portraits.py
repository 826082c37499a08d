"""The faces to be explained: of pictures and folders, or of a dataset's index with what it knows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.crops import choose_face
from openau.data.pictures import read_picture
from openau.data.truth import read_landmarks, read_masks
from openau.errors import InputError, SettingError
from openau.explain.regions import landmark_regions
from openau.faces import Detector, build_detector, crop_face, with_landmarks
from openau.facs import au_column
from openau.read import find_sources, read_image, read_video
from openau.records import Crop, CropSpec, Face, Floats, Frame, Pixels

Notice = Callable[[str, bool], None]
"""Told one sentence on a picture without a face to explain, and whether it could not even be read."""


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


def portraits_of_paths(
    paths: Sequence[Path],
    *,
    detector: str | Detector = "haar",
    every: int = 1,
    notice: Notice = _unheard,
) -> Iterator[Portrait]:
    """Find the faces of pictures, videos and folders, one picture or frame at a time.

    Args:
        paths: Pictures, videos and folders.
        detector: Name of a detector, or one.
        every: Take each so-manieth frame of a video.
        notice: Told what cannot be read and what shows no face.

    Raises:
        InputError: A path does not exist.
        NoInputError: The folders hold nothing to read.
        SettingError: `every` is below 1, or no detector has this name.
    """
    find = build_detector(detector) if isinstance(detector, str) else detector
    if every < 1:
        raise SettingError(f"every is {every}; it must be 1 or more.")
    for source in find_sources(paths):
        name = str(source.path)
        is_video, found = source.kind == "video", 0
        frames = read_video(source.path, every=every) if is_video else _one_frame(source.path)
        try:
            for frame in frames:
                faces = find(frame.rgb)
                found += len(faces)
                for number, face in enumerate(faces):
                    yield Portrait(
                        name, number, name, frame.rgb, face, face.points, None, frame.index, frame.time_s
                    )
        except InputError as error:
            notice(str(error), True)
            continue
        if not found:
            notice(f"{name}: no face was found.", False)


def _one_frame(path: Path) -> Iterator[Frame]:
    yield read_image(path)


def portraits_of_index(
    table: pd.DataFrame,
    *,
    detector: str | Detector = "haar",
    notice: Notice = _unheard,
) -> Iterator[Portrait]:
    """Find the labelled face of each picture of an index, as `openau data prepare` does.

    Args:
        table: Rows of an index.
        detector: Name of a detector, or one; `index` cuts by the index's true boxes.
        notice: Told which pictures cannot be read or show no face.

    Raises:
        SettingError: No detector has this name.
    """
    find = (
        None if detector == "index" else build_detector(detector) if isinstance(detector, str) else detector
    )
    has_box, has_points = {"x1", "y1", "x2", "y2"} <= set(table), {"landmarks", "row"} <= set(table)
    for number in range(len(table)):
        row = table.iloc[number : number + 1]
        path = str(row["path"].iloc[0])
        try:
            rgb = read_picture(path)
        except InputError as error:
            notice(str(error), True)
            continue
        x1, y1, x2, y2 = row[["x1", "y1", "x2", "y2"]].to_numpy(float)[0] if has_box else (np.nan,) * 4
        box = None if np.isnan([x1, y1, x2, y2]).any() else (x1, y1, x2, y2)
        given = [] if box is None else [Face(box, 1.0)]
        face = choose_face(given if find is None else find(rgb), box)
        if face is None:
            notice(f"{path}: no face was found.", False)
            continue
        points = read_landmarks(row)[0] if has_points else face.points
        face = replace(face, points=points)
        yield Portrait(path, 0, str(row["subject"].iloc[0]), rgb, face, points, row)
