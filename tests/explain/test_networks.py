"""The maps of real networks equal those of one backward pass per AU, and the public implementation's."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from openau.explain import explain, features_and_gradients, grad_cam, grad_cam_plus_plus, hires_cam
from openau.models import build_model
from tests.reference.heat_maps import plain_gradients

SMALL: dict[str, tuple[int, dict[str, Any]]] = {
    "attention_cnn": (48, {}),
    "attention_cnn, without attention": (32, {"attention": False}),
    "attention_cnn, C": (32, {"spatial_in": "C", "conv_bias": False}),
    "attention_cnn, without channel attention": (32, {"use_mlp": False}),
    "vgg19": (32, {}),
    "resnet101": (64, {"depth": (1, 1, 1, 1)}),
    "resnet101, max": (64, {"depth": (1, 1, 1, 1), "pooling": "max"}),
    "resnet101, avg": (64, {"depth": (1, 1, 1, 1), "pooling": "avg"}),
    "mobilenet_v2": (64, {}),
    "efficientnet_b0": (64, {}),
    "shufflenet_v2": (64, {"width": "x1_0"}),
    "nasnet_mobile": (64, {"cells": 1}),
    "alexnet": (96, {"dense": 32}),
    "drml": (72, {"dense": (32, 16)}),
    "fan_heatmap": (64, {"backbone": "resnet18"}),
    "me_graph": (64, {"backbone": "resnet18"}),
}
AUS = 3


def network_of(name: str) -> tuple[nn.Module, Tensor]:
    """Return a small network in float64 whose statistics are not those of its birth, and two pictures."""
    torch.manual_seed(0)
    size, options = SMALL[name]
    network = build_model(name.split(",")[0], AUS, size=size, **options).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    last = [m for m in network.modules() if isinstance(m, nn.Linear) and m.out_features == AUS]
    with torch.no_grad():
        for layer in last:
            layer.weight[1] = -layer.weight[0]  # so that one of the two has a map that is not empty
    return network.eval(), torch.randn(2, 3, size, size, dtype=torch.float64)


@pytest.mark.parametrize("name", SMALL)
def test_every_network_is_explained_as_by_one_backward_pass_per_au(name: str) -> None:
    network, images = network_of(name)
    layer = str(network.heatmap_layer)
    features, gradients = plain_gradients(network, images, layer)
    for method, reference in (
        ("grad_cam", grad_cam),
        ("grad_cam_plus_plus", grad_cam_plus_plus),
        ("hires_cam", hires_cam),
    ):
        wanted = reference(features[:, None], gradients)
        found = explain(network, images, method=method)  # type: ignore[arg-type] # a Literal
        scale = float(wanted.max()) or 1.0
        torch.testing.assert_close(found / scale, wanted / scale, rtol=1e-5, atol=1e-7)
        assert wanted.any(), "the test sees nothing"


@pytest.mark.parametrize("name", [n for n in SMALL if n not in ("fan_heatmap", "me_graph")])
def test_the_written_derivative_adds_up_to_that_of_autograd(name: str) -> None:
    network, images = network_of(name)
    features, gradients = features_and_gradients(network, images, layer=str(network.heatmap_layer))
    with torch.no_grad():
        jacobian = network.head_jacobian(images)  # type: ignore[operator] # a method
        torch.testing.assert_close(jacobian.logits, network(images))
        torch.testing.assert_close(jacobian.features, features)
        summed = (jacobian.values * jacobian.counts).sum(3)
    torch.testing.assert_close(summed, gradients.sum((3, 4)), rtol=1e-7, atol=1e-10)
    assert int((jacobian.counts + 0 * jacobian.values[0, 0, 0]).sum(-1).max()) <= features[0, 0].numel()


def test_ties_of_a_maximum_share_its_gradient() -> None:
    network, _ = network_of("resnet101")
    flat = torch.zeros(2, 3, 64, 64, dtype=torch.float64)  # a flat picture: many ties
    features, gradients = plain_gradients(network, flat, "body.layer4")
    wanted = grad_cam_plus_plus(features[:, None], gradients)
    torch.testing.assert_close(explain(network, flat, method="grad_cam_plus_plus"), wanted)


def test_the_written_grad_cam_plus_plus_leaves_the_network_as_it_was() -> None:
    network, images = network_of("attention_cnn")
    network.train()
    explain(network, images, method="grad_cam_plus_plus")
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())


@pytest.mark.skipif(
    importlib.util.find_spec("pytorch_grad_cam") is None,
    reason="grad-cam is not installed; `scripts/install dev` brings it",
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["attention_cnn", "vgg19", "resnet101", "mobilenet_v2", "shufflenet_v2", "nasnet_mobile"]
)
def test_the_maps_are_those_of_the_public_implementation(name: str) -> None:
    import pytorch_grad_cam  # type: ignore[import-not-found, unused-ignore] # optional
    from pytorch_grad_cam.utils.model_targets import (  # type: ignore[import-not-found, unused-ignore]
        ClassifierOutputTarget,
    )

    network, images = network_of(name)
    with torch.no_grad():
        # Theirs adds 1e-6 to the squared gradient; where gradients are large it no longer shows.
        last = next(m for m in reversed(list(network.modules())) if isinstance(m, nn.Linear))
        last.weight *= 1e6
    layer = network.get_submodule(str(network.heatmap_layer))
    for method, theirs in (
        ("grad_cam", pytorch_grad_cam.GradCAM),
        ("grad_cam_plus_plus", pytorch_grad_cam.GradCAMPlusPlus),
        ("hires_cam", pytorch_grad_cam.HiResCAM),
    ):
        found = explain(network, images, method=method)  # type: ignore[arg-type] # a Literal
        with theirs(model=network, target_layers=[layer]) as cam:
            for au in range(AUS):
                targets = [ClassifierOutputTarget(au)] * len(images)
                cam(input_tensor=images, targets=targets)
                activations, gradients = (
                    getattr(cam.activations_and_grads, kind)[-1].cpu().numpy()
                    for kind in ("activations", "gradients")
                )
                raw = cam.get_cam_image(images, layer, targets, activations, gradients, False)
                wanted = torch.relu(torch.as_tensor(raw).double())
                scale = float(wanted.max()) or 1.0
                torch.testing.assert_close(found[:, au] / scale, wanted / scale, rtol=0, atol=1e-5)
