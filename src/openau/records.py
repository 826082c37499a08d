"""The frozen records that cross from one room to the next.

Units and conventions, once for the whole package: images are (H, W, 3) RGB uint8; boxes are `x1, y1, x2, y2`
in pixels of the picture; points are (N, 2) as x, y in pixels; angles are degrees; time is seconds; sides are
the subject's own. A value that is not known is `None` (or NaN inside an array) and never 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from openau.errors import CardError
from openau.facs import ACTION_UNITS, EMOTIONS

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]
HeatmapMethod = Literal["grad_cam", "grad_cam_plus_plus", "hires_cam"]
"""How a heat map is made: what weighs the channels of a layer, see docs/explain.md."""
Align = Literal["box", "points"]

CARD_SCHEMA = 1


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture on its way in.

    Attributes:
        rgb: (H, W, 3) RGB uint8, upright (EXIF and video rotation already applied).
        source: The path or camera it came from, as the user named it.
        index: 0 for a photograph; the frame's number within its video, from 0, counting every decoded frame.
        time_s: Presentation time in seconds from the start of the video; None for a photograph.
    """

    rgb: Pixels
    source: str
    index: int = 0
    time_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one picture.

    Attributes:
        box_px: Square-ish face box `x1, y1, x2, y2` in pixels, in the house convention of `openau.faces`
            (what OpenCV's frontal Haar cascade returns); it may reach past the picture's edge.
        score: The detector's confidence; higher is surer. Its range belongs to the detector.
        points: (68, 2) landmarks in pixels (pixel centres at integers, iBUG order), where known.
        pose_deg: Pitch, yaw, roll in degrees, where known; positive where the head looks up, is turned to the
            picture's right, and is tilted counterclockwise as seen in the picture.
        visible: (68,) float32 in 0–1, how probably each landmark can be seen, where known.
        face_id: Stable through a video; None before tracking.
    """

    box_px: Box
    score: float
    points: Floats | None = None
    pose_deg: tuple[float, float, float] | None = None
    face_id: int | None = None
    visible: Floats | None = None


@dataclass(frozen=True, slots=True)
class CropSpec:
    """How a face becomes the network's input. It travels inside the model file.

    Attributes:
        size: Side S of the square crop, in pixels.
        scale: Side of the square cut from the picture, as a multiple of the face box's longer side.
        shift_y: The cut's centre below the box's centre, as a multiple of the box's longer side (negative:
            above).
        align: What fixes the square. `box` is the face box alone, without rotation; `points` is the face box
            that follows from 68 landmarks, turned with the head (see `openau.faces.turned_box`).
    """

    size: int
    scale: float = 1.0
    shift_y: float = 0.0
    align: Align = "box"

    def __post_init__(self) -> None:
        """Refuse a recipe that cannot be cut."""
        if not 8 <= self.size <= 1024:
            raise CardError(f"CropSpec.size is {self.size}; it must be between 8 and 1024 pixels.")
        if not 0.2 <= self.scale <= 5.0:
            raise CardError(f"CropSpec.scale is {self.scale}; it must be between 0.2 and 5.")
        if not -1.0 <= self.shift_y <= 1.0:
            raise CardError(f"CropSpec.shift_y is {self.shift_y}; it must be between -1 and 1.")
        if self.align not in get_args(Align):
            raise CardError(f"CropSpec.align is {self.align!r}; this version knows 'box' and 'points'.")


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A face cut out by a CropSpec.

    Attributes:
        pixels: (S, S, 3) RGB uint8.
        matrix: (2, 3) float64, affine map from picture pixels to crop pixels (pixel centres at integers).
    """

    pixels: Pixels
    matrix: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AUOutput:
    """What the network says about one crop.

    Attributes:
        aus: The A action units, in the network's order.
        probability: (A,) float32 in 0–1.
        intensity: (A,) float32 in 0–5, where the model gives it.
        heatmaps: (A, h, w) float32, of each AU's logit (non-negative, not normalised), where asked for.
        heatmap_method: How they were made, where that is known.
        emotion: (E,) float32 in 0–1, adding up to 1, where the model was taught emotions.
    """

    aus: tuple[int, ...]
    probability: Floats
    intensity: Floats | None = None
    heatmaps: Floats | None = None
    heatmap_method: HeatmapMethod | None = None
    emotion: Floats | None = None


@dataclass(frozen=True, slots=True)
class EmotionOutput:
    """The emotion that a decoder reads from AU probabilities, or that a network was taught to tell.

    Attributes:
        name: The emotion's name, or None where no rule applies.
        probability: Pairs (emotion name, posterior probability 0–1), in the rules' order, adding up to 1.
    """

    name: str | None
    probability: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One row of the AU table: one face in one frame, or a frame without a face.

    Attributes:
        source: As in `Frame`.
        frame: As `Frame.index`.
        time_s: As in `Frame`.
        face: None where no face was found (`success` is then 0).
        output: None where no face was found.
        emotion: None where no face was found, or the model lacks the AUs that the rules need.
    """

    source: str
    frame: int
    time_s: float | None
    face: Face | None = None
    output: AUOutput | None = None
    emotion: EmotionOutput | None = None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One measured number of a model card.

    Attributes:
        data: What it was measured on; synthetic pictures are called synthetic.
        protocol: How the test pictures were kept apart from training.
        metric: For instance `ROC AUC`.
        value: The number.
        au: The action unit, or None for a mean over AUs.
        count: Number of test pictures (or of positives, as `protocol` says).
    """

    data: str
    protocol: str
    metric: str
    value: float
    au: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that must travel with a network for its numbers to mean anything: JSON inside the ONNX file.

    Attributes:
        name: Short name, for instance `attention_cnn-synthetic`.
        version: Version of the weights.
        architecture: Key in the model registry.
        aus: The A action units, in output order.
        thresholds: A probabilities in 0–1; an AU occurs where its probability is at least this.
        crop: The crop recipe.
        mean: Per RGB channel, subtracted after scaling pixels to 0–1.
        std: Per RGB channel, divided by.
        training_data: What it was trained on.
        licence: SPDX identifier of the weights.
        reference: The paper of the architecture.
        intensity: Whether the file has an `intensity` output (0–5).
        emotions: The E emotions of the `emotion` output, in its order; none where the file has none.
        heatmap_layer: The layer the heat maps are read from, or None where the file has no `heatmaps` output.
        heatmap_method: How the heat maps are made that the file recommends; None where it does not say.
        accuracy: Measured numbers, with what they were measured on.
        limits: Sentences: what it must not be used for, where it fails.
        created: ISO date.
        recipe: The recipe that made it, as text.
        neutral: A probabilities, the median of faces without any AU; none where it was not measured.
        schema: The version of this record's layout, for readers of other versions.
    """

    name: str
    version: str
    architecture: str
    aus: tuple[int, ...]
    thresholds: tuple[float, ...]
    crop: CropSpec
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    training_data: str
    licence: str
    reference: str = ""
    intensity: bool = False
    heatmap_layer: str | None = None
    heatmap_method: HeatmapMethod | None = None
    accuracy: tuple[Accuracy, ...] = ()
    limits: tuple[str, ...] = ()
    created: str = ""
    recipe: str = ""
    neutral: tuple[float, ...] = ()
    emotions: tuple[str, ...] = ()
    schema: int = field(default=CARD_SCHEMA)

    def __post_init__(self) -> None:
        """Refuse a card that contradicts itself."""
        if not self.aus or len(set(self.aus)) != len(self.aus):
            raise CardError(
                f"The card names the AUs {self.aus}; they must be at least one and all different."
            )
        unknown = [au for au in self.aus if au not in ACTION_UNITS]
        if unknown:
            raise CardError(f"The card names AU {unknown[0]}, which FACS does not have.")
        if len(self.thresholds) != len(self.aus):
            raise CardError(
                f"The card has {len(self.thresholds)} thresholds for {len(self.aus)} AUs; give one per AU."
            )
        if self.heatmap_method not in (None, *get_args(HeatmapMethod)):
            raise CardError(f"The card recommends heat maps by {self.heatmap_method!r}, which nobody knows.")
        if not all(0.0 <= t <= 1.0 for t in self.thresholds):
            raise CardError("A threshold in the card is outside 0–1; thresholds are probabilities.")
        if self.neutral and len(self.neutral) != len(self.aus):
            raise CardError(
                f"The card has {len(self.neutral)} neutral values for {len(self.aus)} AUs; "
                "give one per AU or none."
            )
        if not all(0.0 <= p <= 1.0 for p in (*self.thresholds, *self.neutral)):
            raise CardError("A neutral value in the card is outside 0–1; they are probabilities.")
        _check_emotions(self.emotions)
        if not all(s > 0 for s in self.std):
            raise CardError("A standard deviation in the card is not above 0.")

    def best_of(self, methods: Sequence[HeatmapMethod]) -> HeatmapMethod | None:
        """Return how heat maps are best made: as the card says, or where it is older and does not, HiRes-CAM.

        Args:
            methods: What the network gives; None is returned where that is nothing.

        Raises:
            CardError: The card recommends another.
        """
        if self.heatmap_method and self.heatmap_method not in methods:
            raise CardError(f"{self.name} recommends heat maps by {self.heatmap_method} and gives none.")
        wanted: tuple[HeatmapMethod | None, ...] = (self.heatmap_method, "hires_cam", "grad_cam")
        return next((one for one in wanted if one in methods), None)

    def to_json(self) -> str:
        """Return the card as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read a card back from JSON text.

        Args:
            text: What `to_json` wrote.

        Raises:
            CardError: The text is not a card of a schema this version knows, or contradicts itself.
        """
        try:
            values = _card_values(cls, json.loads(text))
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CardError(
                f"The model card cannot be read ({error}); export the model again with openau."
            ) from error


@dataclass(frozen=True, slots=True)
class LandmarkCard:
    """All that must travel with a landmark network: JSON inside the ONNX file.

    Attributes:
        name: Short name, for instance `landmark_net-synthetic`.
        version: Version of the weights.
        architecture: Key in the registry of landmark networks.
        crop: The crop recipe of the first look, by the detector's box.
        upright: That of the second, turned upright by the landmarks of the first; of the same size.
        mean: Per RGB channel, subtracted after scaling pixels to 0–1.
        std: Per RGB channel, divided by.
        training_data: What it was trained on.
        licence: SPDX identifier of the weights.
        reference: The paper of the architecture.
        accuracy: Measured numbers, with what they were measured on.
        limits: Sentences: what it must not be used for, where it fails.
        created: ISO date.
        recipe: The recipe that made it, as text.
        schema: The version of this record's layout, for readers of other versions.
    """

    name: str
    version: str
    architecture: str
    crop: CropSpec
    upright: CropSpec
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    training_data: str
    licence: str
    reference: str = ""
    accuracy: tuple[Accuracy, ...] = ()
    limits: tuple[str, ...] = ()
    created: str = ""
    recipe: str = ""
    schema: int = field(default=CARD_SCHEMA)

    def __post_init__(self) -> None:
        """Refuse a card that contradicts itself."""
        if (self.crop.align, self.upright.align) != ("box", "points") or self.crop.size != self.upright.size:
            raise CardError(
                "A landmark card cuts first by the box, then by points, to the same size; "
                f"this one says {self.crop} and {self.upright}."
            )
        if not all(s > 0 for s in self.std):
            raise CardError("A standard deviation in the card is not above 0.")

    def to_json(self) -> str:
        """Return the card as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> LandmarkCard:
        """Read a card back from JSON text.

        Args:
            text: What `to_json` wrote.

        Raises:
            CardError: The text is not a card of a schema this version knows, or contradicts itself.
        """
        try:
            values = _card_values(cls, json.loads(text))
            values["upright"] = CropSpec(**values["upright"])
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CardError(
                f"The landmark card cannot be read ({error}); export the model again with openau."
            ) from error


def _card_values(kind: type, raw: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a card that this version knows, with the records inside it built.

    Raises:
        CardError: The card has another schema.
    """
    schema = raw.get("schema")
    if schema != CARD_SCHEMA:
        raise CardError(
            f"The model card has schema {schema!r}, this version reads {CARD_SCHEMA}: update openau."
        )
    known = {f.name for f in fields(kind)}
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k in known}
    values["crop"] = CropSpec(**raw["crop"])
    values["accuracy"] = tuple(Accuracy(**row) for row in raw.get("accuracy", ()))
    return values


def _check_emotions(names: tuple[str, ...]) -> None:
    """Refuse a card whose emotions are unknown or named twice."""
    if strange := sorted(set(names) - set(EMOTIONS)):
        raise CardError(f"The card names the emotion {strange[0]!r}; the names are {', '.join(EMOTIONS)}.")
    if len(set(names)) != len(names):
        raise CardError("The card names an emotion twice.")
