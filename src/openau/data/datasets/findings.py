"""What a reader noticed while it read a copy: differences from the official one that do not stop it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES = 3
"""How many examples a finding keeps."""

_NOUNS = re.compile(r"\b(picture|frame|video|sequence|recording|folder|row|subject)s\b|\bintensities\b")
_VERBS = {"have": "has", "are": "is"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that differs from the official copy, or that a user of the table should know.

    Attributes:
        sentence: What, and what to do about it.
        differs: Whether it differs from the official copy; False where it only says how the copy was read.
        count: How often.
        examples: The first few, as paths or frames.
    """

    sentence: str
    differs: bool = True
    count: int = 1
    examples: tuple[str, ...] = ()


class Notes:
    """Collects findings.

    Attributes:
        findings: In the order in which they were made.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def differs(self, sentence: str, examples: Sequence[object] = ()) -> None:
        """Note a difference, unless it is about nothing.

        Args:
            sentence: What and what to do; `{n}` becomes the number of examples.
            examples: Every case; an empty list notes nothing if the sentence counts them.
        """
        self._add(sentence, examples, differs=True)

    def says(self, sentence: str, examples: Sequence[object] = ()) -> None:
        """Note how the copy was read; the same arguments as `differs`."""
        self._add(sentence, examples, differs=False)

    def _add(self, sentence: str, examples: Sequence[object], *, differs: bool) -> None:
        if "{n}" in sentence and not examples:
            return
        shown = tuple(str(example) for example in examples[:EXAMPLES])
        text = (_of_one(sentence) if len(examples) == 1 else sentence).replace("{n}", f"{len(examples):,}")
        self.findings.append(Finding(text, differs, max(1, len(examples)), shown))


def _of_one(sentence: str) -> str:
    """Return a sentence about `{n} pictures` as one about `{n} picture`, up to where its clause ends."""
    match = re.search(r"\{n\}(?! of )[^,;:]*", sentence)
    if match is None:
        return sentence
    clause = _NOUNS.sub(lambda noun: noun[1] or "intensity", match[0], count=1)
    clause = re.sub(r"\b(have|are)\b", lambda verb: _VERBS[verb[1]], clause)
    return sentence[: match.start()] + clause + sentence[match.end() :]
