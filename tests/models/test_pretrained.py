"""ImageNet weights come from a file, and are fetched only when asked for, only the published ones."""

from __future__ import annotations

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from openau.errors import InputError, ModelError, OutputError, SettingError
from openau.models import build_model
from openau.models.pretrained import (
    IMAGENET,
    ImageNetWeights,
    fetch_imagenet,
    imagenet_weights,
    load_imagenet,
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served under, on this machine only."""
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def published(server: tuple[Path, str], name: str = "net-1.pth", data: bytes = b"weights") -> ImageNetWeights:
    """A small file on the server, with its true hash."""
    folder, address = server
    (folder / name).write_bytes(data)
    return ImageNetWeights(f"{address}/{name}", "sha256", hashlib.sha256(data).hexdigest()[:8], "")


def test_the_file_is_fetched_once_and_whole(server: tuple[Path, str], tmp_path: Path) -> None:
    source, seen = published(server, data=bytes(3_000_000)), []
    path = fetch_imagenet("vgg19", tmp_path / "w", source=source, progress=lambda *now: seen.append(now))
    assert path == tmp_path / "w" / "net-1.pth"
    assert path.read_bytes() == bytes(3_000_000)
    assert seen[-1] == (3_000_000, 3_000_000)
    assert len(seen) >= 3
    (server[0] / "net-1.pth").unlink()
    assert fetch_imagenet("vgg19", tmp_path / "w", source=source) == path
    assert [p.name for p in path.parent.iterdir()] == ["net-1.pth"]


def test_an_archive_is_unpacked_before_it_is_judged(server: tuple[Path, str], tmp_path: Path) -> None:
    source = published(server)
    with zipfile.ZipFile(server[0] / "net-1.pth.zip", "w") as packed:
        packed.writestr("net-1.pth", b"weights")
    path = fetch_imagenet("vgg19", tmp_path, source=replace(source, url=f"{source.url}.zip"))
    assert path.read_bytes() == b"weights"


def test_a_file_that_is_not_the_published_one_is_refused_and_not_kept(
    server: tuple[Path, str], tmp_path: Path
) -> None:
    source = replace(published(server), digest="00000000")
    with pytest.raises(InputError, match="not the file that was published"):
        fetch_imagenet("vgg19", tmp_path / "w", source=source)
    assert list((tmp_path / "w").iterdir()) == []


def test_a_damaged_file_is_fetched_again(server: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "net-1.pth").write_bytes(b"half")
    assert fetch_imagenet("vgg19", tmp_path, source=published(server)).read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["absent.pth", "net-1.pth"])
def test_a_server_that_has_no_such_file_or_does_not_answer_is_named(
    server: tuple[Path, str], tmp_path: Path, name: str
) -> None:
    source = ImageNetWeights(f"{server[1]}/{name}", "sha256", "", "")
    if name == "net-1.pth":
        source = replace(source, url="http://127.0.0.1:9/net-1.pth")
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch_imagenet("vgg19", tmp_path / "w", source=source)
    assert list((tmp_path / "w").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(server: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch_imagenet("vgg19", tmp_path / "file" / "w", source=published(server))


def test_a_network_without_imagenet_weights_is_told_so() -> None:
    with pytest.raises(SettingError, match=r"shufflenet_v2.*only for vgg19"):
        imagenet_weights("shufflenet_v2")


def test_every_published_file_is_secured_by_its_publishers_hash() -> None:
    from torchvision import models

    known = {
        "vgg19": models.VGG19_Weights.IMAGENET1K_V1,
        "resnet101": models.ResNet101_Weights.IMAGENET1K_V1,
        "mobilenet_v2": models.MobileNet_V2_Weights.IMAGENET1K_V1,
        "efficientnet_b0": models.EfficientNet_B0_Weights.IMAGENET1K_V1,
    }
    assert {name: weights.url for name, weights in known.items()} == {
        name: source.url for name, source in IMAGENET.items() if name in known
    }
    for source in IMAGENET.values():
        assert source.url.startswith("https://")
        assert source.digest[:8] in source.file_name
        assert len(source.digest) >= 8
    from pytorchcv.models.common.model_store import get_model_metainfo

    assert get_model_metainfo("nasnet_4a1056")[2] == IMAGENET["nasnet_mobile"].digest


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_made_for_the_source_network_fills_the_body_and_leaves_the_head(
    tmp_path: Path, suffix: str
) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2(num_classes=10).eval()
    ours = build_model("mobilenet_v2", 3, size=32).eval()
    head = {key: tensor.clone() for key, tensor in ours.get_submodule("head").state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({k: t for k, t in theirs.state_dict().items() if "num_batches" not in k}, path)
    else:
        save_file(theirs.state_dict(), path)
    load_imagenet(ours, path)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(ours.get_submodule("body")(images), theirs.features(images))
    assert all(
        torch.equal(head[key], tensor) for key, tensor in ours.get_submodule("head").state_dict().items()
    )


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(torchvision.models.shufflenet_v2_x0_5().state_dict(), tmp_path / "other.pth")
    with pytest.raises(ModelError, match="does not hold the body of mobilenet_v2"):
        load_imagenet(build_model("mobilenet_v2", 3, size=32), tmp_path / "other.pth")


def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    network = build_model("mobilenet_v2", 3, size=32)
    with pytest.raises(InputError, match="no weights file"):
        load_imagenet(network, tmp_path / "absent.pth")
    (tmp_path / "broken.pth").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be read"):
        load_imagenet(network, tmp_path / "broken.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="no weights by name"):
        load_imagenet(network, tmp_path / "list.pth")
    torch.save(print, tmp_path / "code.pth")
    with pytest.raises(InputError, match="cannot be read"):
        load_imagenet(network, tmp_path / "code.pth")
