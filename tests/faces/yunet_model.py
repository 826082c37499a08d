"""A tiny ONNX network with YuNet's outputs, which sees a face wherever there is a red square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

STRIDE = 8
# Of the cell's corner, in cells: the box's centre; x, y of both eyes, nose tip, both mouth corners.
CENTRE = (0.5, 0.75)
POINTS = (-1.5, -1.0, 2.5, -1.0, 0.5, 0.5, -1.0, 2.5, 2.0, 2.5)
SIDES = (6.0, 8.0)


def write_yunet(path: Path, *, omit: str = "") -> None:
    """Write the network: a cell of 8 x 8 pixels scores by its reddest pixel; `omit` leaves one output out."""
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    outputs = []
    heads = {"cls": [0.0], "obj": [0.0], "bbox": [*CENTRE, *np.log(SIDES)], "kps": list(POINTS)}
    for stride in (8, 16, 32):
        pooled = f"pool_{stride}"
        nodes.append(
            helper.make_node("MaxPool", ["input"], [pooled], kernel_shape=[stride] * 2, strides=[stride] * 2)
        )
        for head, bias in heads.items():
            name, width = f"{head}_{stride}", len(bias)
            if name == omit:
                continue
            weight = np.zeros((width, 3, 1, 1), np.float32)
            if head in ("cls", "obj") and stride == STRIDE:
                weight[0, 2, 0, 0] = 1 / 255  # the red channel of a BGR picture ...
                weight[0, :2, 0, 0] = -1 / 255  # ... and nothing but red
            constants += [
                numpy_helper.from_array(weight, f"{name}_weight"),
                numpy_helper.from_array(np.array(bias, np.float32), f"{name}_bias"),
                numpy_helper.from_array(np.array([1, -1, width], np.int64), f"{name}_shape"),
            ]
            nodes += [
                helper.make_node(
                    "Conv", [pooled, f"{name}_weight", f"{name}_bias"], [f"{name}_map"], kernel_shape=[1, 1]
                ),
                helper.make_node("Transpose", [f"{name}_map"], [f"{name}_last"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}_last", f"{name}_shape"], [name]),
            ]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, width]))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 64, 64])
    graph = helper.make_graph(nodes, "yunet", [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
