"""Graph layers as public code has them: every pair and every edge computed on its own. Also timed against."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.models.fan_scc import SemanticCorrespondence
from openau.models.me_graph.graph import CrossAttention, EdgeFeatures


def edge_convolution(layer: SemanticCorrespondence, nodes: Tensor) -> Tensor:
    """Dynamic graph convolution over nodes (B, N, D): every pair's edge feature is made and convolved."""
    batch = len(nodes)
    squared = nodes.square().sum(2)
    distance = squared[:, :, None] - 2 * nodes @ nodes.transpose(1, 2) + squared[:, None]
    index = (-distance).topk(layer.neighbours, dim=2).indices
    neighbours = nodes[torch.arange(batch)[:, None, None], index]
    centre = nodes[:, :, None].expand_as(neighbours)
    edges = torch.cat((centre, neighbours - centre), dim=3).permute(0, 3, 1, 2)
    convolved = F.conv2d(edges, layer.weight[:, :, None, None])
    norm = layer.norm
    normed = F.batch_norm(
        convolved, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=layer.training
    )
    return F.relu(normed).amax(3).transpose(1, 2)


def attention(layer: CrossAttention, asking: Tensor, asked: Tensor) -> Tensor:
    """Attention of tokens (..., Q, C) over tokens (..., D, C)."""
    products = layer.query(asking) @ layer.key(asked).transpose(-2, -1) * layer.scale
    answers: Tensor = products.softmax(-1) @ layer.value(asked)
    return answers


def edge_features(layer: EdgeFeatures, units: Tensor, tokens: Tensor) -> Tensor:
    """Edges (B, A*A, C) of AU tokens (B, A, D, C) and face tokens (B, D, C), attended edge by edge."""
    batch, aus, count, values = units.shape
    found = attention(layer.face, units, tokens[:, None].expand(-1, aus, -1, -1))
    end = found[:, :, None].expand(-1, -1, aus, -1, -1).reshape(batch, aus * aus, count, values)
    start = found[:, None].expand(-1, aus, -1, -1, -1).reshape(batch, aus * aus, count, values)
    projected = layer.dense(attention(layer.pairs, start, end))
    norm = layer.norm
    normed = F.batch_norm(
        projected, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=layer.training
    )
    return normed.mean(2)
