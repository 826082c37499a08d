"""The network runs as its card says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from openau.errors import ModelError, SettingError
from openau.records import Crop
from openau.runtime import AUModel
from tests.fake.tiny_model import tiny_card, write_tiny_model
from tests.runtime.networks import COLOUR_CARD, colour_card, crops, means, small_model, weights


def test_the_probability_is_the_networks_own_of_the_normalised_rgb_crop(path: Path) -> None:
    faces = crops(3)
    outputs = AUModel(path).predict(faces)
    for crop, output in zip(faces, outputs, strict=True):
        colour = (crop.pixels.mean(axis=(0, 1)) / 255 - 0.5) / 0.5
        expected = 1 / (1 + np.exp(-weights(path) @ colour))
        np.testing.assert_allclose(output.probability, expected, atol=1e-5)
        assert output.intensity is not None
        np.testing.assert_allclose(output.intensity, 5 * expected, atol=1e-4)
        assert output.probability.dtype == output.intensity.dtype == np.float32


def test_each_channel_has_its_own_mean_and_deviation(tmp_path: Path) -> None:
    card = replace(tiny_card(), mean=(0.1, 0.5, 0.7), std=(0.2, 0.4, 0.9))
    write_tiny_model(tmp_path / "m.onnx", card)
    [crop] = crops(1)
    [output] = AUModel(tmp_path / "m.onnx").predict([crop])
    colour = (crop.pixels.mean(axis=(0, 1)) / 255 - card.mean) / card.std
    expected = 1 / (1 + np.exp(-weights(tmp_path / "m.onnx") @ colour))
    np.testing.assert_allclose(output.probability, expected, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
def test_any_number_of_faces_gives_one_output_each_in_order(path: Path, count: int) -> None:
    model, faces = AUModel(path), crops(count)
    outputs = model.predict(faces, heatmaps=True)
    assert len(outputs) == count
    for index in {0, count // 2, count - 1} if count else set():
        [alone] = model.predict([faces[index]], heatmaps=True)
        np.testing.assert_allclose(outputs[index].probability, alone.probability, atol=1e-6)
        several, one = outputs[index].heatmaps, alone.heatmaps
        assert several is not None
        assert one is not None
        np.testing.assert_allclose(several, one, atol=1e-5)


def test_heat_maps_come_only_where_asked_for(path: Path) -> None:
    model = AUModel(path)
    [without], [with_maps] = model.predict(crops(1)), model.predict(crops(1), heatmaps=True)
    assert without.heatmaps is None
    assert with_maps.heatmaps is not None
    assert with_maps.heatmaps.shape == (14, 6, 6)
    assert with_maps.heatmaps.min() >= 0
    np.testing.assert_array_equal(without.probability, with_maps.probability)


def test_heat_maps_behind_a_switch_cost_nothing_where_not_asked_for(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "tiny.onnx", tiny_card(size=96))
    _put_slow_heatmaps_behind_a_switch(tmp_path / "tiny.onnx")
    model, faces = AUModel(tmp_path / "tiny.onnx", threads=1), crops(4, 96)
    seconds = {False: np.inf, True: np.inf}
    for heatmaps in (False, True) * 3:
        start = time.process_time()
        outputs = model.predict(faces, heatmaps=heatmaps)
        seconds[heatmaps] = min(time.process_time() - start, seconds[heatmaps])
        assert [output.heatmaps is not None for output in outputs] == [heatmaps] * 4
    assert seconds[False] < 0.3 * seconds[True]


def _put_slow_heatmaps_behind_a_switch(path: Path) -> None:
    """Let the heat maps pass through eight wide convolutions, in a branch that `with_heatmaps` opens."""
    model = onnx.load(str(path))
    graph = model.graph
    names = ["face", *(f"slow_{i}" for i in range(8))]
    slow = [helper.make_node("Conv", [a, "slow"], [b], pads=[4] * 4) for a, b in pairwise(names)]
    tail = [node for node in graph.node if node.op_type in ("AveragePool", "Conv", "Relu")]
    tail[0].input[0] = names[-1]
    tail[-1].output[0] = "computed"
    none = numpy_helper.from_array(np.zeros((0, 14, 6, 6), np.float32), "none")
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("computed", "absent")]
    choice = helper.make_node(
        "If",
        ["with_heatmaps"],
        ["heatmaps"],
        then_branch=helper.make_graph([*slow, *tail], "then", [], [shapes[0]]),
        else_branch=helper.make_graph(
            [helper.make_node("Constant", [], ["absent"], value=none)], "else", [], [shapes[1]]
        ),
    )
    plain = [node for node in graph.node if node not in tail]
    del graph.node[:]
    graph.node.extend([*plain, choice])
    kernel = np.full((3, 3, 9, 9), 1 / 243, np.float32)
    graph.initializer.extend(
        [numpy_helper.from_array(kernel, "slow"), numpy_helper.from_array(np.array(True), "with_heatmaps")]
    )
    graph.input.append(helper.make_tensor_value_info("with_heatmaps", TensorProto.BOOL, []))
    onnx.save(model, str(path))


def test_a_kept_output_does_not_keep_its_batch(path: Path) -> None:
    output = AUModel(path).predict(crops(32), heatmaps=True)[0]
    assert output.heatmaps is not None
    assert output.heatmaps.base is None
    assert output.probability.base is None


def test_heat_maps_of_a_network_without_them_are_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "m.onnx", tiny_card(heatmaps=False))
    with pytest.raises(ModelError, match="tiny gives no heat maps"):
        AUModel(tmp_path / "m.onnx").predict(crops(1), heatmaps=True)


@pytest.mark.parametrize(
    "pixels", [np.zeros((17, 16, 3), np.uint8), np.zeros((16, 16, 1), np.uint8), np.zeros((16, 16, 3))]
)
def test_a_crop_of_another_recipe_is_refused(path: Path, pixels: NDArray[Any]) -> None:
    with pytest.raises(SettingError, match=r"reads \(16, 16, 3\) uint8 crops"):
        AUModel(path).predict([Crop(pixels, np.eye(3)[:2])])


def test_the_number_of_threads_does_not_change_the_numbers(path: Path) -> None:
    one, two = (AUModel(path, threads=count).predict(crops(5)) for count in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.probability, b.probability)


def test_less_than_one_thread_is_refused(path: Path) -> None:
    with pytest.raises(SettingError, match="threads is 0"):
        AUModel(path, threads=0)


@pytest.mark.skipif(os.name == "nt", reason="processes cannot be bound to CPUs this way")
def test_threads_follow_the_cpus_that_the_process_may_use(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("openau.runtime.open_session", lambda _, threads: asked.append(threads))
    for usable in ({0}, {0, 1, 2}, set(range(64))):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, usable=usable: usable)
        with pytest.raises(AttributeError):
            AUModel(path)
    assert asked == [1, 3, 4]


@pytest.mark.parametrize(
    ("gain", "sentence"),
    [
        (float("nan"), "probability that is not a number; its weights are broken"),
        (float("inf"), "probability that is not a number"),
        (100.0, r"probability of [0-9.]+, outside 0–1"),
        (-1.0, r"probability of -0\.[0-9]+, outside 0–1"),
    ],
)
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, gain: float, sentence: str) -> None:
    model = AUModel(small_model(tmp_path / "m.onnx", means(gain), ["B", 3, 16, 16], COLOUR_CARD))
    with pytest.raises(ModelError, match=sentence):
        model.predict(crops(2))


def test_a_probability_rounded_past_its_range_is_brought_back(tmp_path: Path) -> None:
    model = AUModel(small_model(tmp_path / "m.onnx", means(1.0005), ["B", 3, 16, 16], COLOUR_CARD))
    [output] = model.predict([Crop(np.full((16, 16, 3), 255, np.uint8), np.eye(3)[:2])])
    np.testing.assert_array_equal(output.probability, [1, 1, 1])


def test_a_network_that_fails_while_it_runs_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["face", "to"], ["probability"])]
    shape = np.array([7, 5], np.int64)
    model = AUModel(small_model(tmp_path / "m.onnx", nodes, ["B", 3, 16, 16], colour_card(5), to=shape))
    with pytest.raises(ModelError, match=r"m\.onnx cannot be run by onnxruntime"):
        model.predict(crops(1))


def test_a_prediction_writes_nothing_to_the_screen(path: Path) -> None:
    code = (
        "import numpy as np; from pathlib import Path; from openau.runtime import AUModel\n"
        "from openau.records import Crop\n"
        f"AUModel(Path({str(path)!r})).predict([Crop(np.zeros((16, 16, 3), np.uint8), np.eye(3)[:2])])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
