"""From a story to one HTML file: the page's text is a template, its numbers come from here."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from openau.errors import OutputError
from openau.facs import ACTION_UNITS, EMOTIONS
from openau.report.chart import clock_time
from openau.report.sections import (
    accuracy_rows,
    au_summary,
    emotion_shares,
    gallery_cards,
    strongest_rows,
    threshold_marks,
    truth_rows,
)
from openau.report.story import Story
from openau.report.videos import video_sections

_NO_BREAK = "\u00a0"
_UNKNOWN = "–"


def write_page(story: Story, path: Path, written: datetime) -> None:
    """Write the page beside its final name, then rename it.

    Raises:
        OutputError: The file cannot be written.
    """
    text = render_page(story, written)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"The report {path} cannot be written: {error.strerror}; free space or choose another place."
        ) from error


def render_page(story: Story, written: datetime) -> str:
    """Return the whole page as HTML text."""
    style, script = _asset("page.css"), _asset("page.js")
    videos, data = video_sections(story)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            story=story,
            card=story.card,
            aus=[ACTION_UNITS[au] for au in story.card.aus],
            thresholds=dict(zip(story.card.aus, story.card.thresholds, strict=True)),
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
            data=_script_safe(data),
            written=written,
            videos=videos,
            faces_undrawn=story.face_count - sum(len(video.faces) for video in videos),
            photo_summary=au_summary(story, story.photo_tally) if story.photos.faces else [],
            video_summary=au_summary(story, story.video_tally) if story.face_count > 1 else [],
            photo_emotions=emotion_shares(story, story.photo_tally),
            strongest=strongest_rows(story),
            cards=gallery_cards(story),
            truth=truth_rows(story),
            marks=threshold_marks(story),
            known_emotions=EMOTIONS,
            emotion_names=_script_safe(story.emotions),
            accuracy=accuracy_rows(story.card),
        )
    )


@cache
def _asset(name: str) -> str:
    return files("openau.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: pictures inside the page, this style, this script, nothing else."""
    hashes = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}';"
        " base-uri 'none'; form-action 'none'"
    )


def _script_safe(data: Any) -> Markup:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "number": number,
        "count": lambda value: f"{value:,}".replace(",", "\u202f"),
        "clock": lambda value: _UNKNOWN if value is None else clock_time(value),
        "data_uri": data_uri,
        "file_name": lambda source: PurePath(source).name,
    }
    environment.filters.update(filters)
    return environment


def number(value: float | None) -> str:
    """Return a probability for reading, with two decimals."""
    return _UNKNOWN if value is None else f"{value:.2f}"


def percent(share: float | None) -> str:
    """Return a share for reading: never 0 % for something that happened, never 100 % for less than all."""
    if share is None:
        return _UNKNOWN
    if 0 < share < 0.005:
        return f"<{_NO_BREAK}1{_NO_BREAK}%"
    if 0.995 <= share < 1:
        return f">{_NO_BREAK}99{_NO_BREAK}%"
    return f"{share * 100:.0f}{_NO_BREAK}%"


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as the address of itself."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
