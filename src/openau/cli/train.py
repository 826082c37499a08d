"""`openau train`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Flag, Place, Required
from openau.errors import SettingError

if TYPE_CHECKING:
    from openau.train import Progress


@dataclass(frozen=True)
class Train(Command):
    """Train a network by a recipe, into a run folder.

    Any field of the recipe can be given by its name, with a point in it: `--run.epochs 3`, or
    `--recipe.seed 7` for those at the top. It takes the place of the file's and is kept in the run folder.

    Attributes:
        recipe: The recipe, a TOML file; or the name of one that comes with OpenAU, such as default or
            masur2023/emotion-heatmaps.
        stores: Crop stores to train on, in place of the recipe's.
        out: Run folder, in place of the recipe's.
        resume: Go on from the run folder's last checkpoint.
        quiet: Show no progress.
        fields: Fields of the recipe, from `recipe_fields`.
    """

    recipe: Required
    stores: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH ...", help_behavior_hint="")] = ()
    out: Place = None
    resume: Flag = False
    quiet: Flag = False
    fields: Annotated[dict[str, str], tyro.conf.Suppress] = field(default_factory=dict)

    @classmethod
    def parse(cls, program: str, words: Sequence[str]) -> Train:
        """Return the command that words ask for, the recipe's fields among them."""
        others, fields = recipe_fields(words)
        return replace(super().parse(program, others), fields=fields)

    def run(self) -> int:
        """Train."""
        with needs("torch", "train", "Training"):
            from openau.train import load_recipe, train

        folder = train(
            load_recipe(self.recipe, self.fields),
            stores=self.stores or None,
            out=self.out,
            resume=self.resume,
            progress=None if self.quiet else _Line().show,
            notice=_tell_banner if self.quiet else _tell,
        )
        print(folder)
        return 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "add --resume to the same command to go on from the last checkpoint."


def recipe_fields(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take the recipe's fields out of a command line: options with a point in their name.

    Args:
        words: What follows `openau train`.

    Returns:
        The other words, and value by field.

    Raises:
        SettingError: A field has no value.
    """
    others: list[str] = []
    found: dict[str, str] = {}
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", name):
            others.append(word)
            continue
        given = value if equals else next(waiting, None)
        if given is None or (not equals and given.startswith("--")):
            raise SettingError(f"The option --{name} has no value; give one behind it.")
        found[name.removeprefix("recipe.")] = given
    return others, found


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _tell_banner(line: str) -> None:
    """Say of a leakage report only what must be said."""
    if line.startswith("***"):
        _tell(line)


class _Line:
    """One line on stderr that is written over on a terminal, and once per epoch elsewhere."""

    def __init__(self) -> None:
        self._epoch = 0

    def show(self, now: Progress) -> None:
        is_terminal, is_new = sys.stderr.isatty(), now.epoch != self._epoch
        if not (is_terminal or is_new):
            return
        self._epoch = now.epoch
        auc = "" if now.auc is None else f", validation AUC {now.auc:.3f}"
        text = (
            f"epoch {now.epoch}/{now.epochs}, step {now.step}/{now.steps}, loss {now.loss:.4f}{auc}, "
            f"{now.images_per_s:.0f} pictures/s, {now.time_left_s / 60:.0f} min left"
        )
        end = "\n" if not is_terminal or now.step == now.steps else ""
        print(f"\r\x1b[K{text}" if is_terminal else text, end=end, file=sys.stderr, flush=True)
