"""The page about heat map networks, graphs and emotions says what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from openau.models import build_emotion_model, build_model, network_needs
from openau.models.complexity import measure_complexity

PAGE = Path(__file__).parents[2] / "docs" / "graphs-and-emotions.md"
ROWS: tuple[tuple[str, int | None, dict[str, Any]], ...] = (
    ("fan_heatmap", 5, {}),
    ("fan_scc", 5, {}),
    ("me_graph", 8, {"stage": 1}),
    ("me_graph", 8, {}),
    ("emotiram_fau", None, {}),
    ("emotiram_fau", None, {"au_network": "me_graph"}),
    ("caer_face_stream", None, {}),
)


def test_the_examples_run() -> None:
    torch.manual_seed(0)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["emotions"].shape == (4, 7)
    assert names["still_says"].shape == (4, 3)


def test_the_table_has_the_counts() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    for line, (name, aus, options) in zip(lines, ROWS, strict=True):
        assert line.startswith(f"| `{name}`")
        with torch.device("meta"):
            if aus is None:
                network = build_emotion_model(name, **options)
            else:
                network = build_model(name, aus, size=network_needs(name).size, **options)
            size = network.size
            assert isinstance(size, int)
            found = measure_complexity(network, torch.zeros(1, 3, size, size))
        assert line.endswith(f"| {size} | {found.parameters:,} | {found.macs / 1e9:.2f} billion |")
