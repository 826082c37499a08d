"""Which map a network recommends, what its file says of it, and that everybody follows it unless told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from torch import nn

from openau.errors import CardError
from openau.explain import Portrait, RunModel, explain_portraits, features_and_gradients, hires_cam
from openau.export import export_onnx
from openau.models import build_model
from openau.models.convnet import ConvNet, Head
from openau.models.jacobian import best_map
from openau.models.needs import Needs
from openau.records import Crop, CropSpec, Face, ModelCard
from openau.runtime import HEATMAPS, AUModel
from tests.fake.tiny_model import tiny_card, write_tiny_model

AUS = (1, 2, 4)


class Even(ConvNet):
    """A convolution, a mean over positions, one linear layer."""

    name = "even"
    needs = Needs(16, 16, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), alignment="box", aus="disfa-12")
    reference = "none"
    heatmap_layer = "body"

    def __init__(self, aus: int, size: int = 16, widths: tuple[int, ...] = ()) -> None:
        super().__init__(aus, size)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        self.head = Head(8, widths, aus, pooling="avg")


def even(**options: Any) -> Even:
    torch.manual_seed(1)
    return Even(len(AUS), **options).eval()


def card_of(network: nn.Module, size: int) -> ModelCard:
    layer = str(network.heatmap_layer)
    return replace(tiny_card(AUS, size=size), crop=CropSpec(size), heatmap_layer=layer)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = even()
    return export_onnx(network, card_of(network, 16), tmp_path_factory.mktemp("even") / "even.onnx")


def crops(count: int) -> list[Crop]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3)).astype(np.uint8)
    return [Crop(each, np.eye(2, 3)) for each in pixels]


@pytest.mark.parametrize("widths", [(), (6,)])
def test_behind_a_mean_hires_cam_is_grad_cam_by_its_positions(widths: tuple[int, ...]) -> None:
    network = even(widths=widths).double()
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    features, gradients = features_and_gradients(network, images, layer="body")
    with torch.no_grad():
        jacobian = network.head_jacobian(images)
        torch.testing.assert_close(jacobian.hires_cam(), hires_cam(features[:, None], gradients))
        torch.testing.assert_close(network.logits_and_heatmaps(images)[1], jacobian.grad_cam())
        torch.testing.assert_close(jacobian.hires_cam(), jacobian.grad_cam())


def test_a_network_recommends_hires_cam_only_where_places_may_differ() -> None:
    assert best_map(even()) == "grad_cam"
    assert best_map(build_model("attention_cnn", 3, size=32)) == "hires_cam"
    assert best_map(build_model("vgg19", 3, size=32)) == "grad_cam"


def test_a_file_with_a_mean_and_one_layer_gives_every_map_and_its_card_recommends_grad_cam(
    file: Path,
) -> None:
    model = AUModel(file)
    assert model.card.heatmap_method == model.heatmap_method == "grad_cam"
    assert set(model.heatmap_methods) == set(HEATMAPS)
    for count in (1, 3):
        maps = {
            method: np.stack([out.heatmaps for out in model.predict(crops(count), heatmaps=method)])  # type: ignore[misc] # maps were asked for
            for method in HEATMAPS
        }
        assert maps["grad_cam"].any()
        np.testing.assert_allclose(maps["hires_cam"], maps["grad_cam"], rtol=1e-5)
        recommended = model.predict(crops(count), heatmaps=True)
        assert {out.heatmap_method for out in recommended} == {"grad_cam"}
        np.testing.assert_array_equal(np.stack([out.heatmaps for out in recommended]), maps["grad_cam"])  # type: ignore[misc] # maps were asked for


def test_switched_on_such_a_map_is_one_small_convolution(file: Path) -> None:
    graph = onnx.load(file).graph
    choice = next(node for node in graph.node if node.op_type == "If" and "heatmaps" in node.output)
    branch = next(a.g for a in choice.attribute if a.name == "then_branch")
    heavy = [node.op_type for node in branch.node if node.op_type in ("Conv", "MatMul", "Gemm")]
    assert heavy == ["Conv"]


def test_a_card_that_recommends_what_the_file_has_not_is_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "m.onnx", replace(tiny_card(), heatmap_method="hires_cam"))
    with pytest.raises(CardError, match="recommends heat maps by hires_cam"):
        AUModel(tmp_path / "m.onnx")
    with pytest.raises(CardError, match="nobody knows"):
        replace(tiny_card(), heatmap_method="saliency")  # type: ignore[arg-type] # the point


def test_an_older_card_that_says_nothing_gets_the_best_map_of_its_file(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "m.onnx")
    assert AUModel(tmp_path / "m.onnx").heatmap_method == "grad_cam"
    write_tiny_model(tmp_path / "none.onnx", tiny_card(heatmaps=False))
    assert AUModel(tmp_path / "none.onnx").heatmap_method is None


@pytest.mark.parametrize(("name", "wanted"), [("even", "grad_cam"), ("attention_cnn", "hires_cam")])
def test_unless_told_otherwise_faces_are_explained_as_recommended(
    name: str, wanted: str, tmp_path: Path
) -> None:
    network = even() if name == "even" else build_model(name, len(AUS), size=16).eval()
    rgb = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    faces = [Portrait("one.png", 0, "one", rgb, Face((5, 5, 35, 35), 1.0))]
    explain_portraits({"it": RunModel(network, card_of(network, 16))}, faces, tmp_path / "out")
    assert set(pd.read_csv(tmp_path / "out" / "explanations.csv")["method"]) == {wanted}
    both = {"it": RunModel(network, card_of(network, 16)), "file": RunModel(even(), card_of(even(), 16))}
    explain_portraits(both, faces, tmp_path / "both")
    assert set(pd.read_csv(tmp_path / "both" / "explanations.csv")["method"]) == {"grad_cam"}
