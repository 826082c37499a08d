"""masur2023: emotions from what a network has learned about AUs, Tables I to III, Figures 3 and 4."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from openau.evaluate import evaluate_emotions, forgetting, smiles
from openau.facs import EMOTIONS, au_column, au_set
from openau.studies import stand_ins
from openau.studies.compare import Contrast, compared
from openau.studies.masur2023_faces import draw_faces
from openau.studies.masur2023_plan import BEFORE, CAER, HOW, PAPER, plan
from openau.studies.page import Section
from openau.studies.parts import figure_label
from openau.studies.published import read_published
from openau.studies.results import Results
from openau.studies.study import OUR_NAME, OUR_NETWORK, Scale, Source, StandIn, Study
from openau.studies.tables import Cell, Column, Measured, ResultTable
from openau.train.predict import predict_run


def sections(results: Results) -> list[Section]:
    """Return the page's sections.

    Args:
        results: The finished runs.
    """
    faces, label = results.store(CAER, results.plans["caer-heatmaps"].crop), figure_label(results)
    figures = [
        draw_faces(
            results.folders["bp4d-heatmaps"],
            results.folders["caer-heatmaps"],
            faces,
            results.figures / f"figure{number}-faces",
            right=right,
            label=label,
        )
        for number, right in ((3, True), (4, False))
    ]
    return [
        Section(
            "Emotions (Table I)",
            (_TABLE_1,),
            [_accuracy(results), _worth_of_aus(results), _each_emotion(results)],
        ),
        Section("What is forgotten of AUs (Table II)", (_TABLE_2,), [_forgotten(results)]),
        Section("The smile on happy faces (Table III)", (_TABLE_3,), [_smiles(results)]),
        Section(
            "The same faces before and after (Figures 3, 4)",
            (_FIGURES,),
            (),
            [figure for figure in figures if figure is not None],
        ),
    ]


_TABLE_1 = (
    "Accuracy beside the mean over emotions, which no frequent emotion can carry, and beside what always "
    "saying the most frequent emotion gives. `frozen`: the AU network stays as it was, so that only what "
    "it has learned about AUs can help; `from scratch`: the same network, knowing nothing."
)
_TABLE_2 = (
    "The AU network (ME-GraphAU) on the test pictures of its own AU dataset: as it was, and as it is after "
    "it was trained on emotions, its last layer taken off. A frozen network cannot forget; its row shows "
    "that nothing else differs."
)
_TABLE_3 = (
    "How often AU 6 and AU 12 are found on pictures that are labelled happy. By chance: what the share "
    "would be if each AU were found as often as on all pictures, whatever the emotion."
)
_FIGURES = (
    "AU 6 and AU 12 on faces of the emotion test set: the mean of the AU's heat maps before and after "
    "fine-tuning on emotions, and the probability. Figure 3: faces whose emotion is told rightly; Figure "
    "4: wrongly."
)


def _graph_name(results: Results) -> str:
    """Return what the network is called that ME-GraphAU's runs train."""
    return OUR_NAME if results.setting.has_stand_ins else "ME-graph"


def _emotion_runs(results: Results) -> dict[str, str]:
    """Return what an emotion run is called to its key, in the order of Table I."""
    graph = f"EmotiRAM-FAU-{_graph_name(results)}"
    found = {"EmotiRAM-f": "caer-baseline"}
    for ending, how in HOW.items():
        found[f"EmotiRAM-FAU [BP4D], {how}"] = f"caer-heatmaps{ending}"
    found[f"{graph} [BP4D], fine-tuned"] = "caer-graph-bp4d"
    for ending, how in HOW.items():
        found[f"{graph} [DISFA], {how}"] = f"caer-graph-disfa{ending}"
    return found


def _told(results: Results, key: str) -> pd.DataFrame:
    """Return the judgement of a run's emotions, by emotion and `all`."""
    setting = results.setting
    table = results.predictions(key)
    return evaluate_emotions(table, resamples=setting.scale.resamples, seed=setting.seed).set_index("emotion")


def _accuracy(results: Results) -> ResultTable:
    """Table I: accuracy on CAER-S."""
    printed = read_published(PAPER, "I")
    titles = {
        "accuracy": "accuracy",
        "balanced_accuracy": "mean over emotions",
        "macro_f1": "macro F1",
        "majority": "most frequent emotion",
    }
    cells: dict[str, dict[str, Cell]] = {title: {} for title in titles.values()}
    for name, key in _emotion_runs(results).items():
        whole = _told(results, key).loc["all"].to_dict()
        for metric, title in titles.items():
            ends = (whole.get(f"{metric}_{end}", math.nan) for end in ("low", "high"))
            cells[title][f"ours: {name}"] = Measured(*(100 * float(v) for v in (whole[metric], *ends)))
    columns = [Column("accuracy", {row.model: row for row in printed})]
    columns += [Column(title, values, digits=1) for title, values in cells.items()]
    rows = [*printed.models, *(f"ours: {name}" for name in _emotion_runs(results))]
    caption = f"Table I: emotions on {results.title(CAER)}, in percent."
    return ResultTable("table1", caption, rows, columns, "system", results.under(["caer-baseline"], "I"))


def _worth_of_aus(results: Results) -> ResultTable:
    """What it is worth for emotions to know AUs first, over several seeds."""
    names = {
        "caer-graph-disfa": f"EmotiRAM-FAU-{_graph_name(results)} [DISFA]",
        "caer-heatmaps": "EmotiRAM-FAU [BP4D]",
    }
    lines = [
        Contrast(f"{name}: {HOW[one]} against {HOW[two]}", f"{run}{one}", f"{run}{two}")
        for run, name in names.items()
        for one, two in (("", "-scratch"), ("-frozen", "-scratch"), ("", "-frozen"))
    ]
    metrics = {
        title: partial(_of_all, results, metric)
        for metric, title in (("accuracy", "accuracy"), ("macro_f1", "macro F1"))
    }
    return compared(
        results,
        lines,
        ("first", "second"),
        key="aus-worth",
        caption=f"Emotions on {results.title(CAER)}: what it is worth to know AUs first.",
        metrics=metrics,
        corner="AU network",
    )


def _of_all(results: Results, metric: str, key: str) -> float:
    return float(_told(results, key).loc["all"].to_dict()[metric])


def _each_emotion(results: Results) -> ResultTable:
    """Beside Table I: F1 of every emotion."""
    columns = []
    for name, key in _emotion_runs(results).items():
        scores = _told(results, key)["f1"].to_dict()
        columns.append(Column(name, {emotion: Measured(float(scores[emotion])) for emotion in EMOTIONS}))
    caption = f"F1 of every emotion on {results.title(CAER)}."
    return ResultTable("emotions", caption, EMOTIONS, columns, "emotion", results.under(["caer-baseline"]))


def _forgotten(results: Results) -> ResultTable:
    """Table II: ME-GraphAU's AUs before and after it learned emotions."""
    printed = read_published(PAPER, "II")
    metrics = {"f1": "f1_pct", "accuracy": "accuracy_pct"}
    rows = ["mean", au_column(6), au_column(12)]
    columns = [
        Column(f"{model}, {metric}", dict(printed.by_au(model=model, metric=name)))
        for model in ("ME-Graph", "EmotiRAM-FAU-ME-Graph")
        for metric, name in metrics.items()
    ]
    store = results.store("disfa", results.plans[BEFORE["disfa"]].crop)
    before = results.predictions(BEFORE["disfa"])
    for ending in ("", "-frozen"):
        run = results.folders[f"caer-graph-disfa{ending}"]
        after = predict_run(run, [store], samples=before["sample"])
        compared = forgetting(before, after, metrics=tuple(metrics))
        names = [au_column(au) if isinstance(au, int) else str(au) for au in compared["au"]]
        for metric in metrics:
            when = ("before", "after") if not ending else ("after",)
            for moment in when:
                values = dict(zip(names, 100 * compared[f"{metric}_{moment}"], strict=True))
                what = f"after, {HOW[ending]}" if moment == "after" else "before"
                cells: dict[str, Cell] = {row: Measured(float(values[row])) for row in rows}
                columns.append(Column(f"ours {what}, {metric}", cells, digits=1))
    caption = f"Table II: AUs of {results.title('disfa')} before and after training on emotions, in percent."
    return ResultTable("table2", caption, rows, columns, "AU", results.under([BEFORE["disfa"]], "II"))


def _smiles(results: Results) -> ResultTable:
    """Table III: AU 6 and AU 12 on happy faces."""
    printed = read_published(PAPER, "III")
    columns = [
        Column(title, {row.model: row for row in printed if row.metric == metric})
        for title, metric in (("AU 6 and 12", "hit_both_pct"), ("AU 6 or 12", "hit_any_pct"))
    ]
    tested = results.predictions("caer-graph-disfa")["sample"]
    runs, graph = {}, _graph_name(results)
    for source, key in BEFORE.items():
        title = source.upper()
        store = results.store(CAER, results.plans[f"caer-graph-{source}"].crop)
        runs[f"{graph} [{title}]"] = predict_run(results.folders[key], [store], samples=tested)
        runs[f"EmotiRAM-FAU-{graph} [{title}]"] = results.predictions(f"caer-graph-{source}")
    titles = {
        "both": "AU 6 and 12",
        "either": "AU 6 or 12",
        "chance_both": "by chance: and",
        "chance_either": "by chance: or",
    }
    cells: dict[str, dict[str, Cell]] = {title: {} for title in titles.values()}
    happy = 0
    for name, table in runs.items():
        found = smiles(table)
        happy = int(found["count"])
        for field, title in titles.items():
            cells[title][f"ours: {name}"] = Measured(100 * found[field])
    columns += [Column(title, values, digits=1) for title, values in cells.items()]
    where = f"{happy} happy faces of {results.title(CAER)}'s test part"
    caption = f"Table III: the AUs of a smile on {where}, in percent."
    rows = [*printed.models, *(f"ours: {name}" for name in runs)]
    return ResultTable(
        "table3", caption, rows, columns, "network", results.under(["caer-graph-disfa"], "III")
    )


_DISFA = StandIn(
    "intensity",
    {au: rate for au, rate in stand_ins.disfa().rates.items() if au in au_set("disfa-8")},
    threshold=0.5,
    only_with_au=True,
    source=stand_ins.disfa().source,
)

STUDY = Study(
    name=PAPER,
    title="emotions from what is known about facial action units",
    sources=(
        Source(CAER, "CAER-S", StandIn(emotions=dict.fromkeys(EMOTIONS, 10_000), source=stand_ins.CAER_S)),
        Source("bp4d", "BP4D", stand_ins.bp4d(au_set("bp4d-12"))),
        Source("disfa", "DISFA", _DISFA),
    ),
    scales={
        "smoke": Scale(pictures=240, epochs=2, size=32, batch=16, lr=1e-3, resamples=0, rarest=15),
        "small": Scale(
            pictures=4800,
            epochs=6,
            size=32,
            batch=16,
            lr=5e-4,
            resamples=200,
            rarest=15,
            faces=24_000,
            people=600,
            bfloat16=("fan_heatmap", "emotiram_fau", OUR_NETWORK.name),
            seeds=5,
            most={CAER: 2000},
        ),
        "full": Scale(faces=60_000),
    },
    plan=plan,
    sections=sections,
    differences=(
        "CAER-S names nobody, so its official folders are the only split; BP4D and DISFA are always split by "
        "people. `--protocol` changes nothing here.",
        "EmotiRAM-f's text cannot be reached: the face stream of CAER-Net-S stands in for it. Context and "
        "body streams are not built.",
        "The paper prints no optimiser, learning rate, epochs or batch of EmotiRAM-FAU; ours are in the "
        "recipes `masur2023/...`.",
        "A copy of BP4D comes without the 68 landmarks that faces are aligned by and heat maps drawn from; "
        "OpenAU's landmark network finds them. Rendered faces bring their own.",
        "Backbones start from random weights, not from ImageNet; below the scale `full` they are ResNet-18 "
        "in place of ResNet-50.",
        "At the scale small pixels are centred and the default model's network takes ME-GraphAU's place, "
        "trained with weighted cross-entropy: ME-GraphAU, which takes 64 pixels at least, was still at "
        "chance after what the scale allows. Emotions from its probabilities train for 18 epochs.",
        "Frozen networks, networks from scratch, the most frequent emotion and the chance of Table III "
        "are ours.",
        "Rendered faces carry the emotion whose prototype they were drawn from, not a viewer's opinion; "
        "AUs may be missing from a prototype or added to it.",
    ),
)
