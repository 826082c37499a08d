"""Heat maps by the plainest autograd: nothing cut, nothing batched, one backward pass per AU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from openau.explain import grad_cam


def plain_maps(
    network: nn.Module,
    images: Tensor,
    *,
    layer: str,
    method: Callable[[Tensor, Tensor], Tensor] = grad_cam,
) -> Tensor:
    """Return the (B, A, h, w) maps of a layer; the network is left in its mode."""
    training = network.training
    features, gradients = plain_gradients(network.eval(), images, layer)
    network.train(training)
    return method(features[:, None], gradients)


def plain_gradients(network: nn.Module, images: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """Return a layer's output (B, K, h, w) and each AU's gradient with respect to it, (B, A, K, h, w)."""
    caught: list[Tensor] = []
    handle = network.get_submodule(layer).register_forward_hook(lambda m, i, o: caught.append(o))
    # What works in place behind the hook would change what was caught.
    working = [m for m in network.modules() if getattr(m, "inplace", False)]
    for module in working:
        module.inplace = False  # type: ignore[assignment] # a flag of activations
    logits = network(images.clone().requires_grad_())
    for module in working:
        module.inplace = True  # type: ignore[assignment] # a flag of activations
    handle.remove()
    each = [
        torch.autograd.grad(logits[:, au].sum(), caught[-1], retain_graph=True)[0]
        for au in range(logits.shape[1])
    ]
    return caught[-1].detach(), torch.stack(each, dim=1)
