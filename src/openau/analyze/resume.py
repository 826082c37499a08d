"""The state of a run on disk: what is finished, and what it was asked to do.

`run.json` lies beside the table. While a run is under way it says up to which byte the partial table is good
and with which frame to go on; it is replaced, never edited, so that it is whole whenever the machine stops.
When the run is complete it stays as the record of how the table was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from openau import __version__
from openau.analyze.feed import Failure, Feed, Position
from openau.errors import OutputError, SettingError
from openau.table.write import write_error

RUN_FILE = "run.json"
SCHEMA = 1
START = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run has seen so far.

    Attributes:
        frames: Photographs and video frames.
        faces: Faces in them.
        frames_without_face: Those of the frames in which no face was found.
        photos: Photographs among the frames.
        photos_without_face: Those of the photographs in which no face was found.
    """

    frames: int = 0
    faces: int = 0
    frames_without_face: int = 0
    photos: int = 0
    photos_without_face: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, after some batch.

    Attributes:
        next: What to analyse next.
        offset: Length in bytes of the partial table.
        tracker: The tracker's state within a video.
        neutral: What was learned of the faces' neutral within it.
        faces_in_video: Faces found so far in the video that is under way.
        counts: What was seen.
        failures: Sources that could not be read.
    """

    next: Position = START
    offset: int = 0
    tracker: dict[str, Any] | None = None
    neutral: dict[str, Any] | None = None
    faces_in_video: int = 0
    counts: Counts = field(default_factory=Counts)
    failures: tuple[Failure, ...] = ()


def asked(settings: Mapping[str, object], feeds: Sequence[Feed], model: Path) -> dict[str, object]:
    """Return what decides the result of a run, as plain values to store and compare.

    Args:
        settings: The options.
        feeds: The sources; a changed file is a changed source.
        model: The model file, which must be readable.
    """
    identities = "\n".join(feed.identity for feed in feeds)
    return {
        **settings,
        "openau": __version__,
        "sources": len(feeds),
        "sources_sha256": hashlib.sha256(identities.encode("utf-8", "surrogateescape")).hexdigest(),
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
    }


class RunFile:
    """Reads and writes `run.json` in one folder."""

    def __init__(self, folder: Path, what: Mapping[str, object]) -> None:
        """Name the folder and what is asked of the run.

        Args:
            folder: The folder of the results.
            what: From `asked`.
        """
        self.path = folder / RUN_FILE
        self._what = dict(what)

    def load(self) -> tuple[Progress, bool] | None:
        """Return the progress of the run that was started here, and whether it is complete; None if none was.

        Raises:
            OutputError: The file cannot be read, or another version of OpenAU wrote it.
            SettingError: That run was asked for something else.
        """
        try:
            raw = json.loads(self.path.read_text("utf-8"))
            if raw["schema"] != SCHEMA:
                raise OutputError(
                    f"{self.path} was written by another version of openau: choose another --out."
                )
            self._compare(raw["asked"])
            progress = raw["progress"]
            return (
                Progress(
                    next=Position(*progress["next"]),
                    offset=progress["offset"],
                    tracker=progress["tracker"],
                    neutral=progress["neutral"],
                    faces_in_video=progress["faces_in_video"],
                    counts=Counts(**progress["counts"]),
                    failures=tuple(Failure(*failure) for failure in progress["failures"]),
                ),
                raw["complete"],
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(f"{self.path} cannot be read ({error}): choose another --out.") from error

    def save(self, progress: Progress, *, complete: bool = False) -> None:
        """Replace the file.

        Args:
            progress: How far the run is.
            complete: Whether nothing is left to do.

        Raises:
            OutputError: The disk is full or the folder cannot be written.
        """
        text = json.dumps(
            {"schema": SCHEMA, "complete": complete, "asked": self._what, "progress": asdict(progress)},
            indent=1,
        )
        new = self.path.with_name(RUN_FILE + ".new")
        try:
            new.write_text(text, "utf-8", "backslashreplace")
            new.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise write_error(self.path, error) from error

    def remove(self) -> None:
        """Forget the run."""
        self.path.unlink(missing_ok=True)

    def _compare(self, stored: Mapping[str, object]) -> None:
        for name, now in self._what.items():
            before = stored.get(name)
            if before == now:
                continue
            if name.startswith("sources"):
                change = "the input files are not those it was started with"
            elif name == "openau":
                change = f"openau {before} started it and this is openau {now}"
            elif name == "model_sha256":
                change = "the model file is not the one it was started with"
            else:
                change = f"it was started with {_option(name, before)}, not {_option(name, now)}"
            raise SettingError(
                f"The run in {self.path.parent} cannot go on: {change}. "
                "Give what it was started with, or choose another --out."
            )


def _option(name: str, value: object) -> str:
    option = name.replace("_", "-")
    if value is None:
        return f"no --{option}"
    if isinstance(value, bool):
        return f"--{option}" if value else f"no --{option}"
    return f"--{option} {value}"
