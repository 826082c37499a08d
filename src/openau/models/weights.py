"""A network on disk: one safetensors file whose header says how to build it again. No pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from openau.errors import ModelError
from openau.models import build_emotion_model, build_landmark_model, build_model


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What it takes to build a network again.

    Attributes:
        name: Key of `openau.models.MODELS`.
        aus: The A action units, in output order.
        size: Side of the square input in pixels.
        options: The network's own options.
    """

    name: str
    aus: tuple[int, ...]
    size: int
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """Build the network with fresh weights."""
        return build_model(self.name, len(self.aus), size=self.size, **self.options)


@dataclass(frozen=True, slots=True)
class EmotionSpec:
    """What it takes to build a network that tells emotions again.

    Attributes:
        name: Key of `openau.models.EMOTION_MODELS`.
        emotions: Names of the E emotions, in output order.
        options: The network's own options.
    """

    name: str
    emotions: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """Build the network with fresh weights."""
        return build_emotion_model(self.name, len(self.emotions), **self.options)


@dataclass(frozen=True, slots=True)
class LandmarkSpec:
    """What it takes to build a network that tells landmarks again.

    Attributes:
        name: Key of `openau.models.LANDMARK_MODELS`.
        size: Side of the square input in pixels.
        options: The network's own options.
    """

    name: str
    size: int
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """Build the network with fresh weights."""
        return build_landmark_model(self.name, size=self.size, **self.options)


AnySpec = NetworkSpec | EmotionSpec | LandmarkSpec


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, whole or not at all.

    Args:
        path: Target; replaced if it exists.
        tensors: By name, any shape.
        header: JSON-able.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, part, metadata={"openau": json.dumps(header, sort_keys=True)})
    part.chmod(0o644)  # safetensors writes for the owner alone
    part.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Args:
        path: The safetensors file.

    Returns:
        Tensors by name, and the header.

    Raises:
        ModelError: The file is missing, broken, or not written by OpenAU.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["openau"])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 - not a dict
    except FileNotFoundError:
        raise ModelError(f"There is no checkpoint {path}; train first, or give another path.") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ModelError(f"{path} is not a checkpoint of OpenAU or is broken ({error}).") from error


def save_network(path: Path, network: nn.Module, spec: AnySpec) -> None:
    """Write a network's weights and buffers with what builds it again.

    Args:
        path: Target `.safetensors` file; replaced if it exists.
        network: The network.
        spec: What `spec.build` would build it from.
    """
    about: dict[str, Any] = {"name": spec.name, "options": spec.options}
    if isinstance(spec, EmotionSpec):
        header = {"emotion_network": about | {"emotions": list(spec.emotions)}}
    elif isinstance(spec, LandmarkSpec):
        header = {"landmark_network": about | {"size": spec.size}}
    else:
        header = {"network": about | {"aus": list(spec.aus), "size": spec.size}}
    write_tensors(path, dict(network.state_dict()), header)


def load_any(path: Path) -> tuple[nn.Module, AnySpec]:
    """Build a network again, whatever it tells, and load its weights.

    Args:
        path: What `save_network` wrote.

    Returns:
        The network in evaluation mode on the CPU, and its spec.

    Raises:
        ModelError: The file is missing, broken, or does not fit the network it names.
    """
    tensors, header = read_tensors(path)
    try:
        spec = _spec(header)
        network = spec.build()
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path} does not fit the network it names ({error}); train it again.") from error
    return network.eval(), spec


def load_network(path: Path) -> tuple[nn.Module, NetworkSpec]:
    """Build a network of AU logits again and load its weights.

    Args:
        path: What `save_network` wrote.

    Returns:
        The network in evaluation mode on the CPU, and its spec.

    Raises:
        ModelError: The file is missing, broken, of a network for emotions, or does not fit the network it
            names.
    """
    network, spec = load_any(path)
    if not isinstance(spec, NetworkSpec):
        tells = "emotions" if isinstance(spec, EmotionSpec) else "landmarks"
        raise ModelError(f"{path} holds {spec.name}, which tells {tells}; give a network of action units.")
    return network, spec


def load_emotion_network(path: Path) -> tuple[nn.Module, EmotionSpec]:
    """Build a network that tells emotions again and load its weights.

    Args:
        path: What `save_network` wrote with an `EmotionSpec`.

    Returns:
        The network in evaluation mode on the CPU, and its spec.

    Raises:
        ModelError: The file is missing, broken, of a network for AUs, or does not fit the network it names.
    """
    network, spec = load_any(path)
    if not isinstance(spec, EmotionSpec):
        raise ModelError(
            f"{path} holds {spec.name}, which does not fit a network that tells emotions; train one."
        )
    return network, spec


def load_landmark_network(path: Path) -> tuple[nn.Module, LandmarkSpec]:
    """Build a network that tells landmarks again and load its weights.

    Args:
        path: What `save_network` wrote with a `LandmarkSpec`.

    Returns:
        The network in evaluation mode on the CPU, and its spec.

    Raises:
        ModelError: The file is missing, broken, of another kind, or does not fit the network it names.
    """
    network, spec = load_any(path)
    if not isinstance(spec, LandmarkSpec):
        raise ModelError(f"{path} holds {spec.name}, which tells no landmarks; train a network that does.")
    return network, spec


def _spec(header: dict[str, Any]) -> AnySpec:
    """Return what the header of a weights file says of its network."""
    if "emotion_network" in header:
        raw = header["emotion_network"]
        return EmotionSpec(raw["name"], tuple(raw["emotions"]), raw["options"])
    if "landmark_network" in header:
        raw = header["landmark_network"]
        return LandmarkSpec(raw["name"], raw["size"], raw["options"])
    raw = header["network"]
    return NetworkSpec(raw["name"], tuple(raw["aus"]), raw["size"], raw["options"])
