"""A tiny ONNX model of our own format, for tests that need a network but not its knowledge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from openau.records import CropSpec, ModelCard

AUS = (1, 2, 4, 5, 6, 7, 9, 12, 15, 17, 20, 23, 25, 26)


def tiny_card(
    aus: tuple[int, ...] = AUS, *, size: int = 16, intensity: bool = False, heatmaps: bool = True
) -> ModelCard:
    """Return a valid card for the tiny model."""
    return ModelCard(
        name="tiny",
        version="0",
        architecture="tiny",
        aus=aus,
        thresholds=(0.5,) * len(aus),
        crop=CropSpec(size=size),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        training_data="none: a fake for tests",
        licence="Apache-2.0",
        intensity=intensity,
        heatmap_layer="pool" if heatmaps else None,
    )


def write_tiny_model(path: Path, card: ModelCard | None = None, *, with_card: bool = True) -> ModelCard:
    """Write the tiny model: probabilities are a fixed linear map of the crop's mean colour through a sigmoid.

    Outputs: `probability` (B, A); where the card says so `intensity` (B, A), `heatmaps` (B, A, 6, 6) and
    `emotion` (B, E), which follows from the AUs' logits.
    """
    card = card or tiny_card()
    count, size = len(card.aus), card.crop.size
    random = np.random.default_rng(7)
    weight = random.normal(0, 4, (count, 3)).astype(np.float32)
    constants = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(weight[:, :, None, None], "kernel"),
        numpy_helper.from_array(np.zeros(count, np.float32), "bias"),
        numpy_helper.from_array(np.array(5.0, np.float32), "five"),
    ]
    nodes = [
        helper.make_node("GlobalAveragePool", ["face"], ["mean_colour"]),
        helper.make_node("Flatten", ["mean_colour"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["logit"], transB=1),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", count])]
    if card.intensity:
        nodes.append(helper.make_node("Mul", ["probability", "five"], ["intensity"]))
        outputs.append(helper.make_tensor_value_info("intensity", TensorProto.FLOAT, ["batch", count]))
    if card.emotions:
        told = len(card.emotions)
        constants.append(numpy_helper.from_array(np.eye(count, told, dtype=np.float32), "chosen"))
        nodes += [
            helper.make_node("MatMul", ["logit", "chosen"], ["emotion_logit"]),
            helper.make_node("Softmax", ["emotion_logit"], ["emotion"], axis=1),
        ]
        outputs.append(helper.make_tensor_value_info("emotion", TensorProto.FLOAT, ["batch", told]))
    if card.heatmap_layer is not None:
        side = size // 6
        nodes += [
            helper.make_node(
                "AveragePool", ["face"], ["pool"], kernel_shape=[size - 5 * side] * 2, strides=[side] * 2
            ),
            helper.make_node("Conv", ["pool", "kernel"], ["signed"]),
            helper.make_node("Relu", ["signed"], ["heatmaps"]),
        ]
        outputs.append(helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["batch", count, 6, 6]))
    face = helper.make_tensor_value_info("face", TensorProto.FLOAT, ["batch", 3, size, size])
    graph = helper.make_graph(nodes, "tiny", [face], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if with_card:
        helper.set_model_props(model, {"openau.card": card.to_json()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return card
