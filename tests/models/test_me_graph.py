"""ME-GraphAU is Luo et al.'s: weights, graphs and edges, probabilities, the way from stage 1 to stage 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from openau.errors import ModelError, SettingError
from openau.models.complexity import measure_complexity
from openau.models.me_graph import MEGraph, published_weights
from openau.models.me_graph.graph import (
    EdgeFeatures,
    FacialGraph,
    GatedGraph,
    TokenBlock,
    cosine,
    neighbour_graph,
)
from tests.reference import me_graph as slow
from tests.reference.direct import edge_features


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def disturbed(module: nn.Module) -> Any:
    """A module whose biases and batch norms are not the idle ones of a fresh one."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.normal_(std=0.3, generator=generator)
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert layer.running_mean is not None
                assert layer.running_var is not None
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.running_mean.normal_(std=0.3, generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
    return module


def small(aus: int = 3, **options: Any) -> MEGraph:
    torch.manual_seed(1)
    return MEGraph(aus, size=64, backbone="resnet18", **options)


def pictures(count: int = 3) -> Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("backbone", "stage", "aus", "count"),
    [
        ("resnet50", 1, 8, 27_197_008),
        ("resnet50", 1, 12, 28_253_784),
        ("resnet50", 2, 8, 30_608_868),
        ("resnet50", 2, 12, 31_666_132),
        ("resnet18", 1, 8, 11_410_640),
        ("resnet18", 1, 12, 11_478_232),
        ("resnet18", 2, 8, 11_624_932),
        ("resnet18", 2, 12, 11_693_012),
        ("resnet101", 2, 8, 49_600_996),
        ("resnet101", 2, 12, 50_658_260),
    ],
)
def test_the_weights_are_as_many_as_the_specification_counts(
    backbone: str, stage: Any, aus: int, count: int
) -> None:
    with torch.device("meta"):
        assert parameters(MEGraph(aus, stage=stage, backbone=backbone)) == count


def test_the_parts_of_stage_2_have_the_weights_that_the_specification_counts() -> None:
    with torch.device("meta"):
        network = MEGraph(8)
    parts = [network.body, network.project, network.units, network.edges, network.gated, network.edge_head]
    counts = [23_508_032, 1_050_112, 2_109_440, 1_313_408, 2_621_728, 2_052]
    assert [parameters(part) for part in parts] == counts
    assert network.directions.numel() == 4_096


def test_a_face_of_224_pixels_is_49_tokens() -> None:
    seen: list[tuple[int, ...]] = []
    with torch.device("meta"):
        network = MEGraph(8)
        network.units.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
        assert network(torch.zeros(2, 3, 224, 224)).shape == (2, 8)
    assert seen == [(2, 49, 512)]


def test_the_graph_costs_little_beside_the_backbone() -> None:
    with torch.device("meta"):
        image = torch.zeros(1, 3, 224, 224)
        network = MEGraph(12)
        whole, body = (measure_complexity(part, image).macs for part in (network, network.body))
    assert body == 4_087_136_256  # torchvision's ResNet-50 without its classifier
    assert (whole - body) / body < 0.22


def test_one_wide_block_is_a_block_for_every_au() -> None:
    torch.manual_seed(0)
    wide = disturbed(TokenBlock(6, 3 * 6, per_block=6))
    tokens = torch.randn(2, 5, 6)
    together = wide(tokens).reshape(2, 5, 3, 6)
    for au in range(3):
        part = slice(au * 6, au * 6 + 6)
        alone = TokenBlock(6, 6)
        alone.load_state_dict({k: v[part] if v.ndim else v for k, v in wide.state_dict().items()})
        torch.testing.assert_close(alone(tokens), together[:, :, au])
    assert float(wide.dense.weight.detach().std()) == pytest.approx((2 / 6) ** 0.5, rel=0.15)


def test_the_facial_graph_equals_the_slow_reading() -> None:
    torch.manual_seed(0)
    layer = disturbed(FacialGraph(5, 8, neighbours=3)).eval()
    nodes = torch.rand(2, 5, 8)
    wanted = np.stack([slow.facial_graph(layer, slow.values(row)) for row in nodes])
    np.testing.assert_allclose(slow.values(layer(nodes)), wanted, atol=1e-5)


def test_edges_equal_the_slow_reading() -> None:
    torch.manual_seed(0)
    layer = disturbed(EdgeFeatures(3, 8)).eval()
    units, tokens = torch.rand(2, 3, 4, 8), torch.rand(2, 4, 8)
    wanted = np.stack(
        [
            slow.edge_features(layer, slow.values(u), slow.values(t))
            for u, t in zip(units, tokens, strict=True)
        ]
    )
    np.testing.assert_allclose(slow.values(layer(units, tokens)), wanted, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_edges_are_those_of_public_code_and_so_are_their_gradients(training: bool) -> None:
    torch.manual_seed(0)
    layer = disturbed(EdgeFeatures(3, 8)).double().train(training)
    units = torch.rand(2, 3, 4, 8, dtype=torch.float64, requires_grad=True)
    tokens = torch.rand(2, 4, 8, dtype=torch.float64)
    wanted = edge_features(layer, units, tokens)
    found = layer(units, tokens)
    torch.testing.assert_close(found, wanted)
    ours, theirs = (torch.autograd.grad(value.square().sum(), units)[0] for value in (found, wanted))
    torch.testing.assert_close(ours, theirs)


def test_edges_are_the_same_by_the_way_taken_in_training() -> None:
    torch.manual_seed(0)
    layer = disturbed(EdgeFeatures(3, 8)).double().eval()
    units, tokens = torch.rand(2, 3, 4, 8).double(), torch.rand(2, 4, 8).double()
    short = layer(units, tokens)
    layer.train()
    layer.norm.eval()
    torch.testing.assert_close(layer(units, tokens), short)


def test_the_gated_graph_equals_the_slow_reading() -> None:
    torch.manual_seed(0)
    layer = disturbed(GatedGraph(3, 6)).eval()
    nodes, edges = torch.rand(2, 3, 6), torch.randn(2, 9, 6)
    found = layer(nodes, edges)
    for row in range(2):
        wanted = slow.gated_graph(layer, slow.values(nodes[row]), slow.values(edges[row]))
        np.testing.assert_allclose(slow.values(found[0][row]), wanted[0], atol=1e-5)
        np.testing.assert_allclose(slow.values(found[1][row]), wanted[1], atol=1e-5)


def test_the_cosine_is_the_slow_one_and_a_dead_node_has_none() -> None:
    nodes, directions = torch.rand(2, 3, 5), torch.rand(3, 5)
    nodes[1, 2] = 0
    found = cosine(nodes, directions)
    assert float(found[0, 1]) == pytest.approx(
        slow.cosine(slow.values(nodes[0, 1]), slow.values(directions[1])), abs=1e-6
    )
    assert found[1, 2] == 0


def test_like_nodes_are_joined_even_where_half_precision_overflows() -> None:
    nodes = 100 * torch.rand(1, 6, 512, generator=torch.Generator().manual_seed(3))
    halved = nodes.half()
    assert torch.isinf(halved @ halved.transpose(1, 2)).all()
    found = neighbour_graph(halved, 3)
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), neighbour_graph(halved.float(), 3), atol=1e-3, rtol=1e-3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = neighbour_graph(nodes, 3), cosine(nodes, nodes[0])
    torch.testing.assert_close(inside[0], neighbour_graph(nodes, 3))
    torch.testing.assert_close(inside[1], torch.ones(1, 6))


@pytest.mark.parametrize("stage", [1, 2])
def test_in_half_precision_probabilities_stay_near_and_logits_finite(stage: Any) -> None:
    network, images = small(stage=stage).eval(), pictures(2)
    with torch.no_grad():
        wanted = network.probabilities(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(images)
        halved = network.half()(images.half())
    assert halved.dtype == torch.float16
    assert torch.isfinite(halved).all()
    assert (logits.float().sigmoid() - wanted).abs().max() < 0.02
    assert (halved.float().sigmoid() - wanted).abs().max() < 0.02


@pytest.mark.parametrize("stage", [1, 2])
def test_a_sigmoid_of_the_logit_is_the_cosine(stage: Any) -> None:
    network, images = small(stage=stage).eval(), pictures()
    with torch.no_grad():
        cosines = network.probabilities(images)
        assert cosines.min() >= 0
        assert cosines.max() <= 1
        torch.testing.assert_close(network(images).sigmoid(), cosines, atol=2e-6, rtol=1e-5)


def test_a_dead_or_perfect_node_has_a_finite_logit() -> None:
    network, images = small().eval(), pictures(1)
    with torch.no_grad():
        network.directions.fill_(-1)
        logits = network(images)
    assert torch.isfinite(logits).all()
    assert (logits.sigmoid() < 2e-6).all()


@pytest.mark.parametrize("layer", ["facial", "edges", "gated"])
def test_the_gradients_are_the_numeric_ones(layer: str) -> None:
    torch.manual_seed(4)
    nodes = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
    if layer == "facial":
        graph = disturbed(FacialGraph(3, 4, neighbours=2)).double().eval()
        assert torch.autograd.gradcheck(graph, (nodes,))
    elif layer == "edges":
        units = torch.rand(2, 3, 2, 4, dtype=torch.float64, requires_grad=True)
        tokens = torch.rand(2, 2, 4, dtype=torch.float64, requires_grad=True)
        extractor = disturbed(EdgeFeatures(3, 4)).double()
        extractor.norm.momentum = 0.0  # so that every call of the check sees the same layer
        for training in (False, True):
            assert torch.autograd.gradcheck(extractor.train(training), (units, tokens))
    else:
        edges = torch.randn(2, 9, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(disturbed(GatedGraph(3, 4)).double().eval(), (nodes, edges))


def test_the_edges_loss_trains_the_edge_head_and_the_graph() -> None:
    network = small()
    logits, pairs = network.logits_and_edges(pictures())
    assert logits.shape == (3, 3)
    assert pairs.shape == (3, 9, 4)
    classes = torch.tensor([3, 2, 3, 1, 0, 1, 3, 2, 3]).repeat(3)
    nn.functional.cross_entropy(pairs.flatten(0, 1), classes).backward()  # type: ignore[no-untyped-call] # torch has no types here
    for part in (network.edge_head, network.edges, network.gated[0], network.units):
        assert all(p.grad is not None and p.grad.any() for p in part.parameters())


def test_logits_beside_edges_are_the_logits() -> None:
    network, images = small().eval(), pictures()
    with torch.no_grad():
        torch.testing.assert_close(network.logits_and_edges(images)[0], network(images))


def test_stage_2_starts_from_what_stage_1_learned() -> None:
    first, second = disturbed(small(stage=1)), small()
    fresh = second.gated[0].from_edge.weight.detach().clone()  # type: ignore[union-attr,operator] # a layer's
    second.start_from(first)
    for name in ("body", "project", "units"):
        ours, theirs = (getattr(n, name).state_dict() for n in (second, first))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert torch.equal(second.directions, first.directions)
    assert torch.equal(second.gated[0].from_edge.weight, fresh)  # type: ignore[union-attr,arg-type] # a layer's


def test_what_cannot_be_taken_over_is_refused() -> None:
    with torch.device("meta"):
        with pytest.raises(SettingError, match="starts from stage 1"):
            small().start_from(small())
        with pytest.raises(SettingError, match="same AUs"):
            small().start_from(small(4, stage=1))
        with pytest.raises(SettingError, match="no edges"):
            small(stage=1).logits_and_edges(pictures())


AUTHORS_NAMES = {
    "body": "backbone",
    "project.dense": "global_linear.fc",
    "project.norm": "global_linear.bn",
    "facial_graph.from_self": "head.gnn.U",
    "facial_graph.from_others": "head.gnn.V",
    "facial_graph.norm": "head.gnn.bnv",
    "edges.face.query": "head.edge_extractor.FAM.linear_q",
    "edges.face.key": "head.edge_extractor.FAM.linear_k",
    "edges.face.value": "head.edge_extractor.FAM.linear_v",
    "edges.pairs.query": "head.edge_extractor.ARM.linear_q",
    "edges.pairs.key": "head.edge_extractor.ARM.linear_k",
    "edges.pairs.value": "head.edge_extractor.ARM.linear_v",
    "edges.dense": "head.edge_extractor.edge_proj",
    "edges.norm": "head.edge_extractor.bn",
    "edge_head": "head.edge_fc",
    "directions": "head.sc",
    "gated.0.from_edge": "head.gnn.E1",
    "gated.0.node_norm": "head.gnn.bnv1",
    "gated.0.edge_norm": "head.gnn.bne1",
    "gated.1.from_edge": "head.gnn.E2",
    "gated.1.node_norm": "head.gnn.bnv2",
    "gated.1.edge_norm": "head.gnn.bne2",
}


def published(network: MEGraph) -> dict[str, Tensor]:
    """The weights of a network under the authors' names, made the other way round."""
    aus, width = network.directions.shape
    found: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        field = key.rpartition(".")[2]
        if key.startswith("units."):
            kind = "fc" if ".dense." in key else "bn"
            for au in range(aus):
                part = value[au * width : (au + 1) * width] if value.ndim else value
                found[f"module.head.class_linears.{au}.{kind}.{field}"] = part
        elif key.endswith("from_node.weight"):
            for letter, part in zip("ABUV", value.chunk(4), strict=True):
                found[f"module.head.gnn.{letter}{int(key.split('.')[1]) + 1}.weight"] = part
        else:
            ours = next(name for name in AUTHORS_NAMES if key == name or key.startswith(f"{name}."))
            found["module." + AUTHORS_NAMES[ours] + key.removeprefix(ours)] = value
    return found


@pytest.mark.parametrize("stage", [1, 2])
def test_weights_under_the_authors_names_are_taken(stage: Any) -> None:
    network = disturbed(small(stage=stage))
    other = MEGraph(3, size=64, backbone="resnet18", stage=stage)
    other.load_state_dict(published_weights(published(network)))
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in other.state_dict().items())


@pytest.mark.parametrize("change", ["missing", "strange", "empty"])
def test_weights_of_something_else_are_refused(change: str) -> None:
    with torch.device("meta"):
        state = published(small(stage=1))
    if change == "missing":
        del state["module.head.class_linears.1.bn.weight"]
    elif change == "strange":
        state["module.backbone_swin.norm.weight"] = torch.zeros(3)
    else:
        state = {}
    with pytest.raises(ModelError, match="not weights of ME-GraphAU"):
        published_weights(state)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"aus": 0}, "at least 1"),
        ({"aus": 3, "size": 32}, "at least 64"),
        ({"aus": 3, "stage": 3}, "stages 1 and 2"),
        ({"aus": 3, "neighbours": 0}, "neighbours"),
        ({"aus": 3, "backbone": "swin_tiny"}, "resnet50"),
    ],
)
def test_options_that_cannot_be_built_are_refused(options: dict[str, Any], word: str) -> None:
    with torch.device("meta"), pytest.raises(SettingError, match=word):
        MEGraph(**options)
