"""Slow readings of ME-GraphAU, evaluation mode: one node, one token, one edge at a time, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float64]


def values(tensor: Any) -> Array:
    found: Array = tensor.detach().numpy().astype(np.float64)
    return found


def dense(layer: nn.Linear, row: Array) -> Array:
    out: Array = values(layer.weight) @ row
    return out if layer.bias is None else out + values(layer.bias)


def normed(layer: Any, index: int, row: Array) -> Array:
    """Batch norm of what belongs to one node or edge."""
    mean, var = values(layer.running_mean)[index], values(layer.running_var)[index]
    scaled: Array = (row - mean) / np.sqrt(var + layer.eps)
    shifted: Array = scaled * values(layer.weight)[index] + values(layer.bias)[index]
    return shifted


def rectified(row: Array) -> Array:
    kept: Array = np.maximum(row, 0)
    return kept


def softmax(row: Array) -> Array:
    powers: Array = np.exp(row - row.max())
    shares: Array = powers / powers.sum()
    return shares


def facial_graph(layer: Any, nodes: Array) -> Array:
    """Stage 1's graph over nodes (A, C)."""
    count = len(nodes)
    likeness = np.array([[float(a @ b) for b in nodes] for a in nodes])
    joined = np.zeros((count, count))
    for i in range(count):
        least = sorted(likeness[i], reverse=True)[layer.neighbours - 1]
        joined[i] = [float(value >= least) for value in likeness[i]]
    degree = joined.sum(1)
    found = np.zeros_like(nodes)
    for i in range(count):
        message = dense(layer.from_self, nodes[i])
        for j in range(count):
            share = joined[i, j] / np.sqrt(degree[i] * degree[j])
            message = message + share * dense(layer.from_others, nodes[j])
        found[i] = rectified(nodes[i] + normed(layer.norm, i, message))
    return found


def attention(layer: Any, asking: Array, asked: Array) -> Array:
    """What tokens (Q, C) take from tokens (D, C)."""
    answers = []
    for token in asking:
        query = dense(layer.query, token)
        likeness = np.array([query @ dense(layer.key, other) for other in asked]) / np.sqrt(len(query))
        shares = softmax(likeness)
        parts = [share * dense(layer.value, other) for share, other in zip(shares, asked, strict=True)]
        answers.append(np.sum(parts, axis=0))
    return np.stack(answers)


def edge_features(layer: Any, units: Array, tokens: Array) -> Array:
    """The edges (A*A, C) of AU tokens (A, D, C) and face tokens (D, C), computed edge by edge."""
    found = [attention(layer.face, unit, tokens) for unit in units]
    edges = []
    for i in range(len(found)):
        for j in range(len(found)):
            about = attention(layer.pairs, found[j], found[i])
            rows = [normed(layer.norm, i * len(found) + j, dense(layer.dense, row)) for row in about]
            edges.append(np.mean(rows, axis=0))
    return np.stack(edges)


def gated_graph(layer: Any, nodes: Array, edges: Array) -> tuple[Array, Array]:
    """One layer over nodes (A, C) and edges (A*A, C)."""
    count, width = nodes.shape
    weight = values(layer.from_node.weight)
    end, start, own, sent = (weight[k * width : (k + 1) * width] for k in range(4))
    new_edges = np.zeros_like(edges)
    for i in range(count):
        for j in range(count):
            at = i * count + j
            step = end @ nodes[i] + start @ nodes[j] + dense(layer.from_edge, edges[at])
            new_edges[at] = edges[at] + rectified(normed(layer.edge_norm, at, step))
    new_nodes = np.zeros_like(nodes)
    for i in range(count):
        gates = np.zeros((count, width))
        for c in range(width):
            open_ = [1 / (1 + np.exp(-new_edges[i * count + j, c])) for j in range(count)]
            gates[:, c] = softmax(np.array(open_))
        received = sum(gates[j] * (sent @ nodes[j]) for j in range(count)) / count
        new_nodes[i] = rectified(nodes[i] + normed(layer.node_norm, i, own @ nodes[i] + received))
    return new_nodes, new_edges


def cosine(node: Array, direction: Array) -> float:
    return float(node @ direction / (np.linalg.norm(node) * np.linalg.norm(direction)))
