"""One ONNX file per network: the house's inputs and outputs, PyTorch's numbers, the card inside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch

import openau.export
from openau.errors import CardError, ModelError, OutputError
from openau.explain import grad_cam, grad_cam_plus_plus, hires_cam
from openau.export import export_onnx, export_run
from openau.models import build_model
from openau.models.attention_cnn import AttentionCNN
from openau.models.weights import NetworkSpec, save_network
from openau.records import CropSpec, ModelCard
from openau.runtime import CARD_KEY
from tests.reference.heat_maps import plain_maps

AUS = (1, 4, 12)
CARD = ModelCard(
    name="fake",
    version="3",
    architecture="attention_cnn",
    aus=AUS,
    thresholds=(0.5, 0.4, 0.3),
    crop=CropSpec(32),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    training_data="none",
    licence="Apache-2.0",
    heatmap_layer="relu5",
)
ALL = {name: np.array(True) for name in ("with_heatmaps", "with_heatmaps_plus_plus", "with_heatmaps_hires")}
VARIANTS: list[Any] = [
    pytest.param({"use_mlp": False, "spatial_in": "C", "conv_bias": False}, id="E1"),
    pytest.param({"attention": False}, id="no attention", marks=pytest.mark.slow),
    pytest.param({"spatial_in": "C"}, id="all channels", marks=pytest.mark.slow),
    pytest.param({"use_mlp": False}, id="no perceptron", marks=pytest.mark.slow),
    pytest.param({"dense_bias": True, "hidden": 5}, id="dense biases", marks=pytest.mark.slow),
]


def build(aus: int = 3, size: int = 32, **options: Any) -> AttentionCNN:
    torch.manual_seed(4)
    network = AttentionCNN(aus, size=size, **options).eval()
    for parameter in network.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return network


def faces(count: int, size: int = 32) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(count))


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_onnx(build(), CARD, tmp_path_factory.mktemp("export") / "model.onnx")


def test_the_file_keeps_the_houses_contract(exported: Path) -> None:
    model = session(exported)
    (face,) = model.get_inputs()
    assert (face.name, face.type, face.shape) == ("face", "tensor(float)", ["batch", 3, 32, 32])
    found = {output.name: output.shape for output in model.get_outputs()}
    maps = ["batch", 3, 4, 4]
    assert found == {"probability": ["batch", 3], "heatmaps": maps} | {
        "heatmaps_plus_plus": maps,
        "heatmaps_hires": maps,
    }
    assert onnx.load(exported).opset_import[0].version >= 17


def assert_pytorchs_numbers(network: AttentionCNN, path: Path) -> None:
    model = session(path)
    for count in (1, 2, 7):
        probability, *maps = model.run(None, {"face": faces(count).numpy(), **ALL})
        plain = torch.sigmoid(network(faces(count))).detach().numpy()
        np.testing.assert_allclose(probability, plain, atol=1e-4)
        for heatmaps, method in zip(maps, (grad_cam, grad_cam_plus_plus, hires_cam), strict=True):
            wanted = plain_maps(network, faces(count), layer="relu5", method=method).numpy()
            assert wanted.max() > 0
            assert np.abs(heatmaps - wanted).max() <= 1e-4 * wanted.max()


def test_probabilities_and_heat_maps_are_pytorchs(exported: Path) -> None:
    assert_pytorchs_numbers(build(), exported)


@pytest.mark.parametrize("options", VARIANTS)
def test_with_other_options_they_still_are(options: dict[str, Any], tmp_path: Path) -> None:
    network = build(**options)
    assert_pytorchs_numbers(network, export_onnx(network, CARD, tmp_path / "model.onnx"))


def test_the_card_inside_is_the_card(exported: Path) -> None:
    stored = {p.key: p.value for p in onnx.load(exported).metadata_props}
    assert ModelCard.from_json(stored[CARD_KEY]) == replace(CARD, heatmap_method="hires_cam")


def test_the_same_network_gives_the_same_bytes_and_names_no_folder(exported: Path, tmp_path: Path) -> None:
    data = export_onnx(build(), CARD, tmp_path / "again.onnx").read_bytes()
    assert data == exported.read_bytes()
    for word in (str(Path.cwd()), str(Path.home()), "stack_trace", "site-packages", ".py"):
        assert word.encode() not in data


def test_the_heat_maps_stand_behind_switches_of_which_grad_cams_is_on_unless_given(exported: Path) -> None:
    model = session(exported)
    assert {value.name for value in model.get_overridable_initializers()} == set(ALL)
    feed = {"face": faces(2).numpy()}
    probability, plain, plus, hires = model.run(None, feed | ALL)
    for first in (True, False, None):
        for second in (True, False, None):
            switches = {"with_heatmaps": first, "with_heatmaps_plus_plus": second}
            given = {name: np.array(on) for name, on in switches.items() if on is not None}
            again, one, other, third = model.run(None, feed | given)
            np.testing.assert_array_equal(again, probability)
            np.testing.assert_array_equal(one, plain[: 0 if first is False else 2])
            np.testing.assert_array_equal(other, plus[: 2 if second else 0])
            assert third.shape == (0, 3, 4, 4)
    alone = {name: np.array(name == "with_heatmaps_hires") for name in ALL}
    np.testing.assert_array_equal(model.run(["heatmaps_hires"], feed | alone)[0], hires)


def test_switched_off_nothing_of_the_heat_maps_is_computed(exported: Path) -> None:
    graph = onnx.load(exported).graph
    choices = [node for node in graph.node if node.op_type == "If"]
    assert len(choices) == len(ALL)
    for choice in choices:
        branches = {a.name: [node.op_type for node in a.g.node] for a in choice.attribute}
        assert branches["else_branch"] == ["Constant"]
        assert branches["then_branch"].count("MatMul") >= 4
    # Outside the branches, every node leads to the probability.
    plain = [node for node in graph.node if node.op_type != "If"]
    used = {name for node in plain for name in node.input}
    made = {name for node in plain for name in node.output}
    assert made - used == {"probability"}


def test_what_several_kinds_of_heat_maps_need_is_computed_and_stored_once(exported: Path) -> None:
    graph = onnx.load(exported).graph
    assert [node.op_type for node in graph.node].count("Conv") == 5 + 2, "five, and one per attention"
    stored = [(tuple(i.dims), onnx.numpy_helper.to_array(i).tobytes()) for i in graph.initializer]
    large = [each for each in stored if len(each[1]) > 64]
    assert len(large) == len(set(large))


def test_a_network_without_a_written_derivative_has_grad_cam_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_model("fan_heatmap", 3, size=64, backbone="resnet18").eval()
    card = replace(CARD, crop=CropSpec(64), heatmap_layer=str(network.heatmap_layer))
    model = session(export_onnx(network, card, tmp_path / "model.onnx"))
    assert [output.name for output in model.get_outputs()] == ["probability", "heatmaps"]


def test_without_a_heat_map_layer_there_is_no_such_output_and_the_network_stays_as_it_was(
    tmp_path: Path,
) -> None:
    network = build(1, 16).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    card = replace(CARD, aus=(1,), thresholds=(0.5,), crop=CropSpec(16), heatmap_layer=None)
    model = session(export_onnx(network, card, tmp_path / "model.onnx"))
    assert [output.name for output in model.get_outputs()] == ["probability"]
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"aus": (1, 2), "thresholds": (0.5, 0.5)}, "2 AUs, the network has 3"),
        ({"crop": CropSpec(48)}, "48 pixels, the network takes 32"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(change: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(CardError, match=word):
        export_onnx(build(), replace(CARD, **change), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_heat_maps_that_the_network_cannot_write_are_refused(tmp_path: Path) -> None:
    plain = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 3))
    with pytest.raises(CardError, match="cannot write them"):
        export_onnx(plain, CARD, tmp_path / "model.onnx")


def test_a_file_that_differs_from_pytorch_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., Any] = openau.export._to_onnx

    def wrong(*arguments: Any) -> Any:
        model = original(*arguments)
        bias = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("out.bias"))
        bias.CopyFrom(onnx.numpy_helper.from_array(np.full(3, 0.5, np.float32), bias.name))
        return model

    monkeypatch.setattr(openau.export, "_to_onnx", wrong)
    (tmp_path / "model.onnx").write_bytes(b"the old file")
    with pytest.raises(ModelError, match="differs from PyTorch"):
        export_onnx(build(), replace(CARD, heatmap_layer=None), tmp_path / "model.onnx")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("model.onnx", b"the old file")]


class Faint(torch.nn.Module):
    """A network whose heat maps are what rounding leaves of two equal sums, plus `shown`."""

    def __init__(self, shown: float) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(3 * 32 * 32, 3)
        self.shown = torch.nn.Parameter(torch.full((3,), shown))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.dense(images.flatten(1))
        return logits

    def logits_and_heatmaps(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        flat = images.flatten(1)
        whole = flat @ self.dense.weight.T
        parts = [flat[:, k::7] @ self.dense.weight[:, k::7].T for k in range(7)]
        left = whole - torch.stack(parts).sum(0)
        return self(images), torch.relu(left + self.shown * flat[:, :3].abs())[:, :, None, None]


def test_heat_maps_so_faint_that_rounding_shows_in_them_are_no_difference(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Faint(0.0)
    faces = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        assert 0 < float(network.logits_and_heatmaps(faces)[1].max()) < 1e-5
    assert export_onnx(network, CARD, tmp_path / "model.onnx").exists()


def test_heat_maps_that_differ_by_more_than_rounding_are_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., Any] = openau.export._to_onnx

    def wrong(*arguments: Any) -> Any:
        model = original(*arguments)
        branch = next(a.g for n in model.graph.node if n.op_type == "If" for a in n.attribute)
        tensors = [*model.graph.initializer, *branch.initializer]
        shown = next(tensor for tensor in tensors if tensor.name.endswith("shown"))
        shown.CopyFrom(onnx.numpy_helper.from_array(np.full(3, 1.501, np.float32), shown.name))
        return model

    monkeypatch.setattr(openau.export, "_to_onnx", wrong)
    torch.manual_seed(0)
    with pytest.raises(ModelError, match=r"heatmaps of .* differs from PyTorch"):
        export_onnx(Faint(1.5), CARD, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"model\.onnx"):
        export_onnx(build(), replace(CARD, heatmap_layer=None), tmp_path / "file" / "model.onnx")


def write_run(folder: Path) -> Path:
    """A finished run of an untrained network, with predictions whose numbers are known."""
    save_network(
        folder / "checkpoint" / "best.safetensors", build(2), NetworkSpec("attention_cnn", (1, 12), 32)
    )
    card = replace(CARD, aus=(1, 12), thresholds=(0.5, 0.5), heatmap_layer=None)
    (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
    (folder / "recipe.toml").write_text('[card]\ntest_data = "synthetic: a fake"\n', encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps({"started": "2026-05-04T10:00:00+00:00"}))
    pd.DataFrame(
        {
            "sample": list("abcdefgh"),
            "dataset": "fake",
            "subject": list("11112233"),
            "fold": ["validation"] * 4 + ["test"] * 4,
            "AU01_t": [1, 1, 0, 0, 1, 0, 1, 0],
            "AU01_p": [0.9, 0.5, 0.3, 0.1, 0.45, 0.2, 0.3, 0.35],
            "AU12_t": [1.0, 0, 0, 0, 0, 0, 0, 0],
            "AU12_p": [0.9, 0.5, 0.3, 0.1, 0.45, 0.2, 0.3, 0.35],
        }
    ).to_parquet(folder / "predictions.parquet")
    return folder


def test_a_runs_card_has_thresholds_of_validation_and_accuracy_of_test(tmp_path: Path) -> None:
    export_run(write_run(tmp_path / "run"), tmp_path / "model.onnx")
    stored = {p.key: p.value for p in onnx.load(tmp_path / "model.onnx").metadata_props}
    card = ModelCard.from_json(stored[CARD_KEY])
    assert card.thresholds == (0.4, 0.7)
    assert card.created == "2026-05-04"
    found = {(row.metric, row.au): (row.value, row.count) for row in card.accuracy}
    # AU 1 on test: 3 of 4 pairs in order; at 0.4 one positive of two, no false alarm. AU 12 never occurs.
    assert found == {
        ("mean ROC AUC", None): (0.75, 4),
        ("ROC AUC", 1): (0.75, 2),
        ("mean F1", None): (0.6667, 4),
        ("F1", 1): (0.6667, 2),
    }
    assert {row.data for row in card.accuracy} == {"synthetic: a fake"}
    assert all("2 subjects" in row.protocol for row in card.accuracy)


@pytest.mark.parametrize("gone", ["card.json", "predictions.parquet", "recipe.toml", "environment.json"])
def test_an_unfinished_run_is_refused(tmp_path: Path, gone: str) -> None:
    run = write_run(tmp_path / "run")
    (run / gone).unlink()
    with pytest.raises(ModelError, match="not a finished training run"):
        export_run(run, tmp_path / "model.onnx")


def test_predictions_that_say_nothing_of_folds_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "predictions.parquet").unlink()
    (run / "predictions.parquet").mkdir()  # pandas reads a folder as a table without columns
    with pytest.raises(ModelError, match="not a finished training run"):
        export_run(run, tmp_path / "model.onnx")


def test_a_broken_card_is_refused_by_the_name_of_its_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "card.json").write_text("[1]")
    with pytest.raises(CardError, match=f"{re.escape(str(run))}: The model card cannot be read"):
        export_run(run, tmp_path / "model.onnx")


def test_a_folder_is_not_overwritten_by_a_model_and_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder; name a file"):
        export_onnx(build(), replace(CARD, heatmap_layer=None), tmp_path)
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))
