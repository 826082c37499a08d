"""`openau analyze`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import tyro

from openau.cli.command import Command
from openau.cli.options import Count, Flag, Name, Number, Paths, Place, Whole
from openau.errors import SettingError

if TYPE_CHECKING:
    from openau.analyze import Settings, Summary
    from openau.records import HeatmapMethod

EXIT_SOME_FAILED = 3


@dataclass(frozen=True)
class Analyze(Command):
    """Find the faces in pictures, videos and folders and read their action units.

    The folder --out gets the AU table aus.csv (its columns: docs/table.md), run.json, and what else is asked
    for. An interrupted run goes on with --resume and gives the same table. Ends with 3 if an input could not
    be read.

    Attributes:
        paths: Pictures, videos and folders (read with all their sub-folders).
        out: Folder for the results; results that are there are never overwritten.
        camera: Read the camera of this number instead, until Ctrl-C.
        format: Format of the table; parquet needs the extra openau[parquet].
        landmarks: Also write each face's 68 landmarks into the table.
        overlay: Also write pictures and videos with face boxes, AU bars and emotion.
        heatmaps: Also write one picture per face of where the network looked for each AU.
        heatmap_method: How the heat maps are made: grad_cam, grad_cam_plus_plus or hires_cam, as far as the
            model has them; what its card recommends if not given.
        report: Also write report.html, one page that needs nothing else.
        model: Model file; the one that comes with openau if not given.
        neutral: A photograph of the person's neutral face, the zero of all AUs; or auto, to learn each
            face's from the video. An emotion that the network tells itself stays.
        max_faces: Keep only the largest faces of a picture, this many.
        every: Of a video, only every so-many-th frame.
        min_face_score: Drop faces below this score of the detector.
        emotion_decoder: How the emotion is read from the AUs: exact, contains or nearest.
        emotion_rules: Which AUs make which emotion: deramgozin2023, investigators-guide or emotionet.
        detector: Face detector: openau (our own), haar, mediapipe, yunet.
        detector_file: The detector's model file, for one that needs it.
        resume: Go on with the interrupted run in --out.
        threads: Threads that search for faces, and of the network; one per CPU if not given.
        quiet: Say nothing but what went wrong.
    """

    paths: Paths = ()
    out: Path = Path("openau-results")
    camera: Whole = None
    format: Literal["csv", "parquet"] = "csv"
    landmarks: Flag = False
    overlay: Flag = False
    heatmaps: Flag = False
    heatmap_method: Name = ""
    report: Flag = False
    model: Place = None
    neutral: Annotated[str | None, tyro.conf.arg(metavar="FILE|auto")] = None
    max_faces: Whole = None
    every: Count = 1
    min_face_score: Number = None
    emotion_decoder: Literal["nearest", "contains", "exact"] = "nearest"
    emotion_rules: Literal["deramgozin2023", "investigators-guide", "emotionet"] = "deramgozin2023"
    detector: Name = "openau"
    detector_file: Place = None
    resume: Flag = False
    threads: Whole = None
    quiet: Flag = False

    def run(self) -> int:
        """Analyse; returns 3 where an input could not be read, else 0.

        Raises:
            SettingError: There is nothing to analyse, or a path does not exist.
        """
        if self.paths and self.camera is not None:
            raise SettingError("Give either paths or --camera, not both.")
        if not self.paths and self.camera is None:
            raise SettingError(
                "There is nothing to analyse: give pictures, videos or folders, or --camera 0."
            )
        for path in self.paths:
            if not _may_exist(path):
                raise SettingError(f"{path} does not exist: check the spelling.")
        from openau.analyze import analyze_paths
        from openau.cli.progress import Told

        with Told(quiet=self.quiet) as told:
            summary = analyze_paths(
                self.paths, self.out, self._settings(), camera=self.camera, resume=self.resume, listener=told
            )
        if not self.quiet:
            print(summary_line(summary))
        return EXIT_SOME_FAILED if summary.failures else 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "add --resume to the same command to go on where it stopped."

    def _settings(self) -> Settings:
        from openau.analyze import Settings

        return Settings(
            model=self.model,
            detector=self.detector,
            detector_file=self.detector_file,
            max_faces=self.max_faces,
            min_face_score=self.min_face_score,
            every=self.every,
            emotion_decoder=self.emotion_decoder,
            emotion_rules=self.emotion_rules,
            format=self.format,
            landmarks=self.landmarks,
            overlay=self.overlay,
            heatmaps=self.heatmaps,
            heatmap_method=cast("HeatmapMethod", self.heatmap_method),
            report=self.report,
            neutral=self.neutral,
            threads=self.threads,
        )


def summary_line(summary: Summary) -> str:
    """Return one line on what a run has done.

    Args:
        summary: From `analyze_paths`.
    """
    counts = summary.counts
    parts = [
        *([_some(counts.photos, "photograph")] if counts.photos else []),
        *([_some(counts.frames - counts.photos, "video frame")] if counts.frames > counts.photos else []),
        _some(counts.faces, "face"),
    ]
    if counts.photos_without_face:
        parts.append(f"{_some(counts.photos_without_face, 'photograph')} without a face")
    without = counts.frames_without_face - counts.photos_without_face
    if without:
        parts.append(f"{_some(without, 'video frame')} without a face")
    if summary.failures:
        parts.append(f"{_some(len(summary.failures), 'input')} that could not be read")
    line = ", ".join(parts)
    if summary.was_complete:
        return f"{line}: was complete already in {summary.table}"
    if summary.table is None:
        return f"{line}: nothing was written"
    speed = summary.frames_now / summary.seconds if summary.seconds > 0 else 0.0
    return f"{line}: {summary.table} ({summary.seconds:.1f} s, {speed:.0f} frames/s)"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _may_exist(path: Path) -> bool:
    """Tell whether a path is there; of one that may not be looked at, the reader will complain."""
    try:
        return path.exists()
    except OSError:
        return True
