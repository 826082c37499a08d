"""Turn a rasterised face into linear light: skin with soft shadows, hair, lashes, teeth, wet eyes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.compiled import uncounted, uncounted_inline
from openau.synth.light import Rays
from openau.synth.raster import FAR, Buffer, rasterize_depth
from openau.synth.rig import BEARD, CLOTHES, EYE, FACE, FRAME, HAIR, HEAD, HEADWEAR, LENS, TEETH

SHADOW_SIZE = 224
SHADOW_SPAN_CM = 32.0
SHADOW_BIAS_CM = 0.35
PLAIN_CM = 0.5
"""Depth by which the samples of a pixel may differ when they are lit as one."""
_SKIN_WRAP = (0.28, 0.15, 0.11)

_FACE, _HEAD, _TEETH, _EYE, _HAIR = FACE, HEAD, TEETH, EYE, HAIR
_BEARD, _FRAME, _LENS, _HEADWEAR, _CLOTHES = BEARD, FRAME, LENS, HEADWEAR, CLOTHES


class Mesh(NamedTuple):
    """What is drawn: the rig and the subject's hair, see `Rig`."""

    triangles: NDArray[np.int32]
    uv_triangles: NDArray[np.int32]
    uv: Floats
    part: NDArray[np.int8]


class Posed(NamedTuple):
    """Vertices as the camera sees them.

    Attributes:
        normal: (N, 3) float32 unit normals, camera axes.
        rotation: (3, 3) float32, head to camera.
        occlusion: (N,) float32, 0-1.
    """

    normal: Floats
    rotation: Floats
    occlusion: Floats


class Paint(NamedTuple):
    """A subject's colours.

    Attributes:
        skin: (S, S, 4) float32, linear RGB and gloss.
        slope: (S, S, 3) float32, gradient of pores and wrinkles, head axes.
        eye: (E, E, 3) float32.
        solid: (CLOTHES + 1, 3) float32, reflectance by part, then that of the clothes.
        hair: (N,) float32, cover 0-1 on the skin; on the eyes, how far a lid shades them, 0-1; on what the
            subject adds to the rig, its brightness.
        clothes: (N,) float32, cover 0-1.
        gloss: Strength of highlights.
    """

    skin: Floats
    slope: Floats
    eye: Floats
    solid: Floats
    hair: Floats
    clothes: Floats
    gloss: float


class Shadow(NamedTuple):
    """A depth map as the key light sees it.

    Attributes:
        nearest: (SHADOW_SIZE, SHADOW_SIZE) float32.
        points: (N, 2) float32, vertices in its pixels.
        depth: (N,) float32.
    """

    nearest: Floats
    points: Floats
    depth: Floats


class _LitScene(NamedTuple):
    """All that decides a point's colour."""

    mesh: Mesh
    posed: Posed
    paint: Paint
    lamp: Rays
    shadow: Shadow


def cast_shadow(vertices: Floats, triangles: NDArray[np.int32], direction: Floats) -> Shadow:
    """Render the shadow map of the key light.

    Args:
        vertices: (N, 3) float32, cm, camera axes around the head's middle.
        triangles: (T, 3) int32, those that cast shadows.
        direction: (3,) float32, unit, toward the light.
    """
    side = np.cross(np.array([0.0, 1.0, 0.01]), direction)
    side /= np.linalg.norm(side)
    plane = np.stack([side, np.cross(direction, side)], axis=1).astype(np.float32)
    points = (vertices @ plane + np.float32(SHADOW_SPAN_CM / 2)) * np.float32(SHADOW_SIZE / SHADOW_SPAN_CM)
    depth = -(vertices @ direction.astype(np.float32))
    nearest = np.full((SHADOW_SIZE, SHADOW_SIZE), FAR, np.float32)
    rasterize_depth(points, depth, triangles, nearest)
    return Shadow(nearest, points, depth)


@nb.njit(cache=True, fastmath=True)
def relief_slope(
    height: Floats, slope_u: Floats, slope_v: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    """Turn heights on the texture into their 3-D gradient, at most 1.1 steep.

    Args:
        height: (S, S) float32, cm.
        slope_u: (S, S, 3) float32, see `Surface`.
        slope_v: (S, S, 3) float32.
        out: (S, S, 3) float32, is filled.
    """
    size = height.shape[0]
    for y in range(1, size - 1):
        for x in range(1, size - 1):
            du = (height[y, x + 1] - height[y, x - 1]) * 0.5
            dv = (height[y + 1, x] - height[y - 1, x]) * 0.5
            if du == 0.0 and dv == 0.0:
                out[y, x, 0] = out[y, x, 1] = out[y, x, 2] = 0.0
                continue
            gx = du * slope_u[y, x, 0] + dv * slope_v[y, x, 0]
            gy = du * slope_u[y, x, 1] + dv * slope_v[y, x, 1]
            gz = du * slope_u[y, x, 2] + dv * slope_v[y, x, 2]
            steep = math.sqrt(gx * gx + gy * gy + gz * gz)
            limit = 1.1 / steep if steep > 1.1 else 1.0
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = gx * limit, gy * limit, gz * limit


@uncounted_inline
def _texture(texture: Floats, u: float, v: float, out: Floats) -> None:  # pragma: no cover - compiled
    """Read a texture between its texels."""
    height, width, channels = texture.shape
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max((1 - v) * height - 0.5, 0.0), height - 1.001)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    for c in range(channels):
        top = texture[j, i, c] * (1 - fx) + texture[j, i + 1, c] * fx
        bottom = texture[j + 1, i, c] * (1 - fx) + texture[j + 1, i + 1, c] * fx
        out[c] = top * (1 - fy) + bottom * fy


@uncounted_inline
def _lit_share(
    shadow: Shadow, a: int, b: int, c: int, w0: float, w1: float, step: int
) -> float:  # pragma: no cover - compiled
    """Return the share of nine shadow-map samples, `step` apart, around a point that see the light."""
    size = shadow.nearest.shape[0]
    w2 = 1.0 - w0 - w1
    column = int(w0 * shadow.points[a, 0] + w1 * shadow.points[b, 0] + w2 * shadow.points[c, 0])
    row = int(w0 * shadow.points[a, 1] + w1 * shadow.points[b, 1] + w2 * shadow.points[c, 1])
    depth = w0 * shadow.depth[a] + w1 * shadow.depth[b] + w2 * shadow.depth[c]
    if column < step or row < step or column >= size - step or row >= size - step:
        return 1.0
    # Samples farther away lie deeper on a sloping surface: that alone must not count as shadow.
    depth -= SHADOW_BIAS_CM + 0.2 * (step - 1)
    lit = 0
    for y in range(row - step, row + step + 1, step):
        for x in range(column - step, column + step + 1, step):
            if depth <= shadow.nearest[y, x]:
                lit += 1
    return lit / 9.0


@uncounted_inline
def _strand(u: float, v: float) -> float:  # pragma: no cover - compiled
    """Return the brightness of the strand at a place of the hair, about 1: a hash of its number, smoothed."""
    place = u * 640.0 + 1.5 * math.sin(v * 5.0 + u * 40.0)
    number = math.floor(place)
    share = place - number
    first = (math.sin(number * 12.9898) * 43758.5453) % 1.0
    second = (math.sin((number + 1.0) * 12.9898) * 43758.5453) % 1.0
    return 0.62 + 0.76 * (first * (1.0 - share) + second * share)


@uncounted_inline
def _surface_colour(  # noqa: C901, PLR0912 - one branch per part
    t: int, w0: float, w1: float, mesh: Mesh, paint: Paint, colour: Floats, slope: Floats
) -> tuple[float, int]:  # pragma: no cover - compiled
    """Fill colour and slope of one point; return gloss and how many times its highlight is squared."""
    part, w2 = mesh.part[t], 1.0 - w0 - w1
    a, b, c = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
    slope[0] = slope[1] = slope[2] = 0.0
    gloss, squarings = paint.gloss * 0.5, 4
    extra = w0 * paint.hair[a] + w1 * paint.hair[b] + w2 * paint.hair[c]
    if part in (_FACE, _EYE, _HAIR, _BEARD):
        ua, ub, uc = mesh.uv_triangles[t, 0], mesh.uv_triangles[t, 1], mesh.uv_triangles[t, 2]
        u = w0 * mesh.uv[ua, 0] + w1 * mesh.uv[ub, 0] + w2 * mesh.uv[uc, 0]
        v = w0 * mesh.uv[ua, 1] + w1 * mesh.uv[ub, 1] + w2 * mesh.uv[uc, 1]
        if part == _FACE:
            _texture(paint.skin, u, v, colour)
            _texture(paint.slope, u, v, slope)
            gloss = paint.gloss * colour[3]
        elif part == _EYE:
            _texture(paint.eye, u, v, colour)
            for k in range(3):
                colour[k] *= 1 - extra
            gloss, squarings = 5.0 * (1 - 0.8 * extra), 7
        else:
            brightness = extra * _strand(u, v)
            for k in range(3):
                colour[k] = paint.solid[part, k] * brightness
            gloss, slope[0], slope[2] = 0.22 * brightness, 0.6 * (brightness - 1), 0.3 * (brightness - 1)
    else:
        for k in range(3):
            colour[k] = paint.solid[part, k]
        if part > _HAIR:
            for k in range(3):
                colour[k] *= extra
            gloss = 0.0 if part == _HEADWEAR else 0.35
            if part in (_FRAME, _LENS):
                gloss, squarings = 1.2, 5
        elif part != _HEAD:
            gloss = 0.3 if part <= _TEETH else 0.0
    if part in (_FACE, _HEAD):
        hair = extra
        clothes = w0 * paint.clothes[a] + w1 * paint.clothes[b] + w2 * paint.clothes[c]
        for k in range(3):
            colour[k] += (paint.solid[_HAIR, k] - colour[k]) * hair
            colour[k] += (paint.solid[_CLOTHES, k] - colour[k]) * clothes
            slope[k] *= (1 - hair) * (1 - clothes)
        gloss = (gloss * (1 - hair) + 0.2 * hair) * (1 - clothes)
    return gloss, squarings


@uncounted_inline
def _add_beams(
    beams: Floats, nx: float, ny: float, nz: float, out: Floats
) -> None:  # pragma: no cover - compiled
    """Fill `out` with the light of all shadowless lights on a surface that faces a direction."""
    out[0] = out[1] = out[2] = 0.0
    for i in range(beams.shape[0]):
        falling = max(0.0, nx * beams[i, 0] + ny * beams[i, 1] + nz * beams[i, 2])
        for k in range(3):
            out[k] += falling * beams[i, 3 + k]


@uncounted_inline
def _highlight(
    nx: float, ny: float, nz: float, to_key: Floats, squarings: int
) -> float:  # pragma: no cover - compiled
    """Return the strength of the key light's mirror image on a surface that faces a direction."""
    hx, hy, hz = to_key[0], to_key[1], to_key[2] + 1.0
    length = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-6
    shine: float = max(0.0, (nx * hx + ny * hy + nz * hz) / length)
    for _ in range(squarings):
        shine *= shine
    return shine


@uncounted_inline
def _light_point(
    t: int,
    w0: float,
    w1: float,
    scene: _LitScene,
    scratch: Floats,
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Return the light that leaves one point of a triangle toward the camera."""
    mesh, posed, paint, lamp, shadow = scene
    colour, slope, extra = scratch[0], scratch[1], scratch[2]
    w2 = 1.0 - w0 - w1
    a, b, c = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
    r, normal, occlusion, g = posed.rotation, posed.normal, posed.occlusion, lamp.gradient
    gloss, squarings = _surface_colour(t, w0, w1, mesh, paint, colour, slope)
    nx = w0 * normal[a, 0] + w1 * normal[b, 0] + w2 * normal[c, 0]
    ny = w0 * normal[a, 1] + w1 * normal[b, 1] + w2 * normal[c, 1]
    nz = w0 * normal[a, 2] + w1 * normal[b, 2] + w2 * normal[c, 2]
    nx -= r[0, 0] * slope[0] + r[0, 1] * slope[1] + r[0, 2] * slope[2]
    ny -= r[1, 0] * slope[0] + r[1, 1] * slope[1] + r[1, 2] * slope[2]
    nz -= r[2, 0] * slope[0] + r[2, 1] * slope[1] + r[2, 2] * slope[2]
    scale = 1.0 / (math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    sky = w0 * occlusion[a] + w1 * occlusion[b] + w2 * occlusion[c]
    facing = nx * lamp.direction[0] + ny * lamp.direction[1] + nz * lamp.direction[2]
    lit, shine = 1.0, 0.0
    if facing > -0.3:
        step = max(1, int(lamp.softness_cm * SHADOW_SIZE / SHADOW_SPAN_CM / 3 + 0.5))
        lit -= lamp.hardness * (1.0 - _lit_share(shadow, a, b, c, w0, w1, step))
    if facing > 0.0:
        shine = _highlight(nx, ny, nz, lamp.direction, squarings) * gloss * lit * 0.15
    _add_beams(lamp.beams, nx, ny, nz, extra)
    direct = (lit * 0.92 + 0.08) * (0.5 + 0.5 * sky)
    for k in range(3):
        # Red light travels farthest under the skin: shadows on skin have red edges.
        wrap = _SKIN_WRAP[k] if mesh.part[t] <= _HEAD else 0.1
        diffuse = max(0.0, (facing + wrap) / (1 + wrap)) * direct
        ambient = max(0.02, lamp.ambient[k] + g[0, k] * nx + g[1, k] * ny + g[2, k] * nz)
        colour[k] = colour[k] * (lamp.key[k] * diffuse + (ambient + extra[k]) * sky) + shine * lamp.key[k]
    return colour[0], colour[1], colour[2]


@uncounted_inline
def _is_plain(buffer: Buffer, mesh: Mesh, y: int, x: int) -> bool:  # pragma: no cover - compiled
    """Return whether the four samples of a pixel lie on one piece of skin."""
    first = buffer.triangle[y, x]
    if first < 0:
        return False
    part, depth = mesh.part[first], buffer.depth[y, x]
    if part > _HEAD:
        return False
    for j in range(y, y + 2):
        for i in range(x, x + 2):
            t = buffer.triangle[j, i]
            if t < 0 or mesh.part[t] != part or abs(buffer.depth[j, i] - depth) > PLAIN_CM:
                return False
    return True


@uncounted_inline
def _middle(buffer: Buffer, y: int, x: int) -> tuple[int, float, float]:  # pragma: no cover - compiled
    """Return the triangle that most samples of a pixel see, and the mean of their weights."""
    best, most, b0, b1 = buffer.triangle[y, x], 0, 0.0, 0.0
    for j in range(y, y + 2):
        for i in range(x, x + 2):
            t, count, w0, w1 = buffer.triangle[j, i], 0, 0.0, 0.0
            for n in range(y, y + 2):
                for m in range(x, x + 2):
                    if buffer.triangle[n, m] == t:
                        count += 1
                        w0 += buffer.weight0[n, m]
                        w1 += buffer.weight1[n, m]
            # Of two halves each second pixel takes the other one, so that nothing is shifted as a whole.
            if count > most or (count == most and (x + y) % 4 == 0):
                best, most, b0, b1 = t, count, w0 / count, w1 / count
    return best, b0, b1


def shade(
    buffer: Buffer, mesh: Mesh, posed: Posed, paint: Paint, lamp: Rays, shadow: Shadow, out: Floats
) -> None:
    """Light every sample that sees the subject; the others keep what `out` held.

    A pixel has two by two samples; where all four see one piece of skin they are lit once, at their middle.

    Args:
        buffer: (H, W) buffers of the rasteriser, even numbers of rows and columns.
        mesh: The rig.
        posed: The pose.
        paint: The subject's colours.
        lamp: The light.
        shadow: The key light's depth map.
        out: (H, W, 3) float32, linear light.
    """
    _shade(buffer, _LitScene(mesh, posed, paint, lamp, shadow), np.zeros((3, 4), np.float32), out)


@uncounted
def _shade(
    buffer: Buffer, scene: _LitScene, scratch: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    """Light every sample."""
    mesh = scene.mesh
    height, width = buffer.depth.shape
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            if _is_plain(buffer, mesh, y, x):
                t, w0, w1 = _middle(buffer, y, x)
                red, green, blue = _light_point(t, w0, w1, scene, scratch)
                for j in range(y, y + 2):
                    for i in range(x, x + 2):
                        out[j, i, 0], out[j, i, 1], out[j, i, 2] = red, green, blue
                continue
            for j in range(y, y + 2):
                for i in range(x, x + 2):
                    t = buffer.triangle[j, i]
                    if t < 0:
                        continue
                    w0, w1 = buffer.weight0[j, i], buffer.weight1[j, i]
                    red, green, blue = _light_point(t, w0, w1, scene, scratch)
                    out[j, i, 0], out[j, i, 1], out[j, i, 2] = red, green, blue
