"""The network of our own: what it tells beside occurrence, and that its maps are its very terms."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from openau.errors import SettingError
from openau.models import build_model
from openau.models.compact_resnet import CompactResNet
from openau.models.members import MemberBodies, MemberLinear
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


def members(count: int = 2, *, mirrored: bool = True) -> CompactResNet:
    torch.manual_seed(0)
    network = build_model("compact_resnet", 3, size=32, **SMALL, members=count, mirrored=mirrored)
    assert isinstance(network, CompactResNet)
    with torch.no_grad():  # statistics that normalise something
        for _ in range(3):
            network.train()(torch.randn(8, 3, 32, 32))
    return network.eval()


def alone(network: CompactResNet, number: int) -> CompactResNet:
    """One member as a network of its own."""
    single = build()
    assert isinstance(network.body, MemberBodies)
    single.body.load_state_dict(network.body.bodies[number].state_dict())
    for own, several in ((single.head.out, network.head.out), (single.intensity, network.intensity)):
        assert isinstance(several, MemberLinear)
        own.load_state_dict(several.layers[number].state_dict())
    return single


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_members_are_asked_about_both_sides_and_their_mean_counts(count: int, mirrored: bool) -> None:
    if count == 1 and not mirrored:
        pytest.skip("that is the plain network")
    network = members(count, mirrored=mirrored)
    images = torch.randn(2, 3, 32, 32)
    said = [alone(network, number).logits_and_intensities(images) for number in range(count)]
    if mirrored:
        said += [alone(network, n).logits_and_intensities(images.flip(3)) for n in range(count)]
    found = network.logits_and_intensities(images)
    for one, several in zip(found, zip(*said, strict=True), strict=True):
        torch.testing.assert_close(one, torch.stack(several).mean(0))
    torch.testing.assert_close(network(images), found[0])


def test_the_maps_of_members_add_up_to_their_logits_and_follow_a_mirrored_face() -> None:
    network = members()
    with torch.no_grad():
        for weight in network.head.out.parameters():
            weight.abs_()
    images = torch.randn(2, 3, 32, 32)
    found, turned = network.head_jacobian(images), network.head_jacobian(images.flip(3))
    torch.testing.assert_close(found.hires_cam().sum((2, 3)) + network.head.out.bias, found.logits)
    torch.testing.assert_close(turned.hires_cam(), found.hires_cam().flip(3))
    torch.testing.assert_close(turned.logits, found.logits)


def test_in_training_each_member_learns_from_its_own_part_of_the_batch() -> None:
    network = members(mirrored=False)
    images = torch.randn(5, 3, 32, 32)
    for part in network.modules():
        part.training = part is network or part in (network.body, network.head.out)  # norms as they are
    torch.autograd.backward(network(images)[:3].sum())
    assert isinstance(network.body, MemberBodies)
    first, second = network.body.bodies
    assert all(weight.grad is not None for weight in first.parameters())
    assert all(weight.grad is None or not weight.grad.any() for weight in second.parameters())


def test_a_batch_smaller_than_the_members_is_learned_from_too() -> None:
    assert members(3).train()(torch.randn(2, 3, 32, 32)).shape == (2, 3)


def test_no_member_is_refused() -> None:
    with pytest.raises(SettingError, match="0 members"):
        build_model("compact_resnet", 3, size=32, members=0)
