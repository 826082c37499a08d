"""What a network gives for each kind of loss, in one forward pass.

A loss says what it takes (`Loss.takes`): AU logits, AU intensities, edges between AUs, heat maps of AU
points, emotions. Most networks give one of these, some several.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from torch import Tensor, nn

from openau.errors import SettingError
from openau.losses.cells import Takes
from openau.models.caer_face_stream import CaerFaceStream
from openau.models.compact_resnet import CompactResNet
from openau.models.emotiram_fau import EmotiramFAU
from openau.models.fan_heatmap import FanHeatmap
from openau.models.fan_scc import FanSCC
from openau.models.landmark_net import LandmarkNet
from openau.models.me_graph import MEGraph

_TASKS: tuple[tuple[type[nn.Module], tuple[Takes, ...]], ...] = (
    (CaerFaceStream, ("emotion",)),
    (LandmarkNet, ("landmarks",)),
    (EmotiramFAU, ("emotion", "aus")),
    (FanHeatmap, ("aus", "maps")),
    (FanSCC, ("aus", "maps")),
    (CompactResNet, ("aus", "intensity")),
)
"""Networks that do something else than AUs alone."""


def tasks_of(network: nn.Module) -> tuple[Takes, ...]:
    """Return what a network can be trained on.

    Args:
        network: Any network of `openau.models`.
    """
    if isinstance(network, MEGraph) and network.stage == 2:
        return ("aus", "edges")
    return next((tasks for kind, tasks in _TASKS if isinstance(network, kind)), ("aus",))


class TaskOutputs(nn.Module):
    """A network whose forward pass gives every wanted task's output by name, as `MultiTask` reads them.

    A module, because several processes that train together watch the forward pass of one.

    Args:
        network: Any network of `openau.models`.
        tasks: Some of what `tasks_of` says of it.

    Raises:
        SettingError: There is no task, or the network cannot do one.
    """

    def __init__(self, network: nn.Module, tasks: Collection[Takes]) -> None:
        super().__init__()
        able = tasks_of(network)
        if not tasks:
            raise SettingError(f"Name at least one task; this network can do {', '.join(able)}.")
        if strange := [task for task in tasks if task not in able]:
            known = "" if strange[0] in get_args(Takes) else " (there is no such task)"
            raise SettingError(f"This network cannot do {strange[0]!r}{known}, only {', '.join(able)}.")
        self.network = network
        self.tasks = tuple(tasks)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the outputs.

        Args:
            images: (B, 3, S, S) float, as the network needs them.

        Returns:
            Of the wanted tasks: `aus` (B, A) logits; `intensity` (B, A); `edges` (B, A*A, 4) logits; `maps`
            (B, K, h, w); `emotion` (B, E) logits; `landmarks` (B, 207), points, visibility and pose.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        network = self.network
        found: dict[str, Tensor] = {}
        if isinstance(network, EmotiramFAU):
            found["emotion"], found["aus"] = network.emotions_and_aus(images)
        elif isinstance(network, FanHeatmap | FanSCC):
            found["maps"] = network.heatmaps(images)
            found["aus"] = network.logits_of(found["maps"])
        elif isinstance(network, CompactResNet) and "intensity" in self.tasks:
            found["aus"], found["intensity"] = network.logits_and_intensities(images)
        elif isinstance(network, MEGraph) and "edges" in self.tasks:
            found["aus"], found["edges"] = network.logits_and_edges(images)
        else:
            found[tasks_of(network)[0]] = network(images)
        return {task: found[task] for task in self.tasks}
