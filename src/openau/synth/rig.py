"""The 3-D face behind the pictures: ICT-FaceKit, loaded from the user's own copy and checked.

The rig is not part of this package. It is the user's clone of ICT-FaceKit (github.com/ICT-VGL/ICT-FaceKit,
commit da5f95a607f5, MIT, (c) 2020 USC Institute for Creative Technologies), or one `ict_facekit.npz` with its
"light" model packed (`pack_rig`). Both give the same rig with the same checksum, and so the same pictures.

Reference: Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.errors import OutputError, RigError
from openau.records import Floats
from openau.synth.facekit import NEUTRAL, Arrays, fingerprint, model_folder, read_model

FILE_NAME: Final = "ict_facekit.npz"
HOW_TO_OBTAIN: Final = (
    "clone github.com/ICT-VGL/ICT-FaceKit (commit da5f95a607f5, MIT licence) and name the clone's folder "
    "with OPENAU_RIG or the option for the rig"
)

FACE, HEAD, MOUTH, TEETH, EYE, LASH, LOWER_LASH, HAIR, BEARD, FRAME, LENS, HEADWEAR, HAND, OBJECT = range(14)
"""Codes of the parts that are drawn, as in `Rig.part`; subjects bring those from HAIR on.

FRAME and LENS are glasses; HAND and OBJECT are before the face in a single picture.
"""

CLOTHES: Final = OBJECT + 1
"""Row of the clothes in a subject's colours, which are sorted by part."""

_PART_OF_MATERIAL: Final = {
    "M_Face": FACE,
    "M_BackHead": HEAD,
    "M_GumsTongue": MOUTH,
    "M_Teeth": TEETH,
    "M_ScleraLeft": EYE,
    "M_ScleraRight": EYE,
    "M_EyeLashes": LASH,
}

# Vertex of each of the 68 iBUG landmarks in ICT-FaceKit (its own landmark list), subject's right to left.
_LANDMARK_VERTICES: Final = (
    *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
    *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509),
    *(978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360),
    *(1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732),
    *(5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841),
    *(5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
)

_SHAPES: Final = {
    "vertices": (26719, 3),
    "faces": (52220, 3),
    "uv_faces": (52220, 3),
    "uv": (28911, 2),
    "material": (52220,),
    "material_names": (12,),
    "identity": (100, 26719, 3),
    "expression": (57, 26719, 3),
    "expression_names": (57,),
}

LEFT_EYE_LIDS: Final = (43, 44, 46, 47)
RIGHT_EYE_LIDS: Final = (37, 38, 41, 40)
"""Landmarks of each eye: two on the upper lid, then the two opposite them on the lower lid."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One expression shape, only where it moves anything.

    Attributes:
        vertices: (K,) int64 indices into the rig's vertices.
        offsets: (K, 3) float32 displacement in cm at weight 1.
    """

    vertices: NDArray[np.int64]
    offsets: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """The neutral mean face, its identity modes and its expression shapes.

    Axes: x to the subject's left, y up, z forward.

    Attributes:
        vertices: (N, 3) float32, cm.
        triangles: (T, 3) int32 vertex indices, counter-clockwise seen from outside.
        uv: (M, 2) float32 texture coordinates, v up.
        uv_triangles: (T, 3) int32 indices into `uv`.
        part: (T,) int8, one of FACE, HEAD, MOUTH, TEETH, EYE, LASH (upper), LOWER_LASH.
        identity: (100, N, 3) float32 displacement in cm per unit of a coefficient that is N(0, 1) in people.
        expression: Shapes by name; a name ends in `_L` or `_R` where the shape is one-sided.
        landmarks: (68,) int64 vertex of every iBUG landmark.
        checksum: SHA-256 of the content, hexadecimal; the same from the packed file and from the OBJ files.
    """

    vertices: Floats
    triangles: NDArray[np.int32]
    uv: Floats
    uv_triangles: NDArray[np.int32]
    part: NDArray[np.int8]
    identity: Floats
    expression: Mapping[str, Shape]
    landmarks: NDArray[np.int64]
    checksum: str


def find_rig(path: Path | None = None) -> Path:
    """Return where the rig is: at the path given, else `$OPENAU_RIG`, else `$OPENAU_SHARED/rig`.

    Args:
        path: The packed file, a folder that contains `ict_facekit.npz`, or a clone of ICT-FaceKit (or its
            folder of OBJ files); None to look at the environment.

    Returns:
        The packed file, or the folder that contains the OBJ files.

    Raises:
        RigError: Nothing is there.
    """
    if path is None:
        named, shared = os.environ.get("OPENAU_RIG"), os.environ.get("OPENAU_SHARED")
        if not named and not shared:
            raise RigError(f"No face rig was named: {HOW_TO_OBTAIN}.")
        path = Path(named) if named else Path(str(shared)) / "rig"
    if path.is_file():
        return path
    if not path.is_dir():
        raise RigError(f"The face rig {path} does not exist: {HOW_TO_OBTAIN}.")
    if (path / FILE_NAME).is_file():
        return path / FILE_NAME
    models = model_folder(path)
    if models is None:
        raise RigError(
            f"The folder {path} holds no face rig, neither {FILE_NAME} nor {NEUTRAL}.obj: {HOW_TO_OBTAIN}."
        )
    return models


def load_rig(path: Path | None = None) -> Rig:
    """Load the rig and check that it is the one the renderer was made for.

    Args:
        path: As in `find_rig`. From OBJ files it takes some seconds; see `pack_rig`.

    Raises:
        RigError: The rig is absent, unreadable, or lacks an array or has one of another shape.
    """
    arrays = _load_arrays(find_rig(path))
    return _build_rig(arrays, fingerprint(arrays))


def pack_rig(path: Path, out: Path) -> Path:
    """Pack a clone of ICT-FaceKit into one file that loads in a second; the rig's licence goes with it.

    Args:
        path: As in `find_rig`.
        out: The file to write; its name must end in `.npz`.

    Returns:
        `out`.

    Raises:
        RigError: The rig is absent or not the one expected.
        OutputError: The file cannot be written.
    """
    if out.suffix != ".npz":
        raise OutputError(f"The packed rig {out} must have a name that ends in .npz.")
    arrays = _load_arrays(find_rig(path))
    temporary = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        temporary.replace(out)
    except OSError as error:
        raise OutputError(f"The packed rig {out} cannot be written: {error}.") from error
    return out


def _load_arrays(source: Path) -> Arrays:
    """Read and check the arrays of a packed file or of a folder of OBJ files."""
    arrays = _read_models(source) if source.is_dir() else _read_packed(source)
    for name, shape in _SHAPES.items():
        if name not in arrays:
            raise RigError(f"The face rig {source} has no array {name!r}: {HOW_TO_OBTAIN}.")
        if arrays[name].shape != shape:
            raise RigError(
                f"The face rig {source} has {name!r} of shape {arrays[name].shape} where {shape} is "
                f"expected: {HOW_TO_OBTAIN}."
            )
    return arrays


def _read_models(folder: Path) -> Arrays:
    """Read OBJ files; say how to obtain whole ones."""
    try:
        return read_model(folder)
    except RigError as error:
        raise RigError(f"{str(error).rstrip('.')}: {HOW_TO_OBTAIN}.") from error


def _read_packed(file: Path) -> Arrays:
    """Read the packed file."""
    try:
        packed = io.BytesIO(file.read_bytes())
        if not zipfile.is_zipfile(packed):  # NumPy would advise to trust it
            raise RigError(f"The face rig {file} cannot be read (it is no packed rig): {HOW_TO_OBTAIN}.")
        packed.seek(0)
        with np.load(packed, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise RigError(f"The face rig {file} cannot be read ({error}): {HOW_TO_OBTAIN}.") from error


def _build_rig(arrays: dict[str, NDArray[np.generic]], checksum: str) -> Rig:
    """Keep what is drawn, renumber its vertices, and make the expression shapes sparse."""
    material_part = np.array([_PART_OF_MATERIAL.get(str(n), -1) for n in arrays["material_names"]], np.int8)
    part = material_part[arrays["material"].astype(np.int64)]
    drawn = part >= 0
    corners = arrays["faces"].astype(np.int64)[drawn]
    used = np.unique(corners)
    renumber = np.full(len(arrays["vertices"]), -1, np.int64)
    renumber[used] = np.arange(len(used))
    vertices = np.ascontiguousarray(arrays["vertices"].astype(np.float32)[used])
    triangles = np.ascontiguousarray(renumber[corners].astype(np.int32))
    middle = vertices[triangles].mean(axis=1)
    # Between the two rows of lashes runs the line on which the closed lids meet.
    lid_line = np.interp(np.abs(middle[:, 0]), [1.8, 2.7, 3.3, 3.9, 4.6], [3.1, 3.35, 3.45, 3.4, 3.15])
    kept = part[drawn]
    kept[(kept == LASH) & (middle[:, 1] < lid_line)] = LOWER_LASH
    expression = {
        str(name): _sparse(arrays["expression"][i].astype(np.float32)[used])
        for i, name in enumerate(arrays["expression_names"])
    }
    return Rig(
        vertices=vertices,
        triangles=triangles,
        uv=np.ascontiguousarray(arrays["uv"].astype(np.float32)),
        uv_triangles=np.ascontiguousarray(arrays["uv_faces"].astype(np.int32)[drawn]),
        part=np.ascontiguousarray(kept),
        identity=np.ascontiguousarray(arrays["identity"].astype(np.float32)[:, used]),
        expression=expression,
        landmarks=renumber[np.array(_LANDMARK_VERTICES)],
        checksum=checksum,
    )


def _sparse(offsets: Floats) -> Shape:
    """Drop the vertices that a shape moves by less than a hundredth of a millimetre."""
    moved = np.flatnonzero(np.abs(offsets).max(axis=1) > 1e-3)
    return Shape(moved, np.ascontiguousarray(offsets[moved]))
