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
import json
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import torch
from torch import Tensor, nn

from openau.errors import CardError, ModelError, OutputError
from openau.evaluate import best_threshold, evaluate, evaluate_emotions
from openau.evaluate.emotion import EMOTION_TRUTH
from openau.evaluate.thresholds import Rule
from openau.export.landmarks import export_landmark_run
from openau.export.switches import Switch, put_behind_switches
from openau.export.tracing import traced
from openau.facs import au_column
from openau.models.jacobian import HeadJacobian, best_map
from openau.models.weights import EmotionSpec, LandmarkSpec, load_any
from openau.records import Accuracy, HeatmapMethod, ModelCard
from openau.runtime import CARD_KEY, HEATMAPS, SWITCHES, read_run_card

TOLERANCE = 1e-4
_TRACE = 0.5  # below this intensity an AU is not there
_FEW = 10  # faces; the median of fewer is chance


class _Exported(nn.Module):
    """What a file computes: the probability, and the outputs of its switches.

    Args:
        network: (B, 3, S, S) to (B, A) logits.
        intensity: Whether the file tells intensities, too.
    """

    switches: tuple[Switch, ...] = ()

    def __init__(self, network: nn.Module, *, intensity: bool) -> None:
        super().__init__()
        self.network = network
        self.intensity = intensity
        self.always = ("probability", "intensity") if intensity else ("probability",)

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of `always`: probabilities (B, A), and intensities (B, A) in 0–5."""
        if not self.intensity:
            return (torch.sigmoid(self.network(face)),)
        logits, intensity = self.network.logits_and_intensities(face)  # type: ignore[operator] # a method
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


def export_onnx(network: nn.Module, card: ModelCard, path: Path) -> Path:
    """Write a network and its card as one ONNX file, checked against PyTorch.

    The same weights and card give the same bytes.

    Args:
        network: (B, 3, S, S) normalised float to (B, A) logits; left as it was.
        card: Its card; `heatmap_layer` None leaves the heat maps out, `heatmap_method` None lets the file
            recommend `openau.models.jacobian.best_map`.
        path: Target `.onnx` file; replaced if it exists.

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

    Each AU's threshold is the one that serves best on the validation part; the card's accuracy is measured on
    the test part, which had no say in either weights or thresholds.

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
    card = read_run_card(run)
    try:
        table = pd.read_parquet(run / "predictions.parquet")
        fold = table["fold"]
        about = tomllib.loads((run / "recipe.toml").read_text(encoding="utf-8"))["card"]
        started = json.loads((run / "environment.json").read_text(encoding="utf-8"))["started"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{run} is not a finished training run ({error}); train or resume it.") from error
    validation, test = table[fold == "validation"], table[fold == "test"]
    chosen: Rule = rule or about.get("thresholds", "f1")
    thresholds = tuple(_threshold(validation, au, chosen) for au in card.aus)
    data = about["test_data"] or ", ".join(sorted(set(test["dataset"])))
    card = replace(
        card,
        thresholds=thresholds,
        accuracy=(*_accuracy(test, card.aus, thresholds, data), *_emotion_accuracy(test, card, data)),
        created=started[:10],
        neutral=_neutral(validation, card.aus),
    )
    return export_onnx(network, card, out)


def _threshold(validation: pd.DataFrame, au: int, rule: Rule) -> float:
    """Return the threshold that serves an AU best; 0.5 where no label of it is known to choose by."""
    known = validation[validation[f"{au_column(au)}_t"].notna()]
    if not len(known):
        return 0.5
    return round(best_threshold(known[f"{au_column(au)}_t"], known[f"{au_column(au)}_p"], rule), 4)


def _emotion_accuracy(test: pd.DataFrame, card: ModelCard, data: str) -> tuple[Accuracy, ...]:
    """Return accuracy and macro F1 of the emotions on the test part, where the network tells them."""
    if not card.emotions or not test[EMOTION_TRUTH].notna().any():
        return ()
    whole = evaluate_emotions(test).set_index("emotion").loc["all"].to_dict()
    protocol = "test part of the run's split, weights chosen on the validation part"
    return tuple(
        Accuracy(data, protocol, title, round(float(whole[metric]), 4), count=int(whole["count"]))
        for metric, title in (("accuracy", "accuracy of emotions"), ("macro_f1", "macro F1 of emotions"))
    )


def _accuracy(
    test: pd.DataFrame, aus: tuple[int, ...], thresholds: tuple[float, ...], data: str
) -> tuple[Accuracy, ...]:
    """Return AUC, F1 and, of intensities, ICC on the test part: means over AUs, then each AU."""
    rows = evaluate(test, aus=aus, thresholds=thresholds)
    protocol = (
        f"test part of the run's split ({test['subject'].nunique()} subjects), weights and thresholds chosen "
        "on the validation part; count of an AU = its positives"
    )
    found: list[Accuracy] = []
    for metric, column in (("ROC AUC", "auc"), ("F1", "f1"), ("ICC(3,1)", "icc")):
        if column not in rows.columns:
            continue  # the network was not taught intensities
        defined = rows[rows[column].notna()]
        if len(defined):
            mean = round(float(defined[column].mean()), 4)
            found.append(Accuracy(data, protocol, f"mean {metric}", mean, count=len(test)))
        for au, value, positives in zip(defined["au"], defined[column], defined["positives"], strict=True):
            found.append(Accuracy(data, protocol, metric, round(float(value), 4), int(au), int(positives)))
    return tuple(found)


def _neutral(validation: pd.DataFrame, aus: tuple[int, ...]) -> tuple[float, ...]:
    """Return the median probability of each AU on faces without any AU; nothing where there are few."""
    columns = [au_column(au) for au in aus]
    intensity = validation.reindex(columns=[f"{column}_i" for column in columns])  # unknown is not at rest
    at_rest = validation[(intensity < _TRACE).all(axis=1)]
    if len(at_rest) < _FEW:
        return ()
    return tuple(round(float(at_rest[f"{column}_p"].median()), 4) for column in columns)


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
