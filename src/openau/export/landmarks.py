"""A trained landmark network becomes one ONNX file that carries its own card.

Weights are stored in half precision, to which they are rounded before anything is measured against the file;
onnxruntime widens them when the file is opened, and computes in single precision.
"""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from openau.errors import CardError, ModelError
from openau.export.portable import portable
from openau.export.tracing import traced, write_whole
from openau.faces.landmarks import CARD_KEY
from openau.models.landmark_net import LandmarkNet
from openau.models.weights import load_landmark_network
from openau.records import Accuracy, CropSpec, LandmarkCard

TOLERANCE = 2e-4
UPRIGHT_SHARE = 0.87
"""Side of the upright crop as a multiple of that by the box, in units of each one's own box: house boxes of
rendered faces are 1.15 times as large as the true boxes by which the network's crops were cut."""

_OUTPUTS = ("points", "visible", "pose_deg")
_PERCENT = 100.0


class _Exported(nn.Module):
    """What a landmark file computes."""

    def __init__(self, network: LandmarkNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return points (B, 68, 2), visibility (B, 68) in 0–1 and pose (B, 3)."""
        points, visible, pose = self.network.landmarks(face)
        return points, torch.sigmoid(visible), pose


def export_landmark_run(run: Path, out: Path) -> Path:
    """Write the network of a landmark run as one ONNX file with a complete card.

    Args:
        run: Run folder of a finished training.
        out: Target `.onnx` file; replaced if it exists.

    Returns:
        `out`.

    Raises:
        ModelError: The folder holds no finished run of a landmark network.
        CardError: The run's recipe makes no card.
        OutputError: The file cannot be written.
    """
    network, spec = load_landmark_network(run / "checkpoint" / "best.safetensors")
    try:
        table = pd.read_parquet(run / "predictions.parquet")
        text = (run / "recipe.toml").read_text(encoding="utf-8")
        recipe = tomllib.loads(text)
        started = json.loads((run / "environment.json").read_text(encoding="utf-8"))["started"]
        about, crop = recipe["card"], CropSpec(**recipe["crop"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{run} is not a finished training run ({error}); train or resume it.") from error
    test = table[table["fold"] == "test"]
    card = LandmarkCard(
        name=recipe["name"],
        version=about["version"],
        architecture=spec.name,
        crop=crop,
        upright=CropSpec(crop.size, crop.scale * UPRIGHT_SHARE, crop.shift_y, "points"),
        mean=tuple(recipe["model"]["mean"]),
        std=tuple(recipe["model"]["std"]),
        training_data=about["training_data"],
        licence=about["licence"],
        reference=str(getattr(network, "reference", "")),
        accuracy=_accuracy(test, about["test_data"] or ", ".join(sorted(set(test["dataset"])))),
        limits=tuple(about["limits"]),
        created=started[:10],
        recipe=portable(text),
    )
    return export_landmarks(network, card, out)


def export_landmarks(network: nn.Module, card: LandmarkCard, path: Path) -> Path:
    """Write a landmark network and its card as one ONNX file, checked against PyTorch.

    The same weights and card give the same bytes.

    Args:
        network: As `LandmarkNet`; left as it was.
        card: Its card.
        path: Target `.onnx` file; replaced if it exists.

    Returns:
        `path`.

    Raises:
        CardError: The card's crop does not fit the network.
        ModelError: onnxruntime and PyTorch differ.
        OutputError: The file cannot be written.
    """
    if not isinstance(network, LandmarkNet) or network.size != card.crop.size:
        raise CardError(f"The card of {card.name} does not fit its network.")
    function = _Exported(_folded(network))
    model = traced(function, card.crop.size, _OUTPUTS, card.architecture)
    model.producer_name, model.producer_version = "openau", card.version
    _store_halved(model.graph)
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    _check_equal(function, data, card)
    write_whole(path, data, "model")
    return path


def _folded(network: LandmarkNet) -> LandmarkNet:
    """Return a copy whose norms are part of the convolutions before them, its weights rounded to halves."""
    found = copy.deepcopy(network).eval()
    for block in [module for module in found.modules() if isinstance(module, nn.Sequential)]:
        for number, layer in enumerate(block):
            if isinstance(layer, nn.BatchNorm2d):
                before = block[number - 1]
                assert isinstance(before, nn.Conv2d)
                block[number - 1] = fuse_conv_bn_eval(before, layer)
                block[number] = nn.Identity()
    with torch.no_grad():
        for weights in found.parameters():
            if weights.ndim > 1:
                weights.copy_(weights.half().float())
    return found


def _store_halved(graph: onnx.GraphProto) -> None:
    """Store every weight that halves hold exactly as halves, and widen it where it is used."""
    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or (values.astype(np.float16) != values).any():
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}/half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}/half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _check_equal(function: _Exported, data: bytes, card: LandmarkCard) -> None:
    """Refuse a file whose outputs are not PyTorch's, for one face and for several."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    for count in (1, 3):
        faces = torch.randn(count, 3, card.crop.size, card.crop.size, generator=generator)
        with torch.no_grad():
            wanted = function(faces)
        for name, found, right in zip(
            _OUTPUTS, session.run(None, {"face": faces.numpy()}), wanted, strict=True
        ):
            scale = 90.0 if name == "pose_deg" else 1.0
            gap = float(np.abs(found - right.numpy()).max()) / scale
            if not gap <= TOLERANCE:
                raise ModelError(
                    f"The exported {name} of {card.name} differs from PyTorch's by {gap:.2g}; "
                    "it was not written."
                )


def _accuracy(test: pd.DataFrame, data: str) -> tuple[Accuracy, ...]:
    """Return the mean errors on the test part."""
    people = test["subject"].nunique()
    protocol = f"test part of the run's split ({people} subjects), crops by the true box, one look"
    rows = []
    for column in (name for name in test.columns if name.startswith("error")):
        part = column.removeprefix("error").removeprefix("_")
        if part in ("pitch", "yaw", "roll"):
            metric, factor = f"mean absolute error of the {part}, degrees", 1.0
        else:
            metric, factor = f"mean distance, {part or 'all landmarks'}, % of the eyes' distance", _PERCENT
        rows.append((metric, round(float(test[column].mean()) * factor, 2)))
    rows.append(("visibility told rightly, share", round(float(test["visible"].mean()), 4)))
    return tuple(Accuracy(data, protocol, metric, value, count=len(test)) for metric, value in rows)
