"""Light is taken out of pictures, and styles are mixed in training alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openau.errors import SettingError
from openau.models.styles import MixStyle, Standardise


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.3, 3), offset=st.floats(-1, 1))
def test_brightness_contrast_and_colour_cast_are_taken_out(gain: float, offset: float) -> None:
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 5
    cast = torch.tensor([1.0, 0.7, 1.4])[:, None, None]
    torch.testing.assert_close(
        Standardise()(images), Standardise()(gain * cast * images + offset), atol=0.25, rtol=0.1
    )


def test_a_flat_picture_is_not_blown_up() -> None:
    noise = 1e-4 * torch.randn(1, 3, 8, 8)
    assert Standardise()(noise).abs().max() < 0.01


def test_styles_are_mixed_in_training_and_the_faces_stay() -> None:
    torch.manual_seed(0)
    features = torch.randn(16, 4, 6, 6) * torch.arange(1, 17)[:, None, None, None] + 3
    mix = MixStyle(1.0)
    mixed = mix(features)
    assert not torch.allclose(mixed, features)

    def plain(values: torch.Tensor) -> torch.Tensor:
        return (values - values.mean((2, 3), keepdim=True)) / values.std((2, 3), keepdim=True)

    torch.testing.assert_close(plain(mixed), plain(features), atol=1e-3, rtol=1e-3)
    # Every style lies between two styles of the batch.
    assert mixed.std((2, 3)).max() <= features.std((2, 3)).max() + 1e-3
    assert torch.equal(mix.eval()(features), features)
    assert torch.equal(MixStyle(0.0)(features), features)


def test_the_same_seed_mixes_the_same() -> None:
    features = torch.randn(4, 2, 3, 3)
    torch.manual_seed(5)
    first = MixStyle(0.5)(features)
    torch.manual_seed(5)
    assert torch.equal(MixStyle(0.5)(features), first)


@pytest.mark.parametrize(("probability", "concentration"), [(-0.1, 0.2), (1.1, 0.2), (0.5, 0.0)])
def test_what_is_no_share_is_refused(probability: float, concentration: float) -> None:
    with pytest.raises(SettingError, match="MixStyle"):
        MixStyle(probability, concentration=concentration)
