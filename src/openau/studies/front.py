"""The first part of a result page: what was run, how, by which command, and on which faces."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from openau.studies.page import Section
from openau.studies.published import reference
from openau.studies.results import Results
from openau.studies.study import Setting, Study
from openau.studies.tables import Cell, Column, Measured, ResultTable
from openau.train import load_recipe

SYNTHETIC = "**Synthetic:** rendered faces, not the dataset."
"""What stands over every table and figure where rendered faces take the place of all datasets."""


def synthetic_label(study: Study, setting: Setting) -> str:
    """Return what stands over every table and figure: whose place rendered faces take; empty if nobody's.

    Args:
        study: The study.
        setting: How it was run.
    """
    replaced = [source.title for source in study.sources if source.name not in setting.roots]
    if len(replaced) == len(study.sources):
        return SYNTHETIC
    return f"**Partly synthetic:** rendered faces in place of {', '.join(replaced)}." if replaced else ""


def command_line(study: Study, setting: Setting) -> str:
    """Return the command that makes the page.

    Args:
        study: The study.
        setting: How it was run.
    """
    words = ["openau study", study.name]
    words += ["--root " + " ".join(f"{name}=DIR" for name in setting.roots)] if setting.roots else []
    words += ["--synthetic"] if setting.synthetic else []
    words += ["--faces DIR"] if setting.faces else []
    words += ["--weights DIR"] if setting.weights else []
    protocol = setting.protocols[0] if len(setting.protocols) == 1 else "both"
    words += [f"--scale {setting.scale_name}", f"--protocol {protocol}"]
    words += [f"--seed {setting.seed}"] if setting.seed else []
    return " ".join([*words, "--out DIR"])


def front(results: Results) -> list[str]:
    """Return the page's title and first paragraphs.

    Args:
        results: The finished runs.
    """
    study, setting, scale = results.study, results.setting, results.setting.scale
    lines = [f"{study.name}: {study.title}"]
    synthetic = [source.title for source in study.sources if source.name not in setting.roots]
    if synthetic:
        faces = (
            "the sample dataset" if setting.faces is None and setting.rig is None else "`openau synthesize`"
        )
        lines.append(
            f"{SYNTHETIC} Faces from {faces} stand for {', '.join(synthetic)}, chosen by each dataset's own "
            "shares. What follows shows that the study runs and what the choices are worth on such faces; it "
            "says nothing about the datasets."
        )
    minutes = sum(float(results.log(key)["seconds"].sum()) for key in results.plans) / 60
    lines += [
        f"Paper: {reference(study.name)}.",
        f"Made by `{command_line(study, setting)}`.",
        f"Scale `{setting.scale_name}`: {_smaller(setting)}. {len(results.plans)} runs, {minutes:.1f} "
        "minutes of training. Numbers in *italics* are the paper's own; all others were measured here.",
    ]
    if setting.scale_name == "smoke":
        lines.append("**A smoke run** shows that all of it works. Its networks have learned next to nothing.")
    if scale.resamples:
        lines.append(f"In brackets: 95 % intervals over {scale.resamples} resamples of the people.")
    if study.differences:
        lines += ["Differences from the paper:", "\n".join(f"- {line}" for line in study.differences)]
    return lines


def stand_in_section(study: Study, chosen: Mapping[str, pd.DataFrame]) -> list[Section]:
    """Return the section that says how near the stand-ins come to their datasets; none without stand-ins.

    Args:
        study: The study.
        chosen: Dataset to `openau.studies.stand_in.shares` of its stand-in.
    """
    tables = []
    for source in study.sources:
        if source.name not in chosen or chosen[source.name].empty:
            continue
        found = chosen[source.name].set_index("name")
        columns = [
            Column(title, {str(row): Measured(float(value)) for row, value in found[field].items()})
            for field, title in (("dataset", "in the dataset"), ("wanted", "wanted"), ("found", "found"))
        ]
        caption = f"Shares of the pictures in place of {source.title}."
        under = (f"*In the dataset:* {source.stand_in.source}",) if source.stand_in.source else ()
        corner = "emotion" if source.stand_in.emotions else "AU"
        key = f"stand-in-{source.name}"
        tables.append(ResultTable(key, caption, list(found.index), columns, corner, under))
    text = (
        "Rendered faces are chosen so that AUs or emotions are as frequent as in the dataset, as far as "
        "there are such faces."
    )
    return [Section("What takes the datasets' place", (text,), tables)] if tables else []


def runs_section(results: Results) -> Section:
    """Return the section that lists every run: how long it trained, on how much, and how.

    Args:
        results: The finished runs.
    """
    columns: dict[str, dict[str, Cell]] = {}
    for key in results.plans:
        recipe, log = load_recipe(results.folders[key] / "recipe.toml"), results.log(key)
        cells: dict[str, Cell] = {
            "network": recipe.model.name,
            "loss": recipe.loss.name,
            "pixels": Measured(recipe.crop.size),
            "batch": Measured(recipe.run.batch),
            "learning rate": f"{recipe.optimiser.lr:g}",
            "precision": recipe.run.precision,
            "epochs": Measured(len(log)),
            "steps": Measured(float(log["step"].iloc[-1])),
            "training pictures": Measured(results.leakage(key).get("pictures", {}).get("train", math.nan)),
            "minutes": f"{float(log['seconds'].sum()) / 60:.1f}",
        }
        for title, cell in cells.items():
            columns.setdefault(title, {})[key] = cell
    table = ResultTable(
        "runs",
        "Every run. Its folder in `runs/` holds its recipe, split, log and predictions.",
        list(results.plans),
        [Column(title, cells, digits=0) for title, cells in columns.items()],
        corner="run",
        of_faces=False,
    )
    return Section("Runs", (), [table])


def _smaller(setting: Setting) -> str:
    """Return in which ways a scale is smaller than the paper."""
    scale = setting.scale
    made = {
        "{} pictures of each dataset": scale.pictures,
        "{} epochs": scale.epochs,
        "{} pixels": scale.size,
        "{} pictures per batch": scale.batch,
    }
    parts = [text.format(value) for text, value in made.items() if value]
    parts += [f"{count} of {name}" for name, count in scale.most.items()]
    parts = [f"at most {', '.join(parts)}"] if parts else []
    parts += [f"learning rate {scale.lr:g}"] if scale.lr else []
    parts += [f"at most {scale.people} people in a stand-in of people"] if scale.people else []
    parts += [f"comparisons by {scale.seeds} seeds"] if scale.seeds > 1 else []
    parts += [f"{', '.join(scale.bfloat16)} in bfloat16"] if scale.bfloat16 else []
    parts += [f"no AU rarer than 1 in {1 + scale.rarest:g} in a stand-in"] if scale.rarest else []
    return "; ".join(parts) or "as the paper"
