"""A network on disk comes back as it was, and a file that is not one is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from openau.errors import ModelError
from openau.models.weights import NetworkSpec, load_network, read_tensors, save_network, write_tensors

SPEC = NetworkSpec("attention_cnn", (1, 12), 16, {"hidden": 3, "spatial_in": "C"})


def test_a_saved_network_is_built_again_with_its_options_and_weights(tmp_path: Path) -> None:
    network = SPEC.build()
    save_network(tmp_path / "a.safetensors", network, SPEC)
    again, spec = load_network(tmp_path / "a.safetensors")
    images = torch.randn(2, 3, 16, 16)
    assert spec == SPEC
    assert torch.equal(again(images), network.eval()(images))
    assert not again.training


def test_tensors_and_header_come_back_exactly(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(3), "b.c": torch.randn(2, 2).t()}
    write_tensors(tmp_path / "deep" / "t.safetensors", tensors, {"x": [1, {"y": "ü"}]})
    found, header = read_tensors(tmp_path / "deep" / "t.safetensors")
    assert header == {"x": [1, {"y": "ü"}]}
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["t.safetensors"]


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no checkpoint .*gone\.safetensors"):
        load_network(tmp_path / "gone.safetensors")


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    save_network(file, SPEC.build(), SPEC)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelError, match="broken"):
        load_network(file)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ModelError, match="not a checkpoint of OpenAU"):
        load_network(tmp_path / "foreign.safetensors")


def test_weights_that_do_not_fit_the_named_network_are_refused(tmp_path: Path) -> None:
    save_network(tmp_path / "a.safetensors", SPEC.build(), NetworkSpec("attention_cnn", (1, 2, 4), 16))
    with pytest.raises(ModelError, match="does not fit the network"):
        load_network(tmp_path / "a.safetensors")
