"""The papers, each to be run by one command: its tables and figures, the published numbers beside ours.

A study is one file with a `Study` (see `openau.studies.study`): its datasets and what takes their place, its
runs as recipes, and a function that makes the sections of its page from the finished runs. `STUDIES` has one
line for each. Needs the extra `train`.
"""

from __future__ import annotations

from importlib import import_module

from openau.errors import SettingError
from openau.studies.published import Published, PublishedTable, consistency, published_papers, read_published
from openau.studies.run import StudyProgress, build_setting, run_study
from openau.studies.study import RunPlan, Scale, Setting, Source, StandIn, Study

__all__ = [
    "STUDIES",
    "Published",
    "PublishedTable",
    "RunPlan",
    "Scale",
    "Setting",
    "Source",
    "StandIn",
    "Study",
    "StudyProgress",
    "build_setting",
    "consistency",
    "find_study",
    "published_papers",
    "read_published",
    "run_study",
]

STUDIES: dict[str, str] = {
    "moreno2024": "openau.studies.moreno2024:STUDY",
    "deramgozin2023": "openau.studies.deramgozin2023:STUDY",
    "masur2023": "openau.studies.masur2023:STUDY",
    "wang2019": "openau.studies.wang2019:STUDY",
}
"""Study name to the `module:record` that defines it."""


def find_study(name: str) -> Study:
    """Return a study by name.

    Args:
        name: A key of `STUDIES`.

    Raises:
        SettingError: There is no such study.
    """
    if name not in STUDIES:
        raise SettingError(f"There is no study {name!r}; choose one of {', '.join(STUDIES)}.")
    module, record = STUDIES[name].split(":")
    found: Study = getattr(import_module(module), record)
    return found
