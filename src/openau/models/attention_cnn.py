"""The attention network of deramgozin2023: five convolutions, two attention blocks, three dense layers.

It also writes out, without autograd, the gradient of every action unit's logit with respect to its last
convolution, so that the Grad-CAM maps of all AUs leave the network in the same forward pass as the
probabilities and survive the export to ONNX.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.jacobian import HeadJacobian, unpooled
from openau.models.needs import Needs


class Attention(nn.Module):
    """Channel attention, then spatial attention (Table 4 of the paper, the order of CBAM).

    A shared two-layer perceptron reads every channel's mean and maximum and scales the channels; a 7×7
    convolution reads the scaled map (or its mean and maximum over channels) and scales the positions.

    Args:
        channels: C of the map.
        hidden: Width of the perceptron between its two layers.
        dense_bias: Whether the perceptron has biases.
        conv_bias: Whether the 7×7 convolution has a bias.
        spatial_in: What the convolution reads: `"2"` the mean and the maximum over channels, `"C"` all
            channels.
        use_mlp: Whether there is channel attention at all.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int = 32,
        dense_bias: bool = False,
        conv_bias: bool = True,
        spatial_in: Literal["2", "C"] = "2",
        use_mlp: bool = True,
    ) -> None:
        super().__init__()
        self.spatial_in = spatial_in
        self.squeeze = nn.Linear(channels, hidden, bias=dense_bias) if use_mlp else None
        self.excite = nn.Linear(hidden, channels, bias=dense_bias) if use_mlp else None
        maps = 2 if spatial_in == "2" else channels
        self.spatial = nn.Conv2d(maps, 1, 7, padding=3, bias=conv_bias)

    def _channel_gate(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the gate (B, C) in 0–1 and the perceptron's hidden layer (B, 2, hidden), or None."""
        if self.squeeze is None or self.excite is None:
            return None
        pooled = torch.stack((features.mean((2, 3)), features.amax((2, 3))), dim=1)
        hidden = F.relu(self.squeeze(pooled))
        return torch.sigmoid(self.excite(hidden).sum(1)), hidden

    def _spatial_gate(self, scaled: Tensor) -> Tensor:
        """Return the gate (B, 1, h, w) in 0–1 of a channel-scaled map (B, C, h, w)."""
        if self.spatial_in == "2":
            scaled = torch.cat((scaled.mean(1, keepdim=True), scaled.amax(1, keepdim=True)), dim=1)
        return torch.sigmoid(self.spatial(scaled))

    def forward(self, features: Tensor) -> Tensor:
        """Scale channels, then positions.

        Args:
            features: (B, C, h, w) float.

        Returns:
            (B, C, h, w), each value multiplied by two gates in 0–1.
        """
        gate = self._channel_gate(features)
        scaled = features if gate is None else features * gate[0][:, :, None, None]
        return scaled * self._spatial_gate(scaled)

    def pull_back(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Carry gradients from the block's output to its input, summed over positions.

        Only the sum over positions is needed behind a max-pool, which moves gradients within a channel but
        keeps their sum. Ties of a maximum share its gradient evenly, as autograd does for `amax`.

        Args:
            features: (B, C, h, w), the block's input.
            gradient: (B, A, C, h, w), of A scalars with respect to the block's output.

        Returns:
            (B, A, C), of the same scalars with respect to the input, summed over h and w.
        """
        gate = self._channel_gate(features)
        scale = torch.ones_like(features[:, :, 0, 0]) if gate is None else gate[0]
        scaled = features * scale[:, :, None, None]
        # The sums over positions are taken as products with vectors: no array of the gradient's size is made
        # but this one.
        by_feature = gradient.flatten(3) * features.flatten(2)[:, None]
        spatial = self._spatial_gate(scaled)
        onto_spatial = (scale[:, None, None] @ by_feature) * (spatial * (1 - spatial)).flatten(2)[:, None]
        plain, weighted = self._pull_maps(features, scaled, onto_spatial.reshape(-1, 1, *features.shape[2:]))
        everywhere = spatial.flatten(2).transpose(1, 2)[:, None]
        plain = plain + (gradient.flatten(3) @ everywhere)[..., 0]
        if gate is None or self.squeeze is None or self.excite is None:
            return plain
        weighted = weighted + (by_feature @ everywhere)[..., 0]
        onto_hidden = (weighted * (scale * (1 - scale))[:, None]) @ self.excite.weight
        # Mean and maximum both hand their whole gradient to the positions of their channel, so that summed
        # over positions the two pass the perceptron as one, counted by how many of them woke a hidden unit.
        awake = (gate[1] > 0).to(features.dtype).sum(1, keepdim=True)
        return plain * scale[:, None] + (onto_hidden * awake) @ self.squeeze.weight

    def pull_back_whole(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Carry gradients from the block's output to its input, position by position.

        Ties of a maximum share its gradient evenly, as autograd does for `amax`.

        Args:
            features: (B, C, h, w), the block's input.
            gradient: (B, A, C, h, w), of A scalars with respect to the block's output.

        Returns:
            (B, A, C, h, w), of the same scalars with respect to the input; summed over h and w, what
            `pull_back` returns.
        """
        gate = self._channel_gate(features)
        scale = torch.ones_like(features[:, :, 0, 0]) if gate is None else gate[0]
        scaled = features * scale[:, :, None, None]
        spatial = self._spatial_gate(scaled)
        onto_spatial = (gradient * scaled[:, None]).sum(2) * spatial * (1 - spatial)
        onto_scaled = gradient * spatial[:, None] + self._spread_maps(scaled, onto_spatial)
        found = onto_scaled * scale[:, None, :, None, None]
        if gate is None or self.squeeze is None or self.excite is None:
            return found
        onto_scale = (onto_scaled.flatten(3) * features.flatten(2)[:, None]).sum(3)
        onto_hidden = (onto_scale * (scale * (1 - scale))[:, None]) @ self.excite.weight
        awake = (gate[1] > 0).to(features.dtype)
        # (B, A, 2, C): what reaches the mean and the maximum of each channel.
        onto_pooled = (onto_hidden[:, :, None] * awake[:, None]) @ self.squeeze.weight
        winners = (features == features.amax((2, 3), keepdim=True)).to(features.dtype)
        share = winners / winners.sum((2, 3), keepdim=True)
        by_mean = onto_pooled[:, :, 0, :, None, None] / (features.shape[2] * features.shape[3])
        return found + by_mean + onto_pooled[:, :, 1, :, None, None] * share[:, None]

    def _spread_maps(self, scaled: Tensor, onto_spatial: Tensor) -> Tensor:
        """Carry gradients (B, A, h, w) at the 7×7 convolution to the map it reads, (B, A, C, h, w)."""
        batch, aus, height, width = onto_spatial.shape
        kernel = self.spatial.weight.flip(2, 3).transpose(0, 1)
        onto_maps = F.conv2d(onto_spatial.reshape(-1, 1, height, width), kernel, padding=3)
        onto_maps = onto_maps.reshape(batch, aus, -1, height, width)
        if self.spatial_in == "C":
            return onto_maps
        peak = (scaled == scaled.amax(1, keepdim=True)).to(scaled.dtype)
        share = peak / peak.sum(1, keepdim=True)
        return onto_maps[:, :, :1] / scaled.shape[1] + onto_maps[:, :, 1:] * share[:, None]

    def _pull_maps(self, features: Tensor, scaled: Tensor, onto_spatial: Tensor) -> tuple[Tensor, Tensor]:
        """Carry gradients through the 7×7 convolution and the maps it reads, to the channel-scaled map.

        Args:
            features: (B, C, h, w), the block's input.
            scaled: (B, C, h, w), the same after channel attention.
            onto_spatial: (B·A, 1, h, w), with respect to the convolution's output.

        Returns:
            (B, A, C) summed over positions, and (B, A, C) summed over positions times `features`.
        """
        batch, channels, height, width = features.shape
        kernel = self.spatial.weight.flip(2, 3).transpose(0, 1)
        onto_maps = F.conv2d(onto_spatial, kernel, padding=3)
        if self.spatial_in == "C":
            onto_maps = onto_maps.reshape(batch, -1, channels, height * width)
            return onto_maps.sum(3), (onto_maps * features.flatten(2)[:, None]).sum(3)
        peak = (scaled == scaled.amax(1, keepdim=True)).to(scaled.dtype)
        share = peak / peak.sum(1, keepdim=True)
        # How each channel takes part in the mean and in the maximum: (B, C, 2, h, w).
        part = torch.stack((torch.full_like(share, 1 / channels), share), dim=2)
        onto_maps = onto_maps.reshape(batch, -1, 2 * height * width)
        weighted = (part * features[:, :, None]).flatten(2)
        return onto_maps @ part.flatten(2).transpose(1, 2), onto_maps @ weighted.transpose(1, 2)


class AttentionCNN(nn.Module):
    """Face crop to AU logits (deramgozin2023, Table 3).

    For faces of 48×48 pixels in colour. The defaults are the block that meets the paper's Tables 3 and 4, its
    multiply count, its weight and activation bytes; with seven outputs it has the printed 1,446,605 weights.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 16.
        attention: Whether the two attention blocks exist (Table 8's ablation).
        hidden: Width of the attention perceptrons.
        dense_bias: Whether the attention perceptrons have biases.
        conv_bias: Whether the attention convolutions have a bias.
        spatial_in: `"2"` or `"C"`, see `Attention`.
        use_mlp: Whether the attention blocks have channel attention.
        dropout: Share of the values dropped after the second convolution while training.

    Raises:
        SettingError: `aus` below 1, `size` no multiple of 16, or `spatial_in` unknown.

    Differences from the paper: the dense widths (1024, 512) and the attention's hidden width (32) are not
    printed and were inferred from the printed counts; no conforming block with 13 outputs has the printed
    number of weights. The output is the logit, not the probability.

    Reference: M. M. Deramgozin, S. Jovanovic, M. Arevalillo-Herráez, N. Ramzan, H. Rabah, Attention-enabled
    lightweight neural network architecture for detection of action unit activation, IEEE Access 2023.
    """

    reference = (
        "Deramgozin et al., Attention-enabled lightweight neural network architecture for detection of "
        "action unit activation, IEEE Access 2023"
    )
    heatmap_layer = "relu5"
    written_maps: ClassVar[tuple[str, ...]] = ("grad_cam", "grad_cam_plus_plus", "hires_cam")
    needs = Needs(48, 16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), alignment="box", aus="deramgozin2023-13")

    def __init__(  # noqa: PLR0913 - the options of the paper's ablation, all keyword-only
        self,
        aus: int,
        *,
        size: int = 48,
        attention: bool = True,
        hidden: int = 32,
        dense_bias: bool = False,
        conv_bias: bool = True,
        spatial_in: Literal["2", "C"] = "2",
        use_mlp: bool = True,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if aus < 1:
            raise SettingError(f"attention_cnn was asked for {aus} AUs; give at least 1.")
        if size < 16 or size % 16:
            raise SettingError(
                f"attention_cnn cannot take pictures of {size} pixels; give a multiple of 16, such as 48."
            )
        if spatial_in not in ("2", "C"):
            raise SettingError(f"attention_cnn knows spatial_in '2' and 'C', not {spatial_in!r}.")

        def block(channels: int) -> Attention | None:
            return (
                Attention(
                    channels,
                    hidden=hidden,
                    dense_bias=dense_bias,
                    conv_bias=conv_bias,
                    spatial_in=spatial_in,
                    use_mlp=use_mlp,
                )
                if attention
                else None
            )

        self.size = size
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv4 = nn.Conv2d(128, 128, 3, padding=1)
        self.conv5 = nn.Conv2d(128, 64, 3, padding=1)
        self.relu5 = nn.ReLU()  # a layer of its own, so that a heat map can be read from it by name
        self.norm = nn.BatchNorm2d(128, eps=1e-3, momentum=0.01)  # Keras: epsilon 1e-3, momentum 0.99
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.attention1 = block(128)
        self.attention2 = block(64)
        self.dense1 = nn.Linear(64 * (size // 16) ** 2, 1024)
        self.dense2 = nn.Linear(1024, 512)
        self.out = nn.Linear(512, aus)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        pooled = self.pool(self._features(images))
        return self._head(pooled)[0]

    def logits_and_heatmaps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and the Grad-CAM map of every AU, in one forward pass without autograd.

        The maps are those of conv5 after its ReLU, before pooling, for the network in evaluation mode:
        ReLU(Σ_k w_ak A_k) with w_ak the mean over positions of ∂logit_a/∂A_k.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits and (B, A, S/8, S/8) maps, not negative, not normalised.

        Raises:
            SettingError: The images do not have the shape the network was built for.

        Reference: Selvaraju et al., Grad-CAM, ICCV 2017.
        """
        features = self._features(images)
        pooled = self.pool(features)
        logits, first, second = self._head(pooled)
        weights = self._channel_gradients(pooled, first, second) / (features.shape[2] * features.shape[3])
        maps = F.relu(weights @ features.flatten(2))
        return logits, maps.reshape(*maps.shape[:2], *features.shape[2:])

    def head_jacobian(self, images: Tensor) -> HeadJacobian:
        """Return the logits, conv5's map, and how each logit depends on it, without autograd.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            For conv5 after its ReLU, before pooling, of the network in evaluation mode.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        features = self._features(images)
        pooled = self.pool(features)
        logits, first, second = self._head(pooled)
        gradient = self._onto_first(first, second) @ self.dense1.weight
        gradient = gradient.reshape(*gradient.shape[:2], *pooled.shape[1:])
        if self.attention2 is not None:
            gradient = self.attention2.pull_back_whole(pooled, gradient)
        whole = unpooled(features, pooled, gradient)
        return HeadJacobian(logits, features, gradient.flatten(3), gradient.new_ones(()), whole)

    def _features(self, images: Tensor) -> Tensor:
        """Return conv5's rectified map (B, 64, S/8, S/8)."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2:] != (self.size, self.size):
            raise SettingError(
                f"attention_cnn takes images (B, 3, {self.size}, {self.size}), not {tuple(images.shape)}."
            )
        x = F.relu(self.conv1(images))
        x = self.dropout(self.pool(F.relu(self.conv2(x))))
        x = self.norm(F.relu(self.conv3(x)))
        if self.attention1 is not None:
            x = self.attention1(x)
        x = self.pool(F.relu(self.conv4(self.pool(x))))
        rectified: Tensor = self.relu5(self.conv5(x))
        return rectified

    def _head(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits (B, A) and the two dense layers (B, 1024), (B, 512) of a pooled map."""
        attended = pooled if self.attention2 is None else self.attention2(pooled)
        first = F.relu(self.dense1(attended.flatten(1)))
        second = F.relu(self.dense2(first))
        return self.out(second), first, second

    def _onto_first(self, first: Tensor, second: Tensor) -> Tensor:
        """Return each logit's gradient before the first dense layer's ReLU, (B, A, 1024)."""
        onto_second = self.out.weight * (second > 0).to(second.dtype)[:, None]
        return (onto_second @ self.dense2.weight) * (first > 0).to(first.dtype)[:, None]

    def _channel_gradients(self, pooled: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Return ∂logit_a/∂conv5 summed over positions, (B, A, 64).

        Multiplied from the logits down, so that every product has A rows: about a fifth of the network's own
        work for 18 AUs.
        """
        onto_first = self._onto_first(first, second)
        channels, height, width = pooled.shape[1:]
        if self.attention2 is None:
            summed = self.dense1.weight.reshape(-1, channels, height * width).sum(2)
            return onto_first @ summed
        flat = onto_first @ self.dense1.weight
        return self.attention2.pull_back(pooled, flat.reshape(*flat.shape[:2], channels, height, width))


def _initialise(module: nn.Module) -> None:
    """Start with He-normal weights, zero biases and attention that lets most through.

    The paper states no initialisation. Gates that start at one half, twice over, shrink the signal to a
    sixteenth, and training stays on its first plateau for hundreds of steps longer.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, Attention):
        nn.init.normal_(module.spatial.weight, std=0.01)
        if module.spatial.bias is not None:
            nn.init.constant_(module.spatial.bias, 2.0)
