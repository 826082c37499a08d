"""Networks and losses meet: what each gives in one pass, and each learns a toy set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from openau.data.heatmap import render_heatmaps
from openau.errors import SettingError
from openau.losses import MultiTask, build_loss
from openau.losses.cells import Takes
from openau.models import build_emotion_model, build_model
from openau.models.me_graph import MEGraph
from openau.models.tasks import TaskOutputs, tasks_of

SMALL = {"backbone": "resnet18"}
COUNT = 4
STEPS = 6


def toy(side: int) -> tuple[Tensor, Tensor]:
    """Pictures in which one of two squares is bright where its AU occurs, and the labels, one unknown."""
    generator = torch.Generator().manual_seed(0)
    target = torch.tensor([[n % 2, n // 2 % 2] for n in range(COUNT)]).float()
    images = 0.1 * torch.rand(COUNT, 3, side, side, generator=generator)
    half = side // 2
    images[:, :, :half, :half] += target[:, 0, None, None, None]
    images[:, :, half:, half:] += target[:, 1, None, None, None]
    target[0, 0] = torch.nan
    return images, target


def network(name: str, *, size: int = 64, **options: Any) -> nn.Module:
    torch.manual_seed(1)
    if name == "emotiram_fau":
        return build_emotion_model(name, 4, size=64, au_network="me_graph", aus=2, au_options=SMALL)
    if name == "caer_face_stream":
        return build_emotion_model(name, 4, size=16)
    return build_model(name, 2, size=size, **SMALL, **options)


def side_of(network: nn.Module) -> int:
    side = network.size
    assert isinstance(side, int)
    return side


def learned(outputs: TaskOutputs, images: Tensor, loss: Callable[[dict[str, Tensor]], Tensor]) -> float:
    """Train for a few steps and return by how much the loss fell."""
    torch.manual_seed(2)
    optimiser = torch.optim.Adam([p for p in outputs.parameters() if p.requires_grad], lr=1e-3)
    first = 0.0
    for step in range(STEPS):
        value = loss(outputs(images))
        first = first if step else value.item()
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call] # torch has no types here
        optimiser.step()
    return value.item() / first


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("fan_heatmap", ("aus", "maps")),
        ("fan_scc", ("aus", "maps")),
        ("me_graph", ("aus", "edges")),
        ("emotiram_fau", ("emotion", "aus")),
        ("caer_face_stream", ("emotion",)),
    ],
)
def test_one_pass_gives_every_task(name: str, tasks: tuple[Takes, ...]) -> None:
    net = network(name).eval()
    assert tasks_of(net) == tasks
    shapes = {"aus": (2, 2), "edges": (2, 4, 4), "maps": (2, 4, 16, 16), "emotion": (2, 4)}
    images = torch.rand(2, 3, side_of(net), side_of(net))
    with torch.no_grad():
        found = TaskOutputs(net, tasks)(images)
        assert {task: output.shape for task, output in found.items()} == {t: shapes[t] for t in tasks}
        torch.testing.assert_close(found[tasks[0]], net(images))
        for task in tasks:
            alone = TaskOutputs(net, [task])(images)
            assert list(alone) == [task]
            torch.testing.assert_close(alone[task], found[task])


def test_any_other_network_gives_its_logits() -> None:
    net = build_model("attention_cnn", 2, size=16).eval()
    images = torch.rand(1, 3, 16, 16)
    assert torch.equal(TaskOutputs(net, ["aus"])(images)["aus"], net(images))


def test_a_task_that_a_network_cannot_do_is_refused() -> None:
    with pytest.raises(SettingError, match="cannot do 'edges', only aus"):
        TaskOutputs(network("me_graph", stage=1), ["edges"])
    with pytest.raises(SettingError, match="no such task"):
        TaskOutputs(network("me_graph"), ["pose"])  # type: ignore[list-item] # the mistake
    with pytest.raises(SettingError, match="at least one task"):
        TaskOutputs(network("me_graph"), [])


def test_me_graph_learns_in_two_stages_with_its_own_losses() -> None:
    images, target = toy(64)
    first = network("me_graph", stage=1, neighbours=2)
    asymmetric = build_loss("weighted_asymmetric", target)
    assert learned(TaskOutputs(first, ["aus"]), images, lambda found: asymmetric(found["aus"], target)) < 0.7
    second = network("me_graph")
    assert isinstance(first, MEGraph)
    assert isinstance(second, MEGraph)
    second.start_from(first)
    both = MultiTask({"aus": asymmetric, "edges": build_loss("edges", target)}, {"edges": 0.05})
    targets = {"aus": target, "edges": target}
    outputs = TaskOutputs(second, ["aus", "edges"])
    assert learned(outputs, images, lambda found: both(found, targets)) < 0.9


@pytest.mark.parametrize("name", ["fan_heatmap", "fan_scc"])
def test_a_heat_map_network_learns_the_bells_drawn_for_it(name: str) -> None:
    images, target = toy(32)
    points = np.tile(np.array([[6, 6], [10, 10], [22, 22], [26, 26]], np.float32), (COUNT, 1, 1))
    intensity = target.repeat_interleave(2, dim=1).numpy()
    maps = torch.from_numpy(render_heatmaps(points, intensity, size=32, map_size=8))
    assert maps[0, :2].isnan().all()
    squares = build_loss("heatmap_mse", maps)
    outputs = TaskOutputs(network(name, size=32), ["maps"])
    assert learned(outputs, images, lambda found: squares(found["maps"], maps)) < 0.97


@pytest.mark.parametrize("name", ["caer_face_stream", "emotiram_fau"])
def test_an_emotion_network_learns_emotions(name: str) -> None:
    net = network(name)
    images, target = toy(side_of(net))
    emotion = torch.nan_to_num(target, nan=0.0) @ torch.tensor([1.0, 2.0])
    entropy = build_loss("emotion", emotion, emotions=4)
    assert learned(TaskOutputs(net, ["emotion"]), images, lambda f: entropy(f["emotion"], emotion)) < 0.9
