"""The rasteriser and the shader against plain numpy and plain sense."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.raster import (
    FAR,
    Buffer,
    add_modes,
    empty_buffer,
    rasterize,
    rasterize_depth,
    vertex_normals,
)
from openau.synth.rig import Rig
from openau.synth.shade import cast_shadow, relief_slope
from openau.synth.texture import bump, float32, line_distance, smooth_step

ONE = np.array([[0, 2, 1]], np.int32)  # counter-clockwise when y is up


def draw(
    points: list[list[int]] | list[list[float]],
    depth: list[float],
    triangles: NDArray[np.int32],
    cover: float = 1.0,
) -> Buffer:
    buffer = empty_buffer(24, 32)
    coverage = np.full(len(triangles), cover, np.float32)
    rasterize(np.array(points, np.float32), np.array(depth, np.float32), triangles, coverage, buffer)
    return buffer


def inside_by_hand(points: Floats, height: int, width: int) -> NDArray[np.bool_]:
    """Return which pixel centres lie in a triangle: on the same side of all three edges."""
    y, x = np.mgrid[:height, :width] + 0.5
    (x0, y0), (x1, y1), (x2, y2) = points
    edges = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        for ax, ay, bx, by in ((x0, y0, x1, y1), (x1, y1, x2, y2), (x2, y2, x0, y0))
    ]
    return np.asarray((np.min(edges, axis=0) >= 0) | (np.max(edges, axis=0) <= 0))


def test_exactly_the_pixels_whose_centre_lies_in_the_triangle_are_drawn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        points = rng.uniform(-4, 30, (3, 2)).astype(np.float32)
        turned = np.array([[0, 1, 2], [0, 2, 1]], np.int32)  # one of the two faces the viewer
        buffer = draw(points.tolist(), [1, 1, 1], turned)
        different = (buffer.triangle >= 0) != inside_by_hand(points.astype(float), 24, 32)
        assert different.sum() <= 2  # centres that lie on an edge to within float32


def test_depth_and_weights_are_those_of_the_plane_through_the_corners() -> None:
    buffer = draw([[2, 2], [30, 3], [4, 22]], [1, 5, 9], ONE)
    seen = buffer.triangle == 0
    y, x = (np.mgrid[:24, :32] + 0.5)[:, seen]
    plane = np.linalg.solve([[2, 2, 1], [30, 3, 1], [4, 22, 1]], [1.0, 5.0, 9.0])
    np.testing.assert_allclose(buffer.depth[seen], plane[0] * x + plane[1] * y + plane[2], atol=1e-4)


def test_the_nearer_triangle_is_seen_whatever_the_order() -> None:
    points = [[0, 0], [30, 0], [0, 23], [0, 0], [30, 0], [0, 23]]
    for near, depth in ((0, [1.0] * 3 + [2.0] * 3), (1, [2.0] * 3 + [1.0] * 3)):
        buffer = draw(points, depth, np.array([[0, 2, 1], [3, 5, 4]], np.int32))
        assert set(buffer.triangle[buffer.triangle >= 0].tolist()) == {near}


def test_a_triangle_seen_from_behind_is_not_drawn() -> None:
    assert (draw([[0, 0], [30, 0], [0, 23]], [1, 1, 1], ONE[:, ::-1].copy()).triangle == -1).all()


def test_a_triangle_outside_the_picture_draws_nothing_and_breaks_nothing() -> None:
    assert (draw([[-90, -9], [-30, -9], [-90, 900]], [1, 1, 1], ONE).triangle == -1).all()


def test_partial_coverage_draws_about_that_share_of_the_pixels() -> None:
    whole = (draw([[0, 0], [64, 0], [0, 48]], [1, 1, 1], ONE).triangle >= 0).sum()
    part = (draw([[0, 0], [64, 0], [0, 48]], [1, 1, 1], ONE, cover=0.4).triangle >= 0).sum()
    assert 0.3 < part / whole < 0.5


def test_the_shadow_map_keeps_the_nearest_depth_of_both_faces() -> None:
    image = np.full((24, 32), FAR, np.float32)
    points = np.array([[0, 0], [30, 0], [0, 23]], np.float32)
    for triangle, depth in ((ONE, 3.0), (ONE[:, ::-1].copy(), 2.0)):
        rasterize_depth(points, np.full(3, depth, np.float32), triangle, image)
    assert set(np.unique(image).tolist()) == {2.0, float(FAR)}


def test_normals_of_a_sheet_point_forward_and_turn_with_it(plane: Rig) -> None:
    normals = vertex_normals(plane.vertices, plane.triangles)
    np.testing.assert_allclose(normals, np.tile([0, 0, 1], (441, 1)), atol=1e-6)
    turned = np.ascontiguousarray(plane.vertices[:, [2, 1, 0]] * float32([1, 1, -1]))
    np.testing.assert_allclose(vertex_normals(turned, plane.triangles)[:, 0], 1, atol=1e-6)


def test_a_sheet_before_a_sheet_shades_it_and_not_the_reverse(plane: Rig) -> None:
    small = plane.vertices * float32([0.3, 0.3, 1]) + float32([0, 0, 4])
    both = np.concatenate([plane.vertices, small]) - float32([0, 0, 10])
    triangles = np.concatenate([plane.triangles, plane.triangles + 441]).astype(np.int32)
    shadow = cast_shadow(both.astype(np.float32), triangles, np.array([0, 0, 1], np.float32))
    column, row = shadow.points.astype(int).T
    hidden = shadow.depth > shadow.nearest[row, column] + 0.35
    assert hidden[220]  # the middle of the sheet behind
    assert not hidden[0]  # its corner
    assert not hidden[441:].any()


def test_the_slope_of_a_ramp_on_a_flat_texture_is_the_ramp() -> None:
    height = np.broadcast_to(np.arange(16, dtype=np.float32) * 0.1, (16, 16)).copy()
    along_u = np.broadcast_to(float32([1, 0, 0]), (16, 16, 3)).copy()
    along_v = np.broadcast_to(float32([0, -1, 0]), (16, 16, 3)).copy()
    out = np.zeros((16, 16, 3), np.float32)
    relief_slope(height, along_u, along_v, out)
    np.testing.assert_allclose(out[1:-1, 1:-1], np.tile([0.1, 0, 0], (14, 14, 1)), atol=1e-6)


def test_a_slope_is_never_steeper_than_the_limit() -> None:
    height = np.random.default_rng(0).normal(0, 50, (16, 16)).astype(np.float32)
    along = np.ones((16, 16, 3), np.float32)
    out = np.zeros((16, 16, 3), np.float32)
    relief_slope(height, along, along, out)
    assert np.linalg.norm(out, axis=2).max() < 1.1 + 1e-3


def test_hills_and_steps_have_their_heights() -> None:
    place = np.array([0.0, 2.0, 4.0], np.float32)
    np.testing.assert_allclose(bump(place, 2.0), [1, np.exp(-1), np.exp(-4)], rtol=1e-5)
    np.testing.assert_allclose(smooth_step(0, 4, place), [0, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(smooth_step(4, 0, place), [1, 0.5, 0], atol=1e-6)


def test_the_distance_to_a_broken_line_is_to_its_nearest_piece() -> None:
    x, y = float32([0, 5, 9]), float32([2, 0, 5])
    distance, along = line_distance(((0, 0), (6, 0), (6, 9)), x, y)
    np.testing.assert_allclose(distance, [2, 0, 3], atol=1e-6)
    np.testing.assert_allclose(along, [0, 5 / 6, 5 / 9], atol=1e-6)


def test_modes_add_up_as_in_a_matrix_product() -> None:
    rng = np.random.default_rng(0)
    modes, weights = float32(rng.normal(0, 1, (7, 150))), float32(rng.normal(0, 1, 7))
    vertices = np.ones(150, np.float32)
    add_modes(vertices, modes, weights)
    np.testing.assert_allclose(vertices, 1 + weights @ modes, atol=1e-5)
