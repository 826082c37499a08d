"""The result page: sections of tables and figures as Markdown, each table as CSV and LaTeX beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openau.errors import OutputError
from openau.studies.tables import ResultTable

PAGE = "page.md"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure.

    Attributes:
        key: Its files' name: `figures/KEY.png` and `.svg`.
        caption: Which of the paper's figures it stands for, and what it shows.
    """

    key: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        heading: Its heading.
        text: Paragraphs before the tables.
        tables: Its tables.
        figures: Its figures, already drawn.
    """

    heading: str
    text: Sequence[str] = ()
    tables: Sequence[ResultTable] = field(default_factory=tuple)
    figures: Sequence[Figure] = field(default_factory=tuple)


def write_page(out: Path, head: Sequence[str], sections: Sequence[Section], *, label: str = "") -> Path:
    """Write the page and its tables.

    Args:
        out: Folder of the study.
        head: Paragraphs before the first section; the first is the title.
        sections: The sections.
        label: What is repeated over every table and figure, such as that all faces are synthetic.

    Returns:
        The page.

    Raises:
        OutputError: The folder cannot be written.
    """
    lines = [f"# {head[0]}", "", *(part for line in head[1:] for part in (line, ""))]
    files: dict[str, str] = {}
    for section in sections:
        lines += [f"## {section.heading}", ""]
        lines += [part for line in section.text for part in (line, "")]
        for table in section.tables:
            over = label if table.of_faces else ""
            lines += _table_lines(table, over)
            files[f"tables/{table.key}.csv"] = table.as_frame().to_csv(index=False)
            files[f"tables/{table.key}.tex"] = (f"% {_plain(over)}\n" if over else "") + table.as_latex()
        for figure in section.figures:
            caption = f"{_plain(label)} {figure.caption}".strip()
            lines += [f"![{figure.caption}](figures/{figure.key}.png)", "", f"*{caption}*", ""]
    files[PAGE] = "\n".join(lines).rstrip() + "\n"
    _write(out, files)
    return out / PAGE


def _plain(label: str) -> str:
    """Return a label without Markdown's stars."""
    return label.replace("*", "")


def _table_lines(table: ResultTable, label: str) -> list[str]:
    caption = f"**{table.caption}**" + (f" {label}" if label else "")
    return [caption, "", table.as_markdown(), *(part for line in table.under for part in (line, ""))]


def _write(out: Path, files: dict[str, str]) -> None:
    """Write every file under another name, then rename it; the page last."""
    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
    except OSError as error:
        raise OutputError(f"The page cannot be written to {out} ({error.strerror}).") from error
