"""Maps of any action unit, at any layer, of any network.

Where a network writes down its own derivative (`head_jacobian`), the maps of all AUs follow from one forward
pass. Everywhere else one backward pass carries the gradients of all AUs at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from openau.errors import SettingError
from openau.explain.methods import GRADIENT_METHODS, METHODS, Method
from openau.explain.occlusion import occlusion


def explain(
    network: nn.Module,
    images: Tensor,
    *,
    layer: str | None = None,
    method: Method = "grad_cam",
    outputs: Sequence[int] | None = None,
) -> Tensor:
    """Return where a network looked for each AU, for a batch of pictures.

    The maps are those of the logit, before the sigmoid: where the network is sure, a probability's gradient
    vanishes and a logit's does not.

    Args:
        network: Returns (B, N) logits; run in evaluation mode and left as it was.
        images: (B, 3, S, S) float, normalised.
        layer: Dotted name of the layer whose output is the map's grid; the network's own `heatmap_layer` if
            not given. `occlusion` needs none.
        method: `grad_cam`, `grad_cam_plus_plus`, `hires_cam` or `occlusion`.
        outputs: (A,) positions in the network's output; all N if not given.

    Returns:
        (B, A, h, w), not negative, not normalised, without gradient.

    Raises:
        SettingError: The network has no such layer, the layer did not run or gives no map, the method is
            unknown, or an output does not exist.
    """
    if method not in METHODS:
        raise SettingError(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
    with evaluating(network):
        if method == "occlusion":
            return occlusion(network, images, outputs=outputs).relu()
        own = getattr(network, "heatmap_layer", None)
        name = own if layer is None else layer
        if name is None:
            raise SettingError("The network names no layer for its maps; give one.")
        if name == own and method in getattr(network, "written_maps", ()):
            with torch.no_grad():
                jacobian = network.head_jacobian(images)  # type: ignore[operator] # a method
                maps: Tensor = getattr(jacobian, method)()
            return maps if outputs is None else maps[:, _checked(outputs, maps.shape[1])]
        features, gradients = features_and_gradients(network, images, layer=name, outputs=outputs)
    return GRADIENT_METHODS[method](features[:, None], gradients)


def features_and_gradients(
    network: nn.Module, images: Tensor, *, layer: str, outputs: Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """Return a layer's output and the gradient of every AU's logit with respect to it.

    Only what lies behind the layer is differentiated, once for all AUs together.

    Args:
        network: Returns (B, N) logits; run as it is.
        images: (B, 3, S, S) float, normalised.
        layer: Dotted name of a layer that gives a map; where it runs more than once, its last run counts.
        outputs: (A,) positions in the network's output; all N if not given.

    Returns:
        (B, K, h, w) and (B, A, K, h, w), the latter 0 where a logit does not depend on the layer.

    Raises:
        SettingError: The network has no such layer, the layer did not run or gives no map, or an output does
            not exist.
    """
    modules = dict(network.named_modules())
    if not layer or layer not in modules:
        raise SettingError(
            f"The network has no layer {layer!r}; choose one of {', '.join(filter(None, modules))}."
        )
    caught: list[Tensor] = []

    def catch(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise SettingError(f"The layer {layer!r} gives no map of channels; choose a convolution.")
        caught.append(output.detach().requires_grad_())
        return caught[-1].clone()  # what comes next may work in place, which a leaf refuses

    handle = modules[layer].register_forward_hook(catch)
    try:
        with torch.enable_grad():
            logits: Tensor = network(images)
    finally:
        handle.remove()
    if not caught:
        raise SettingError(f"The layer {layer!r} did not run; choose another.")
    features = caught[-1]
    rows = _checked(outputs, logits.shape[1])
    return features.detach(), _gradients(logits, features, rows).transpose(0, 1)


def _gradients(logits: Tensor, features: Tensor, rows: list[int]) -> Tensor:
    """Return (A, B, K, h, w), by one backward pass for all."""
    chosen = torch.eye(logits.shape[1], dtype=logits.dtype, device=logits.device)[rows]
    if logits.requires_grad:
        each = chosen[:, None].expand(-1, logits.shape[0], -1)
        (found,) = torch.autograd.grad(logits, features, each, is_grads_batched=True, allow_unused=True)
        if found is not None:
            return found.detach()
    return features.new_zeros(len(rows), *features.shape)


def _checked(outputs: Sequence[int] | None, count: int) -> list[int]:
    """Return the positions wanted, all being there."""
    rows = list(range(count)) if outputs is None else list(outputs)
    for row in rows:
        if not 0 <= row < count:
            raise SettingError(f"The network has no output {row}; it has {count}, counted from 0.")
    return rows


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Keep a network in evaluation mode for a while.

    Args:
        network: Is left in the mode it was in.
    """
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)
