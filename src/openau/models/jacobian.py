"""The derivative of every logit with respect to a map, as the few values it takes.

Behind its last map a network pools and multiplies. Pooling hands a channel's gradient to positions in very
few sizes: the mean the same to all, the maximum to its winner, a max-pooling of 2×2 to one of four. Grad-CAM
and Grad-CAM++ sum over positions and do not ask which of them had which size. So the sizes and how often each
occurs are enough, and the maps of all action units follow from one forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.records import HeatmapMethod

_LARGEST = 1e6


def rectified_share(gradient: Tensor, total: Tensor) -> Tensor:
    """Return what one position adds to its channel's weight in Grad-CAM++: α·ReLU(g).

    α = g²/(2g² + g³ΣA) is 1/(2 + gΣA) wherever g is not 0, and α·g is 1/(2/g + ΣA); so written, tiny
    gradients do not underflow, and of a gradient that is the same for all pictures little is left to compute.
    Where g is not above 0, the product is 0.

    Args:
        gradient: (...,) of any shape, g.
        total: (...,) broadcastable to it, ΣA of the channel.

    Returns:
        (...,) the shape of both, finite.

    Reference: Chattopadhay et al., Grad-CAM++, WACV 2018, equation 19 (exponential score).
    """
    return (2 / F.relu(gradient) + total).reciprocal().clamp(-_LARGEST, _LARGEST)


def unpooled(features: Tensor, pooled: Tensor, gradient: Tensor) -> Tensor:
    """Hand the gradient of each 2×2 square's maximum to its winner, the first of several, as autograd does.

    Args:
        features: (B, C, 2h, 2w).
        pooled: (B, C, h, w).
        gradient: (B, A, C, h, w), with respect to `pooled`.

    Returns:
        (B, A, C, 2h, 2w).
    """
    batch, channels, height, width = pooled.shape
    squares = features.reshape(batch, channels, height, 2, width, 2).permute(0, 1, 2, 4, 3, 5).flatten(4)
    wins = (squares == pooled[..., None]).to(features.dtype)
    first = wins * (wins.cumsum(4) == 1).to(features.dtype)
    spread = gradient[..., None] * first[:, None]
    spread = spread.reshape(*gradient.shape, 2, 2).permute(0, 1, 2, 3, 5, 4, 6)
    return spread.reshape(*gradient.shape[:3], 2 * height, 2 * width)


def weighted_map(features: Tensor, weights: Tensor) -> Tensor:
    """Return ReLU(Σ_k w_k A_k), the map of every AU.

    Args:
        features: (B, C, h, w), the map A.
        weights: (B, A, C), or (1, A, C) for the same weights in every picture.

    Returns:
        (B, A, h, w).
    """
    if weights.shape[0] == 1:  # a 1×1 convolution, which needs no reshaping
        return F.relu(F.conv2d(features, weights[0, :, :, None, None]))
    maps = F.relu(weights @ features.flatten(2))
    return maps.reshape(*maps.shape[:2], *features.shape[2:])


@dataclass(frozen=True, slots=True, eq=False)
class HeadJacobian:
    """Logits, a map, and how each logit depends on each of its channels.

    Attributes:
        logits: (B, A).
        features: (B, C, h, w), the map A.
        values: (B or 1, A, C, V), the sizes that ∂logit/∂A_k takes over positions; 0 may be left out.
        counts: (B, A, C, V), or broadcastable to it: at how many of the h·w positions it has that size.
        whole: (B, A, C, h, w), the derivative position by position, where the network writes it down.
        is_even: Whether the derivative has its one size at every position, so that `whole` is not needed.
    """

    logits: Tensor
    features: Tensor
    values: Tensor
    counts: Tensor
    whole: Tensor | None = None
    is_even: bool = False

    def grad_cam(self) -> Tensor:
        """Return the Grad-CAM map of every AU, (B, A, h, w), not negative, not normalised.

        Reference: Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
        """
        positions = self.features.shape[2] * self.features.shape[3]
        return weighted_map(self.features, (self.values * self.counts).sum(3) / positions)

    def grad_cam_plus_plus(self) -> Tensor:
        """Return the Grad-CAM++ map of every AU, (B, A, h, w), not negative, not normalised.

        Reference: Chattopadhay et al., Grad-CAM++, WACV 2018, equation 19 (exponential score).
        """
        total = self.features.sum((2, 3))[:, None]
        if self.is_even:  # without the axis of sizes, which is one long: onnxruntime is slow at that
            positions = self.features.shape[2] * self.features.shape[3]
            return weighted_map(self.features, rectified_share(self.values[..., 0], total) * positions)
        share = rectified_share(self.values, total[..., None])
        return weighted_map(self.features, (share * self.counts).sum(3))

    def hires_cam(self) -> Tensor:
        """Return the HiRes-CAM map of every AU, (B, A, h, w), not negative, not normalised.

        Raises:
            SettingError: The network does not write down its derivative position by position.

        Reference: Draelos and Carin, arXiv 2011.08891.
        """
        if self.is_even:
            return weighted_map(self.features, self.values[..., 0])
        if self.whole is None:
            raise SettingError("HiRes-CAM needs the derivative at every position; use autograd.")
        return F.relu((self.whole * self.features[:, None]).sum(2))


def best_map(network: object) -> HeatmapMethod:
    """Return which of a network's maps its file recommends.

    Grad-CAM weighs a channel by the mean of its gradient over positions. Where a mean alone stands behind the
    map nothing is lost by that, and HiRes-CAM is the same map up to a factor. Where a channel may speak for
    an AU in one place and against it in another, HiRes-CAM keeps the places apart; it is chosen where the
    network writes it down.

    Args:
        network: One of `openau.models.MODELS`, or its class.
    """
    written = getattr(network, "written_maps", ())
    if not isinstance(written, tuple) or getattr(network, "is_even", False) is True:
        return "grad_cam"
    return "hires_cam" if "hires_cam" in written else "grad_cam"
