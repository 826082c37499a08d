"""A card is read in an instant, and a file that cannot be used is one sentence."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from openau.errors import CardError, ModelError
from openau.runtime import AUModel, default_model_path, packaged_network, read_card
from tests.fake.tiny_model import tiny_card, write_tiny_model
from tests.runtime.networks import COLOUR_CARD, changed, crops, means, small_model


def test_the_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    card = write_tiny_model(tmp_path / "m.onnx", replace(tiny_card(), limits=("Größe: ≤ 8 °", "x")))
    assert read_card(tmp_path / "m.onnx") == card == AUModel(tmp_path / "m.onnx").card


def test_the_card_is_read_without_loading_a_runtime(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from openau.runtime import read_card; "
        f"print(read_card(Path({str(path)!r})).name, 'onnxruntime' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["tiny", "False"]


def test_a_file_without_a_card_was_not_made_by_openau(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "m.onnx", with_card=False)
    with pytest.raises(ModelError, match=r"m\.onnx was not made by openau"):
        read_card(tmp_path / "m.onnx")


def test_a_card_that_is_no_json_is_refused_with_the_file(path: Path) -> None:
    model = onnx.load(str(path))
    helper.set_model_props(model, {"openau.card": "{"})
    onnx.save(model, str(path))
    with pytest.raises(CardError, match=r"tiny\.onnx: The model card cannot be read"):
        read_card(path)


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ({"aus": [1, 2, 4], "thresholds": [0.5] * 3}, r"has 3 AUs"),
        ({"aus": [1] * 14}, "all different"),
        ({"thresholds": [0.5]}, "1 thresholds for 14 AUs"),
        ({"crop": {"size": 24, "scale": 1.0, "shift_y": 0.0, "align": "box"}}, "reads 16x16 pixels.*24x24"),
        ({"intensity": False}, "says no to `intensity`"),
        ({"heatmap_layer": None}, "says no to `heatmaps`"),
        ({"schema": 99}, "update openau"),
    ],
)
def test_a_card_that_contradicts_its_network_is_refused(
    path: Path, card: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CardError, match=sentence):
        AUModel(changed(path, **card))


@pytest.mark.parametrize("promise", [{"intensity": True}, {"heatmap_layer": "conv"}])
def test_a_card_that_promises_more_than_its_network_gives_is_refused(
    tmp_path: Path, promise: dict[str, Any]
) -> None:
    write_tiny_model(tmp_path / "m.onnx", tiny_card(heatmaps=False))
    with pytest.raises(CardError, match=r"says yes to .*the network has none"):
        AUModel(changed(tmp_path / "m.onnx", **promise))


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx cannot be read: No such file"):
        AUModel(tmp_path / "nowhere.onnx")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{re.escape(str(tmp_path))} is a folder; .*`openau export`"):
        AUModel(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not a network", b"\x08\x09", b"\x89PNG\r\n\x1a\n" * 40, b"\xff" * 99]
)
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx is not an ONNX network"):
        AUModel(tmp_path / "m.onnx")


@given(data=st.data())
def test_a_damaged_file_is_a_sentence_or_works(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    write_tiny_model(path)
    content = bytearray(path.read_bytes())
    cut = data.draw(st.integers(0, len(content)))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(content[:cut] if data.draw(st.booleans()) else content))
    with suppress(ModelError):  # any other error fails
        assert len(read_card(path).thresholds) == len(read_card(path).aus)


def test_a_file_cut_off_anywhere_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for share in (0.01, 0.3, 0.6, 0.9, 0.999):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ModelError, match=r"tiny\.onnx"):
            AUModel(path)


def edited(path: Path, **changes: str) -> Path:
    """Write the model again with inputs and outputs under other names."""
    text = onnx.load(str(path))
    for node in text.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = changes.get(name, name)
    for value in (*text.graph.input, *text.graph.output):
        value.name = changes.get(value.name, value.name)
    onnx.save(text, str(path))
    return path


def test_a_network_with_another_input_is_refused(path: Path) -> None:
    with pytest.raises(ModelError, match="has the inputs image; openau's have one, `face`"):
        AUModel(edited(path, face="image"))


def test_a_network_without_probabilities_is_refused(path: Path) -> None:
    with pytest.raises(ModelError, match=r"no output `probability`; it gives logits, intensity, heatmaps"):
        AUModel(edited(path, probability="logits"))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ([4, 3, 16, 16], "fixed batch of 4"),
        (["B", 16, 16, 3], r"not float \(B, 3, S, S\)"),
        (["B", 3, 256], r"not float \(B, 3, S, S\)"),
    ],
)
def test_a_network_of_another_input_shape_is_refused(tmp_path: Path, shape: list[Any], sentence: str) -> None:
    nodes = [helper.make_node("Identity", ["face"], ["probability"])]
    with pytest.raises(ModelError, match=sentence):
        AUModel(small_model(tmp_path / "m.onnx", nodes, shape, COLOUR_CARD))


def test_a_network_that_leaves_its_shapes_open_runs(tmp_path: Path) -> None:
    model = AUModel(small_model(tmp_path / "m.onnx", means(1.0), ["B", 3, "H", "W"], COLOUR_CARD))
    [crop] = crops(1)
    np.testing.assert_allclose(
        model.predict([crop])[0].probability, crop.pixels.mean(axis=(0, 1)) / 255, atol=1e-6
    )


def test_a_network_whose_width_shows_only_when_it_runs_is_refused(tmp_path: Path) -> None:
    card = replace(COLOUR_CARD, aus=(1, 2), thresholds=(0.5, 0.5))
    nodes = [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Shape", ["mean"], ["shape"]),
        helper.make_node("Reshape", ["mean", "shape"], ["probability"]),
    ]
    path = small_model(tmp_path / "m.onnx", nodes, ["B", 3, 16, 16], card)
    with pytest.raises(ModelError, match=r"2 AUs|probability of shape \(1, 3\)"):
        AUModel(path).predict(crops(1))


def test_a_network_that_cannot_run_is_refused_without_noise(tmp_path: Path) -> None:
    nodes = [helper.make_node("NoSuchOperator", ["face"], ["probability"])]
    path = small_model(tmp_path / "m.onnx", nodes, ["B", 3, 16, 16], COLOUR_CARD)
    code = (
        "from pathlib import Path; from openau.runtime import AUModel; from openau.errors import ModelError\n"
        f"try: AUModel(Path({str(path)!r}))\n"
        "except ModelError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be run by onnxruntime" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize("name", ["landmarks", "face_finder"])
def test_another_network_of_the_package_is_refused_by_what_it_is(name: str) -> None:
    what = {"landmarks": "landmarks", "face_finder": "detector"}[name]
    with pytest.raises(ModelError, match=f"holds openau's {what}, which reads no action units"):
        AUModel(packaged_network(name))


def test_the_default_model_is_looked_for_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "files", lambda package: tmp_path / package)
    with pytest.raises(ModelError, match=r"action_units\.onnx is missing; install openau again"):
        default_model_path()
    models = tmp_path / "openau" / "assets" / "models"
    models.mkdir(parents=True)
    card = write_tiny_model(models / "action_units.onnx")
    assert default_model_path() == models / "action_units.onnx"
    assert AUModel().card == card
