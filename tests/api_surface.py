"""The public names of the package, read from the source text. `python -m tests.api_surface` stores them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "openau"
STORED = Path(__file__).with_suffix(".json")


def public_modules() -> dict[str, Path]:
    """Return every module without a leading underscore anywhere in its name, by dotted name."""
    found: dict[str, Path] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            found[".".join(parts)] = path
    return found


def public_names(source: str) -> list[str]:
    """Return the names in `__all__`, or else the public classes, functions and constants a module defines."""
    body = ast.parse(source).body
    assigned: dict[str, ast.expr | None] = {}
    defined: set[str] = set()
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            assigned |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assigned[node.target.id] = node.value
    if value := assigned.get("__all__"):
        return sorted(ast.literal_eval(value))
    return sorted(name for name in defined | set(assigned) if not name.startswith("_"))


def current_surface() -> dict[str, list[str]]:
    """Return the public names of `openau` and of each of its rooms."""
    rooms = {name: path for name, path in public_modules().items() if name.count(".") <= 1}
    return {name: public_names(path.read_text("utf-8")) for name, path in rooms.items()}


def main() -> None:
    """Store the present surface, so that the change shows in the diff."""
    STORED.write_text(json.dumps(current_surface(), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
