"""What a run was asked to do: the settings, checked once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from openau.emotion import check_decoder, check_rules
from openau.errors import SettingError
from openau.records import HeatmapMethod

MOST_THREADS = 1024
"""More are a slip of the finger, and would take all memory before the first picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that decides what a run writes, so that a resumed run can be held to it.

    Attributes:
        model: An ONNX file with a card; None is the model that comes with OpenAU.
        detector: Name of the face detector.
        detector_file: The detector's own model file, for those that need one.
        max_faces: Only this many faces of a picture are kept, the largest; None keeps all.
        min_face_score: Faces below this detector score are dropped; None is the detector's own limit.
        every: Of a video, only every so-many-th frame.
        emotion_decoder: `exact`, `contains` or `nearest`, see `openau.emotion`.
        emotion_rules: A key of `openau.emotion.RULES`: which AUs make which emotion.
        format: Format of the AU table.
        landmarks: Whether the table has each face's 68 landmarks.
        overlay: Also write pictures and videos with boxes, AU bars and emotion.
        heatmaps: Also write one picture per face of where the network looked for each AU.
        heatmap_method: How the maps are made, see `openau.records.HeatmapMethod`; empty for what the model's
            card recommends.
        report: Also write one self-contained HTML page.
        neutral: A photograph of one neutral face, the zero of all readings; `auto` to learn each face's from
            the video itself; None for none.
        threads: Threads that search for faces, and threads of the network; None is one per CPU.
    """

    model: Path | None = None
    detector: str = "openau"
    detector_file: Path | None = None
    max_faces: int | None = None
    min_face_score: float | None = None
    every: int = 1
    emotion_decoder: str = "nearest"
    emotion_rules: str = "deramgozin2023"
    format: Literal["csv", "parquet"] = "csv"
    landmarks: bool = False
    overlay: bool = False
    heatmaps: bool = False
    heatmap_method: HeatmapMethod | Literal[""] = ""
    report: bool = False
    neutral: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        for name in ("every", "max_faces", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name.replace('_', '-')} is {value}; it must be at least 1.")
        if self.threads is not None and self.threads > MOST_THREADS:
            raise SettingError(f"threads is {self.threads}; it must be at most {MOST_THREADS}.")
        if self.format not in ("csv", "parquet"):
            raise SettingError(f"The format is {self.format!r}; choose csv or parquet.")
        known = get_args(HeatmapMethod)
        if self.heatmap_method and self.heatmap_method not in known:
            raise SettingError(
                f"There are no heat maps by {self.heatmap_method!r}; choose one of {', '.join(known)}."
            )
        check_decoder(self.emotion_decoder)
        check_rules(self.emotion_rules)

    def in_words(self, *, tells_emotion: bool = False) -> dict[str, str]:
        """Return the settings that a reader of the results should know, name to value.

        Args:
            tells_emotion: Whether the network tells the emotion itself, so that no decoder reads it from AUs.
        """
        uncorrected = ", not corrected by the neutral face" if self.neutral else ""
        read = {"Emotion decoder": self.emotion_decoder, "Emotion rules": self.emotion_rules}
        return {
            "Face detector": self.detector,
            "Faces per picture": "all" if self.max_faces is None else f"the largest {self.max_faces}",
            "Least face score": "the detector's own"
            if self.min_face_score is None
            else f"{self.min_face_score:g}",
            "Video frames": "all" if self.every == 1 else f"one of {self.every}",
            "Neutral face": self.neutral or "none given",
            **({"Emotion": f"told by the network itself{uncorrected}"} if tells_emotion else read),
        }

    def as_json(self) -> dict[str, object]:
        """Return the settings as plain values."""
        values = asdict(self)
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
