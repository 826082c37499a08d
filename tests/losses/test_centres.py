"""The loss of the face detector against plain loops, and what must not teach it."""

from __future__ import annotations

import math

import numpy as np
import torch

from openau.losses.centres import centre_loss, place_loss


def slow_centre_loss(logits: torch.Tensor, target: torch.Tensor, counts: torch.Tensor) -> float:
    """Equation 1 of Objects as Points, cell by cell."""
    total, faces = 0.0, 0
    for logit, y, count in zip(logits.flatten(), target.flatten(), counts.flatten(), strict=True):
        p = 1 / (1 + math.exp(-float(logit)))
        if not count:
            continue
        if y == 1:
            faces += 1
            total -= (1 - p) ** 2 * math.log(p)
        else:
            total -= (1 - float(y)) ** 4 * p**2 * math.log(1 - p)
    return total / max(faces, 1)


def test_the_heat_maps_loss_is_the_papers() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 5, 5, generator=generator)
    target = torch.rand(2, 5, 5, generator=generator)
    target[0, 2, 2] = target[1, 1, 3] = 1
    counts = torch.rand(2, 5, 5, generator=generator) > 0.2
    found = float(centre_loss(logits, target, counts))
    assert math.isclose(found, slow_centre_loss(logits, target, counts), rel_tol=1e-5)


def test_cells_that_do_not_count_teach_nothing() -> None:
    logits = torch.zeros(1, 3, 3, requires_grad=True)
    counts = torch.ones(1, 3, 3, dtype=torch.bool)
    counts[0, 1, 1] = False
    loss = centre_loss(logits, torch.zeros(1, 3, 3), counts)
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    assert logits.grad is not None
    assert logits.grad[0, 1, 1] == 0
    assert (logits.grad[counts] != 0).all()


def test_a_scene_without_faces_has_a_finite_loss_and_no_places() -> None:
    logits = torch.full((1, 4, 4), 40.0)
    found = centre_loss(logits, torch.zeros(1, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool))
    assert torch.isfinite(found)
    assert float(place_loss(torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4))) == 0


def test_places_are_weighted_by_their_cells() -> None:
    said = torch.zeros(1, 2, 1, 2)
    target = torch.tensor([[[[1.0, 3.0]], [[0.0, 0.0]]]])
    weight = torch.tensor([[[1.0, 0.5]]])
    found = float(place_loss(said, target, weight, beta=0.1))
    # Beyond beta the smooth absolute error is the error less half of beta.
    assert np.isclose(found, (1 * 0.95 + 0.5 * 2.95) / 1.5)
