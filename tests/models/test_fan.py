"""The heat map networks are Fan et al.'s: weights, multiplies, correspondence, the reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from openau.errors import ModelError, SettingError
from openau.models import fan_scc
from openau.models.complexity import measure_complexity
from openau.models.fan_heatmap import FanHeatmap, published_weights, read_intensity
from openau.models.fan_scc import FanSCC, SemanticCorrespondence, nearest
from tests.reference.direct import edge_convolution
from tests.reference.fan import norm_values, semantic_correspondence
from tests.reference.heat_maps import plain_maps

DISFA = (2, 2, 1, 2, 2, 3, 2, 2, 2, 2, 2, 2)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def disturbed(layer: SemanticCorrespondence) -> SemanticCorrespondence:
    """A layer whose batch norm is not the idle one of a fresh layer, with some negative scales."""
    generator = torch.Generator().manual_seed(5)
    for values, low, high in (
        (layer.norm.weight, -1.0, 1.0),
        (layer.norm.bias, -0.5, 0.5),
        (layer.norm.running_mean, -0.5, 0.5),
        (layer.norm.running_var, 0.5, 2.0),
    ):
        assert values is not None
        with torch.no_grad():
            values.uniform_(low, high, generator=generator)
    return layer


def settled(network: FanHeatmap | FanSCC) -> FanHeatmap | FanSCC:
    """A network whose running statistics are those of some pictures, in evaluation mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None  # a plain mean
    with torch.no_grad():
        network.train()(torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(6)))
    return network.eval()


@pytest.mark.parametrize(
    ("kind", "aus", "options", "count"),
    [
        (FanHeatmap, 5, {}, 33_997_898),
        (FanHeatmap, 12, {"points": DISFA}, 34_001_496),
        (FanSCC, 5, {}, 68_346_954),
    ],
)
def test_the_weights_are_as_many_as_the_specification_counts(
    kind: type[nn.Module], aus: int, options: dict[str, Any], count: int
) -> None:
    with torch.device("meta"):
        assert parameters(kind(aus, **options)) == count


def test_the_correspondence_convolutions_have_35793408_weights() -> None:
    with torch.device("meta"):
        network = FanSCC(5)
    layers = (network.scc1, network.scc2, network.scc3)
    assert [layer.weight.shape for layer in layers] == [(256, 512), (1024, 2048), (4096, 8192)]
    assert sum(parameters(layer) for layer in layers) == 35_793_408


@pytest.mark.parametrize(("size", "printed"), [(96, 1.016), (256, 7.23)])
def test_the_multiplies_are_the_specifications(size: int, printed: float) -> None:
    with torch.device("meta"):
        found = measure_complexity(FanHeatmap(5, size=size), torch.zeros(1, 3, size, size)).macs
    assert found / 1e9 == pytest.approx(printed, rel=2e-3)


def test_a_96_pixel_face_becomes_ten_maps_of_24_and_a_256_pixel_face_maps_of_64() -> None:
    with torch.device("meta"):
        assert FanHeatmap(5).heatmaps(torch.zeros(2, 3, 96, 96)).shape == (2, 10, 24, 24)
        assert FanSCC(5).heatmaps(torch.zeros(2, 3, 256, 256)).shape == (2, 10, 64, 64)


@pytest.mark.parametrize("tf_layout", [False, True])
def test_correspondence_equals_the_slow_reading_of_the_paper(tf_layout: bool) -> None:
    torch.manual_seed(0)
    layer = disturbed(SemanticCorrespondence(6, neighbours=3, tf_layout=tf_layout)).eval()
    features = torch.randn(2, 8, 2, 3)
    weight = layer.weight.detach().numpy().astype(np.float64)
    wanted = [
        semantic_correspondence(
            picture.numpy().astype(np.float64),
            weight,
            norm_values(layer.norm),
            neighbours=3,
            tf_layout=tf_layout,
        )
        for picture in features
    ]
    np.testing.assert_allclose(layer(features).detach().numpy(), np.stack(wanted), atol=1e-5)
    assert layer(features).max() > 0.1


@pytest.mark.parametrize("training", [False, True])
def test_correspondence_equals_the_edge_convolution_written_out(training: bool) -> None:
    torch.manual_seed(1)
    layer = disturbed(SemanticCorrespondence(9)).double().train(training)
    nodes = torch.randn(3, 20, 9, dtype=torch.float64, requires_grad=True)
    wanted = edge_convolution(layer, nodes)
    found = layer.convolve(nodes)
    torch.testing.assert_close(found, wanted)
    ours, theirs = (torch.autograd.grad(value.square().sum(), nodes)[0] for value in (found, wanted))
    torch.testing.assert_close(ours, theirs)


def test_the_two_layouts_take_different_nodes_from_the_same_map() -> None:
    torch.manual_seed(2)
    plain = SemanticCorrespondence(4).eval()
    strips = SemanticCorrespondence(4, tf_layout=True).eval()
    strips.load_state_dict(plain.state_dict())
    features = torch.randn(1, 8, 2, 2)
    assert not torch.allclose(plain(features), strips(features))


def test_a_node_is_its_own_nearest_neighbour() -> None:
    nodes = torch.randn(2, 12, 5, generator=torch.Generator().manual_seed(3))
    index = nearest(nodes, 4)
    assert torch.equal(index[:, :, 0], torch.arange(12).expand(2, -1))
    distance = torch.cdist(nodes, nodes)
    torch.testing.assert_close(distance.gather(2, index), distance.sort(dim=2).values[:, :, :4])


def test_distances_survive_half_precision() -> None:
    nodes = 200 * torch.rand(1, 10, 4096, generator=torch.Generator().manual_seed(4))
    halved = nodes.half()
    assert torch.isinf(halved.square().sum(2)).all()  # what half precision alone would give
    assert torch.equal(nearest(halved, 3), nearest(halved.float(), 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest(nodes, 3), nearest(nodes.clone(), 3))
        inside = nearest(nodes, 3)
    assert torch.equal(inside, nearest(nodes, 3))


def test_with_fewer_nodes_than_neighbours_all_nodes_are_neighbours() -> None:
    layer = SemanticCorrespondence(4, neighbours=7).eval()
    assert layer(torch.randn(1, 3, 2, 2)).shape == (1, 3, 2, 2)


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_of_the_correspondence_is_the_numeric_one(training: bool) -> None:
    torch.manual_seed(6)
    layer = disturbed(SemanticCorrespondence(4, neighbours=2)).double().train(training)
    layer.norm.momentum = 0.0  # so that every call of the check sees the same layer
    features = torch.randn(2, 5, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (features,))


def test_an_aus_intensity_is_the_mean_height_of_its_maps() -> None:
    maps = torch.zeros(1, 3, 4, 4)
    maps[0, 0, 1, 2], maps[0, 1, 3, 3], maps[0, 2, 0, 0] = 255.0, 3 * 255.0, 4 * 255.0
    torch.testing.assert_close(read_intensity(maps, (2, 1)), torch.tensor([[2.0, 4.0]]))


@pytest.mark.parametrize("kind", [FanHeatmap, FanSCC])
def test_the_logit_is_the_intensity_above_b(kind: type[FanHeatmap] | type[FanSCC]) -> None:
    torch.manual_seed(7)
    network = kind(2, size=32, points=(1, 2), backbone="resnet18").eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        maps = network.heatmaps(images)
        assert maps.shape == (2, 3, 8, 8)
        torch.testing.assert_close(network(images), read_intensity(maps, (1, 2)) - 2)


@pytest.mark.parametrize("kind", [FanHeatmap, FanSCC])
def test_an_aus_heat_map_is_the_mean_of_its_points_maps_and_grad_cams(
    kind: type[FanHeatmap] | type[FanSCC],
) -> None:
    torch.manual_seed(7)
    network = kind(2, size=32, points=(1, 3), backbone="resnet18").eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        nn.init.constant_(network.out.bias, 0.5)  # type: ignore[arg-type] # it has one; so that some places are above 0
        logits, found = network.logits_and_heatmaps(images)
        maps = network.heatmaps(images)
        torch.testing.assert_close(logits, network(images))
    wanted = plain_maps(network, images, layer="out")
    assert found.amax() > 0
    torch.testing.assert_close(found, wanted, atol=1e-6 * float(wanted.amax()), rtol=1e-4)
    mean = torch.stack((maps[:, 0], maps[:, 1:].mean(1)), dim=1).relu()
    torch.testing.assert_close(found / found.amax(), mean / mean.amax())


def share_of(gap: Tensor, whole: Tensor) -> float:
    return float((gap.float() - whole).norm() / whole.norm())


@pytest.mark.parametrize("kind", [FanHeatmap, FanSCC])
def test_in_half_precision_maps_stay_near_for_the_same_neighbours(
    kind: type[FanHeatmap] | type[FanSCC], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(7)
    network = settled(kind(2, size=32, backbone="resnet18"))
    images = torch.rand(2, 3, 32, 32)
    chosen: list[Tensor] = []

    def choose(nodes: Tensor, neighbours: int) -> Tensor:
        chosen.append(nearest(nodes, neighbours))
        return chosen[-1]

    # Rounded features have other neighbours where distances nearly tie; here they keep those of float32.
    monkeypatch.setattr(fan_scc, "nearest", choose)
    with torch.no_grad():
        wanted = network.heatmaps(images)
        kept = chosen * 2
        monkeypatch.setattr(fan_scc, "nearest", lambda nodes, neighbours: kept.pop(0))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network.heatmaps(images)
        halved = network.half().heatmaps(images.half())
    assert kept == []
    assert halved.dtype == torch.float16
    assert share_of(rounded, wanted) < 0.2  # 8 bits
    assert share_of(halved, wanted) < 0.03  # 11 bits


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_maps_stay_finite_with_neighbours_of_their_own(dtype: torch.dtype) -> None:
    network = settled(FanSCC(2, size=32, backbone="resnet18")).to(dtype)
    with torch.no_grad():
        assert torch.isfinite(network.heatmaps(torch.rand(2, 3, 32, 32).to(dtype))).all()
        assert torch.isfinite(network.heatmaps(torch.zeros(1, 3, 32, 32, dtype=dtype))).all()


@pytest.mark.parametrize("kind", [FanHeatmap, FanSCC])
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"aus": 0}, "at least 1"),
        ({"aus": 3, "size": 48}, "multiple of 32"),
        ({"aus": 3, "points": (2, 2)}, "at least one point"),
        ({"aus": 2, "points": (2, 0)}, "at least one point"),
        ({"aus": 2, "backbone": "vgg"}, "resnet18"),
    ],
)
def test_options_that_cannot_be_built_are_refused(
    kind: type[nn.Module], options: dict[str, Any], word: str
) -> None:
    with torch.device("meta"), pytest.raises(SettingError, match=word):
        kind(**options)


def test_a_node_without_neighbours_is_refused() -> None:
    with pytest.raises(SettingError, match="at least 1"):
        SemanticCorrespondence(4, neighbours=0)


def test_nodes_far_from_the_origin_have_the_same_neighbours() -> None:
    nodes = torch.randn(1, 30, 64, generator=torch.Generator().manual_seed(9))
    moved = (nodes.double() + 3000).float()
    exact = torch.cdist(moved.double(), moved.double()).argsort(dim=2)[:, :, :5]
    assert torch.equal(nearest(moved, 5), exact)


def test_weights_under_the_authors_names_are_taken() -> None:
    torch.manual_seed(1)
    network = FanHeatmap(1, size=32, backbone="resnet18")
    names = {
        "up1": "deconv_layers_1",
        "up2": "deconv_layers_2",
        "up3": "deconv_layers_3",
        "out": "final_layer",
    }
    state = {}
    for key, value in network.state_dict().items():
        layer, _, rest = key.partition(".")
        state["module." + (rest if layer == "body" else f"{names[layer]}.{rest}")] = value
    other = FanHeatmap(1, size=32, backbone="resnet18")
    other.load_state_dict(published_weights(state))
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in other.state_dict().items())
    with pytest.raises(ModelError, match=r"fc\.weight is unknown"):
        published_weights({**state, "fc.weight": torch.zeros(2, 2)})
    with pytest.raises(ModelError, match="final_layer is missing"):
        published_weights({k: v for k, v in state.items() if "final" not in k})
