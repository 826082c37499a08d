"""The face detector's network becomes an ONNX file that carries its own card.

Input `grey` (B, 1, H, W) float32 in 0-1, H and W multiples of 8; output `cells` (B, 14, H / 8, W / 8), see
`openau.models.face_finder.OUTPUTS`. The card is JSON under `openau.detector`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from openau.errors import ModelError
from openau.export.tracing import OPSET, quiet, stripped, write_whole
from openau.faces.heads import CARD_KEY
from openau.models.face_finder import STRIDE, FaceFinder

TOLERANCE = 1e-3  # of logits, and of places in cells


def export_finder(network: FaceFinder, card: Mapping[str, Any], path: Path) -> Path:
    """Write the network and its card as one file, checked against PyTorch.

    The same weights and card give the same bytes.

    Args:
        network: The trained network; left as it was.
        card: What the file says about itself, as JSON can tell it.
        path: Target `.onnx` file; replaced if it exists.

    Returns:
        `path`.

    Raises:
        ModelError: onnxruntime and PyTorch differ.
        OutputError: The file cannot be written.
    """
    training = network.training
    network.eval()
    try:
        model = _to_onnx(network)
        _check_equal(network, model.SerializeToString(deterministic=True))
        onnx.helper.set_model_props(model, {CARD_KEY: json.dumps(card, sort_keys=True)})
        onnx.checker.check_model(model, full_check=True)
        write_whole(path, model.SerializeToString(deterministic=True), "detector")
    finally:
        network.train(training)
    return path


def _to_onnx(network: FaceFinder) -> onnx.ModelProto:
    """Trace the network with free batch, height and width."""
    batch = torch.export.Dim("batch", min=1)
    rows, columns = (torch.export.Dim(name, min=2) for name in ("rows", "columns"))
    with quiet():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, 1, 8 * STRIDE, 6 * STRIDE),),
            dynamo=True,
            input_names=["grey"],
            output_names=["cells"],
            dynamic_shapes={"grey": {0: batch, 2: STRIDE * rows, 3: STRIDE * columns}},
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model = stripped(program.model_proto, "face_finder")
    model.producer_name, model.producer_version = "openau", "1"
    return model


def _check_equal(network: FaceFinder, data: bytes) -> None:
    """Refuse a file whose output is not PyTorch's, for pictures of several shapes."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    for shape in ((1, 1, 24, 40), (3, 1, 64, 64)):
        pictures = torch.rand(shape, generator=generator)
        with torch.no_grad():
            wanted = network(pictures).numpy()
        gap = float(np.abs(session.run(None, {"grey": pictures.numpy()})[0] - wanted).max())
        if not gap <= TOLERANCE:
            raise ModelError(
                f"The exported detector differs from PyTorch's by {gap:.2g}; it was not written."
            )
