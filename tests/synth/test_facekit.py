"""A clone of ICT-FaceKit instead of the packed rig: the same rig, and what is said when a file is broken."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from openau.errors import OutputError, RigError
from openau.records import Floats
from openau.synth import rig
from openau.synth.facekit import EXPRESSIONS, IDENTITIES, NEUTRAL, fingerprint, model_folder, read_model
from openau.synth.rig import Rig, find_rig, load_rig, pack_rig

OBTAIN = "clone github.com/ICT-VGL/ICT-FaceKit (commit da5f95a607f5, MIT licence)"
SQUARE = """# two squares, the second one a triangle short
mtllib some.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0.5
v 2 0 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl M_Face
f 1/1 2/2 3/3 4/4
usemtl M_Teeth
f 2/2 5/1 3/3
"""


def vertex_lines(vertices: Floats) -> str:
    return "".join(f"v {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in vertices.tolist())


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A model of five vertices: whole as a folder, though not the rig."""
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    (folder / f"{NEUTRAL}.obj").write_text(SQUARE)
    for name in (*IDENTITIES, *EXPRESSIONS):
        (folder / f"{name}.obj").write_text("\r\n".join(f"v  {x} 0.25\t1" for x in range(5)))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(RigError) as caught:
        load_rig(folder)
    message = str(caught.value)
    assert OBTAIN in message
    assert "\n" not in message
    return message


def test_polygons_become_fans_with_their_material_and_shapes_become_displacements(tiny: Path) -> None:
    arrays = read_model(tiny)
    assert arrays["faces"].tolist() == [[0, 1, 2], [0, 2, 3], [1, 4, 2]]
    assert arrays["uv_faces"].tolist() == [[0, 1, 2], [0, 2, 3], [1, 0, 2]]
    assert arrays["material"].tolist() == [0, 0, 1]
    assert arrays["material_names"].tolist() == ["M_Face", "M_Teeth"]
    assert arrays["identity"].shape == (100, 5, 3)
    assert arrays["expression"].dtype == np.float16
    assert arrays["expression"][7].tolist() == [
        [0, 0.25, 1],
        [0, 0.25, 1],
        [1, -0.75, 1],
        [3, -0.75, 0.5],
        [2, 0.25, 1],
    ]


def test_a_clone_is_found_by_its_root_and_by_its_model_folder(tiny: Path) -> None:
    assert find_rig(tiny) == find_rig(tiny.parent) == tiny
    assert model_folder(tiny.parent.parent) is None


def test_a_whole_folder_of_another_model_is_refused_by_its_shape(tiny: Path) -> None:
    assert "'vertices' of shape (5, 3) where (26719, 3) is expected" in refusal(tiny.parent)


def test_a_folder_without_a_model_says_what_was_looked_for(tmp_path: Path) -> None:
    assert f"The folder {tmp_path} holds no face rig" in refusal(tmp_path)


def test_a_missing_file_is_named(tiny: Path) -> None:
    (tiny / "identity042.obj").unlink()
    assert "identity042.obj cannot be read" in refusal(tiny)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("jawOpen", "v 1 2 3\nv 1 2 3\n", "jawOpen.obj has 2 vertices, the neutral mesh 5"),
        ("jawOpen", "v 1 2\n" * 5, "not rows of at least 3 numbers"),
        ("jawOpen", "v 1 2 x\n" * 5, "not rows of at least 3 numbers"),
        ("jawOpen", "v 1 2 3 4\nv 1 2\n" * 3, "not rows of at least 3 numbers"),
        ("jawOpen", "", "jawOpen.obj has 0 vertices"),
        (NEUTRAL, "v 1 2 3\n", "has no faces"),
        (NEUTRAL, SQUARE.replace("usemtl M_Face\n", ""), "a face without a material"),
        (NEUTRAL, SQUARE.replace("f 2/2 5/1 3/3", "f 2/2 5/1"), "fewer than three corners"),
        (NEUTRAL, SQUARE.replace("f 2/2 5/1", "f 2 5/1"), "corner '2' without a texture vertex"),
        (NEUTRAL, SQUARE.replace("f 2/2 5/1", "f 2//2 5/1"), "corner '2//2' without a texture vertex"),
        (NEUTRAL, SQUARE.replace("5/1", "-1/1"), "corner '-1/1'"),
        (NEUTRAL, SQUARE.replace("5/1", "6/1"), "names a vertex which it has not"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(
    tiny: Path, name: str, content: str, complaint: str
) -> None:
    (tiny / f"{name}.obj").write_text(content)
    message = refusal(tiny)
    assert complaint in message
    assert f"{name}.obj" in message


def test_the_fingerprint_tells_content_and_not_order(tiny: Path) -> None:
    arrays = read_model(tiny)
    turned = dict(arrays)
    turned["expression"], turned["expression_names"] = (
        arrays["expression"][::-1],
        arrays["expression_names"][::-1],
    )
    turned["material"], turned["material_names"] = 1 - arrays["material"], arrays["material_names"][::-1]
    assert fingerprint(turned) == fingerprint(arrays)
    moved = dict(arrays, identity=arrays["identity"].copy())
    moved["identity"][3, 2, 1] += np.float16(0.01)
    renamed = dict(arrays, material=1 - arrays["material"])
    assert len({fingerprint(a) for a in (arrays, moved, renamed)}) == 3


def test_a_rig_is_packed_only_under_a_name_that_says_so(rig_file: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.npz"):
        pack_rig(rig_file, tmp_path / "rig.obj")
    with pytest.raises(OutputError, match="cannot be written"):
        pack_rig(rig_file, tmp_path / "absent" / "rig.npz")


@pytest.fixture(scope="module")
def clone(rig_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as the authors publish it, written from the packed rig, with four shapes taking turns."""
    with np.load(rig_file) as stored:
        packed = {name: stored[name] for name in stored.files}
    folder = tmp_path_factory.mktemp("clone") / "FaceXModel"
    folder.mkdir()
    neutral = packed["vertices"]
    lines = ["mtllib ICTFaceModelMaterial.mtl\n", vertex_lines(neutral)]
    lines += [f"vt {u:.9g} {v:.9g}\n" for u, v in packed["uv"].tolist()]
    for number, name in enumerate(packed["material_names"]):
        lines.append(f"usemtl {name}\n")
        of_it = packed["material"] == number
        for face, texture in zip(packed["faces"][of_it] + 1, packed["uv_faces"][of_it] + 1, strict=True):
            lines.append("f " + " ".join(f"{a}/{b}" for a, b in zip(face, texture, strict=True)) + "\n")
    (folder / f"{NEUTRAL}.obj").write_text("".join(lines))
    shapes = (*packed["identity"][:2], *packed["expression"][26:28])
    for number, name in enumerate((*IDENTITIES, *EXPRESSIONS)):
        file = folder / f"{name}.obj"
        if number < len(shapes):
            file.write_text(vertex_lines(neutral + shapes[number].astype(np.float32)))
        else:
            os.link(folder / f"{(*IDENTITIES, *EXPRESSIONS)[number % 4]}.obj", file)
    return folder.parent


def same(one: Rig, other: Rig) -> None:
    for field in fields(Rig):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "expression":
            assert a.keys() == b.keys()
            for name, shape in a.items():
                assert np.array_equal(shape.vertices, b[name].vertices)
                assert np.array_equal(shape.offsets, b[name].offsets)
        else:
            assert np.array_equal(a, b), field.name


def test_a_clone_its_packed_file_and_the_rig_it_was_written_from_are_one(
    clone: Path, rig_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = read_model(find_rig(clone))  # once: it takes seconds
    monkeypatch.setattr(rig, "read_model", lambda folder: arrays)
    from_clone = load_rig(clone)
    same(from_clone, load_rig(pack_rig(clone, tmp_path / "packed.npz")))
    packed = load_rig(rig_file)
    for name in ("vertices", "triangles", "uv", "uv_triangles", "part", "landmarks"):
        assert np.array_equal(getattr(from_clone, name), getattr(packed, name)), name
    # The text keeps a vertex to float32, a millionth of a centimetre: shapes come back to within that.
    np.testing.assert_allclose(from_clone.identity[:2], packed.identity[:2], atol=3e-6, rtol=2e-3)
    assert from_clone.checksum != packed.checksum  # most of its shapes are others
