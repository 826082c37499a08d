"""wang2019: losses against imbalance on EmotioNet and CK+, Figure 5, Tables 2 to 5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from openau.data.augment import AUGMENTATIONS
from openau.errors import SettingError
from openau.facs import au_column, au_set
from openau.models import network_needs
from openau.records import CropSpec
from openau.studies import stand_ins
from openau.studies.compare import Contrast, compared, mean_of, split_worth
from openau.studies.figures import draw_curves
from openau.studies.page import Figure, Section
from openau.studies.parts import au_rows, figure_label, measured_columns
from openau.studies.published import read_published
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.study import RunPlan, Scale, Setting, Source, Study, repeated, run_key
from openau.studies.tables import Cell, Column, Measured, ResultTable
from openau.train import Recipe
from openau.train.config import (
    DataSettings,
    LabelSettings,
    LossName,
    LossSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
)

PAPER = "wang2019"
RATIOS = (5, 10, 20, 30)
"""Negatives per positive of the sweep's training parts."""

AU_COUNTS: Mapping[int, tuple[int, ...]] = {
    3: (1, 2, 4),
    5: (1, 2, 4, 5, 6),
    8: (1, 2, 4, 5, 6, 9, 12, 17),
    11: au_set("wang2019-emotionet-11"),
}
"""Number of AUs learned together to the AUs, Table 3."""

MODELS: Mapping[str, tuple[str, LossName]] = {
    "DRML": ("drml", "bce"),
    "ResNet18": ("resnet18", "bce"),
    "AlexNet": ("alexnet", "bce"),
    "DSCMR": ("dscmr", "ad_msr"),
    "AlexNet+Ad-MSR": ("alexnet", "ad_msr"),
    "L-DSCMR": ("l_dscmr", "ad_msr"),
}
"""The paper's name of a system to its network and loss."""

SPLITS: Mapping[tuple[str, str], str] = {
    ("emotionet", "paper"): "wang2019",
    ("emotionet", "subject"): "wang2019-subject",
    ("ck_plus", "paper"): "wang2019-ckplus",
    ("ck_plus", "subject"): "subject",
}
"""Dataset and protocol to the split's name."""

_RULES = {"emotionet": "wang2019-emotionet", "ck_plus": "wang2019-ckplus"}
_AUS = {"emotionet": au_set("wang2019-emotionet-11"), "ck_plus": au_set("wang2019-ckplus-14")}
_TABLES = {"emotionet": "4", "ck_plus": "5"}
_LOSSES: Mapping[str, LossName] = {"MSR": "msr", "Ad-MSR": "ad_msr"}
_SMALLER: Mapping[str, dict[str, Any]] = {"drml": {"dense": (256, 128)}, "alexnet": {"dense": 256}}

_PLAIN = ModelSettings(
    "attention_cnn", {"attention": False, "dropout": 0.0}, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)
)
"""What takes AlexNet's place at the scale small: five convolutions and three dense layers, too."""
_PLAIN_NAME = "5 convolutions"


def paper_recipe(source: str, network: str, loss: LossName, aus: tuple[int, ...]) -> Recipe:
    """Return the paper's recipe.

    Args:
        source: Name of the dataset.
        network: Key of `openau.models.MODELS`.
        loss: The loss.
        aus: The AUs learned together.

    Reference:
        Wang et al. (2019), section 4: learning rate 5e-4, less after 2000 iterations, momentum 0.9, weight
        decay 5e-4, mirror images. Batch and length are not printed; 128 and about 10,000 iterations are ours.
    """
    needs = network_needs(network)
    return Recipe(
        name=f"{source}-{network}-{loss}",
        aus=aus,
        crop=CropSpec(needs.size),
        labels=LabelSettings(rule=_RULES[source]),
        model=ModelSettings(network, mean=needs.mean, std=needs.std),
        loss=LossSettings(loss),
        optimiser=OptimiserSettings(
            "sgd", 5e-4, weight_decay=5e-4, schedule="step", drop=2000, warmup=0, clip=0.0, average=0.0
        ),
        augmentation=replace(AUGMENTATIONS["none"], flip=0.5),
        run=RunSettings(epochs=50, batch=128),
    )


def plan(setting: Setting) -> list[RunPlan]:
    """Return the runs: the sweep, MSR against Ad-MSR, six systems on two datasets.

    The losses are compared by several seeds, where nobody is shared if that is run.

    Args:
        setting: How the study is run.
    """
    found = []
    seeds = dict.fromkeys(setting.protocols, 1) | {_often(setting): setting.scale.seeds}
    for protocol in _protocols("emotionet", setting):
        for ratio in RATIOS:
            for loss in ("bce", "msr"):
                recipe = _scaled(paper_recipe("emotionet", "alexnet", loss, (1,)), setting)
                options = {"train_ratio": float(ratio)}
                found.append(_run(sweep_key(protocol, ratio, loss), "emotionet", protocol, recipe, options))
        for count, aus in AU_COUNTS.items():
            for loss in _LOSSES.values():
                recipe = _scaled(paper_recipe("emotionet", "alexnet", loss, aus), setting)
                run = _run(count_key(protocol, count, loss), "emotionet", protocol, recipe)
                found += repeated(run, seeds[protocol] if count == 11 else 1)
    for source in _RULES:
        for protocol in _protocols(source, setting):
            for name, (network, loss) in MODELS.items():
                if source == "emotionet" and name == "AlexNet+Ad-MSR":
                    continue  # it is the run with 11 AUs above
                recipe = _scaled(paper_recipe(source, network, loss, _AUS[source]), setting)
                run = _run(_model_key(source, protocol, name), source, protocol, recipe)
                often = source == "emotionet" and name == "AlexNet"
                found += repeated(run, seeds[protocol] if often else 1)
    return found


def _often(setting: Setting) -> str:
    """Return the protocol by which the losses are compared by several seeds."""
    return _protocols("emotionet", setting)[-1]


def _protocols(source: str, setting: Setting) -> tuple[str, ...]:
    """Return the protocols that a dataset allows: the real EmotioNet does not say who is on a picture."""
    if source == "emotionet" and source in setting.roots:
        if "paper" not in setting.protocols:
            raise SettingError("EmotioNet does not say who is on a picture; use --protocol paper or both.")
        return ("paper",)
    return setting.protocols


def _run(
    key: str, source: str, protocol: str, recipe: Recipe, options: Mapping[str, float] | None = None
) -> RunPlan:
    split = SPLITS[source, protocol]
    chosen = {"validation": 0.2, "test": 0.2} if split == "subject" else dict(options or {})
    data = DataSettings(split=split, options=chosen)
    # Weights of AlexNet are a quarter of a gigabyte: those of the six systems are enough to look into.
    system = not key.startswith(("sweep-", "aus-")) or key == count_key(protocol, 11, "ad_msr")
    return RunPlan(key, source, recipe.crop, replace(recipe, data=data), protocol, keeps_weights=system)


def _scaled(recipe: Recipe, setting: Setting) -> Recipe:
    """Return the recipe at the study's scale; below full, Adam and narrower dense layers."""
    needs = network_needs(recipe.model.name)
    multiple = 32 if needs.smallest % 32 == 0 and needs.smallest < 64 else 1
    scaled = setting.scaled(recipe, multiple=multiple, smallest=needs.smallest)
    adam = OptimiserSettings("adam", scaled.optimiser.lr, schedule="constant", warmup=0, average=0.0)
    if setting.scale.size:
        options = _SMALLER.get(recipe.model.name, {})
        scaled = replace(scaled, model=replace(scaled.model, options=options), optimiser=adam)
    if _stands_in(setting) and recipe.model.name == "alexnet":
        scaled = setting.scaled(replace(recipe, crop=CropSpec(48), model=_PLAIN), multiple=16)
        scaled = replace(scaled, optimiser=replace(adam, warmup=100, clip=5.0))
    return scaled


def _stands_in(setting: Setting) -> bool:
    """Return whether a smaller network takes AlexNet's place."""
    return setting.scale_name == "small"


def _ours(results: Results, system: str) -> str:
    """Return what one of the paper's systems is called where it was run here."""
    return system.replace("AlexNet", _PLAIN_NAME) if _stands_in(results.setting) else system


def sweep_key(protocol: str, ratio: int, loss: str) -> str:
    """Return the key of a run of the sweep."""
    return f"sweep-{protocol}-{ratio}-{loss}"


def count_key(protocol: str, count: int, loss: str) -> str:
    """Return the key of a run with so many AUs."""
    return f"aus-{protocol}-{count}-{loss}"


def _model_key(source: str, protocol: str, name: str) -> str:
    if source == "emotionet" and name == "AlexNet+Ad-MSR":
        return count_key(protocol, 11, "ad_msr")
    return run_key(source, protocol, name.lower().replace("+", "-"))


def sections(results: Results) -> list[Section]:
    """Return the page's sections.

    Args:
        results: The finished runs.
    """
    worth = {
        f"{results.title(source)}, {_ours(results, name)}": {
            p: _model_key(source, p, name) for p in _protocols(source, results.setting)
        }
        for source in _RULES
        for name in MODELS
    }
    return [
        Section(
            "AU 1 under growing imbalance (Figure 5)",
            (_SWEEP,),
            _sweep_tables(results),
            [_sweep_figure(results)],
        ),
        Section("MSR against Ad-MSR with 11 AUs (Table 2)", (), [_table2(results)]),
        Section("MSR against Ad-MSR with 3, 5, 8 and 11 AUs (Table 3)", (), _table3(results)),
        Section("Six systems on EmotioNet (Table 4)", (_AREAS,), _systems(results, "emotionet")),
        Section("Six systems on CK+ (Table 5)", (), _systems(results, "ck_plus")),
        Section("What the random split was worth", (), split_worth(results, worth)),
    ]


_SWEEP = (
    "Training has 5 to 30 pictures without AU 1 for each with it; the test part has as many of both. The "
    "paper prints a curve only; what its text says of it stands in the table."
)
_AREAS = (
    "AUC values marked ✗ cannot be areas under the ROC curve of the scores whose F1 stands beside them: F1 "
    "and N:P fix one point of the curve, and the area is at least t(1 - f) of that point."
)


def _sweep_tables(results: Results) -> list[ResultTable]:
    """Figure 5 as a table: accuracy on a balanced test part, with what is known of the published curve."""
    columns = [Column(name, _said(name)) for name in ("AlexNet", "AlexNet+MSR")]
    keys = []
    for protocol in _protocols("emotionet", results.setting):
        for loss, name in (("bce", "AlexNet"), ("msr", "AlexNet+MSR")):
            for metric in ("accuracy", "auc"):
                cells: dict[str, Cell] = {}
                for ratio in RATIOS:
                    key = sweep_key(protocol, ratio, loss)
                    value = 100 * float(results.judged(key)[metric].to_dict()["AU01"])
                    cells[str(ratio)] = Measured(value)
                    keys.append(key)
                word = metric.replace("auc", "AUC")
                title = f"{_ours(results, name)}, {word}, {PROTOCOL_NAMES[protocol]}"
                columns.append(Column(title, cells, digits=1))
    caption = "Figure 5: accuracy for AU 1 in percent by N:P of the training part."
    rows = [str(ratio) for ratio in RATIOS]
    return [ResultTable("figure5", caption, rows, columns, "N:P", results.under(keys))]


def _said(model: str) -> dict[str, Cell]:
    """Return what the text says of the curve of one model, by ratio."""
    found: dict[str, Cell] = {}
    for row in read_published(PAPER, "text-Fig5").where(model=model):
        ratio = row.dataset.split("N:P ")[1].split(",")[0]
        found[ratio] = row
    return found


def _sweep_figure(results: Results) -> Figure:
    panels = {}
    for protocol in _protocols("emotionet", results.setting):
        panels[PROTOCOL_NAMES[protocol]] = {
            _ours(results, name): (
                list(RATIOS),
                [
                    float(results.judged(sweep_key(protocol, ratio, loss))["accuracy"].to_dict()["AU01"])
                    for ratio in RATIOS
                ],
            )
            for loss, name in (("bce", "AlexNet"), ("msr", "AlexNet+MSR"))
        }
    path = results.figures / "figure5-sweep"
    draw_curves(path, panels, across="N:P in training", up="accuracy", label=figure_label(results))
    return Figure(path.name, "Figure 5: accuracy for AU 1 on a balanced test part.")


def _table2(results: Results) -> ResultTable:
    """Table 2: accuracy of every AU, MSR against Ad-MSR."""
    printed = read_published(PAPER, "2")
    columns = [Column("N:P in training", dict(printed.by_au(model="-", metric="train_NP_ratio")))]
    columns += [
        Column(f"AlexNet+{name}", dict(printed.by_au(model=f"AlexNet+{name}", metric="accuracy_pct")))
        for name in _LOSSES
    ]
    keys = {
        f"{name}, {PROTOCOL_NAMES[protocol]}": count_key(protocol, 11, loss)
        for protocol in _protocols("emotionet", results.setting)
        for name, loss in _LOSSES.items()
    }
    columns += [
        Column(f"N:P, ours, {PROTOCOL_NAMES[protocol]}", _train_ratios(results, protocol), digits=2)
        for protocol in _protocols("emotionet", results.setting)
    ]
    columns += measured_columns(results, keys, "accuracy", percent=True)
    caption = f"Table 2: accuracy in percent on {results.title('emotionet')}, 11 AUs."
    rows = au_rows(AU_COUNTS[11])
    return ResultTable("table2", caption, rows, columns, under=results.under(list(keys.values()), "2"))


def _train_ratios(results: Results, protocol: str) -> dict[str, Cell]:
    """Return N:P of every AU in the training part of the runs with 11 AUs."""
    rates = results.leakage(count_key(protocol, 11, "msr"))["base_rate"]
    return {au: Measured((1 - rate) / rate) for au, rate in rates.items() if rate}


def _table3(results: Results) -> list[ResultTable]:
    """Table 3: accuracy by how many AUs are learned together; and the other metrics' means."""
    tables = []
    for count, aus in AU_COUNTS.items():
        printed = read_published(PAPER, "3").where(dataset=f"EmotioNet-{count}AUs")
        columns = [
            Column(f"AlexNet+{name}", dict(printed.by_au(model=f"AlexNet+{name}", metric="accuracy_pct")))
            for name in _LOSSES
        ]
        keys = {
            f"{name}, {PROTOCOL_NAMES[protocol]}": count_key(protocol, count, loss)
            for protocol in _protocols("emotionet", results.setting)
            for name, loss in _LOSSES.items()
        }
        columns += measured_columns(results, keys, "accuracy", percent=True)
        caption = f"Table 3: accuracy in percent on {results.title('emotionet')}, {count} AUs."
        under = results.under(list(keys.values()), "3" if count == 11 else "")
        tables.append(ResultTable(f"table3-{count}", caption, au_rows(aus), columns, under=under))
    return [*tables, _loss_means(results), _losses_compared(results)]


def _losses_compared(results: Results) -> ResultTable:
    """Losses against each other with 11 AUs: by AU 1, whose 30:1 is the imbalance meant, and by the means."""
    protocol = _often(results.setting)
    runs = {"BCE": _model_key("emotionet", protocol, "AlexNet")}
    runs |= {name: count_key(protocol, 11, loss) for name, loss in _LOSSES.items()}
    pairs = (("Ad-MSR", "BCE"), ("MSR", "BCE"), ("Ad-MSR", "MSR"))
    lines = [Contrast(f"{one} against {two}", runs[one], runs[two]) for one, two in pairs]
    metrics = {f"mean {metric.upper()}": mean_of(results, metric) for metric in ("f1", "auc")}
    for metric, title in (("f1", "AU 1 F1"), ("auc", "AU 1 AUC")):
        metrics[title] = partial(_of_au_1, results, metric)
    network = _ours(results, "AlexNet")
    caption = f"Losses with 11 AUs, {network}, {PROTOCOL_NAMES[protocol]}."
    return compared(
        results,
        lines,
        ("first", "second"),
        key="losses",
        caption=caption,
        metrics=metrics,
        corner="losses",
    )


def _of_au_1(results: Results, metric: str, key: str) -> float:
    return float(results.judged(key)[metric].to_dict()["AU01"])


def _loss_means(results: Results) -> ResultTable:
    """Mean F1 and AUC of BCE, MSR and Ad-MSR with 11 AUs: accuracy alone flatters whoever says no."""
    cells: dict[str, dict[str, Cell]] = {"accuracy": {}, "F1": {}, "AUC": {}}
    keys = []
    for protocol in _protocols("emotionet", results.setting):
        runs = {"BCE": _model_key("emotionet", protocol, "AlexNet")}
        runs |= {name: count_key(protocol, 11, loss) for name, loss in _LOSSES.items()}
        for name, key in runs.items():
            row = f"{_ours(results, 'AlexNet')}+{name}, {PROTOCOL_NAMES[protocol]}"
            for title, column in cells.items():
                column[row] = Measured(results.mean(key, title.lower()))
            keys.append(key)
    caption = "Cross-entropy, MSR and Ad-MSR with 11 AUs: means over the AUs that define them."
    rows = list(cells["F1"])
    columns = [Column(title, column) for title, column in cells.items()]
    return ResultTable("loss-means", caption, rows, columns, "loss and split", results.under(keys))


def _systems(results: Results, source: str) -> list[ResultTable]:
    """Tables 4 and 5: F1 and AUC of six systems, with the N:P of every part."""
    number = _TABLES[source]
    printed = read_published(PAPER, number)
    tables = []
    for theirs, ours in (("f1_pct", "f1"), ("auc_pct", "auc")):
        for protocol in _protocols(source, results.setting):
            keys = {f"ours, {_ours(results, name)}": _model_key(source, protocol, name) for name in MODELS}
            columns = [Column(name, dict(printed.by_au(model=name, metric=theirs))) for name in MODELS]
            columns += measured_columns(results, keys, ours, percent=True)
            if theirs == "f1_pct":
                columns += _ratios(
                    results,
                    source,
                    next(iter(keys.values())),
                    printed.by_au(model="-", metric="test_NP_ratio"),
                )
            where = f"{results.title(source)}, {PROTOCOL_NAMES[protocol]}"
            caption = f"Table {number}: {ours.upper()} in percent on {where}."
            under = results.under(list(keys.values()), number)
            rows = au_rows(_AUS[source])
            tables.append(
                ResultTable(f"table{number}-{ours}-{protocol}", caption, rows, columns, under=under)
            )
    return tables


def _ratios(results: Results, source: str, key: str, printed: Mapping[str, Cell]) -> list[Column]:
    """Return N:P of the test part, printed and ours."""
    rows = results.judged(key)
    cells: dict[str, Cell] = {}
    for au in _AUS[source]:
        count, positives = (int(rows[name].to_dict()[au_column(au)]) for name in ("count", "positives"))
        if positives:
            cells[au_column(au)] = Measured((count - positives) / positives)
    return [Column("N:P in test", dict(printed)), Column("N:P in test, ours", cells, digits=2)]


STUDY = Study(
    name=PAPER,
    title="losses against imbalance, and networks with local convolution",
    sources=(
        Source("emotionet", "EmotioNet", stand_ins.wang2019("4")),
        Source("ck_plus", "CK+", stand_ins.wang2019("5")),
    ),
    scales={
        "smoke": Scale(pictures=300, epochs=1, size=48, batch=32, lr=3e-4, resamples=0, rarest=6),
        "small": Scale(
            pictures=3000,
            epochs=3,
            size=32,
            batch=16,
            lr=5e-4,
            resamples=200,
            rarest=30,
            faces=24_000,
            bfloat16=("attention_cnn", "dscmr", "l_dscmr", "resnet18"),
            seeds=3,
        ),
        "full": Scale(faces=60_000),
    },
    plan=plan,
    sections=sections,
    differences=(
        "DSCMR and L-DSCMR are trained with Ad-MSR, DRML, ResNet18 and AlexNet with cross-entropy.",
        "Ad-MSR's β is read to the letter (A): an AU below the mean loss gets no gradient in that step.",
        "Faces are cut by their box; the paper aligns them by a similarity.",
        "Batch (128) and length (50 epochs) are not printed.",
        "Below full scale: Adam, and dense layers of 256 in AlexNet and 256 and 128 in DRML, which "
        "would have 57 million weights.",
        "At the scale small the five convolutions of deramgozin2023's network, without its attention, take "
        "AlexNet's place, which at 64 pixels had not left its first plateau after 16,000 pictures.",
        "EmotioNet names nobody: with --root emotionet, it is run with the paper's split alone.",
        "DRML takes 170 pixels, as its authors' code does.",
        "Without shared people, CK+ is parted 60/20/20 by person and nothing is mirrored beforehand.",
    ),
)
