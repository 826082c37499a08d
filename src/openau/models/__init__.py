"""Every network: a function from a batch of face crops to AU logits, free of files, training and datasets.

`EMOTION_MODELS` holds the networks that tell emotions instead, built as `Class(emotions, **options)`.

`MODELS` is the registry: one line per network, imported only when asked for. A network is an `nn.Module`
built as `Class(aus, size=..., **options)`; it returns (B, A) logits, and its class carries

* `needs`, what it asks of its pictures: side, normalisation, alignment, AU set;
* `reference`, the paper it comes from, and in its docstring "Differences from the paper";
* `heatmap_layer`, the name of the layer its heat maps are read from, or None;
* `logits_and_heatmaps(images)` where it can write its heat maps without autograd;
* `head_jacobian(images)` where the whole derivative behind that layer can be written down, too, and
  `written_maps`, the methods of `openau.models.jacobian.HeadJacobian` that it then answers;
* `auxiliary`, layers that only a task of their own trains, with the name of that task, where it has such;
* `logits_and_intensities(images)` where it tells intensities (B, A), too.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from openau.errors import SettingError
from openau.models.needs import Needs

MODELS: dict[str, str] = {
    "compact_resnet": "openau.models.compact_resnet:CompactResNet",
    "attention_cnn": "openau.models.attention_cnn:AttentionCNN",
    "fan_heatmap": "openau.models.fan_heatmap:FanHeatmap",
    "fan_scc": "openau.models.fan_scc:FanSCC",
    "me_graph": "openau.models.me_graph:MEGraph",
    "vgg19": "openau.models.moreno2024:VGG19",
    "resnet101": "openau.models.moreno2024:ResNet101",
    "nasnet_mobile": "openau.models.moreno2024:NASNetMobile",
    "mobilenet_v2": "openau.models.moreno2024:MobileNetV2",
    "efficientnet_b0": "openau.models.moreno2024:EfficientNetB0",
    "shufflenet_v2": "openau.models.shufflenet:ShuffleNetV2",
    "alexnet": "openau.models.wang2019:AlexNet",
    "drml": "openau.models.wang2019:DRML",
    "resnet18": "openau.models.wang2019:ResNet18",
    "dscmr": "openau.models.wang2019:DSCMR",
    "l_dscmr": "openau.models.wang2019:LDSCMR",
}
"""Network name to `module:class`."""

EMOTION_MODELS: dict[str, str] = {
    "caer_face_stream": "openau.models.caer_face_stream:CaerFaceStream",
    "emotiram_fau": "openau.models.emotiram_fau:EmotiramFAU",
}
"""Name of a network that tells emotions to `module:class`."""

LANDMARK_MODELS: dict[str, str] = {
    "landmark_net": "openau.models.landmark_net:LandmarkNet",
}
"""Name of a network that tells landmarks to `module:class`; built as `Class(size=..., **options)`."""


def model_class(name: str) -> type[nn.Module]:
    """Return a network's class by name.

    Args:
        name: A key of `MODELS`, `EMOTION_MODELS` or `LANDMARK_MODELS`.

    Raises:
        SettingError: No network has this name.
    """
    known = MODELS | EMOTION_MODELS | LANDMARK_MODELS
    if name not in known:
        raise SettingError(f"There is no network {name!r}; choose one of {', '.join(known)}.")
    module, attribute = known[name].split(":")
    found: type[nn.Module] = getattr(import_module(module), attribute)
    return found


def network_needs(name: str) -> Needs:
    """Return what a network asks of its pictures, as its paper trained it.

    Args:
        name: A key of `MODELS` or `EMOTION_MODELS`.

    Raises:
        SettingError: No network has this name.
    """
    network: Any = model_class(name)
    found: Needs = network.needs
    return found


def build_model(name: str, aus: int, *, size: int, **options: Any) -> nn.Module:
    """Build a network by name, with fresh weights from torch's random state.

    Args:
        name: A key of `MODELS`.
        aus: Number A of action units.
        size: Side S of the square input in pixels.
        **options: The network's own options.

    Returns:
        The network in training mode: (B, 3, S, S) float to (B, A) logits.

    Raises:
        SettingError: No network has this name, or it does not have one of the options.
    """
    try:
        return model_class(name)(aus, size=size, **options)
    except TypeError as error:
        raise SettingError(f"The options {sorted(options)} do not fit {name}: {error}.") from error


def build_emotion_model(name: str, emotions: int = 7, **options: Any) -> nn.Module:
    """Build a network that tells emotions, with fresh weights from torch's random state.

    Args:
        name: A key of `EMOTION_MODELS`.
        emotions: Number E of emotions.
        **options: The network's own options, such as `size`.

    Returns:
        The network in training mode: (B, 3, S, S) float to (B, E) logits, for a softmax.

    Raises:
        SettingError: No such network has this name, or it does not have one of the options.
    """
    if name not in EMOTION_MODELS:
        raise SettingError(
            f"There is no network {name!r} for emotions; choose one of {', '.join(EMOTION_MODELS)}."
        )
    try:
        return model_class(name)(emotions, **options)
    except TypeError as error:
        raise SettingError(f"The options {sorted(options)} do not fit {name}: {error}.") from error


def build_landmark_model(name: str, *, size: int, **options: Any) -> nn.Module:
    """Build a network that tells landmarks, with fresh weights from torch's random state.

    Args:
        name: A key of `LANDMARK_MODELS`.
        size: Side S of the square input in pixels.
        **options: The network's own options.

    Returns:
        The network in training mode: (B, 3, S, S) float to (B, 207), see `openau.models.landmark_net`.

    Raises:
        SettingError: No such network has this name, or it does not have one of the options.
    """
    if name not in LANDMARK_MODELS:
        raise SettingError(
            f"There is no network {name!r} for landmarks; choose one of {', '.join(LANDMARK_MODELS)}."
        )
    try:
        return model_class(name)(size=size, **options)
    except TypeError as error:
        raise SettingError(f"The options {sorted(options)} do not fit {name}: {error}.") from error
