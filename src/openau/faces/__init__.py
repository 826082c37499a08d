"""Picture → faces → crops: detect, track, cut."""

from openau.faces.crop import crop_face, crop_matrix
from openau.faces.detect import DETECTORS, Detector, build_detector, house_box
from openau.faces.follow import Follower, LooksAgain, stretch_of
from openau.faces.track import Tracker

__all__ = [
    "DETECTORS",
    "Detector",
    "Follower",
    "LooksAgain",
    "Tracker",
    "build_detector",
    "crop_face",
    "crop_matrix",
    "house_box",
    "stretch_of",
]
