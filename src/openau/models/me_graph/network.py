"""ME-GraphAU whole: backbone, AU nodes, and the graph of either training stage."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.me_graph.graph import EdgeFeatures, FacialGraph, GatedGraph, TokenBlock, cosine
from openau.models.needs import IMAGENET_MEAN, IMAGENET_STD, Needs, check_images, check_request
from openau.models.resnet_body import WIDTH, resnet_body

EPSILON = 1e-6
"""How near to 0 and 1 a probability may come before it becomes a logit."""


class MEGraph(nn.Module):
    """Face crop to AU logits through a graph whose nodes are AUs (Luo et al.'s ME-GraphAU).

    Stage 1 trains the AUs' features with a graph that joins like nodes (ANFL: AFG and FGG); stage 2 puts in
    its place a graph whose edges have features (MEFL: FAM, ARM, gated graph network). The cosine between a
    node and a learned direction, both rectified, is the probability; its logit is what the network returns.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32, at least 64.
        stage: 1 or 2, see above.
        backbone: `resnet50` as in the published tables, `resnet18`, `resnet34` or `resnet101`.
        neighbours: Number k of neighbours in stage 1: 4 on BP4D, 3 on DISFA.

    Raises:
        SettingError: `aus` below 1, `size` that does not fit, another stage, an unknown backbone, or
            `neighbours` below 1.

    Differences from the paper: the Swin backbones are not offered; the logit is the cosine's, so that a
    sigmoid gives the cosine back, cut off within a millionth of 0 and 1.

    Reference: C. Luo, S. Song, W. Xie, L. Shen, H. Gunes, Learning multi-dimensional edge feature-based AU
    relation graph for facial action unit recognition, IJCAI 2022.
    """

    reference = (
        "Luo et al., Learning multi-dimensional edge feature-based AU relation graph for facial action unit "
        "recognition, IJCAI 2022"
    )
    needs = Needs(224, 64, mean=IMAGENET_MEAN, std=IMAGENET_STD, alignment="similarity", aus="disfa-8")
    heatmap_layer = "body.layer4"
    auxiliary: Mapping[str, str] = MappingProxyType({"edge_head": "edges"})

    def __init__(
        self,
        aus: int,
        *,
        size: int = 224,
        stage: Literal[1, 2] = 2,
        backbone: str = "resnet50",
        neighbours: int = 4,
    ) -> None:
        super().__init__()
        check_request("me_graph", aus, size, 64, multiple=32)
        if stage not in (1, 2):
            raise SettingError(f"me_graph has stages 1 and 2, not {stage}.")
        if neighbours < 1:
            raise SettingError(f"A node of me_graph cannot have {neighbours} neighbours; give at least 1.")
        self.size, self.stage = size, stage
        self.body = resnet_body(backbone)
        values = WIDTH[backbone] // 4
        self.project = TokenBlock(WIDTH[backbone], values)
        # One dense layer with A·C outputs is the paper's A layers with C outputs each.
        self.units = TokenBlock(values, aus * values, per_block=values)
        self.directions = nn.Parameter(torch.empty(aus, values))
        nn.init.xavier_uniform_(self.directions)
        if stage == 1:
            self.facial_graph = FacialGraph(aus, values, neighbours=neighbours)
        else:
            self.edges = EdgeFeatures(aus, values)
            self.gated = nn.ModuleList([GatedGraph(aus, values), GatedGraph(aus, values)])
            self.edge_head = nn.Linear(values, 4)
            nn.init.xavier_uniform_(self.edge_head.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits of the probabilities.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        return _logit(self.probabilities(images)).to(images.dtype)

    def probabilities(self, images: Tensor) -> Tensor:
        """Return the cosine of every AU's node with its direction.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) in 0–1, at least float32.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        tokens, units = self._units(images)
        nodes = units.mean(2)
        nodes = self.facial_graph(nodes) if self.stage == 1 else self._graph(nodes, units, tokens)[0]
        return self._probabilities(nodes)

    def logits_and_edges(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return what stage 2 is trained on: the AUs, and for every pair which of the two occur.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits, and (B, A*A, 4) logits of the four classes of the edge (i, j) at i·A + j: 0 neither
            occurs, 1 only j, 2 only i, 3 both.

        Raises:
            SettingError: The network is of stage 1, or the images do not have the shape it was built for.
        """
        if self.stage == 1:
            raise SettingError("Stage 1 of me_graph has no edges; build it with stage 2.")
        tokens, units = self._units(images)
        nodes, edges = self._graph(units.mean(2), units, tokens)
        return _logit(self._probabilities(nodes)).to(images.dtype), self.edge_head(edges)

    def start_from(self, first: MEGraph) -> None:
        """Take over what stage 1 has learned; the graph starts afresh.

        Args:
            first: A network of stage 1 with the same backbone and AUs.

        Raises:
            SettingError: `first` is of stage 2, or has another backbone or other AUs.
        """
        if first.stage != 1 or self.stage != 2:
            raise SettingError("Only stage 2 of me_graph starts from stage 1.")
        learned = {
            key: value for key, value in first.state_dict().items() if not key.startswith("facial_graph.")
        }
        own = self.state_dict()
        unlike = [k for k, v in learned.items() if k not in own or own[k].shape != v.shape]
        if unlike:
            raise SettingError(
                f"Stage 1 does not fit stage 2 at {unlike[0]}; build both with the same AUs and backbone."
            )
        self.load_state_dict(own | learned)

    def _units(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the face's tokens (B, D, C) and every AU's (B, A, D, C)."""
        check_images("me_graph", images.shape, self.size)
        tokens = self.project(self.body(images).flatten(2).transpose(1, 2))
        batch, count, values = tokens.shape
        return tokens, self.units(tokens).reshape(batch, count, -1, values).transpose(1, 2)

    def _graph(self, nodes: Tensor, units: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return stage 2's nodes (B, A, C) and edges (B, A*A, C)."""
        edges = self.edges(units, tokens)
        for layer in self.gated:
            nodes, edges = layer(nodes, edges)
        return nodes, edges

    def _probabilities(self, nodes: Tensor) -> Tensor:
        """Return the cosines (B, A) of nodes (B, A, C)."""
        return cosine(nodes, F.relu(self.directions))


def _logit(probability: Tensor) -> Tensor:
    """Return the finite logit of a probability."""
    kept = probability.clamp(EPSILON, 1 - EPSILON)
    return kept.log() - (-kept).log1p()
