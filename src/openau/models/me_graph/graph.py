"""The parts of ME-GraphAU: from the tokens of a face to AU nodes, to edges, and the graphs over them.

Sizes throughout: B batch, A action units, D tokens (positions of the last map), C values of a token or node.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.models.precision import full_precision


class TokenBlock(nn.Module):
    """Dense layer, batch norm and ReLU, alike for every token.

    Args:
        inputs: Values of a token before.
        outputs: Values of a token after.
        per_block: Values that count as one layer's for its starting weights; `outputs` where not given. (One
            block with A·C outputs is A blocks with C outputs each.)
    """

    def __init__(self, inputs: int, outputs: int, *, per_block: int | None = None) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)
        nn.init.normal_(self.dense.weight, std=math.sqrt(2 / (per_block or outputs)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform the tokens.

        Args:
            tokens: (B, D, inputs) float.

        Returns:
            (B, D, outputs), not negative.
        """
        flat = self.norm(self.dense(tokens).flatten(0, 1))
        return F.relu(flat).reshape(*tokens.shape[:2], -1)


def neighbour_graph(nodes: Tensor, neighbours: int) -> Tensor:
    """Return the normalised graph that joins every node to those most like it.

    A_ij = 1 where the product of nodes i and j is among the k largest of row i (ties included), divided by
    the square roots of the degrees of rows i and j. No gradient flows into the choice.

    Args:
        nodes: (B, A, C) float.
        neighbours: Number k, the node itself counted if it is among them.

    Returns:
        (B, A, A) float.

    Reference: Luo et al., IJCAI 2022, section 3.1.
    """
    # Products of 512 values overflow in half precision, and rounded ones tie that should not.
    with torch.no_grad(), full_precision(nodes):
        exact = nodes.detach().to(torch.promote_types(nodes.dtype, torch.float32))
        likeness = exact @ exact.transpose(1, 2)
        least = likeness.topk(min(neighbours, nodes.shape[1]), dim=2).values[:, :, -1:]
        joined = (likeness >= least).to(exact.dtype)
        scale = joined.sum(2).rsqrt()
        return (joined * scale[:, :, None] * scale[:, None]).to(nodes.dtype)


class FacialGraph(nn.Module):
    """Facial graph generator (FGG): nodes learn from the nodes most like them.

    V' = ReLU(V + BN(A W_1 V + W_2 V)), batch norm per node.

    Args:
        aus: Number A of nodes.
        values: C of a node.
        neighbours: Number k of neighbours: 4 on BP4D, 3 on DISFA.

    Reference: Luo et al., IJCAI 2022, equation 2.
    """

    def __init__(self, aus: int, values: int, *, neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.from_others = nn.Linear(values, values)
        self.from_self = nn.Linear(values, values)
        self.norm = nn.BatchNorm1d(aus)
        for layer in (self.from_others, self.from_self):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / values))

    def forward(self, nodes: Tensor) -> Tensor:
        """Pass one message between like nodes.

        Args:
            nodes: (B, A, C) float.

        Returns:
            (B, A, C), not negative.
        """
        graph = neighbour_graph(nodes, self.neighbours)
        return F.relu(nodes + self.norm(graph @ self.from_others(nodes) + self.from_self(nodes)))


class CrossAttention(nn.Module):
    """What the tokens of one set ask of another: FAM (AU of face) and ARM (AU of AU).

    softmax(q kᵀ / √(C/2)) v with query and key of C/2 values.

    Args:
        values: C of a token.

    Reference: Luo et al., IJCAI 2022, equation 3.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        self.query = nn.Linear(values, values // 2)
        self.key = nn.Linear(values, values // 2)
        self.value = nn.Linear(values, values)
        self.scale = (values // 2) ** -0.5
        for layer in (self.query, self.key, self.value):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.out_features))

    def weights(self, asking: Tensor, asked: Tensor) -> Tensor:
        """Return how much every token takes from every other.

        Args:
            asking: (..., Q, C) float.
            asked: (..., D, C) float.

        Returns:
            (..., Q, D), rows summing to 1.
        """
        products = (self.query(asking) * self.scale) @ self.key(asked).transpose(-2, -1)
        return torch.softmax(products, -1)


class EdgeFeatures(nn.Module):
    """Multi-dimensional edge feature learning (MEFL): a feature of C values for every pair of AUs.

    FAM: what each AU's tokens find in the face. ARM: for the edge (i, j), what the tokens of j find in those
    of i. Then a dense layer, batch norm per edge, and the mean over tokens.

    The public code attends and multiplies once per edge; here queries, keys and values are made once per AU.
    In training the dense layer is taken before the attention, once per AU: rows of attention sum to 1, so
    that W(Pv) + b = P(Wv + b). In evaluation mode batch norm is one scale and shift per edge, and the mean
    over tokens is taken first of all.

    Args:
        aus: Number A of action units.
        values: C of a token.

    Reference: Luo et al., IJCAI 2022, section 3.2, equations 3 to 5.
    """

    def __init__(self, aus: int, values: int) -> None:
        super().__init__()
        self.face = CrossAttention(values)
        self.pairs = CrossAttention(values)
        self.dense = nn.Linear(values, values)
        self.norm = nn.BatchNorm2d(aus * aus)
        nn.init.normal_(self.dense.weight, std=math.sqrt(2 / values))

    def forward(self, units: Tensor, tokens: Tensor) -> Tensor:
        """Return the edges.

        Args:
            units: (B, A, D, C) float, every AU's tokens.
            tokens: (B, D, C) float, the face's tokens.

        Returns:
            (B, A*A, C): the edge (i, j) at i·A + j.
        """
        batch, aus, count, values = units.shape
        tokens = tokens[:, None]
        found = self.face.weights(units, tokens) @ self.face.value(tokens)
        answers = self.pairs.value(found)
        # All AUs' queries at once to each AU's keys: (B, i, j·D, D).
        weights = self.pairs.weights(found.reshape(batch, 1, aus * count, values), found)
        if self.training:
            edges = (weights @ self.dense(answers)).reshape(batch, aus * aus, count, values)
            normed: Tensor = self.norm(edges)
            return normed.mean(2)
        mean = weights.reshape(batch, aus, aus, count, count).mean(3) @ answers
        normed = self.norm(self.dense(mean).reshape(batch, aus * aus, 1, values))
        return normed[:, :, 0]


class GatedGraph(nn.Module):
    """One layer of the gated graph network over nodes and edges.

    E ← E + ReLU(BN(A V_i + B V_j + K E)), gates g = softmax over j of sigmoid(E_ij),
    V ← ReLU(V + BN(U V_i + (1/A) Σ_j g_ij · W V_j)), batch norm per edge and per node.

    Args:
        aus: Number A of nodes.
        values: C of a node or an edge.

    Reference: Luo et al., IJCAI 2022, equations 6 and 7; Bresson and Laurent, Residual gated graph ConvNets,
    2017.
    """

    def __init__(self, aus: int, values: int) -> None:
        super().__init__()
        self.from_node = nn.Linear(values, 4 * values, bias=False)  # A, B, U, W under each other
        self.from_edge = nn.Linear(values, values, bias=False)
        self.node_norm = nn.BatchNorm1d(aus)
        self.edge_norm = nn.BatchNorm1d(aus * aus)
        for layer in (self.from_node, self.from_edge):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / values))

    def forward(self, nodes: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Pass one message along the edges.

        Args:
            nodes: (B, A, C) float.
            edges: (B, A*A, C) float.

        Returns:
            Nodes (B, A, C), not negative, and edges (B, A*A, C).
        """
        batch, aus, values = nodes.shape
        end, start, own, sent = self.from_node(nodes).chunk(4, dim=2)
        pairs = (end[:, :, None] + start[:, None]).reshape(batch, aus * aus, values)
        edges = edges + F.relu(self.edge_norm(pairs + self.from_edge(edges)))
        gates = edges.sigmoid().reshape(batch, aus, aus, values).softmax(2)
        received = (gates * sent[:, None]).mean(2)
        return F.relu(nodes + self.node_norm(own + received)), edges


def cosine(nodes: Tensor, directions: Tensor) -> Tensor:
    """Return the cosine between every node and its own direction.

    Args:
        nodes: (B, A, C) float.
        directions: (A, C) float.

    Returns:
        (B, A), at least float32; 0 where a node is all zeros.
    """
    # Squares of 512 values overflow in half precision.
    with full_precision(nodes):
        exact = torch.promote_types(nodes.dtype, torch.float32)
        one, other = F.normalize(nodes.to(exact), dim=2), F.normalize(directions.to(exact), dim=1)
        return (one * other).sum(2)
