"""EmotiRAM-FAU and its baseline are masur2023's: weights, what the emotions are read from, freezing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from openau.errors import CardError, ModelError, SettingError
from openau.explain import explain
from openau.export import export_onnx
from openau.facs import EMOTIONS
from openau.models import EMOTION_MODELS, build_emotion_model, build_model, model_class
from openau.models.caer_face_stream import CaerFaceStream
from openau.models.complexity import measure_complexity
from openau.models.emotiram_fau import Bottleneck, EmotiramFAU
from openau.models.weights import (
    EmotionSpec,
    NetworkSpec,
    load_emotion_network,
    load_network,
    save_network,
)
from openau.records import Crop, CropSpec, ModelCard
from openau.runtime import AUModel

RESNET18 = {"backbone": "resnet18"}
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "caer_face_stream": ("caer_face_stream", {"size": 16}),
    "fan_heatmap": ("emotiram_fau", {"size": 32, "au_options": RESNET18}),
    "fan_scc": ("emotiram_fau", {"size": 32, "au_options": RESNET18, "au_network": "fan_scc"}),
    "me_graph": ("emotiram_fau", {"size": 64, "au_options": RESNET18, "au_network": "me_graph", "aus": 3}),
    "frozen me_graph": (
        "emotiram_fau",
        {"size": 64, "au_options": RESNET18, "au_network": "me_graph", "aus": 3, "frozen": True},
    ),
}


def build(case: str) -> nn.Module:
    torch.manual_seed(1)
    name, options = SMALL[case]
    return build_emotion_model(name, **options)


def pictures(network: nn.Module, count: int = 4) -> Tensor:
    size = network.size
    assert isinstance(size, int)
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(2))


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(**options: Any) -> EmotiramFAU:
    torch.manual_seed(1)
    return EmotiramFAU(size=64, au_network="me_graph", aus=3, au_options=RESNET18, **options)


def a_step(network: nn.Module) -> None:
    images = pictures(network)
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    loss = nn.functional.cross_entropy(network.train()(images), torch.arange(4))
    loss.backward()  # type: ignore[no-untyped-call] # torch has no types here
    optimizer.step()


def test_the_weights_are_as_many_as_the_specification_counts() -> None:
    with torch.device("meta"):
        whole = EmotiramFAU()
        bottleneck = Bottleneck(10 * 24 * 24, 7)
        disfa, bp4d = EmotiramFAU(au_network="me_graph"), EmotiramFAU(au_network="me_graph", aus=12)
        baseline = CaerFaceStream()
    assert parameters(whole) == 48_552_529
    assert parameters(bottleneck) == parameters(whole.head) == 14_554_631
    dense = [layer for layer in bottleneck if isinstance(layer, nn.Linear)]
    assert [parameters(layer) for layer in dense] == [11_798_528, 2_098_176, 524_800, 131_328, 1_799]
    assert (parameters(disfa.head), parameters(bp4d.head)) == (63, 91)
    assert parameters(disfa) == 30_608_868 + 63
    assert parameters(baseline) == 1_013_767
    assert parameters(baseline.features) == 979_968


def test_the_multiplies_of_the_bottleneck_are_its_weights_without_biases() -> None:
    with torch.device("meta"):
        found = measure_complexity(Bottleneck(5760, 7), torch.zeros(1, 5760))
    assert found.macs == 14_554_631 - (2048 + 1024 + 512 + 256 + 7)


@pytest.mark.parametrize("case", SMALL)
def test_a_batch_of_faces_becomes_finite_logits_each_row_on_its_own(case: str) -> None:
    network = build(case).eval()
    images = pictures(network)
    with torch.no_grad():
        together = network(images)
        assert together.shape == (4, 7)
        assert torch.isfinite(together).all()
        torch.testing.assert_close(network(images[1:2])[0], together[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("case", SMALL)
def test_every_trainable_parameter_gets_a_gradient(case: str) -> None:
    network = build(case)
    network(pictures(network)).square().sum().backward()
    elsewhere = tuple(f"{layer}." for layer in getattr(network, "auxiliary", ()))
    idle = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any()) and not name.startswith(elsewhere)
    ]
    assert idle == []


def test_emotions_are_read_from_the_maps_as_shares_of_the_bells_height() -> None:
    network = build("fan_heatmap").eval()
    assert isinstance(network, EmotiramFAU)
    images = pictures(network)
    with torch.no_grad():
        maps = network.encoder.heatmaps(images)  # type: ignore[operator] # a method
        values = maps.reshape(4, -1) / 255
        for layer in network.head.children():
            values = layer(values)
        torch.testing.assert_close(network(images), values)
    assert maps.shape == (4, 10, 8, 8)


def test_emotions_are_read_from_the_probabilities_by_one_layer() -> None:
    network = small().eval()
    images = pictures(network)
    with torch.no_grad():
        probabilities = network.encoder.probabilities(images)  # type: ignore[operator] # a method
        emotions, aus = network.emotions_and_aus(images)
        torch.testing.assert_close(emotions, network.head(probabilities), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(aus.sigmoid(), probabilities, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("case", ["caer_face_stream", "fan_scc", "me_graph"])
def test_in_half_precision_emotions_stay_near(case: str) -> None:
    network = build(case).eval()
    images = pictures(network, 2)
    with torch.no_grad():
        wanted = network(images).softmax(1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network(images)
        halved = network.half()(images.half())
    assert halved.dtype == torch.float16
    assert (rounded.float().softmax(1) - wanted).abs().max() < 0.02
    assert (halved.float().softmax(1) - wanted).abs().max() < 0.02


def test_any_network_for_aus_can_stand_before_the_emotions() -> None:
    network = EmotiramFAU(size=48, au_network="attention_cnn", aus=12)
    assert network(torch.rand(2, 3, 48, 48)).shape == (2, 7)
    assert parameters(network.head) == 12 * 7 + 7


def test_training_on_emotions_changes_what_the_network_says_about_aus() -> None:
    network = small().eval()
    images = pictures(network)
    with torch.no_grad():
        before = network.encoder(images)
    a_step(network)
    with torch.no_grad():
        after = network.eval().encoder(images)
    assert (after - before).abs().max() > 1e-3


def test_frozen_it_says_about_aus_what_it_said_and_learns_emotions_all_the_same() -> None:
    network = small(frozen=True).eval()
    images = pictures(network)
    with torch.no_grad():
        before, emotions = network.encoder(images), network(images)
    stored = {key: value.clone() for key, value in network.encoder.state_dict().items()}
    a_step(network)
    a_step(network)
    assert all(torch.equal(value, stored[key]) for key, value in network.encoder.state_dict().items())
    with torch.no_grad():
        assert torch.equal(network.eval().encoder(images), before)
        assert not torch.equal(network(images), emotions)


def test_frozen_nothing_but_the_head_is_trained() -> None:
    network = small(frozen=True).train()
    assert [name for name, p in network.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    assert not network.encoder.training
    assert network.head.training


def test_a_trained_au_network_is_put_in_whole() -> None:
    torch.manual_seed(9)
    trained = build_model("me_graph", 3, size=64, **RESNET18).eval()
    network = small().eval()
    network.encoder.load_state_dict(trained.state_dict())
    images = pictures(network)
    with torch.no_grad():
        assert torch.equal(network.emotions_and_aus(images)[1], trained(images))


@pytest.mark.parametrize("case", ["caer_face_stream", "me_graph"])
def test_saved_and_loaded_is_equal(case: str, tmp_path: Path) -> None:
    network = build(case).eval()
    name, options = SMALL[case]
    save_network(tmp_path / "n.safetensors", network, EmotionSpec(name, EMOTIONS, options))
    loaded, spec = load_emotion_network(tmp_path / "n.safetensors")
    assert spec == EmotionSpec(name, EMOTIONS, options)
    with torch.no_grad():
        assert torch.equal(loaded(pictures(network)), network(pictures(network)))


def test_a_network_for_aus_is_not_taken_for_one_for_emotions(tmp_path: Path) -> None:
    save_network(
        tmp_path / "a.safetensors",
        build_model("attention_cnn", 3, size=16),
        NetworkSpec("attention_cnn", (1, 2, 4), 16),
    )
    with pytest.raises(ModelError, match="tells emotions"):
        load_emotion_network(tmp_path / "a.safetensors")
    save_network(
        tmp_path / "e.safetensors", build("caer_face_stream"), EmotionSpec("caer_face_stream", EMOTIONS)
    )
    with pytest.raises(ModelError, match="give a network of action units"):
        load_network(tmp_path / "e.safetensors")


@pytest.mark.parametrize(
    "case",
    [
        "caer_face_stream",
        pytest.param("fan_heatmap", marks=pytest.mark.slow),
        pytest.param("me_graph", marks=pytest.mark.slow),
    ],
)
def test_exported_it_gives_the_same_emotions(case: str) -> None:
    network = build(case).eval()
    images = pictures(network)
    program = torch.onnx.export(
        network,
        (images[:2],),
        dynamo=True,
        input_names=["face"],
        dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1)}},
        opset_version=18,
        verbose=False,
    )
    assert program is not None
    data = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = network(images).numpy()
    np.testing.assert_allclose(session.run(None, {"face": images.numpy()})[0], wanted, atol=1e-4)


@pytest.mark.parametrize("case", ["caer_face_stream", "fan_heatmap", "me_graph"])
def test_where_it_looked_can_be_asked(case: str) -> None:
    network = build(case)
    maps = explain(network, pictures(network, 2), layer=str(network.heatmap_layer))
    assert maps.shape[:2] == (2, 7)
    assert torch.isfinite(maps).all()


@pytest.mark.parametrize("name", sorted(EMOTION_MODELS))
def test_it_says_which_paper_it_comes_from(name: str) -> None:
    kind = model_class(name)
    assert any(year in str(getattr(kind, "reference", "")) for year in ("2019", "2023"))
    assert "Differences from the paper" in (kind.__doc__ or "")


@pytest.mark.parametrize("case", SMALL)
def test_pictures_of_another_shape_are_refused_in_a_sentence(case: str) -> None:
    with pytest.raises(SettingError, match="takes images"):
        build(case)(torch.zeros(1, 3, 16, 20))


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("caer_face_stream", {"emotions": 1}, "at least 2"),
        ("caer_face_stream", {"size": 8}, "at least 16"),
        ("caer_face_stream", {"wheels": 4}, "wheels"),
        ("emotiram_fau", {"emotions": 1}, "at least 2"),
        ("emotiram_fau", {"size": 50}, "multiple of 32"),
        ("emotiram_fau", {"au_network": "vgg"}, "fan_heatmap"),
        ("emotiram_fau", {"au_options": {"wheels": 4}}, "wheels"),
        ("attention_cnn", {}, "emotiram_fau"),
    ],
)
def test_options_that_cannot_be_built_are_refused(name: str, options: dict[str, Any], word: str) -> None:
    with torch.device("meta"), pytest.raises(SettingError, match=word):
        build_emotion_model(name, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "aus"), [("fan_heatmap", (6, 10, 12, 14, 17)), ("me_graph", (1, 2, 4))])
def test_a_model_file_tells_emotions_beside_aus(case: str, aus: tuple[int, ...], tmp_path: Path) -> None:
    network = build(case)
    size = network.size
    assert isinstance(size, int)
    card = ModelCard(
        name=case,
        version="0",
        architecture="emotiram_fau",
        aus=aus,
        thresholds=(0.5,) * len(aus),
        crop=CropSpec(size),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        training_data="none",
        licence="MIT",
        emotions=EMOTIONS,
    )
    path = export_onnx(network, card, tmp_path / "model.onnx")
    face = np.full((size, size, 3), 128, np.uint8)
    [output] = AUModel(path).predict([Crop(face, np.eye(2, 3))])
    assert output.emotion is not None
    assert output.emotion.sum() == pytest.approx(1, abs=1e-5)
    assert output.probability.shape == (len(aus),)
    with pytest.raises(CardError, match="does not name the emotions"):
        export_onnx(network, replace(card, emotions=()), tmp_path / "other.onnx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
