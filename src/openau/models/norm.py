"""The norm over neighbouring channels that AlexNet and DRML have, quick enough to train with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelNorm(nn.LocalResponseNorm):
    """Local response normalisation with Caffe's numbers: x / (1 + α/5 Σ x²)^¾ over five channels, α 1e-4.

    The same values as torch's own, which pools in three dimensions and takes powers, and so spends more time
    here than AlexNet does in its convolutions. The sum over neighbours is a 1×1 convolution with a band of
    equal weights instead, and the power two roots. What is exported or only counted is the one node that
    means this.

    Reference: Krizhevsky et al., NeurIPS 2012, section 3.3.
    """

    def __init__(self) -> None:
        super().__init__(5, alpha=1e-4, beta=0.75)

    def forward(self, input: Tensor) -> Tensor:
        """Divide every value by what its neighbours in other channels have.

        Args:
            input: (B, C, h, w) float.

        Returns:
            (B, C, h, w).
        """
        if torch.onnx.is_in_onnx_export() or input.is_meta:
            whole: Tensor = super().forward(input)
            return whole
        channels, reach = input.shape[1], self.size // 2
        band = input.new_full((channels, channels), self.alpha / self.size).triu(-reach).tril(reach)
        spread = F.conv2d(input.square(), band[:, :, None, None], input.new_ones(channels))
        root = spread.rsqrt()
        return input * (root * root.sqrt())
