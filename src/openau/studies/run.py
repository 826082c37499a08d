"""Run a study: datasets to crop stores, runs by training, results to a page. What is finished is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from openau.data import build_index, prepare, read_sample
from openau.data.index import dataset_name
from openau.errors import OutputError, RigError, SettingError
from openau.records import CropSpec
from openau.studies.front import front, runs_section, stand_in_section, synthetic_label
from openau.studies.page import write_page
from openau.studies.results import Results
from openau.studies.stand_in import shares, stand_in
from openau.studies.study import PROTOCOLS, SCALES, RunPlan, Setting, Source, Study
from openau.synth import synthesize
from openau.synth.rig import find_rig
from openau.train import Progress, train

_FACTS = "study.json"


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """Where a study stands.

    Attributes:
        run: Number of the run in progress, from 1.
        runs: Runs in all.
        key: Its key.
        training: Where the run stands.
        time_left_s: Seconds to the end of the study, if all runs take as long as those before.
    """

    run: int
    runs: int
    key: str
    training: Progress
    time_left_s: float


def build_setting(  # noqa: PLR0913 - every choice of the command, by name
    study: Study,
    out: Path,
    *,
    scale: str = "small",
    protocol: str = "both",
    roots: Mapping[str, Path] | None = None,
    synthetic: bool = False,
    faces: Path | None = None,
    weights: Path | None = None,
    seed: int = 0,
    threads: int = 0,
) -> Setting:
    """Return how a study is to be run, or refuse it.

    Args:
        study: The study.
        out: Folder of everything that it makes.
        scale: `smoke`, `small` or `full`.
        protocol: `paper`, `subject` or `both`.
        roots: Dataset to its folder.
        synthetic: Whether rendered faces take the place of datasets without a root.
        faces: A folder that `openau synthesize` wrote, for the stand-ins. Without one they are rendered where
            the scale wants it and there is a rig, and else taken from the sample.
        weights: Folder with ImageNet weights files.
        seed: Decides everything that is drawn.
        threads: CPU threads; 0 for torch's own choice.

    Raises:
        SettingError: A choice is unknown, or a dataset has neither a root nor a stand-in.
    """
    if scale not in SCALES:
        raise SettingError(f"There is no scale {scale!r}; choose one of {', '.join(SCALES)}.")
    if protocol not in PROTOCOLS:
        raise SettingError(f"There is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    given = {dataset_name(name): Path(root) for name, root in (roots or {}).items()}
    names = [source.name for source in study.sources]
    for name in given:
        if name not in names:
            raise SettingError(f"{study.name} has no dataset {name}; it has {', '.join(names)}.")
    missing = [name for name in names if name not in given]
    if missing and not synthetic:
        raise SettingError(
            f"{study.name} needs {missing[0]}: give its folder with --root {missing[0]}=DIR, or --synthetic "
            "for rendered faces in its place."
        )
    protocols = ("paper", "subject") if protocol == "both" else (protocol,)
    return Setting(
        out=out,
        scale_name=scale,
        scale=study.scales[scale],
        protocols=protocols,
        roots=given,
        synthetic=synthetic,
        faces=faces,
        rig=_find_rig() if missing and faces is None and study.scales[scale].faces else None,
        weights=weights,
        seed=seed,
        threads=threads,
    )


def run_study(
    study: Study,
    setting: Setting,
    *,
    resume: bool = False,
    progress: Callable[[StudyProgress], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Path:
    """Run a study.

    Args:
        study: The study.
        setting: How.
        resume: Go on in a folder that holds an unfinished or finished study of the same setting.
        progress: Called after every training step.
        notice: Called with a line before each run.

    Returns:
        The page.

    Raises:
        OutputError: The folder holds another study, or one and `resume` is not set.
        SettingError: A setting does not fit the data.
        InputError: A dataset cannot be read.
        TableError: A dataset's tables are not as its owner ships them.
    """
    begun = _is_begun(study, setting, resume)
    plans = list(study.plan(setting))
    bench = _Bench(study, setting)
    if not begun:
        bench.read_what_was_given()
        _begin(study, setting)
    folders: dict[str, Path] = {}
    watch = _Watch(len(plans), progress)
    for number, plan in enumerate(plans, start=1):
        if notice is not None:
            notice(f"run {number}/{len(plans)}: {plan.key}")
        folders[plan.key] = bench.run(plan, folders, watch.of(number, plan.key))
    chosen = {
        source.name: bench.chosen(source) for source in study.sources if source.name not in setting.roots
    }
    results = Results(study, setting, plans, folders, bench.store)
    sections = [*stand_in_section(study, chosen), *study.sections(results), runs_section(results)]
    label = synthetic_label(study, setting)
    return write_page(setting.out, front(results), sections, label=label)


class _Watch:
    """Turns the progress of runs into that of the study."""

    def __init__(self, runs: int, progress: Callable[[StudyProgress], None] | None) -> None:
        self._runs, self._progress = runs, progress
        self._spent: list[float] = []
        self._started = 0.0

    def of(self, number: int, key: str) -> Callable[[Progress], None]:
        """Return what a run's training calls after every step."""
        if self._started:
            self._spent.append(time.monotonic() - self._started)
        self._started = time.monotonic()

        def told(now: Progress) -> None:
            if self._progress is None:
                return
            running = time.monotonic() - self._started + now.time_left_s
            each = (sum(self._spent) + running) / (len(self._spent) + 1)
            left = now.time_left_s + each * (self._runs - number)
            self._progress(StudyProgress(number, self._runs, key, now, left))

        return told


class _Bench:
    """Makes each index, store and run once."""

    def __init__(self, study: Study, setting: Setting) -> None:
        self.setting = setting
        self.sources = {source.name: source for source in study.sources}
        self._indexes: dict[str, pd.DataFrame] = {}

    def index(self, name: str) -> pd.DataFrame:
        """Return a dataset's index, or its stand-in's."""
        if name not in self._indexes:
            source, setting = self.sources[name], self.setting
            if name in setting.roots:
                self._indexes[name] = _thinned(build_index(name, setting.roots[name]), name, setting)
            else:
                self._indexes[name] = stand_in(
                    _pool(setting),
                    source.stand_in,
                    source.title,
                    pictures=setting.scale.most_of(name),
                    rarest=setting.scale.rarest,
                    people=self._people(name),
                    seed=setting.seed,
                )
        return self._indexes[name]

    def read_what_was_given(self) -> None:
        """Read every dataset but those still to be rendered, so that a wrong folder is refused at once."""
        for name in self.sources:
            if name in self.setting.roots or self.setting.faces is not None:
                self.index(name)

    def _people(self, name: str) -> range:
        """Return the numbers of a stand-in's people: other ones for each dataset, while there are any."""
        each = self.setting.scale.people
        first = list(self.sources).index(name) * each
        return range(first, first + each)

    def chosen(self, source: Source) -> pd.DataFrame:
        """Return wanted and found shares of a stand-in."""
        return shares(self.index(source.name), source.stand_in, self.setting.scale.rarest)

    def store(self, name: str, crop: CropSpec) -> Path:
        """Return a crop store, made at the first time."""
        shape = f"{crop.size}px-{crop.scale:g}-{crop.shift_y:g}" + (
            "" if crop.align == "box" else f"-{crop.align}"
        )
        folder = self.setting.out / "stores" / f"{name}-{shape}"
        if not folder.exists():
            detector = "openau" if name in self.setting.roots else "index"
            prepare(self.index(name), crop, folder, detector=detector)
        return folder

    def run(self, plan: RunPlan, folders: Mapping[str, Path], progress: Callable[[Progress], None]) -> Path:
        """Train one run to its end, unless it has ended already."""
        folder = self.setting.out / "runs" / plan.key
        if (folder / "predictions.parquet").exists():
            return folder
        recipe = plan.recipe if not callable(plan.recipe) else plan.recipe(folders)
        recipe = replace(recipe, name=plan.key, crop=plan.crop)
        train(recipe, stores=[self.store(plan.source, plan.crop)], out=folder, resume=True, progress=progress)
        # The optimiser's state is three times the network and of no use to a run that has ended.
        (folder / "checkpoint" / "last.safetensors").unlink(missing_ok=True)
        if not plan.keeps_weights:
            (folder / "checkpoint" / "best.safetensors").unlink(missing_ok=True)
        return folder


def _find_rig() -> Path | None:
    """Return the face rig; None where there is none, for the sample needs no rig."""
    try:
        return find_rig()
    except RigError:
        return None


def _pool(setting: Setting) -> pd.DataFrame:
    """Return the rendered faces that the stand-ins are chosen from."""
    if setting.faces is not None:
        return build_index("synthetic", setting.faces)
    if setting.rig is None:
        return read_sample()
    folder = setting.out / "faces"
    side = 160 if 0 < setting.scale.size <= 160 else 256
    synthesize(
        folder,
        setting.scale.faces,
        size=side,
        seed=setting.seed,
        per_subject=setting.scale.per_subject,
        masks=False,
        rig=setting.rig,
    )
    return build_index("synthetic", folder)


def _thinned(table: pd.DataFrame, name: str, setting: Setting) -> pd.DataFrame:
    """Return a dataset's index with at most as many rows as the scale wants, evenly from all of it."""
    most = setting.scale.most_of(name)
    if not most or len(table) <= most:
        return table
    rows = np.random.default_rng(setting.seed).permutation(len(table))[:most]
    return table.iloc[np.sort(rows)].reset_index(drop=True)


def _is_begun(study: Study, setting: Setting, resume: bool) -> bool:
    """Return whether the folder holds this study already; refuse a folder that holds anything else."""
    path = setting.out / _FACTS
    try:
        if path.exists():
            if not resume:
                raise OutputError(
                    f"{setting.out} holds a study already; add --resume, or give another folder."
                )
            if json.loads(path.read_text(encoding="utf-8")) != _facts(study, setting):
                raise OutputError(f"{setting.out} holds a study of another setting; give another folder.")
            return True
        if setting.out.exists() and any(setting.out.iterdir()):
            raise OutputError(f"{setting.out} is not empty and holds no study; give another folder.")
    except (OSError, ValueError) as error:
        raise OutputError(f"The study's folder {setting.out} cannot be used ({error}).") from error
    return False


def _begin(study: Study, setting: Setting) -> None:
    """Make the folder this study's."""
    part = setting.out / f".{_FACTS}.part"
    try:
        setting.out.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(_facts(study, setting), indent=1) + "\n", encoding="utf-8")
        part.replace(setting.out / _FACTS)
    except OSError as error:
        raise OutputError(f"The study's folder {setting.out} cannot be used ({error}).") from error


def _facts(study: Study, setting: Setting) -> dict[str, Any]:
    """Return what decides a study's numbers, as JSON knows it."""
    facts = {
        "study": study.name,
        "scale": setting.scale_name,
        **asdict(setting.scale),
        "protocols": setting.protocols,
        "roots": {name: str(root) for name, root in setting.roots.items()},
        "synthetic": setting.synthetic,
        "faces_from": str(setting.faces or ""),
        "rendered": setting.rig is not None,
        "weights": str(setting.weights or ""),
        "seed": setting.seed,
    }
    found: dict[str, Any] = json.loads(json.dumps(facts))
    return found
