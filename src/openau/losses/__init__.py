"""Losses in which an unknown label (NaN) never counts.

`LOSSES` is the registry: one line per loss, imported only when asked for. Each is a module from a network's
output and its targets to a scalar, and most are also a pure function. Those over AUs take logits (B, A) and
targets (B, A) with 0 absent, 1 present, values between for soft labels, NaN unknown.

All compute in at least float32 from logits and are finite whatever the labels: with nothing known the loss is
    0,
and its gradient too. A mean is over the known cells.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import Tensor

from openau.errors import SettingError
from openau.losses.balance import AdMSR, loss_gain, multi_label_slope_rate
from openau.losses.cells import Loss
from openau.losses.distance import euclidean, root_mean_square_error
from openau.losses.emotion import emotion_cross_entropy
from openau.losses.graph import edge_cross_entropy, rarity_weight, weighted_asymmetric
from openau.losses.heatmap import heatmap_mean_square_error
from openau.losses.intensity import intensity_smooth_l1
from openau.losses.multitask import MultiTask
from openau.losses.occurrence import (
    Side,
    binary_cross_entropy,
    focal,
    positive_weight,
    weighted_binary_cross_entropy,
)

__all__ = [
    "LOSSES",
    "AdMSR",
    "Loss",
    "MultiTask",
    "Side",
    "binary_cross_entropy",
    "build_loss",
    "edge_cross_entropy",
    "emotion_cross_entropy",
    "euclidean",
    "focal",
    "heatmap_mean_square_error",
    "intensity_smooth_l1",
    "loss_class",
    "loss_gain",
    "multi_label_slope_rate",
    "positive_weight",
    "rarity_weight",
    "root_mean_square_error",
    "weighted_asymmetric",
    "weighted_binary_cross_entropy",
]

LOSSES: dict[str, str] = {
    "bce": "openau.losses.occurrence:BinaryCrossEntropy",
    "weighted_bce": "openau.losses.occurrence:WeightedBinaryCrossEntropy",
    "focal": "openau.losses.occurrence:Focal",
    "euclidean": "openau.losses.distance:Euclidean",
    "rmse": "openau.losses.distance:RootMeanSquareError",
    "msr": "openau.losses.balance:MSR",
    "ad_msr": "openau.losses.balance:AdMSR",
    "weighted_asymmetric": "openau.losses.graph:WeightedAsymmetric",
    "edges": "openau.losses.graph:EdgeCrossEntropy",
    "intensity": "openau.losses.intensity:IntensitySmoothL1",
    "heatmap_mse": "openau.losses.heatmap:HeatmapMSE",
    "landmarks": "openau.losses.landmarks:LandmarkDistance",
    "emotion": "openau.losses.emotion:EmotionCrossEntropy",
    "multi_task": "openau.losses.multitask:MultiTask",
}
"""Loss name to `module:class`."""


def loss_class(name: str) -> type[Loss]:
    """Return a loss's class by name.

    Args:
        name: A key of `LOSSES`.

    Raises:
        SettingError: No loss has this name.
    """
    if name not in LOSSES:
        raise SettingError(f"There is no loss {name!r}; choose one of {', '.join(LOSSES)}.")
    module, attribute = LOSSES[name].split(":")
    found: type[Loss] = getattr(import_module(module), attribute)
    return found


def build_loss(name: str, target: Tensor, **options: Any) -> Loss:
    """Build a loss by name for a training set.

    Args:
        name: A key of `LOSSES`, other than `multi_task`, which is built from its tasks.
        target: All training targets as the loss takes them, for AUs (N, A) in 0–1, NaN unknown; the losses
            whose weights are base rates read them.
        **options: The loss's own options.

    Returns:
        The loss, a module that takes a network's output and its targets.

    Raises:
        SettingError: No loss has this name, or it does not have one of the options.
    """
    try:
        return loss_class(name).from_targets(target, **options)
    except TypeError as error:
        raise SettingError(f"The options {sorted(options)} do not fit the loss {name}: {error}.") from error
