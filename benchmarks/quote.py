"""Numbers in the documents come from the ledger: `python -m benchmarks.quote` fills them in.

A number in a document stands between two comments that say where it comes from and how it is written::

    <!-- measured: speed; end to end; {value:.0f} -->61<!-- /measured -->

The name may end in `@` and a group: `faces found@gender male`. The form may use every field of the
measurement, and `processor` and `cores`. Of several machines, the one measured last is quoted. What is not
measured yet reads "not measured".
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

    return _QUOTE.sub(fill, text)


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
