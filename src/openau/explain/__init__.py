"""What the network looked at, and how well it looked: heat maps of any action unit and their scores.

A heat map says where the evidence for a logit lay; not where the muscle is, and not that the logit is right.

`explain` is one call on one batch. `open_explained` → `portraits_of_paths` or `portraits_of_index` →
`explain_portraits` is the whole way from a run folder and pictures to tables, panels and scores.
"""

from openau.explain.autograd import explain, features_and_gradients
from openau.explain.choices import Choices
from openau.explain.faithful import deletion_insertion, randomised, rank_correlation
from openau.explain.methods import METHODS, Method, grad_cam, grad_cam_plus_plus, hires_cam
from openau.explain.model import FileModel, RunModel, open_explained
from openau.explain.occlusion import occlusion
from openau.explain.portraits import Portrait, Portraits, portraits_of_index, portraits_of_paths
from openau.explain.regions import REGION_AUS, landmark_regions
from openau.explain.run import explain_portraits
from openau.explain.scores import Confusion, FaceScores, energy_inside, peak_inside, score_face, summarise

__all__ = [
    "METHODS",
    "REGION_AUS",
    "Choices",
    "Confusion",
    "FaceScores",
    "FileModel",
    "Method",
    "Portrait",
    "Portraits",
    "RunModel",
    "deletion_insertion",
    "energy_inside",
    "explain",
    "explain_portraits",
    "features_and_gradients",
    "grad_cam",
    "grad_cam_plus_plus",
    "hires_cam",
    "landmark_regions",
    "occlusion",
    "open_explained",
    "peak_inside",
    "portraits_of_index",
    "portraits_of_paths",
    "randomised",
    "rank_correlation",
    "score_face",
    "summarise",
]
