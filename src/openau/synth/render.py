"""One subject, one expression, one camera, one light: the picture and its truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Box, Floats, Pixels
from openau.synth.backdrop import paint_backdrop
from openau.synth.brow_marks import BROWS
from openau.synth.expression import Expression, posed_face
from openau.synth.eyelids import even_lids
from openau.synth.identity import Stage, Subject
from openau.synth.labels import measure, measured_truth
from openau.synth.lens import develop
from openau.synth.light import Lamp, aim
from openau.synth.masks import draw_masks
from openau.synth.movements import MOVEMENTS
from openau.synth.raster import Buffer, empty_buffer, rasterize, vertex_normals
from openau.synth.rig import FACE
from openau.synth.scene import Camera, Flaws, Scene
from openau.synth.shade import Paint, Posed, cast_shadow, relief_slope, shade
from openau.synth.surface import Surface
from openau.synth.texture import float32, halved, resize
from openau.synth.wrinkles import Pair, fold_depth

SUPERSAMPLING: Final = 2
_DARKEST: Final = 0.03  # linear level of the darkest face that a camera's exposure still tells from black
MASK_SCALE: Final = 2
"""Side of a picture pixel's square in a mask: masks have half the picture's size."""

COARSE_CM: Final = 0.1
"""Size of a pixel at the head from which on textures are read at half their resolution."""

_PIVOT: Final = np.array([0, 0, 1], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A rendered face and all that is known about it.

    Attributes:
        rgb: (H, W, 3) RGB uint8.
        points: (68, 2) float32, projected landmarks, pixels.
        box_px: Face box as a frontal Haar cascade would draw it.
        pose_deg: Pitch, yaw, roll.
        left: Intensity 0-5 of every AU that is not 0, subject's left.
        right: The same on the right.
        lip_gap_cm: Measured distance between the inner lips.
        cover: (H, W) float32, how much of each pixel the subject covers with all it wears or holds, 0-1.
        masks: (H/2, W/2) uint32 bit planes of where each AU shows, see `openau.synth.masks`; None where they
            were not wanted.
    """

    rgb: Pixels
    points: Floats
    box_px: Box
    pose_deg: tuple[float, float, float]
    left: Mapping[int, float]
    right: Mapping[int, float]
    lip_gap_cm: float
    cover: Floats
    masks: NDArray[np.uint32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Camera, light, flaws and backdrop of one picture.

    Attributes:
        camera: The camera.
        lamp: The light.
        flaws: The camera's errors.
        backdrop: (H, W, 3) float32, linear light; its size is the picture's.
    """

    camera: Camera
    lamp: Lamp
    flaws: Flaws
    backdrop: Floats

    @classmethod
    def of(cls, scene: Scene, size: int) -> View:
        """Return the view of a scene as a square picture.

        Args:
            scene: What surrounds the subject.
            size: Side of the picture, pixels.
        """
        return cls(scene.camera, scene.lamp, scene.flaws, paint_backdrop(scene.backdrop, size, size))


def render(
    stage: Stage,
    subject: Subject,
    expression: Expression,
    view: View,
    rng: np.random.Generator,
    *,
    masks: bool = False,
) -> Picture:
    """Draw one picture.

    Args:
        stage: What subjects share.
        subject: Who.
        expression: What the face does.
        view: Where from, in what light, before what.
        rng: The source of the sensor noise.
        masks: Whether to draw where each AU shows, too.
    """
    rig = stage.rig
    posed = posed_face(rig, subject.vertices, expression)
    vertices = posed.vertices
    shown = measure(vertices, rig)
    left, right = measured_truth(expression, shown, measure(subject.vertices, rig))
    rotation = head_rotation(view.camera)
    extra = subject.head.shade_eyes(vertices, rig)
    turned = float32((subject.head.attach(vertices) - _PIVOT) @ rotation.T)
    height, width = view.backdrop.shape[:2]
    points = project(turned, view.camera, (height, width))
    light, face, buffer = _light_up(stage, subject, expression, view, (turned, rotation, points, extra))
    developed = develop(light, face, view.flaws, _target_level(subject, view.flaws), rng)
    final = even_lids(points[rig.landmarks])
    final[BROWS] = project(subject.brow_marks.on(turned), view.camera, (height, width))
    pose = (view.camera.pitch_deg, view.camera.yaw_deg, view.camera.roll_deg)
    rgb = np.rint(developed * 255).astype(np.uint8)
    half = (height // MASK_SCALE, width // MASK_SCALE)
    drawn = draw_masks(stage, subject, posed, (left, right), buffer, half) if masks else None
    cover = resize((buffer.triangle >= 0).astype(np.float32), (height, width), cv2.INTER_AREA)
    return Picture(rgb, final, face_box(final), pose, left, right, shown[0].lip_gap_cm, cover, drawn)


def head_rotation(camera: Camera) -> Floats:
    """Return the (3, 3) rotation from head axes to camera axes.

    Args:
        camera: The pose.
    """
    pitch, yaw, roll = (math.radians(v) for v in (-camera.pitch_deg, camera.yaw_deg, camera.roll_deg))
    about_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return np.ascontiguousarray(about_z @ about_x @ about_y, np.float32)


def project(turned: Floats, camera: Camera, size: tuple[int, int]) -> Floats:
    """Return where vertices fall in the picture.

    Args:
        turned: (N, 3) float32, cm, camera axes around the head's middle.
        camera: The camera.
        size: Picture height and width, pixels.

    Returns:
        (N, 2) float32, x right and y down, pixel corners at integers.
    """
    height, width = size
    scale = width / camera.span_cm
    near = np.float32(camera.distance_cm) / (np.float32(camera.distance_cm) - turned[:, 2])
    x = width / 2 + (turned[:, 0] * near + camera.shift_cm[0]) * scale
    y = height / 2 - (turned[:, 1] * near - camera.shift_cm[1]) * scale
    return np.stack([x, y], axis=1).astype(np.float32)


def face_box(points: Floats) -> Box:
    """Return the square that OpenCV's frontal Haar cascade usually draws around these landmarks.

    Args:
        points: (68, 2) float32, pixels.
    """
    eyes = (points[36:42].mean(0) + points[42:48].mean(0)) / 2
    mouth = points[48:60].mean(0)
    # Least squares on the boxes that the cascade found in rendered pictures; deviation 7 % of the side.
    drop, span = float(np.hypot(*(mouth - eyes))), float(np.hypot(*(points[45] - points[36])))
    # A head turned far aside has its eyes close together, but its nose as long as ever.
    span = max(span, 1.5 * float(np.hypot(*(points[33] - eyes))))
    side = 0.29 * drop + 1.505 * span
    middle = eyes + 0.25 * (mouth - eyes)
    x, y = float(middle[0]), float(middle[1])
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def _target_level(subject: Subject, flaws: Flaws) -> float:
    """Return the linear level a camera gives this skin: mostly less far apart than reflectances are."""
    luminance = float(subject.traits.skin @ np.array([0.2126, 0.7152, 0.0722]))
    level = 0.30 * (luminance / 0.35) ** flaws.skin_metering
    return float(max(level, _DARKEST * 2 ** max(0.0, -flaws.exposure_stops)))


def _relief(stage: Stage, subject: Subject, expression: Expression, *, coarse: bool) -> Floats:
    """Return the gradient of the subject's resting relief plus this expression's wrinkles."""
    height = (subject.coarse_relief if coarse else subject.relief).copy()
    wrinkles = _coarse_wrinkles(stage) if coarse else stage.wrinkles
    for au, patterns in wrinkles.items():
        fold = subject.folds[au]
        for half, side in zip(patterns[fold.pattern], (expression.right, expression.left), strict=True):
            level = MOVEMENTS[au].share(side.get(au, 0.0))
            depth = fold_depth(fold, subject.traits.wrinkling * expression.wrinkle_gain * level)
            if depth > 0.02:
                cv2.scaleAdd(half, depth, height, height)
    surface = stage.surface
    slope_u, slope_v = _coarse_slopes(surface) if coarse else (surface.slope_u, surface.slope_v)
    slope = np.zeros_like(slope_u)
    relief_slope(height, slope_u, slope_v, slope)
    return slope


@lru_cache(maxsize=2)
def _coarse_wrinkles(stage: Stage) -> dict[int, tuple[Pair, ...]]:
    """Return the patterns of wrinkles at half the resolution."""
    return {
        au: tuple((halved(right), halved(left)) for right, left in patterns)
        for au, patterns in stage.wrinkles.items()
    }


@lru_cache(maxsize=2)
def _coarse_slopes(surface: Surface) -> tuple[Floats, Floats]:
    """Return the surface's slopes at half the resolution, where texels are twice as far apart."""
    return float32(halved(surface.slope_u) / 2), float32(halved(surface.slope_v) / 2)


def _light_up(
    stage: Stage,
    subject: Subject,
    expression: Expression,
    view: View,
    posed: tuple[Floats, Floats, Floats, Floats],
) -> tuple[Floats, Floats, Buffer]:
    """Rasterise and shade with supersampling; return linear light, where skin of the face is, the raster."""
    turned, rotation, points, extra = posed
    head = subject.head
    height, width = view.backdrop.shape[:2]
    buffer = empty_buffer(height * SUPERSAMPLING, width * SUPERSAMPLING)
    depth = head.sunken_cm - turned[:, 2]
    rasterize(points * SUPERSAMPLING, depth, head.mesh.triangles, head.coverage, buffer)
    normals = vertex_normals(turned, head.mesh.triangles)
    rays = aim(view.lamp)
    shadow = cast_shadow(turned, head.casting, rays.direction)
    large = resize(view.backdrop, (height * SUPERSAMPLING, width * SUPERSAMPLING))
    # A texel is about half a millimetre: where pixels are far larger, a coarser texture does not flicker.
    coarse = view.camera.span_cm / width > COARSE_CM
    paint = _paint(subject, _relief(stage, subject, expression, coarse=coarse), extra)
    if coarse:
        paint = paint._replace(skin=subject.coarse_skin)
    shade(buffer, head.mesh, Posed(normals, rotation, head.occlusion), paint, rays, shadow, large)
    face = ((buffer.triangle >= 0) & (head.mesh.part[buffer.triangle] == FACE)).astype(np.float32)
    size = (height, width)
    return resize(large, size, cv2.INTER_AREA), resize(face, size, cv2.INTER_AREA), buffer


def _paint(subject: Subject, slope: Floats, extra: Floats) -> Paint:
    """Gather a subject's colours for the shader."""
    clothes = np.zeros(len(extra), np.float32)
    clothes[: len(subject.clothed)] = subject.clothed
    return Paint(
        skin=subject.skin,
        slope=slope,
        eye=subject.eye,
        solid=subject.solid,
        hair=extra,
        clothes=clothes,
        gloss=subject.traits.gloss,
    )
