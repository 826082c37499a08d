from __future__ import annotations

import re
from pathlib import Path

from openau import errors
from openau.cli.__main__ import __doc__ as door

PAGE = (Path(__file__).parents[2] / "docs" / "analyze.md").read_text("utf-8")


def subclasses(kind: type[errors.OpenAUError]) -> set[type[errors.OpenAUError]]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_exit_code_is_documented() -> None:
    kinds = subclasses(errors.OpenAUError) - {errors.OpenAUError}
    used = {kind.exit_code for kind in kinds} | {0, 130}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.M)} == used
    assert door is not None
    codes = door.split("Exit codes:")[1]
    assert {int(code) for code in re.findall(r"\b(\d+)\s[a-z]", codes)} == used
