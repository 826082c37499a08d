"""What the network looked at: heat maps of any action unit.

A heat map says where the evidence for a logit lay; not where the muscle is, and not that the logit is right.
"""

from openau.explain.autograd import explain, features_and_gradients
from openau.explain.methods import METHODS, Method, grad_cam, grad_cam_plus_plus, hires_cam
from openau.explain.occlusion import occlusion

__all__ = [
    "METHODS",
    "Method",
    "explain",
    "features_and_gradients",
    "grad_cam",
    "grad_cam_plus_plus",
    "hires_cam",
    "occlusion",
]
