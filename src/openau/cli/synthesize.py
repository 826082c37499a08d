"""`openau synthesize`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Flag, Name, Place, Whole
from openau.errors import SettingError
from openau.facs import ACTION_UNITS, AU_SETS

Ratio = Annotated[str | None, tyro.conf.arg(metavar="N:P", help_behavior_hint="")]
Ratios = Annotated[tuple[str, ...], tyro.conf.arg(metavar="AU=N:P ...", help_behavior_hint="")]
Units = Annotated[tuple[str, ...], tyro.conf.arg(metavar="SET|AU ...", help_behavior_hint="")]


@dataclass(frozen=True)
class Synthesize(Command):
    """Render synthetic faces whose action units are known, into a folder with pictures and an index.

    A folder that holds an unfinished run of the same settings is continued.

    Attributes:
        out: Folder for the dataset.
        images: How many pictures.
        size: Side of a picture in pixels.
        seed: Decides every byte.
        aus: AUs to label, the name of a set such as disfa-12 or numbers; all where none is named.
        ratio: Negatives to positives of each AU of --aus in the training split, such as 30:1.
        ratios: Negatives to positives of single AUs, such as 12=5:1, or wang2019 for the paper's.
        test_ratio: Negatives to positives of these AUs in validation and test; 1:1 for one AU.
        per_subject: Pictures of each subject.
        masks: Write where each AU shows, too.
        grey: Pictures without colour.
        workers: Processes.
        sheet: Write a contact sheet, too, a PNG or JPEG; with --show it needs no dataset.
        show: On the sheet: pictures of the dataset, or levels, people, lights or masks of the renderer.
        rig: The face rig's file or folder.
        quiet: Show no progress.
    """

    out: Place = None
    images: Whole = None
    size: Count = 160
    seed: Count = 0
    aus: Units = ()
    ratio: Ratio = None
    ratios: Ratios = ()
    test_ratio: Ratio = None
    per_subject: Count = 8
    masks: bool = True
    grey: Flag = False
    workers: Count = 2
    sheet: Place = None
    show: Name = "pictures"
    rig: Place = None
    quiet: Flag = False

    def run(self) -> int:
        """Render.

        Raises:
            SettingError: Options contradict each other or are out of range.
        """
        with needs("numba", "synth", "Rendering faces"):
            from openau.synth import sheet
        if self.sheet is not None:
            sheet.check_name(self.sheet)
        drawn = (
            None
            if self.sheet is None or self.show == "pictures"
            else sheet.renderer_sheet(self.show, self.rig)
        )
        if self.out is not None and self.images is not None:
            index = self._fill(self.out, self.images)
            print(index)
            drawn = drawn if drawn is not None or self.sheet is None else sheet.dataset_sheet(index.parent)
        elif drawn is None or self.out is not None or self.images is not None:
            raise SettingError(
                "Name --out and --images, or --sheet with --show levels, people, lights or masks."
            )
        if drawn is not None and self.sheet is not None:
            sheet.write_sheet(drawn, self.sheet)
            print(self.sheet)
        return 0

    def _fill(self, out: Path, images: int) -> Path:
        """Render the dataset; returns its index."""
        from openau.cli.progress import Told
        from openau.synth import parse_ratio, parse_ratios, synthesize
        from openau.synth.movements import MOVEMENTS

        aus = parse_aus(self.aus) or tuple(MOVEMENTS)
        if self.ratio is not None and not self.aus:
            raise SettingError(
                "--ratio needs the AUs it is for: name them with --aus, or use --ratios 12=30:1."
            )
        ratios = {au: parse_ratio(self.ratio) for au in aus} if self.ratio is not None else {}
        ratios |= parse_ratios(self.ratios)
        if self.test_ratio is not None and not ratios:
            raise SettingError("--test-ratio needs --ratio or --ratios: without them nothing is balanced.")
        with Told(quiet=self.quiet) as told:
            return synthesize(
                out,
                images,
                size=self.size,
                seed=self.seed,
                aus=aus,
                ratios=ratios,
                test_ratio=None if self.test_ratio is None else parse_ratio(self.test_ratio),
                per_subject=self.per_subject,
                masks=self.masks,
                grey=self.grey,
                workers=self.workers,
                rig=self.rig,
                progress=told.advanced,
            )

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "the same command goes on where it stopped."


def parse_aus(words: Sequence[str]) -> tuple[int, ...]:
    """Return the AUs that words name.

    Args:
        words: Names of AU sets, numbers, or column names such as AU12; commas separate, too.

    Raises:
        SettingError: A word names no AU and no set.
    """
    found: list[int] = []
    for word in (part for whole in words for part in whole.split(",") if part):
        number = word.upper().removeprefix("AU").lstrip("0")
        if word in AU_SETS:
            found += AU_SETS[word]
        elif number.isascii() and number.isdigit() and int(number) in ACTION_UNITS:
            found.append(int(number))
        else:
            raise SettingError(
                f"There is no AU or AU set {word!r}; name AU numbers, or one of {', '.join(AU_SETS)}."
            )
    return tuple(dict.fromkeys(found))
