"""`Analyzer`: faces to action units, in Python."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openau.analyze.instrument import Instrument, build_instrument
from openau.analyze.neutral import Neutral
from openau.analyze.settings import Settings
from openau.errors import InputError
from openau.faces import Follower, Tracker
from openau.read import read_image, read_video
from openau.records import Face, Frame, HeatmapMethod, ModelCard, Reading
from openau.table import to_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What was found in one picture.

    Attributes:
        records: One reading per face, the largest first; a single one without a face where none was found.
        table: The same as the AU table of `docs/table.md`.
    """

    records: tuple[Reading, ...]
    table: pd.DataFrame


class Analyzer:
    """Finds faces and reads their action units and emotion.

    It loads the model once and keeps nothing from one call to the next. One Analyzer belongs to one thread.

    Example:
        >>> import numpy as np
        >>> from openau import Analyzer
        >>> analyzer = Analyzer()
        >>> dark_room = np.zeros((120, 160, 3), np.uint8)
        >>> analysis = analyzer.image(dark_room)
        >>> analysis.records[0].face is None
        True
        >>> int(analysis.table.success[0])
        0
    """

    def __init__(  # noqa: PLR0913 - the public door takes every setting by name
        self,
        model: str | Path | None = None,
        *,
        detector: str = "openau",
        detector_file: str | Path | None = None,
        max_faces: int | None = None,
        min_face_score: float | None = None,
        heatmaps: bool | HeatmapMethod = False,
        landmarks: bool = False,
        neutral: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the model and the face detector.

        Args:
            model: An ONNX file with a card; None is the model that comes with OpenAU.
            detector: Name of the face detector.
            detector_file: The detector's own model file, for those that need one.
            max_faces: Only this many faces of a picture are kept, the largest; None keeps all.
            min_face_score: Faces below this detector score are dropped; None is the detector's own limit.
            heatmaps: Whether readings carry heat maps, (A, h, w) float32 per face, or how they are made; True
                stands for what the model's card recommends.
            landmarks: Whether readings and table have each face's 68 landmarks, also where the model does not
                want them.
            neutral: A photograph of one neutral face, the zero of all readings; `auto` learns each face's
                from the recording itself; None for none. It corrects AUs, and with them the emotion that
                is read from them; one that the network tells itself stays, and a `UserWarning` says so.
            threads: Threads of the network; None lets it choose.

        Raises:
            InputError: The photograph of the neutral face cannot be read.
            ModelError: The model file is missing, broken or not OpenAU's.
            SettingError: There is no such detector, a number is below 1, the model has no heat maps or
                knows no neutral faces, or `neutral` does not show just one face.
            MissingExtraError: The detector's library is not installed.
        """
        self._instrument: Instrument = build_instrument(
            Settings(
                model=None if model is None else Path(model),
                detector=detector,
                detector_file=None if detector_file is None else Path(detector_file),
                max_faces=max_faces,
                min_face_score=min_face_score,
                heatmaps=heatmaps is not False,
                landmarks=landmarks,
                heatmap_method=heatmaps if isinstance(heatmaps, str) else "",
                neutral=None if neutral is None else str(neutral),
                threads=threads,
            )
        )
        for note in self._instrument.notes:
            warnings.warn(note, stacklevel=2)

    @property
    def card(self) -> ModelCard:
        """The card of the model: its AUs in order, thresholds, crop, training data, limits."""
        return self._instrument.card

    def image(self, picture: str | Path | NDArray[np.uint8]) -> Analysis:
        """Analyse one picture.

        Args:
            picture: A file, or (H, W, 3) RGB or (H, W) grey uint8 pixels.

        Returns:
            The readings and their table.

        Raises:
            InputError: The file cannot be read, or the array is not a picture.
        """
        frame = read_image(Path(picture)) if isinstance(picture, str | Path) else _array_frame(picture, 0)
        faces = self._instrument.detect(frame.rgb, is_photo=True)
        records = self._read(frame, faces, Tracker(), self._instrument.zero.given)
        return Analysis(records, self.table(records))

    def video(self, path: str | Path, *, every: int = 1) -> Iterator[tuple[Reading, ...]]:
        """Analyse a video frame by frame; memory does not grow with its length.

        Args:
            path: A video file.
            every: Only every so-many-th frame.

        Yields:
            The readings of one frame, ordered by `face_id`, which a face keeps through the video; a single
            one without a face where none was found.

        Raises:
            InputError: The file cannot be read, or not to its end.
            SettingError: `every` is below 1.
        """
        yield from self.frames(read_video(Path(path), every=Settings(every=every).every))

    def frames(self, frames: Iterable[Frame | NDArray[np.uint8]]) -> Iterator[tuple[Reading, ...]]:
        """Analyse the consecutive frames of one recording, from wherever they come.

        Args:
            frames: Frames, or (H, W, 3) RGB or (H, W) grey uint8 pixels, which are numbered from 0 and have
                no time.

        Yields:
            As `video`.

        Raises:
            InputError: An array is not a picture.
        """
        follower, tracker = Follower(self._instrument.detect), Tracker()
        neutral = self._instrument.zero.recording()
        for number, given in enumerate(frames):
            frame = given if isinstance(given, Frame) else _array_frame(given, number)
            yield self._read(frame, follower(frame), tracker, neutral)

    def table(self, readings: Iterable[Reading | tuple[Reading, ...]]) -> pd.DataFrame:
        """Return readings as the AU table of `docs/table.md`.

        Args:
            readings: Readings, or what `video` and `frames` yield.
        """
        return to_table(
            (row for item in readings for row in (item if isinstance(item, tuple) else (item,))),
            self.card,
            landmarks=self._instrument.landmarks,
        )

    def _read(
        self, frame: Frame, faces: Sequence[Face], tracker: Tracker, neutral: Neutral | None
    ) -> tuple[Reading, ...]:
        return self._instrument.read([self._instrument.crop(frame, faces, tracker)], neutral)[0]


def _array_frame(pixels: NDArray[Any], number: int) -> Frame:
    """Return an array as a frame; grey becomes RGB."""
    if not isinstance(pixels, np.ndarray):
        raise InputError(f"A picture must be a path or a NumPy array, not {type(pixels).__name__}.")
    is_picture = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if not is_picture or pixels.size == 0:
        raise InputError(f"The array has shape {pixels.shape}; a picture is (H, W, 3) RGB or (H, W) grey.")
    if pixels.dtype != np.uint8:
        raise InputError(f"The array is {pixels.dtype}; a picture is uint8, from 0 to 255.")
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    return Frame(np.ascontiguousarray(rgb), source="array", index=number)
