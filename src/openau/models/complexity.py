"""What a network costs, computed by running it once: weights, multiplies, bytes."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

_IN_PLACE = (nn.ReLU, nn.BatchNorm2d, nn.Dropout, nn.Identity)


@dataclass(frozen=True, slots=True)
class Complexity:
    """The cost of one forward pass of one picture.

    Attributes:
        parameters: Trainable weights and biases.
        stored: All weights and biases, frozen ones too.
        buffers: Stored values that do not train: running means and variances.
        macs: Multiply-accumulates of convolutions (plain and transposed), dense layers and matrix products,
            biases not counted.
        weight_bytes: Parameters and buffers as float32.
        activation_bytes: Largest input plus output of any one convolution or dense layer as float32, pooling
            fused with the layer before it and element-wise layers computed in place. A lower bound of a
            runtime's memory for networks that are one chain of layers.
        peak_bytes: Largest sum of the picture and all intermediate values that are alive at one time when
            PyTorch runs the network layer by layer, without gradients, in the precision it was built in.
    """

    parameters: int
    stored: int
    buffers: int
    macs: int
    weight_bytes: int
    activation_bytes: int
    peak_bytes: int


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
        with torch.no_grad(), FlopCounterMode(display=False) as counted, _LiveBytes(network, image) as live:
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
        stored=stored,
        buffers=buffers,
        macs=counted.get_total_flops() // 2,
        weight_bytes=4 * (stored + buffers),
        activation_bytes=4 * _peak_values(steps),
        peak_bytes=live.peak,
    )


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Follows which memory is in use while a network runs: counted when made, forgotten when freed.

    Args:
        network: Its weights and buffers do not count.
        image: The picture, which does.
    """

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.peak = self.now = 0
        self._alive = {
            tensor.untyped_storage()._cdata for tensor in [*network.parameters(), *network.buffers()]
        }
        self._note(image)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and note the memory of what it returns."""
        found = func(*args, **(kwargs or {}))
        for value in found if isinstance(found, tuple | list) else (found,):
            if isinstance(value, Tensor):
                self._note(value)
        return found

    def _note(self, value: Tensor) -> None:
        storage = value.untyped_storage()
        key = storage._cdata
        if key in self._alive:  # a view, or written in place
            return
        size = storage.nbytes()
        self._alive.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.now -= size


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
