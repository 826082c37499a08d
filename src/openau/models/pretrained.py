"""ImageNet weights for the bodies of `moreno2024`: from a file, and into that file only when asked for.

Nothing here is called by building or training a network; whoever wants the weights fetches them once and
names the file.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from openau.errors import InputError, ModelError, OutputError, SettingError

_CHUNK = 1 << 20
_NO_ANSWER = (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError)


@dataclass(frozen=True, slots=True)
class ImageNetWeights:
    """A published file of weights.

    Attributes:
        url: Where it lies.
        algorithm: Of the hash.
        digest: The hash's first hexadecimal digits, as many as its publisher prints.
        prefix: Of the body's tensors within the file; all others belong to the classifier.
    """

    url: str
    algorithm: Literal["sha1", "sha256"]
    digest: str
    prefix: str

    @property
    def file_name(self) -> str:
        """Name of the weights file, unpacked."""
        return self.url.rsplit("/", 1)[1].removesuffix(".zip")


_TORCHVISION = "https://download.pytorch.org/models"
IMAGENET: dict[str, ImageNetWeights] = {
    "vgg19": ImageNetWeights(f"{_TORCHVISION}/vgg19-dcbb9e9d.pth", "sha256", "dcbb9e9d", "features."),
    "resnet101": ImageNetWeights(f"{_TORCHVISION}/resnet101-63fe2227.pth", "sha256", "63fe2227", ""),
    "nasnet_mobile": ImageNetWeights(
        "https://github.com/osmr/imgclsmob/releases/download/v0.0.495/nasnet_4a1056-0803-44f5ecbe.pth.zip",
        "sha1",
        "44f5ecbe03da2cd21803c555366121e29b207907",
        "features.",
    ),
    "mobilenet_v2": ImageNetWeights(
        f"{_TORCHVISION}/mobilenet_v2-b0353104.pth", "sha256", "b0353104", "features."
    ),
    "efficientnet_b0": ImageNetWeights(
        f"{_TORCHVISION}/efficientnet_b0_rwightman-7f5810bc.pth", "sha256", "7f5810bc", "features."
    ),
}
"""Network name to its ImageNet weights: torchvision's first version, pytorchcv's for NASNet-A."""


def imagenet_weights(name: str) -> ImageNetWeights:
    """Return where a network's ImageNet weights are published.

    Args:
        name: A key of `IMAGENET`.

    Raises:
        SettingError: There are none for this network.
    """
    if name not in IMAGENET:
        raise SettingError(
            f"There are no ImageNet weights for {name!r}, only for {', '.join(IMAGENET)}; "
            "train it from scratch."
        )
    return IMAGENET[name]


def fetch_imagenet(
    name: str,
    folder: Path,
    *,
    source: ImageNetWeights | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Download a network's ImageNet weights, unless the folder has them.

    This is the only place in OpenAU that opens a connection.

    Args:
        name: A key of `IMAGENET`.
        folder: Where the file goes; is created.
        source: Another place to take it from.
        progress: Called with the bytes read so far and in all (None where the server does not say).

    Returns:
        The weights file, whose hash is the published one.

    Raises:
        SettingError: There are no weights for this network.
        InputError: The file cannot be downloaded, or is another one than the published.
        OutputError: The file cannot be written.
    """
    source = source or imagenet_weights(name)
    target = folder / source.file_name
    if target.exists() and _has_digest(target, source):
        return target
    packed = folder / f".{source.url.rsplit('/', 1)[1]}.part"
    unpacked = folder / f".{source.file_name}.unpacked"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _download(source.url, packed, progress)
        if source.url.endswith(".zip"):
            _unpack(packed, source.file_name, unpacked)
        else:
            packed.replace(unpacked)
        if not _has_digest(unpacked, source):
            raise InputError(
                f"{source.url} is not the file that was published (its {source.algorithm} does not begin "
                f"with {source.digest}); try again, or give a file of your own."
            )
        unpacked.replace(target)
    except (*_NO_ANSWER, zipfile.BadZipFile, KeyError) as error:
        raise InputError(
            f"{source.url} cannot be downloaded ({error}); fetch it by other means into {folder}."
        ) from error
    except OSError as error:
        raise OutputError(
            f"The weights cannot be written to {folder} ({error.strerror or error})."
        ) from error
    finally:
        for left in (packed, unpacked):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    return target


def load_imagenet(network: nn.Module, path: Path) -> None:
    """Give a network's body ImageNet weights; its head keeps its own.

    Args:
        network: One of moreno2024's networks; its body is overwritten.
        path: What `fetch_imagenet` returned, or the same tensors as `.safetensors`.

    Raises:
        SettingError: The network has no ImageNet weights.
        InputError: The file is missing or unreadable.
        ModelError: The file holds another network.
    """
    name = str(getattr(network, "name", type(network).__name__))
    prefix = imagenet_weights(name).prefix
    classifier = ("classifier.", "fc.", "output.")
    tensors = {
        key.removeprefix(prefix): tensor
        for key, tensor in _read(path).items()
        if key.startswith(prefix) and not key.startswith(classifier)
    }
    body = network.get_submodule("body")
    # Files older than batch norm's counter of batches lack it.
    tensors |= {
        key: tensor
        for key, tensor in body.state_dict().items()
        if key.endswith("num_batches_tracked") and key not in tensors
    }
    try:
        body.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"{path} does not hold the body of {name}: {reason}") from error


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file, without running anything that is in it."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"There is no weights file {path}; fetch one with openau models --fetch.") from None
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"The weights file {path} cannot be read; fetch it again.") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"The weights file {path} holds no weights by name; fetch it again.")
    return found


def _download(url: str, target: Path, progress: Callable[[int, int | None], None] | None) -> None:
    """Read a URL into a file."""
    with urllib.request.urlopen(url, timeout=60) as answer, target.open("wb") as file:
        stated = answer.headers.get("Content-Length")
        total = int(stated) if stated else None
        done = 0
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Take one file out of a zip archive."""
    with zipfile.ZipFile(archive) as packed, packed.open(member) as inside, target.open("wb") as file:
        while chunk := inside.read(_CHUNK):
            file.write(chunk)


def _has_digest(path: Path, source: ImageNetWeights) -> bool:
    digest = hashlib.new(source.algorithm)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest().startswith(source.digest)
