"""From a layer's output and a logit's gradient to a map: Grad-CAM, Grad-CAM++, HiRes-CAM.

All are the weighted sum of the layer's channels, rectified. They differ in what weighs a channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from openau.models.jacobian import rectified_share

Method = Literal["grad_cam", "grad_cam_plus_plus", "hires_cam", "occlusion"]


def grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Return ReLU(Σ_k w_k A_k) with w_k the mean over positions of the gradient.

    Args:
        features: (..., K, h, w), the chosen layer's output A.
        gradient: (..., K, h, w), of the AU's logit with respect to A.

    Returns:
        (..., h, w), not negative, not normalised.

    Reference: Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    weight = gradient.mean((-2, -1), keepdim=True)
    return F.relu((weight * features).sum(-3))


def grad_cam_plus_plus(features: Tensor, gradient: Tensor) -> Tensor:
    """Return ReLU(Σ_k w_k A_k) with w_k the sum of the rectified gradient under Grad-CAM++'s weights.

    a = g² / (2g² + g³ ΣA), 0 where the gradient is 0.

    Args:
        features: (..., K, h, w), the chosen layer's output A.
        gradient: (..., K, h, w), of the AU's logit with respect to A.

    Returns:
        (..., h, w), not negative, not normalised.

    Reference: Chattopadhay et al., Grad-CAM++, WACV 2018, equation 19 (exponential score).
    """
    total = features.sum((-2, -1), keepdim=True)
    weight = rectified_share(gradient, total).sum((-2, -1), keepdim=True)
    return F.relu((weight * features).sum(-3))


def hires_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Return ReLU(Σ_k g_k A_k): the gradient stays where it is instead of being averaged.

    Args:
        features: (..., K, h, w), the chosen layer's output A.
        gradient: (..., K, h, w), of the AU's logit with respect to A.

    Returns:
        (..., h, w), not negative, not normalised. Without the ReLU its sum is the logit less its bias where
        the network behind the layer is linear.

    Reference: Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
    neural networks, arXiv 2011.08891.
    """
    return F.relu((gradient * features).sum(-3))


GRADIENT_METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
}
"""Method name to the function that makes a map from a layer's output and the logit's gradient."""

METHODS = (*GRADIENT_METHODS, "occlusion")
"""Every method that `explain` knows."""
