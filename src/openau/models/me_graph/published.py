"""The names under which the authors of ME-GraphAU publish weights, and ours."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from openau.errors import ModelError

_RENAMED = {
    "global_linear.fc": "project.dense",
    "global_linear.bn": "project.norm",
    "head.gnn.U": "facial_graph.from_self",
    "head.gnn.V": "facial_graph.from_others",
    "head.gnn.bnv": "facial_graph.norm",
    "head.edge_extractor.FAM.linear_q": "edges.face.query",
    "head.edge_extractor.FAM.linear_k": "edges.face.key",
    "head.edge_extractor.FAM.linear_v": "edges.face.value",
    "head.edge_extractor.ARM.linear_q": "edges.pairs.query",
    "head.edge_extractor.ARM.linear_k": "edges.pairs.key",
    "head.edge_extractor.ARM.linear_v": "edges.pairs.value",
    "head.edge_extractor.edge_proj": "edges.dense",
    "head.edge_extractor.bn": "edges.norm",
    "head.edge_fc": "edge_head",
    "head.gnn.E1": "gated.0.from_edge",
    "head.gnn.E2": "gated.1.from_edge",
    "head.gnn.bnv1": "gated.0.node_norm",
    "head.gnn.bnv2": "gated.1.node_norm",
    "head.gnn.bne1": "gated.0.edge_norm",
    "head.gnn.bne2": "gated.1.edge_norm",
}


def published_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and join the authors' weights so that `MEGraph.load_state_dict` takes them.

    Args:
        state: Their state dictionary of stage 1 or 2 with a residual backbone, each tensor of any shape or
            dtype, such as (512, 2048) float; a leading `module.` is dropped.

    Returns:
        Ours.

    Raises:
        ModelError: A name is not one of theirs, or one is missing.
    """
    bare = {key.removeprefix("module."): value for key, value in state.items()}
    try:
        found = {"directions": bare.pop("head.sc")} | _joined(bare)
    except KeyError as error:
        raise ModelError(f"These are not weights of ME-GraphAU: {error} is missing.") from error
    for key, value in bare.items():
        layer, _, field = key.rpartition(".")
        if key.startswith("backbone."):
            found[f"body.{key.removeprefix('backbone.')}"] = value
        elif layer in _RENAMED:
            found[f"{_RENAMED[layer]}.{field}"] = value
        else:
            raise ModelError(
                f"These are not weights of ME-GraphAU with a residual backbone: {key} is unknown."
            )
    return found


def _joined(bare: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take out the layers that ours holds as one, and put them under each other."""
    found: dict[str, Tensor] = {}
    fields = [("fc", "dense", name) for name in ("weight", "bias")]
    fields += [("bn", "norm", name) for name in ("weight", "bias", "running_mean", "running_var")]
    fields += [("bn", "norm", "num_batches_tracked")]
    aus = len({key.split(".")[2] for key in bare if key.startswith("head.class_linears.")})
    for theirs, ours, name in fields:
        parts = [bare.pop(f"head.class_linears.{au}.{theirs}.{name}") for au in range(aus)]
        found[f"units.{ours}.{name}"] = torch.cat(parts) if parts[0].ndim else parts[0]
    for layer in (1, 2):
        if f"head.gnn.A{layer}.weight" in bare:
            parts = [bare.pop(f"head.gnn.{letter}{layer}.weight") for letter in "ABUV"]
            found[f"gated.{layer - 1}.from_node.weight"] = torch.cat(parts)
    return found
