"""A trained network becomes one ONNX file that carries its own card.

The file keeps the house's contract: input `face` (B, 3, S, S), already normalised; outputs `probability`
(B, A), `intensity` (B, A) in 0–5 where the network was taught it, `emotion` (B, E) where it was taught
emotions and, where the network can write them,
`heatmaps` (B, A, h, w); the card as JSON under `openau.card`. A
file appears under its name only after onnxruntime has given the same numbers as PyTorch.

onnxruntime computes every output of a graph, asked for or not. So the heat maps stand behind switches.
`heatmaps`, Grad-CAM, obeys the optional input `with_heatmaps` (a boolean, true unless given). Where the
network writes down its whole derivative, `heatmaps_plus_plus` (Grad-CAM++) and `heatmaps_hires` (HiRes-CAM)
obey `with_heatmaps_plus_plus` and `with_heatmaps_hires` (false unless given). Switched off, an output has no
rows and costs nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from openau.errors import CardError, ModelError, OutputError
from openau.evaluate.stretch import Stretch
from openau.evaluate.thresholds import Rule
from openau.export.finished import read_finished
from openau.export.landmarks import export_landmark_run
from openau.export.switches import Switch, put_behind_switches
from openau.export.tracing import traced
from openau.models.jacobian import HeadJacobian, best_map
from openau.models.weights import EmotionSpec, LandmarkSpec, load_any
from openau.records import HeatmapMethod, ModelCard
from openau.runtime import CARD_KEY, HEATMAPS, SWITCHES

TOLERANCE = 1e-4


class _Exported(nn.Module):
    """What a file computes: the probability, and the outputs of its switches.

    Args:
        network: (B, 3, S, S) to (B, A) logits.
        intensity: Whether the file tells intensities, too.
    """

    switches: tuple[Switch, ...] = ()

    gain: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, *, intensity: bool) -> None:
        super().__init__()
        self.network = network
        self.intensity = intensity
        self.always = ("probability", "intensity") if intensity else ("probability",)
        self.stretched = False

    def stretch(self, stretches: Sequence[Stretch]) -> None:
        """Tell intensities stretched from now on.

        Args:
            stretches: One per AU.
        """
        self.register_buffer("gain", torch.tensor([stretch.gain for stretch in stretches]))
        self.register_buffer("shift", torch.tensor([stretch.shift for stretch in stretches]))
        self.stretched = True

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of `always`: probabilities (B, A), and intensities (B, A) in 0–5."""
        if not self.intensity:
            return (torch.sigmoid(self.network(face)),)
        logits, intensity = self.network.logits_and_intensities(face)  # type: ignore[operator] # a method
        if self.stretched:
            intensity = (intensity - self.shift) * self.gain
        return torch.sigmoid(logits), intensity.clamp(0, 5)


class _WithEmotion(_Exported):
    """The exported function of a network that reads emotions from AUs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, intensity=False)
        self.always = ("probability", "emotion")

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """Return AU probabilities (B, A), and emotions (B, E) that add up to 1."""
        emotions, aus = self.network.emotions_and_aus(face)  # type: ignore[operator] # a method
        return torch.sigmoid(aus), torch.softmax(emotions, 1)


class _WithHeatmaps(_Exported):
    """The exported function where the network writes its own heat maps."""

    switches: tuple[Switch, ...] = (Switch("heatmaps", SWITCHES["grad_cam"], default=True),)

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """Return what always comes, and heat maps (B, A, h, w)."""
        _, heatmaps = self.network.logits_and_heatmaps(face)  # type: ignore[operator] # a method
        return *super().forward(face), heatmaps


class _WithMoreHeatmaps(_WithHeatmaps):
    """The exported function where the network writes down its whole derivative, too."""

    def __init__(self, network: nn.Module, *, intensity: bool) -> None:
        super().__init__(network, intensity=intensity)
        written = getattr(network, "written_maps", ())
        self.more: tuple[HeatmapMethod, ...] = tuple(m for m in HEATMAPS if m in written and m != "grad_cam")
        self.switches = (
            *_WithHeatmaps.switches,
            *(Switch(HEATMAPS[method], SWITCHES[method], default=False) for method in self.more),
        )

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """Return what always comes, Grad-CAM (B, A, h, w) and the other maps of the same shape."""
        jacobian: HeadJacobian = self.network.head_jacobian(face)  # type: ignore[operator] # a method
        return *super().forward(face), *(getattr(jacobian, method)() for method in self.more)


def export_onnx(
    network: nn.Module, card: ModelCard, path: Path, *, stretches: Sequence[Stretch] = ()
) -> Path:
    """Write a network and its card as one ONNX file, checked against PyTorch.

    The same weights and card give the same bytes.

    Args:
        network: (B, 3, S, S) normalised float to (B, A) logits; left as it was.
        card: Its card; `heatmap_layer` None leaves the heat maps out, `heatmap_method` None lets the file
            recommend `openau.models.jacobian.best_map`.
        path: Target `.onnx` file; replaced if it exists.
        stretches: How the file stretches the network's intensities, one per AU; none for not at all.

    Returns:
        `path`.

    Raises:
        CardError: The card's AUs, crop size, intensities or heat maps do not fit the network.
        ModelError: onnxruntime and PyTorch differ by more than 1e-4, heat maps by more than rounding too.
        OutputError: The file cannot be written.
    """
    if path.is_dir():
        raise OutputError(f"The model {path} cannot be written: it is a folder; name a file.")
    training = network.training
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()  # a place that cannot be written is said before the work, not after it
        network.eval()
        function = _exported_function(network, card)
        if stretches:
            function.stretch(stretches)
        if card.heatmap_layer is not None and card.heatmap_method is None:
            card = replace(card, heatmap_method=best_map(network))
        model = _to_onnx(function, card)
        onnx.helper.set_model_props(model, {CARD_KEY: card.to_json()})
        onnx.checker.check_model(model, full_check=True)
        data = model.SerializeToString(deterministic=True)
        _check_equal(function, data, card)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The model {path} cannot be written ({error.strerror}).") from error
    finally:
        network.train(training)
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def export_any(run: Path, out: Path) -> Path:
    """Write the network of a training run, whatever it tells, as one ONNX file with a complete card.

    Args:
        run: Run folder of a finished training.
        out: Target `.onnx` file; replaced if it exists.

    Returns:
        `out`.

    Raises:
        ModelError: The folder holds no finished run, or one of a network that tells emotions alone.
        CardError: The run's card is malformed.
        OutputError: The file cannot be written.
    """
    _, spec = load_any(run / "checkpoint" / "best.safetensors")
    return export_landmark_run(run, out) if isinstance(spec, LandmarkSpec) else export_run(run, out)


def export_run(run: Path, out: Path, *, rule: Rule | None = None) -> Path:
    """Write the best weights of a training run as one ONNX file with a complete card.

    Each AU's threshold, and its stretch where the recipe wants intensities stretched, is the one that serves
    best on the validation part; the card's accuracy is measured on the test part, which had no say in them.

    Args:
        run: Run folder of a finished training.
        out: Target `.onnx` file; replaced if it exists.
        rule: How a threshold is chosen, see `openau.evaluate.best_threshold`; None for the recipe's rule.

    Returns:
        `out`.

    Raises:
        ModelError: The folder holds no finished run.
        CardError: The run's card is malformed.
        OutputError: The file cannot be written.
    """
    network, spec = load_any(run / "checkpoint" / "best.safetensors")
    if isinstance(spec, LandmarkSpec):
        raise ModelError(f"{run} holds {spec.name}, which finds landmarks; give a network of action units.")
    if isinstance(spec, EmotionSpec) and not hasattr(network, "emotions_and_aus"):
        raise ModelError(
            f"{run} holds {spec.name}, which tells emotions alone; a model file needs action units: export a "
            "network that reads emotions from them, such as emotiram_fau."
        )
    finished = read_finished(run)
    return export_onnx(network, finished.completed_card(rule), out, stretches=finished.stretches)


def _exported_function(network: nn.Module, card: ModelCard) -> _Exported:
    """Return what the file computes, after checking that the card describes it."""
    image = torch.zeros(1, 3, card.crop.size, card.crop.size)
    size = getattr(network, "size", card.crop.size)
    if size != card.crop.size:
        raise CardError(f"The card crops to {card.crop.size} pixels, the network takes {size}.")
    tells_emotions = hasattr(network, "emotions_and_aus")
    if tells_emotions != bool(card.emotions):
        said = "promises" if card.emotions else "does not name the"
        raise CardError(f"The card {said} emotions, but {card.architecture} tells otherwise.")
    with torch.no_grad():
        logits = network.emotions_and_aus if tells_emotions else network
        read = logits(image)  # type: ignore[operator] # a method
        outputs = (read[1] if tells_emotions else read).shape[1]
    if outputs != len(card.aus):
        raise CardError(f"The card names {len(card.aus)} AUs, the network has {outputs} outputs.")
    if card.intensity and not hasattr(network, "logits_and_intensities"):
        raise CardError(f"The card promises intensities, but {card.architecture} cannot tell them.")
    if tells_emotions:
        return _WithEmotion(network).eval()
    if card.heatmap_layer is None:
        return _Exported(network, intensity=card.intensity).eval()
    if not hasattr(network, "logits_and_heatmaps"):
        raise CardError(f"The card promises heat maps, but {card.architecture} cannot write them.")
    found = _WithMoreHeatmaps if hasattr(network, "head_jacobian") else _WithHeatmaps
    return found(network, intensity=card.intensity).eval()


def _to_onnx(function: _Exported, card: ModelCard) -> onnx.ModelProto:
    """Trace the function, and put what is optional behind its switches."""
    names = [*function.always, *(switch.output for switch in function.switches)]
    model = traced(function, card.crop.size, names, card.architecture)
    put_behind_switches(model.graph, function.always, function.switches)
    model.producer_name, model.producer_version = "openau", card.version
    return model


def _check_equal(function: _Exported, data: bytes, card: ModelCard) -> None:
    """Refuse a file whose outputs are not PyTorch's, for one face and for several."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    for count in (1, 3):
        faces = torch.randn(count, 3, card.crop.size, card.crop.size, generator=generator)
        with torch.no_grad():
            wanted = function(faces)
        on = {switch.name: np.array(True) for switch in function.switches}
        found = session.run(None, {"face": faces.numpy(), **on})
        for k, output in enumerate(session.get_outputs()):
            is_map = output.name not in function.always
            scale = max(float(wanted[k].abs().max()), 1e-12) if is_map else 1.0
            gap = float(np.abs(found[k] - wanted[k].numpy()).max()) / scale
            allowed = TOLERANCE
            if is_map and not gap <= TOLERANCE:
                allowed = max(TOLERANCE, 4 * _rounding(function, faces, k) / scale)
            if not gap <= allowed:
                raise ModelError(
                    f"The exported {output.name} of {card.name} differs from PyTorch's by {gap:.2g}; "
                    "it was not written."
                )


def _rounding(function: _Exported, faces: Tensor, output: int) -> float:
    """Return how far PyTorch's own heat maps are from those of twice the digits.

    On faces of noise the maps of a deep network may be so faint that rounding shows in them.
    """
    exact = copy.deepcopy(function).double()
    with torch.no_grad():
        gaps = function(faces)[output].double() - exact(faces.double())[output]
    return float(gaps.abs().max())
