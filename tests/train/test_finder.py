"""Training the face detector: its targets, that it learns, that it goes on where it stopped."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from openau.errors import ModelError, OutputError, TableError
from openau.models.face_finder import OUTPUTS, SIDE_PX, STRIDE, FaceFinder
from openau.records import Face, Pixels
from openau.synth.clutter import paint_clutter
from openau.synth.crowd import Cast, Crowd, build_cast
from openau.train.calibration import Answers, Line, answers, draw_crowds, fit_line
from openau.train.finder import FinderRecipe, targets, train_finder
from tests.synth.fake_heads import fake_cutouts

RECIPE = FinderRecipe(steps=4, batch=4, side=64, width=16)


@pytest.fixture(scope="module")
def cast() -> Cast:
    """Fake heads before clutter."""
    clutter = np.stack([paint_clutter(np.random.default_rng(k), 96) for k in range(2)])
    return build_cast(fake_cutouts(), clutter)


def crowd(*boxes: tuple[float, float, float], counts: bool = True) -> Crowd:
    """A scene of 64 pixels with faces given by their centre and side."""
    corners = np.array([[x - s / 2, y - s / 2, x + s / 2, y + s / 2] for x, y, s in boxes], np.float32)
    points = np.array([[(x + 0.1 * s, y)] * 5 for x, y, s in boxes], np.float32)
    picture = np.zeros((64, 64), np.uint8)
    return Crowd(picture, corners.reshape(-1, 4), points.reshape(-1, 5, 2), np.full(len(boxes), counts))


def test_the_targets_tell_where_each_face_lies() -> None:
    heat, counts, places, weight = targets([crowd((30.0, 22.0, 40.0)), crowd()], 64)
    assert torch.nonzero(heat >= 1).tolist() == [[0, 2, 3]]
    assert counts.all()
    across, down, size, *points = places[0, :, 2, 3].tolist()
    assert ((3 + 0.5 + across) * STRIDE, (2 + 0.5 + down) * STRIDE) == pytest.approx((30, 22))
    assert SIDE_PX * math.exp(size) == pytest.approx(40)
    assert points == pytest.approx([0.1, 0.0] * 5, abs=1e-6)
    assert weight[1].sum() == 0


@pytest.mark.parametrize("scene", [crowd((32.0, 32.0, 15.0)), crowd((32.0, 32.0, 40.0), counts=False)])
def test_faces_a_little_too_small_and_hidden_ones_teach_nothing(scene: Crowd) -> None:
    heat, counts, _, weight = targets([scene], 64)
    assert (heat == 0).all()
    assert (weight == 0).all()
    assert not counts[0, 3:5, 3:5].any()
    assert counts[0, 0, 0]


def test_faces_far_too_small_or_large_are_no_faces_here() -> None:
    heat, counts, _, _ = targets([crowd((32.0, 32.0, 8.0)), crowd((32.0, 32.0, 300.0))], 64)
    assert (heat == 0).all()
    assert counts.all()


def test_it_learns(tmp_path: Path, cast: Cast) -> None:
    losses: list[float] = []
    recipe = dataclasses.replace(RECIPE, steps=50, batch=8, learning_rate=1e-2)
    train_finder(recipe, cast, tmp_path, progress=lambda _, told: losses.append(told["centres"]))
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])


def test_an_interrupted_training_ends_like_one_that_was_not(
    tmp_path: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openau.train.finder._LOGGED", 2)
    whole = train_finder(RECIPE, cast, tmp_path / "whole", save_every=2)

    class StopError(Exception):
        pass

    def stop(step: int, _: object) -> None:
        if step == 3:
            raise StopError

    with pytest.raises(StopError):
        train_finder(RECIPE, cast, tmp_path / "parts", save_every=2, progress=stop)
    steps: list[int] = []
    parts = train_finder(
        RECIPE, cast, tmp_path / "parts", save_every=2, progress=lambda step, _: steps.append(step)
    )
    assert steps == [3, 4]
    logs = [(tmp_path / name / "log.csv").read_text("utf-8") for name in ("whole", "parts")]
    assert [line.split(",")[0] for line in logs[0].splitlines()] == ["step", "2", "4"]
    assert logs[0].splitlines()[0] == "step,boxes,centres,points"
    assert logs[0] == logs[1]
    for one, other in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_folder_of_another_recipe_is_refused(tmp_path: Path, cast: Cast) -> None:
    train_finder(dataclasses.replace(RECIPE, steps=1), cast, tmp_path)
    with pytest.raises(ModelError, match="another recipe"):
        train_finder(dataclasses.replace(RECIPE, steps=1, seed=1), cast, tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, cast: Cast) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        train_finder(dataclasses.replace(RECIPE, steps=1), cast, tmp_path / "file" / "run")


def test_the_network_is_fully_convolutional_and_every_weight_learns() -> None:
    network = FaceFinder(16)
    said = network(torch.rand(2, 1, 40, 72))
    assert said.shape == (2, OUTPUTS, 5, 9)
    said.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_answers_are_judged_by_the_scene(cast: Cast) -> None:
    class Knowing:
        """Answers every face of the scenes it was told, and a corner without one."""

        def __init__(self) -> None:
            self.waiting = list(draw_crowds(cast, 20, side=96))

        def __call__(self, rgb: Pixels) -> list[Face]:
            crowd = self.waiting.pop(0)
            np.testing.assert_array_equal(rgb[..., 0], crowd.grey)
            faces = [Face(tuple(float(v) for v in box), 0.9) for box in crowd.box_px]  # type: ignore[arg-type]
            return [*faces, Face((-300.0, -300.0, -280.0, -280.0), 0.1)]

    found = answers(Knowing(), draw_crowds(cast, 20, side=96))
    assert found.faces == found.is_face.sum() > 5
    assert (~found.is_face).sum() == 20
    assert (found.score[~found.is_face] == 0.1).all()


def test_the_curve_gives_back_the_probabilities_that_made_the_answers() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 2, 20_000)
    is_face = rng.random(20_000) < 1 / (1 + np.exp(-(1.7 * logit - 0.6)))
    line = fit_line(Answers(1 / (1 + np.exp(-logit)), is_face, int(is_face.sum())))
    assert line == pytest.approx(Line(1.7, -0.6), abs=0.1)
    with pytest.raises(TableError, match="right and wrong"):
        fit_line(Answers(np.ones(3), np.ones(3, bool), 3))
