"""What a network costs, computed by running it once: weights, multiplies, bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

_IN_PLACE = (nn.ReLU, nn.BatchNorm2d, nn.Dropout, nn.Identity)


@dataclass(frozen=True, slots=True)
class Complexity:
    """The cost of one forward pass of one picture.

    Attributes:
        parameters: Trainable weights and biases.
        buffers: Stored values that do not train: running means and variances.
        macs: Multiply-accumulates of convolutions (plain and transposed), dense layers and matrix products,
            biases not counted.
        weight_bytes: Parameters and buffers as float32.
        activation_bytes: Largest input plus output of any one convolution or dense layer as float32, pooling
            fused with the layer before it and element-wise layers computed in place. A lower bound of a
            runtime's memory for networks that are one chain of layers.
    """

    parameters: int
    buffers: int
    macs: int
    weight_bytes: int
    activation_bytes: int


@dataclass(slots=True)
class _Step:
    """One layer as it ran: its kind, and values in and out."""

    module: nn.Module
    inputs: int
    outputs: int


def measure_complexity(network: nn.Module, image: Tensor) -> Complexity:
    """Count a network's weights, multiplies and bytes.

    Args:
        network: Any network of any layers.
        image: (1, 3, S, S) float, one picture as the network takes it.

    Returns:
        The counts for one picture.
    """
    steps: list[_Step] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        steps.append(_Step(module, inputs[0].numel(), output.numel()))

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [module.register_forward_hook(note) for module in leaves]
    training = network.training
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counted:
            network.eval()(image)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    stored = sum(p.numel() for p in network.parameters())
    buffers = sum(b.numel() for b in network.buffers() if b.is_floating_point())
    return Complexity(
        parameters=parameters,
        buffers=buffers,
        macs=counted.get_total_flops() // 2,
        weight_bytes=4 * (stored + buffers),
        activation_bytes=4 * _peak_values(steps),
    )


def _peak_values(steps: list[_Step]) -> int:
    """Return the largest number of values that one fused layer reads and writes."""
    chain = [step for step in steps if not isinstance(step.module, _IN_PLACE)]
    peak = 0
    for step, following in pairwise([*chain, None]):
        if step is None or isinstance(step.module, nn.MaxPool2d | nn.AvgPool2d):
            continue
        pooled = (
            following is not None
            and isinstance(following.module, nn.MaxPool2d | nn.AvgPool2d)
            and following.inputs == step.outputs
        )
        peak = max(peak, step.inputs + (following.outputs if pooled and following else step.outputs))
    return peak
