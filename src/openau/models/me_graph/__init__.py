"""ME-GraphAU: action units as the nodes of a graph whose edges have features of their own."""

from openau.models.me_graph.network import MEGraph
from openau.models.me_graph.published import published_weights

__all__ = ["MEGraph", "published_weights"]
