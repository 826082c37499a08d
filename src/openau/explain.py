"""What the network looked at: Grad-CAM and Grad-CAM++ of any action unit at any layer, by autograd.

The reference that a network's own `logits_and_heatmaps` is proved against, and the general door for layers
and networks that have none.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError

Method = Literal["grad_cam", "grad_cam_plus_plus"]


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
    # g²/(2g² + g³ΣA) is 1/(2 + gΣA) wherever g is not 0; so written, tiny gradients do not underflow.
    below = 2 + gradient * features.sum((-2, -1), keepdim=True)
    tiny = 1e-6
    safe = torch.where(below.abs() < tiny, torch.full_like(below, tiny), below)
    alpha = torch.where(gradient == 0, torch.zeros_like(gradient), 1 / safe)
    weight = (alpha * F.relu(gradient)).sum((-2, -1), keepdim=True)
    return F.relu((weight * features).sum(-3))


def explain(network: nn.Module, images: Tensor, *, layer: str, method: Method = "grad_cam") -> Tensor:
    """Return the map of every AU for a batch of pictures, by one backward pass per AU.

    Args:
        network: Returns (B, A) logits; run in evaluation mode and left as it was.
        images: (B, 3, S, S) float, normalised.
        layer: Dotted name of the layer whose output is the map's grid.
        method: `grad_cam` or `grad_cam_plus_plus`.

    Returns:
        (B, A, h, w), not negative, not normalised, without gradient.

    Raises:
        SettingError: The network has no such layer, the layer did not run, or the method is unknown.
    """
    methods = {"grad_cam": grad_cam, "grad_cam_plus_plus": grad_cam_plus_plus}
    if method not in methods:
        raise SettingError(f"There is no method {method!r}; choose one of {', '.join(methods)}.")
    modules = dict(network.named_modules())
    if layer not in modules:
        raise SettingError(
            f"The network has no layer {layer!r}; choose one of {', '.join(filter(None, modules))}."
        )
    caught: list[Tensor] = []

    def catch(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        features = output.detach().requires_grad_()
        caught.append(features)
        return features

    handle = modules[layer].register_forward_hook(catch)
    training = network.training
    try:
        with torch.enable_grad():
            logits = network.eval()(images)
    finally:
        handle.remove()
        network.train(training)
    if not caught:
        raise SettingError(f"The layer {layer!r} did not run; choose another.")
    features = caught[-1]
    maps = []
    for au in range(logits.shape[1]):
        gradient = torch.autograd.grad(logits[:, au].sum(), features, retain_graph=au + 1 < logits.shape[1])[
            0
        ]
        maps.append(methods[method](features, gradient).detach())
    return torch.stack(maps, dim=1)
