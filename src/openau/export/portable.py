"""A recipe as a card carries it: what folders it was trained in is nobody's business but the trainer's."""

from __future__ import annotations

import json
import re
from pathlib import PurePath

_LOCAL = re.compile(r"^(stores|weights|initial|out) = (.+)$", re.MULTILINE)


def portable(recipe: str) -> str:
    """Return a recipe whose folders and files are named without the way to them.

    Args:
        recipe: TOML, as `openau.train.recipe_text` writes it.

    Returns:
        The same recipe; `stores`, `weights`, `initial` and `out` keep the last part of each path.
    """
    return _LOCAL.sub(lambda found: f"{found[1]} = {_bare(found[2])}", recipe)


def _bare(value: str) -> str:
    """Return a TOML string, or list of strings, of paths as one of names."""
    paths = json.loads(value)  # strings and lists of strings are written alike in both
    names = [PurePath(path).name for path in paths] if isinstance(paths, list) else PurePath(paths).name
    return json.dumps(names, ensure_ascii=False)
