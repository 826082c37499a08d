"""A PyTorch module becomes an ONNX graph that carries nothing of the machine it was made on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import onnx
import torch
from torch import nn

from openau.errors import OutputError
from openau.export.switches import merged

OPSET = 18


def traced(function: nn.Module, size: int, outputs: Sequence[str], name: str) -> onnx.ModelProto:
    """Trace a function of faces with a free batch axis, and strip what differs from machine to machine.

    Args:
        function: (B, 3, S, S) to its outputs.
        size: Side S in pixels.
        outputs: Names of the outputs, in order.
        name: Name of the graph.
    """
    batch = torch.export.Dim("batch", min=1)
    with quiet():
        program = torch.onnx.export(
            function,
            (torch.zeros(2, 3, size, size),),
            dynamo=True,
            input_names=["face"],
            output_names=list(outputs),
            dynamic_shapes={"face": {0: batch}},
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    return stripped(merged(program.model_proto), name)


def stripped(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Strip a model of what differs from machine to machine, in place, and return it.

    Args:
        model: As the exporter made it: it notes source lines and folders of the machine it ran on.
        name: Name of the graph.
    """
    graph = model.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, graph, model):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    graph.name = name
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's remarks about its own dependencies from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def write_whole(path: Path, data: bytes, what: str) -> None:
    """Write a file whole or not at all.

    Args:
        path: Target; replaced if it exists, its folder made if it does not.
        data: All of the file.
        what: What it is, for the sentence.

    Raises:
        OutputError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The {what} {path} cannot be written ({error.strerror}).") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
