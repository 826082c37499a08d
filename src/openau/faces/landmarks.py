"""Faces → the same faces with 68 landmarks, their visibility and the pose of the head.

A landmark file of OpenAU is an ONNX network with one input, `face`: (B, 3, S, S) float32,
`(RGB / 255 - mean) / std`, and three outputs: `points` (B, 68, 2), x and y as shares of the crop's side from
its upper left corner; `visible` (B, 68) in 0–1; `pose_deg` (B, 3). Its card is JSON in the file's metadata,
under `openau.landmarks`.

The network looks at the detector's box and at its mirror image, and the mean of what it says of both counts.
It can look again at the square that follows from what it saw, in which the face is upright; that costs as
much once more and gains little (decision 0027), so it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import CardError, ModelError, SettingError
from openau.faces.align import MIRRORED_POINTS, turned_box
from openau.faces.crop import crop_face
from openau.records import Crop, CropSpec, Face, Floats, LandmarkCard, Pixels
from openau.runtime import BATCH, open_session, packaged_network, refusals
from openau.runtime.metadata import read_metadata

CARD_KEY = "openau.landmarks"
LOOKS = 1
"""How often the network looks at a face, each time at a better crop."""

PUPIL_UP, PUPIL_IN = 0.024, -0.015
"""From the mean of an eye's six landmarks to its pupil, upwards and towards the nose, as a share of the
distance between the two means. The height was measured on 40 rendered people. Across, the mean lies in the
middle of the fissure, and pupils are 3 % further apart than these middles: 64.0 mm against 62.3 in men, 61.7
against 59.8 in women (pupils: ANSUR II, 2012; corners of the eyes: Farkas 1994)."""

_SHAPES = {"points": (68, 2), "visible": (68,), "pose_deg": (3,)}


class _Said(NamedTuple):
    """What the network says of one crop: points in pixels of the picture, roll as in the picture."""

    points: Floats
    visible: Floats
    pose_deg: tuple[float, float, float]


def landmark_model_path() -> Path:
    """Return the path of the landmark network that comes with the package.

    Raises:
        ModelError: This installation has none.
    """
    path = packaged_network("landmarks")
    if not path.is_file():
        raise ModelError(f"The landmark network {path} is missing; install openau again.")
    return path


def read_landmark_card(path: Path) -> LandmarkCard:
    """Read the card inside a landmark file without loading the network.

    Args:
        path: An ONNX file written by openau.

    Raises:
        ModelError: The file is missing, not ONNX, damaged, or no landmark network of openau.
        CardError: Its card is malformed.
    """
    metadata = read_metadata(path)
    if CARD_KEY not in metadata:
        raise ModelError(f"The file {path} is no landmark network of openau: it has no such card.")
    try:
        return LandmarkCard.from_json(metadata[CARD_KEY])
    except CardError as error:
        raise CardError(f"In the landmark file {path}: {error}") from error


class LandmarkModel:
    """A landmark network ready to run on the CPU; may be called from several threads at once.

    Attributes:
        card: What the file says about itself.
    """

    card: LandmarkCard

    def __init__(self, path: Path | None = None, *, looks: int = LOOKS) -> None:
        """Open a landmark file and check it against its card.

        Args:
            path: The ONNX file; None opens the one that comes with the package.
            looks: How often the network looks at a face.

        Raises:
            ModelError: The file is missing, not ONNX, damaged, no landmark network, or cannot run here.
            CardError: The card contradicts the network.
            SettingError: `looks` is below 1.
        """
        if looks < 1:
            raise SettingError(f"looks is {looks}; it must be at least 1.")
        self._path = landmark_model_path() if path is None else path
        self._looks = looks
        self.card = read_landmark_card(self._path)
        # One thread: whoever searches several frames at a time has a thread for each already.
        self._session = open_session(self._path, 1)
        shapes = {value.name: tuple(value.shape[1:]) for value in self._session.get_outputs()}
        taken = [tuple(value.shape[1:]) for value in self._session.get_inputs()]
        if shapes != _SHAPES or taken != [(3, self.card.crop.size, self.card.crop.size)]:
            raise CardError(
                f"The network in {self._path} takes {taken} and gives {shapes}, "
                "which is not what its card says."
            )
        mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (self.card.mean, self.card.std))
        self._gain, self._offset = 1 / (255 * std), -mean / std

    def __call__(self, rgb: Pixels, faces: Sequence[Face]) -> list[Face]:
        """Return faces with their landmarks, visibility and pose; what they had of these is replaced.

        What is said of a face may depend in its last digits on how many faces the picture has.

        Args:
            rgb: (H, W, 3) RGB uint8.
            faces: The picture's faces, each with a box that touches the picture.

        Raises:
            SettingError: A box does not touch the picture.
            ModelError: The network's numbers are not finite.
        """
        if not faces:
            return []
        said = self._look(rgb, faces, self.card.crop)
        for _ in range(self._looks - 1):
            seen = [replace(face, points=one.points) for face, one in zip(faces, said, strict=True)]
            # Landmarks that make no sense are left as they are.
            again = [number for number, face in enumerate(seen) if _is_sound(face, rgb)]
            found = self._look(rgb, [seen[number] for number in again], self.card.upright)
            said = [dict(zip(again, found, strict=True)).get(number, one) for number, one in enumerate(said)]
        return [
            replace(face, points=one.points, visible=one.visible, pose_deg=one.pose_deg)
            for face, one in zip(faces, said, strict=True)
        ]

    def _look(self, rgb: Pixels, faces: Sequence[Face], spec: CropSpec) -> list[_Said]:
        """Look once at each face."""
        found: list[_Said] = []
        for start in range(0, len(faces), BATCH):
            crops = [crop_face(rgb, face, spec) for face in faces[start : start + BATCH]]
            batch = (
                np.stack([crop.pixels for crop in crops]).transpose(0, 3, 1, 2).astype(np.float32, order="C")
            )
            batch *= self._gain
            batch += self._offset
            both = np.concatenate([batch, batch[..., ::-1]])
            try:
                points, visible, pose = self._session.run(list(_SHAPES), {"face": both})
            except refusals() as error:
                raise ModelError(f"The landmark file {self._path} cannot be run: {error}") from error
            if not all(np.isfinite(values).all() for values in (points, visible, pose)):
                raise ModelError(f"The landmark file {self._path} gave what is not a number; it is broken.")
            found += [
                _in_picture(crop, *values)
                for crop, values in zip(crops, zip(*_mean(points, visible, pose), strict=True), strict=True)
            ]
        return found


def _mean(points: Floats, visible: Floats, pose: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the mean of what was said of B faces and then of their mirror images."""
    half, order = len(points) // 2, list(MIRRORED_POINTS)
    back = points[half:, order] * np.array([-1, 1], np.float32) + np.array([1, 0], np.float32)
    turned = pose[half:] * np.array([1, -1, -1], np.float32)
    means = (points[:half] + back, visible[:half] + visible[half:, order], pose[:half] + turned)
    placed, seen, posed = (np.asarray(mean / 2, np.float32) for mean in means)
    return placed, seen, posed


def _in_picture(crop: Crop, points: Floats, visible: Floats, pose: Floats) -> _Said:
    """Carry what was said of a crop back to its picture."""
    back = cv2.invertAffineTransform(crop.matrix)
    # Shares of the side are measured at pixel edges, points at pixel centres.
    inside = points.astype(np.float64) * crop.pixels.shape[0] - 0.5
    placed: NDArray[np.float64] = inside @ back[:, :2].T + back[:, 2]
    # The crop was turned clockwise by as much as its frame lies counterclockwise in the picture.
    turned = float(np.degrees(np.arctan2(back[1, 0], back[0, 0])))
    roll = (float(pose[2]) - turned + 180.0) % 360.0 - 180.0
    return _Said(placed.astype(np.float32), visible.copy(), (float(pose[0]), float(pose[1]), roll))


def _is_sound(face: Face, rgb: Pixels) -> bool:
    """Return whether the turned box lies in the picture and is about as large as the detector's."""
    box = turned_box(face.points)
    ratio = box.side / (face.box_px[2] - face.box_px[0])
    return 0 <= box.x <= rgb.shape[1] and 0 <= box.y <= rgb.shape[0] and 1 / 3 < ratio < 3


def pupil_centres(points: Floats) -> Floats:
    """Return where the pupils of eyes that look ahead are.

    Args:
        points: (68, 2) landmarks in pixels, iBUG order.

    Returns:
        (2, 2) x, y in pixels: of the eye on the picture's left in an upright face, then of the other.
    """
    eyes = np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0)]).astype(np.float64)
    across = eyes[1] - eyes[0]
    up = np.array([across[1], -across[0]])
    inwards = np.stack([across, -across])
    return np.asarray(eyes + PUPIL_UP * up + PUPIL_IN * inwards, np.float32)


@lru_cache(maxsize=1)
def default_landmarks() -> LandmarkModel:
    """Return the landmark network that comes with the package, opened once in each process.

    Raises:
        ModelError: This installation has none, or it cannot run here.
    """
    return LandmarkModel()


def with_landmarks(rgb: Pixels, faces: Sequence[Face], spec: CropSpec) -> list[Face]:
    """Return faces with landmarks where a recipe needs them and they have none.

    Args:
        rgb: (H, W, 3) RGB uint8.
        faces: The picture's faces; landmarks that they have, of the detector or of a dataset, are kept.
        spec: The recipe by which they will be cut.

    Raises:
        SettingError: A box does not touch the picture.
        ModelError: The landmark network is missing or cannot run here.
    """
    return landmarked(rgb, faces) if spec.align == "points" else list(faces)


def landmarked(rgb: Pixels, faces: Sequence[Face]) -> list[Face]:
    """Return faces with landmarks where they have none.

    Args:
        rgb: (H, W, 3) RGB uint8.
        faces: The picture's faces; landmarks that they have, of the detector or of a dataset, are kept.

    Raises:
        SettingError: A box does not touch the picture.
        ModelError: The landmark network is missing or cannot run here.
    """
    lacking = [face for face in faces if face.points is None]
    if not lacking:
        return list(faces)
    found = iter(default_landmarks()(rgb, lacking))
    return [next(found) if face.points is None else face for face in faces]
