"""Heat maps behind switches: parts of an ONNX graph that run only where they are asked for.

onnxruntime computes every output of a graph. An `If` that reads a boolean input with a default makes a part
optional: switched off, the output has no rows and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir
from onnx_ir.passes import Sequential, common


@dataclass(frozen=True, slots=True)
class Switch:
    """An output that is computed only where its switch is on.

    Attributes:
        output: Name of the output, (B, ...) float.
        name: Name of the boolean input.
        default: What the input is where it is not given.
    """

    output: str
    name: str
    default: bool


def merged(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph that computes everything once: what the exporter traced twice has become one.

    Args:
        model: Without branches; equal weights may be stored under several names.
    """
    graph = onnx_ir.serde.deserialize_model(model)
    every_size = 2**62  # weights of any size may be stored twice
    passes = Sequential(
        common.DeduplicateInitializersPass(size_limit=every_size),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
    )
    return onnx_ir.serde.serialize_model(passes(graph).model)


def put_behind_switches(graph: onnx.GraphProto, always: Sequence[str], switches: Sequence[Switch]) -> None:
    """Move the nodes that only optional outputs need into branches, one for each switch.

    Nodes that several of them need are in each of their branches, so that none costs anything while it is
    off.

    Args:
        graph: Changed in place.
        always: The outputs that have no switch.
        switches: The others.
    """
    plain = set().union(*(_needed(graph, output, set()) for output in always))
    nodes = [node for node in graph.node if node.output[0] in plain]
    for switch in switches:
        wanted = _needed(graph, switch.output, plain)
        nodes.append(_choice(graph, [n for n in graph.node if n.output[0] in wanted], switch))
        # An input that is also an initializer is optional: the initializer is its default.
        graph.input.append(onnx.helper.make_tensor_value_info(switch.name, onnx.TensorProto.BOOL, []))
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(switch.default), switch.name))
    del graph.node[:]
    graph.node.extend(nodes)


def _needed(graph: onnx.GraphProto, output: str, known: set[str]) -> set[str]:
    """Return what has to be computed for an output where some values are known."""
    maker = {name: node for node in graph.node for name in node.output}
    needed: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name in maker and name not in needed | known:
            needed.update(maker[name].output)
            waiting.extend(maker[name].input)
    return needed


def _choice(graph: onnx.GraphProto, behind: Sequence[onnx.NodeProto], switch: Switch) -> onnx.NodeProto:
    """Return the node that computes an output, or gives one without rows."""
    made = {name for node in behind for name in node.output}
    branch = []
    for node in behind:
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        for names in (copy.input, copy.output):
            # No name may stand for two values: another branch may compute the same.
            own = [f"{switch.output}/{name}" if name in made else name for name in names]
            del names[:]
            names.extend(own)
        branch.append(copy)
    described = next(output for output in graph.output if output.name == switch.output)
    inside, outside = (onnx.ValueInfoProto.FromString(described.SerializeToString()) for _ in range(2))
    inside.name, outside.name = f"{switch.output}/{switch.output}", f"{switch.output}/absent"
    sides = [side.dim_value for side in described.type.tensor_type.shape.dim[1:]]
    outside.type.tensor_type.shape.dim[0].dim_value = 0
    none = onnx.numpy_helper.from_array(np.zeros((0, *sides), np.float32), outside.name)
    absent = onnx.helper.make_node("Constant", [], [outside.name], value=none)
    return onnx.helper.make_node(
        "If",
        [switch.name],
        [switch.output],
        then_branch=onnx.helper.make_graph(branch, switch.output, [], [inside]),
        else_branch=onnx.helper.make_graph([absent], f"no_{switch.output}", [], [outside]),
    )
