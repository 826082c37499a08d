"""Picture → faces → crops: detect, track, align, cut."""

from openau.faces.align import FITTED, MIRRORED_POINTS, TEMPLATE, TurnedBox, turned_box
from openau.faces.crop import crop_face, crop_matrix
from openau.faces.detect import DETECTORS, Detector, StopsEarly, build_detector, house_box
from openau.faces.follow import Follower, LooksAgain, stretch_of
from openau.faces.landmarks import (
    LandmarkModel,
    default_landmarks,
    landmark_model_path,
    landmarked,
    pupil_centres,
    with_landmarks,
)
from openau.faces.track import Tracker

__all__ = [
    "DETECTORS",
    "FITTED",
    "MIRRORED_POINTS",
    "TEMPLATE",
    "Detector",
    "Follower",
    "LandmarkModel",
    "LooksAgain",
    "StopsEarly",
    "Tracker",
    "TurnedBox",
    "build_detector",
    "crop_face",
    "crop_matrix",
    "default_landmarks",
    "house_box",
    "landmark_model_path",
    "landmarked",
    "pupil_centres",
    "stretch_of",
    "turned_box",
    "with_landmarks",
]
