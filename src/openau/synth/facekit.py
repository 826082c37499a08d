"""ICT-FaceKit as its authors publish it: a folder of 158 OBJ files, read into the arrays of the packed rig.

The folder holds `generic_neutral_mesh.obj`, `identity000.obj` to `identity099.obj` and one file for each
expression; shapes are kept as displacements from the neutral mesh, float16, as in the packed file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from itertools import chain, pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.errors import RigError
from openau.records import Floats

Arrays = dict[str, NDArray[np.generic]]

NEUTRAL: Final = "generic_neutral_mesh"
IDENTITIES: Final = tuple(f"identity{number:03d}" for number in range(100))
_SIDED: Final = (
    *("PupilDilate", "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekRaiser", "cheekSquint"),
    *("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide"),
    *("mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch"),
    *("mouthUpperUp", "noseSneer"),
)
_MIDDLE: Final = (
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft"),
    *("mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
)
EXPRESSIONS: Final = tuple(sorted((*(f"{name}_{end}" for name in _SIDED for end in "LR"), *_MIDDLE)))
"""Names of the 57 expression files."""

_VERTEX: Final = re.compile(rb"^v[ \t]+([^\r\n]*)", re.MULTILINE)
_TEXTURE: Final = re.compile(rb"^vt[ \t]+([^\r\n]*)", re.MULTILINE)


def model_folder(folder: Path) -> Path | None:
    """Return where in a folder the model's OBJ files are: in itself, or where a clone has them.

    Args:
        folder: The user's folder.

    Returns:
        None where they are not.
    """
    for place in (folder, folder / "FaceXModel", folder / "FaceXModelLight"):
        if (place / f"{NEUTRAL}.obj").is_file():
            return place
    return None


def read_model(folder: Path) -> Arrays:
    """Read the OBJ files into the arrays of the packed rig; takes some seconds.

    Args:
        folder: The folder that holds `generic_neutral_mesh.obj`.

    Returns:
        `vertices`, `faces`, `uv_faces`, `uv`, `material`, `material_names`, `identity`, `expression` and
        `expression_names`.

    Raises:
        RigError: A file is absent, unreadable, no OBJ, or of another topology than the neutral mesh.
    """
    content = _read(folder / f"{NEUTRAL}.obj")
    neutral = _numbers(folder / f"{NEUTRAL}.obj", _VERTEX.findall(content), 3)
    faces, uv_faces, material, names = _faces(folder / f"{NEUTRAL}.obj", content)
    uv = _numbers(folder / f"{NEUTRAL}.obj", _TEXTURE.findall(content), 2)
    if faces.max() >= len(neutral) or uv_faces.max() >= len(uv):
        raise RigError(f"{folder / NEUTRAL}.obj has a face that names a vertex which it has not.")
    return {
        "vertices": neutral,
        "faces": faces,
        "uv_faces": uv_faces,
        "uv": uv,
        "material": material,
        "material_names": np.array(names),
        "identity": np.stack([_displacement(folder, name, neutral) for name in IDENTITIES]),
        "expression": np.stack([_displacement(folder, name, neutral) for name in EXPRESSIONS]),
        "expression_names": np.array(EXPRESSIONS),
    }


def fingerprint(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """Return the SHA-256 of what a rig holds, whatever file or folder it came from.

    The order of materials and of expressions does not matter.

    Args:
        arrays: As `read_model` returns them.
    """
    total = hashlib.sha256()
    for name, kind in (("vertices", "<f4"), ("uv", "<f4"), ("faces", "<i4"), ("uv_faces", "<i4")):
        total.update(np.ascontiguousarray(arrays[name], np.dtype(kind)).tobytes())
    names = np.array([str(n) for n in arrays["material_names"]])
    places = np.argsort(np.argsort(names))
    total.update(places[arrays["material"].astype(np.int64)].astype("<i4").tobytes())
    total.update("\n".join(sorted(names)).encode())
    total.update(np.ascontiguousarray(arrays["identity"], np.dtype("<f2")).tobytes())
    by_name = sorted((str(name), place) for place, name in enumerate(arrays["expression_names"]))
    for name, place in by_name:
        total.update(name.encode())
        total.update(np.ascontiguousarray(arrays["expression"][place], np.dtype("<f2")).tobytes())
    return total.hexdigest()


def _read(file: Path) -> bytes:
    """Return a file's bytes."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise RigError(f"The face rig's file {file} cannot be read: {error.strerror}.") from error


def _numbers(file: Path, lines: list[bytes], columns: int) -> Floats:
    """Return the first numbers of each line as float32, (lines, columns)."""
    words = [line.split() for line in lines]
    counts = {len(row) for row in words}
    try:
        if len(counts) > 1 or min(counts, default=columns) < columns:
            raise ValueError("rows of different lengths")
        values = np.fromiter(map(float, chain.from_iterable(words)), np.float64)
    except ValueError as error:
        raise RigError(
            f"{file} is damaged: its vertices are not rows of at least {columns} numbers."
        ) from error
    return values.reshape(len(lines), max(counts, default=columns))[:, :columns].astype(np.float32)


def _displacement(folder: Path, name: str, neutral: Floats) -> NDArray[np.float16]:
    """Return how far a shape moves each vertex."""
    file = folder / f"{name}.obj"
    vertices = _numbers(file, _VERTEX.findall(_read(file)), 3)
    if vertices.shape != neutral.shape:
        raise RigError(
            f"{file} has {len(vertices)} vertices, the neutral mesh {len(neutral)}: not one model."
        )
    return (vertices - neutral).astype(np.float16)


def _faces(
    file: Path, content: bytes
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8], list[str]]:
    """Return triangles, their texture corners, their materials, and the materials' names.

    A polygon becomes a fan around its first corner.
    """
    corners: list[tuple[int, int]] = []
    used: list[int] = []
    names: list[str] = []
    current = -1
    for line in content.splitlines():
        word, _, rest = line.partition(b" ")
        if word == b"usemtl":
            name = rest.strip().decode("utf-8", "replace")
            if name not in names:
                names.append(name)
            current = names.index(name)
        elif word == b"f":
            polygon = [_corner(file, text) for text in rest.split()]
            if current < 0 or len(polygon) < 3:
                raise RigError(f"{file} has a face without a material, or with fewer than three corners.")
            for second, third in pairwise(polygon[1:]):
                corners += (polygon[0], second, third)
                used.append(current)
    if not corners:
        raise RigError(f"{file} has no faces: it is not the neutral mesh of ICT-FaceKit.")
    both = np.array(corners, np.int32).reshape(-1, 3, 2) - 1
    vertex, texture = np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])
    return vertex, texture, np.array(used, np.int8), names


def _corner(file: Path, text: bytes) -> tuple[int, int]:
    """Return the numbers of a corner's vertex and texture vertex, from 1."""
    parts = text.split(b"/")
    try:
        vertex, texture = int(parts[0]), int(parts[1])
    except (ValueError, IndexError):
        vertex = texture = 0
    if vertex < 1 or texture < 1:
        raise RigError(
            f"{file} has a face corner {text.decode('utf-8', 'replace')!r} without a texture vertex."
        )
    return vertex, texture
