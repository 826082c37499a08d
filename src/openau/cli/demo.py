"""`openau demo`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from openau.cli.command import Command
from openau.cli.options import Flag
from openau.errors import InputError, OutputError

if TYPE_CHECKING:
    import pandas as pd

PRESENT_FROM = 2.0  # intensity B: from there on an AU counts as truly present


@dataclass(frozen=True)
class Demo(Command):
    """Analyse the clip that comes with openau, and show what was found against what is true.

    The clip is synthetic: a rendered face that goes through known action units. It says whether openau works
    here, not how well it reads real faces; for that see the accuracy in `openau info`.

    Attributes:
        out: Folder for the AU table, the overlay video and the report.
        quiet: Show no progress.
    """

    out: Path = Path("openau-demo")
    quiet: Flag = False

    def run(self) -> int:
        """Analyse the clip and print found against true.

        Raises:
            OutputError: The clip could not be analysed.
        """
        clip, truth_file = demo_files()
        import pandas as pd

        from openau.analyze import Settings, analyze_paths
        from openau.cli.progress import Told
        from openau.table import read_table

        truth = pd.read_csv(truth_file)
        with Told(quiet=self.quiet) as told:
            summary = analyze_paths(
                [clip],
                self.out,
                Settings(max_faces=1, overlay=True, report=True),
                resume=True,
                listener=told,
                truth=truth,
            )
        if summary.table is None:
            raise OutputError(f"The demonstration clip {clip} could not be analysed: install openau again.")
        print(agreement_text(read_table(summary.table), truth))
        print(f"\nTable:  {summary.table}\nVideo:  {self.out / 'overlay' / 'clip.mp4'}")
        print(f"Report: {self.out / 'report.html'}")
        return 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "the same command goes on where it stopped."


def demo_files() -> tuple[Path, Path]:
    """Return the demonstration clip and its truth.

    Raises:
        InputError: This installation has none.
    """
    folder = Path(str(resources.files("openau") / "assets" / "demo"))
    clip, truth = folder / "clip.mp4", folder / "truth.csv"
    for path in (clip, truth):
        if not path.is_file():
            raise InputError(f"The demonstration file {path} is missing: install openau again.")
    return clip, truth


def agreement_text(table: pd.DataFrame, truth: pd.DataFrame) -> str:
    """Return found against true, AU by AU, measured on the frames of this table.

    Args:
        table: The AU table of the clip.
        truth: Per frame, the intensity 0–5 of every AU of the clip.
    """
    from openau.facs import ACTION_UNITS, au_column
    from openau.report.truth import area_under_roc

    both = table[table["success"] == 1].merge(truth, on="frame", suffixes=("", "_true"))
    lines = [
        "Found against true on the bundled clip. The clip is SYNTHETIC (a rendered face): these numbers say",
        "that openau works on this machine, not how well it reads real faces.",
        f"{len(both)} of {len(truth)} frames with a face; an AU is truly present from intensity B on.",
        "",
        f"  {'AU':<6}{'name':<24}{'present':>9}{'ROC AUC':>9}{'agree':>8}",
    ]
    areas = []
    for au in ACTION_UNITS:
        name = au_column(au)
        if f"{name}_p" not in both or name not in both:
            continue
        present = both[name].to_numpy(float) >= PRESENT_FROM
        found = both[f"{name}_p"].to_numpy(float)
        area = area_under_roc(found[present], found[~present])
        agree = float((both[f"{name}_c"].to_numpy(int) == present).mean()) if len(both) else float("nan")
        areas += [] if area is None else [area]
        shown = "–" if area is None else f"{area:.3f}"
        lines.append(f"  {name:<6}{ACTION_UNITS[au].name:<24}{present.sum():>9}{shown:>9}{agree:>8.1%}")
    if areas:
        lines.append(f"  {'mean of ' + str(len(areas)) + ' AUs':<39}{sum(areas) / len(areas):>9.3f}")
    return "\n".join(lines)
