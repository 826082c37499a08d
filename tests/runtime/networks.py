"""Small networks and crops for the tests of the runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from openau.records import Crop, ModelCard
from openau.runtime import read_card
from tests.fake.tiny_model import tiny_card


def crops(count: int, size: int = 16, seed: int = 0) -> list[Crop]:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return [Crop(one, np.eye(3)[:2]) for one in pixels]


def weights(path: Path, name: str = "weight") -> NDArray[np.float64]:
    [tensor] = [t for t in onnx.load(str(path)).graph.initializer if t.name == name]
    return numpy_helper.to_array(tensor).astype(np.float64)


def changed(path: Path, **card: Any) -> Path:
    """Write the model again with another card, whatever the network says."""
    model = onnx.load(str(path))
    values = json.loads(read_card(path).to_json()) | card
    helper.set_model_props(model, {"openau.card": json.dumps(values)})
    onnx.save(model, str(path))
    return path


def small_model(
    path: Path, nodes: list[Any], shape: list[Any], card: ModelCard, **constants: NDArray[Any]
) -> Path:
    """Write a network of these nodes from `face` to `probability`."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"openau.card": card.to_json()})
    onnx.save(model, str(path))
    return path


def means(gain: float) -> list[Any]:
    """Return the nodes of a network whose three probabilities are the mean colour times a gain."""
    return [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Constant", [], ["gain"], value_float=gain),
        helper.make_node("Mul", ["mean", "gain"], ["probability"]),
    ]


COLOUR_CARD = replace(
    tiny_card((1, 2, 4), heatmaps=False), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), thresholds=(0.5,) * 3
)


def colour_card(count: int) -> ModelCard:
    return replace(COLOUR_CARD, aus=(1, 2, 4, 5, 6)[:count], thresholds=(0.5,) * count)
