"""The network of our own: what it tells beside occurrence, and that its maps are its very terms."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from openau.errors import SettingError
from openau.models import build_model
from openau.models.compact_resnet import CompactResNet
from openau.models.tasks import TaskOutputs

SMALL: dict[str, Any] = {"widths": (8, 8, 12), "blocks": (1, 1, 1), "channels": 6}


def build(size: int = 32) -> CompactResNet:
    torch.manual_seed(0)
    network = build_model("compact_resnet", 3, size=size, **SMALL)
    assert isinstance(network, CompactResNet)
    return network.eval()


def test_a_logit_is_its_bias_and_the_sum_of_what_hirescam_shows() -> None:
    network = build()
    images = torch.randn(2, 3, 32, 32)
    found = network.head_jacobian(images)
    # A map that is nowhere negative is the terms themselves: give the dense layer weights without a sign.
    with torch.no_grad():
        network.head.out.weight.abs_()
    found = network.head_jacobian(images)
    torch.testing.assert_close(found.hires_cam().sum((2, 3)) + network.head.out.bias, found.logits)


def test_intensities_come_in_the_same_pass_and_change_no_logit() -> None:
    network = build()
    images = torch.randn(2, 3, 32, 32)
    logits, intensities = network.logits_and_intensities(images)
    torch.testing.assert_close(logits, network(images))
    assert intensities.shape == (2, 3)
    both = TaskOutputs(network, ["aus", "intensity"])(images)
    torch.testing.assert_close(both["intensity"], intensities)
    assert set(TaskOutputs(network, ["aus"])(images)) == {"aus"}


def test_its_map_has_an_eighth_of_the_pictures_side() -> None:
    assert build(64).features(torch.randn(1, 3, 64, 64)).shape == (1, 6, 8, 8)


@pytest.mark.parametrize(
    "options",
    [{"widths": (8, 8), "blocks": (1, 1)}, {"widths": (8, 8, 8)}, {"widths": (8, 8, 0), "blocks": (1, 1, 1)}],
)
def test_stages_that_cannot_be_built_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="at least three stages"):
        build_model("compact_resnet", 3, size=32, **options)


def test_a_side_that_is_no_multiple_of_eight_is_refused() -> None:
    with pytest.raises(SettingError, match="multiple of 8"):
        build_model("compact_resnet", 3, size=90)
