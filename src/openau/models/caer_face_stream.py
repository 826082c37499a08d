"""The face stream of CAER-Net-S, a stand-in for EmotiRAM-f: five convolutions from a face to an emotion."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from openau.errors import SettingError
from openau.models.needs import Needs, check_images

WIDTHS = (32, 64, 128, 256, 256)


class CaerFaceStream(nn.Module):
    """Face crop to emotion logits, the baseline of masur2023 (caer_face_stream, stand-in for EmotiRAM-f).

    For faces of 96×96 pixels with values 0–1. Five 3×3 convolutions with batch norm and ReLU, halved in side
    after each of the first four; the mean over positions; a dense layer of 128; one logit per emotion.

    Args:
        emotions: Number E of emotions.
        size: Side S of the square input; at least 16.
        dropout: Share of the 128 values dropped while training.

    Raises:
        SettingError: `emotions` below 2, or `size` below 16.

    Differences from the paper: the text that defines EmotiRAM-f cannot be reached; this is the face stream
    of CAER-Net-S, which EmotiRAM builds on. Widths, dense layer and dropout follow
    public code of it.

    Reference: J. Lee, S. Kim, S. Kim, J. Park, K. Sohn, Context-aware emotion recognition networks, ICCV
    2019; P. Masur, W. Costa, L. Figueredo, V. Teichrieb, Leveraging previous facial action units knowledge
    for emotion recognition on faces, 2023.
    """

    reference = "Lee et al., Context-aware emotion recognition networks, ICCV 2019 (the face stream)"
    needs = Needs(96, 16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), alignment="box", aus="")
    heatmap_layer = "features.relu5"

    def __init__(self, emotions: int = 7, *, size: int = 96, dropout: float = 0.5) -> None:
        super().__init__()
        if emotions < 2:
            raise SettingError(f"caer_face_stream was asked for {emotions} emotions; give at least 2.")
        if size < 16:
            raise SettingError(f"caer_face_stream cannot take pictures of {size} pixels; give at least 16.")
        self.size = size
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (inputs, outputs) in enumerate(pairwise((3, *WIDTHS)), start=1):
            layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, 3, padding=1)
            layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
            layers[f"relu{number}"] = nn.ReLU()
            if number < len(WIDTHS):
                layers[f"pool{number}"] = nn.MaxPool2d(2)
        self.features = nn.Sequential(layers)
        self.head = nn.Sequential(
            nn.Linear(WIDTHS[-1], 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, emotions)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits.

        Args:
            images: (B, 3, S, S) float, 0–1.

        Returns:
            (B, E) logits, for a softmax.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images("caer_face_stream", images.shape, self.size)
        logits: Tensor = self.head(self.features(images).mean((2, 3)))
        return logits
