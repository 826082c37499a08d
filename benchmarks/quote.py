"""Numbers in the documents come from the ledger: `python -m benchmarks.quote` fills them in.

A number in a document stands between two comments that say where it comes from and how it is written::

    <!-- measured: speed; end to end; {value:.0f} -->61<!-- /measured -->

The name may end in `@` and a group: `faces found@gender male`. The form may use every field of the
measurement, and `processor` and `cores`. Of several machines, the one measured last is quoted. What is not
measured yet reads "not measured".

A table of one group has a row for each first word of its measurements' names, and a column for each of the
words behind it that are asked for::

    <!-- measured table: explained; sample, grad_cam; energy, chance -->
    ...
    <!-- /measured -->
"""

from __future__ import annotations

import json
import re
from typing import Any

import openau
from benchmarks.ledger import RESULTS, ROOT

UNKNOWN = "not measured"
_QUOTE = re.compile(
    r"(?P<open><!-- measured: (?P<what>[^;]+); (?P<name>[^;]+); (?P<form>.+?) -->).*?<!-- /measured -->", re.S
)
_TABLE = re.compile(
    r"(?P<open><!-- measured table: (?P<what>[^;]+); (?P<group>[^;]+); (?P<columns>.+?) -->)"
    r".*?<!-- /measured -->",
    re.S,
)


def documents() -> list[str]:
    """Return the paths of the documents that may quote numbers."""
    return ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))]


def latest_results() -> dict[str, dict[str, Any]]:
    """Return the newest stored record of each script, for this version."""
    folder = RESULTS / openau.__version__
    records = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return {record["what"]: record for record in sorted(records, key=lambda record: str(record["date"]))}


def filled(text: str, results: dict[str, dict[str, Any]]) -> str:
    """Return a document with every number as the ledger has it.

    Args:
        text: The document.
        results: Records by the name of their script.
    """

    def fill(match: re.Match[str]) -> str:
        name, _, group = match["name"].partition("@")
        record = results.get(match["what"], {"measurements": [], "machine": {}})
        rows = [r for r in record["measurements"] if r["name"] == name and r.get("group", "") == group]
        number = match["form"].format(**rows[0], **_machine(record)) if rows else UNKNOWN
        return f"{match['open']}{number}<!-- /measured -->"

    def fill_table(match: re.Match[str]) -> str:
        record = results.get(match["what"], {"measurements": []})
        rows = [r for r in record["measurements"] if r.get("group", "") == match["group"]]
        return f"{match['open']}\n{_table(rows, match['columns'].split(', '))}\n<!-- /measured -->"

    return _TABLE.sub(fill_table, _QUOTE.sub(fill, text))


def _table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """Return measurements as a Markdown table, or that there are none."""
    cells: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        first, _, rest = row["name"].partition(" ")
        if rest in columns:
            cells.setdefault(first, {})[rest] = row
    if not cells:
        return UNKNOWN
    lines = ["| | n | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for first, found in cells.items():
        count = next(iter(found.values())).get("n", 1)
        each = [_cell(found[column]) if column in found else "" for column in columns]
        lines.append(f"| {first} | {count} | " + " | ".join(each) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    """Return a number with its interval and its note."""
    says = f"{row['value']:.2f}"
    if "low" in row and "high" in row:
        says += f" ({row['low']:.2f}–{row['high']:.2f})"
    return f"{says} {row['note']}" if row.get("note") else says


def _machine(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record["machine"][name] for name in ("processor", "cores")}


def main() -> None:
    """Fill every document."""
    results = latest_results()
    for name in documents():
        text = (ROOT / name).read_text("utf-8")
        new = filled(text, results)
        if new != text:
            (ROOT / name).write_text(new, "utf-8")
            print(f"{name}: filled")


if __name__ == "__main__":
    main()
