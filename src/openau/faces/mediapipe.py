"""MediaPipe's face detector and face mesh: an optional extra, with its models inside its wheel.

Finds turned, tilted and grimacing faces that the cascade misses, and gives the 68 points of the dlib
scheme.

Reference: Bazarevsky et al., BlazeFace (2019); Kartynnik et al., Real-time facial surface geometry
(2019).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openau.errors import MissingExtraError
from openau.faces.detect import checked_min_score, checked_picture, house_box, without_overlaps
from openau.records import Face, Floats, Pixels

# The vertex of MediaPipe's 478-point mesh for each of dlib's 68 points.
# fmt: off
DLIB68_TO_MEDIAPIPE478 = (
    127, 234, 93, 132, 58, 172, 136, 150, 176, 148, 152, 377, 400, 379, 365, 397, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 6, 195, 4, 240, 75, 1, 305, 460,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on
_PUPILS = (468, 473)
_MOUTH_CORNERS = (61, 291)
_AROUND = 2.0  # side of the square given to the mesh, in house boxes


class MediaPipeDetector:
    """Finds faces with MediaPipe, each with 68 points, in house boxes built from pupils and mouth.

    Quick and thorough differ in the confidence that the mesh asks for before it gives points.
    """

    def __init__(self, min_score: float | None = None, *, thorough: bool = False) -> None:
        """Load both networks from MediaPipe's own wheel.

        Raises:
            MissingExtraError: MediaPipe 0.10.21 is not installed.
            SettingError: `min_score` is outside 0–1.
        """
        self.min_score = checked_min_score(min_score, default=0.5)
        try:
            from mediapipe.python.solutions import face_detection, face_mesh
        except ImportError as error:
            raise MissingExtraError("mediapipe", "mediapipe", "The detector 'mediapipe'") from error
        self._detector = face_detection.FaceDetection(
            model_selection=1, min_detection_confidence=max(self.min_score, 0.01)
        )
        # A static mesh: no memory from picture to picture, so that a resumed run gives the same file.
        self._mesh = face_mesh.FaceMesh(
            static_image_mode=True,
            max_num_faces=1,
            refine_landmarks=True,
            min_detection_confidence=0.2 if thorough else 0.5,
        )

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Return the faces in a picture, surest first, with points where the mesh fits.

        Args:
            rgb: (H, W, 3) RGB uint8.

        Raises:
            SettingError: It is not such an array.
        """
        height, width = checked_picture(rgb).shape[:2]
        found = self._detector.process(np.ascontiguousarray(rgb)).detections or []
        faces = [self._face(rgb, detection, width, height) for detection in found]
        return without_overlaps(faces)

    def _face(self, rgb: Pixels, detection: Any, width: int, height: int) -> Face:
        keypoints = detection.location_data.relative_keypoints  # right eye, left eye, nose, mouth, ears
        right, left, mouth = (
            (float(keypoints[k].x * width - 0.5), float(keypoints[k].y * height - 0.5)) for k in (0, 1, 3)
        )
        rough = Face(house_box(right, left, mouth), float(detection.score[0]))
        mesh = self._fitted(rgb, rough)
        if mesh is None:
            return rough
        corners = mesh[list(_MOUTH_CORNERS)].mean(axis=0)
        eyes_and_mouth = ((float(x), float(y)) for x, y in (*mesh[list(_PUPILS)], corners))
        return Face(house_box(*eyes_and_mouth), rough.score, mesh[list(DLIB68_TO_MEDIAPIPE478)])

    def _fitted(self, rgb: Pixels, face: Face) -> Floats | None:
        """Fit the mesh to the part of the picture around one face; small faces are lost in the whole."""
        x1, y1, x2, y2 = face.box_px
        reach = (x2 - x1) * _AROUND / 2
        left, top = (max(0, math.floor(c - reach)) for c in ((x1 + x2) / 2, (y1 + y2) / 2))
        right, low = (math.ceil(c + reach) for c in ((x1 + x2) / 2, (y1 + y2) / 2))
        part = np.ascontiguousarray(rgb[top:low, left:right])
        if 0 in part.shape:
            return None
        meshes = self._mesh.process(part).multi_face_landmarks
        if not meshes:
            return None
        points: NDArray[np.float64] = np.array([(point.x, point.y) for point in meshes[0].landmark])
        points = points * (part.shape[1], part.shape[0]) + (left - 0.5, top - 0.5)
        return points.astype(np.float32)
