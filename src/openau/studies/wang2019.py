"""wang2019: losses against imbalance on EmotioNet and CK+, Figure 5, Tables 2 to 5."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from openau.facs import au_column
from openau.studies import stand_ins
from openau.studies.compare import Contrast, compared, mean_of, split_worth
from openau.studies.figures import draw_curves
from openau.studies.page import Figure, Section
from openau.studies.parts import au_rows, figure_label, measured_columns
from openau.studies.published import read_published
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.study import Scale, Source, Study
from openau.studies.tables import Cell, Column, Measured, ResultTable
from openau.studies.wang2019_plan import (
    AU_COUNTS,
    AUS,
    LOSSES_COMPARED,
    MODELS,
    PAPER,
    RATIOS,
    RULES,
    TABLES,
    count_key,
    model_key,
    our_name,
    plan,
    protocols_of,
    repeated_protocol,
    sweep_key,
)


def sections(results: Results) -> list[Section]:
    """Return the page's sections.

    Args:
        results: The finished runs.
    """
    worth = {
        f"{results.title(source)}, {our_name(results, name)}": {
            p: model_key(source, p, name) for p in protocols_of(source, results.setting)
        }
        for source in RULES
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
    for protocol in protocols_of("emotionet", results.setting):
        for loss, name in (("bce", "AlexNet"), ("msr", "AlexNet+MSR")):
            for metric in ("accuracy", "auc"):
                cells: dict[str, Cell] = {}
                for ratio in RATIOS:
                    key = sweep_key(protocol, ratio, loss)
                    value = 100 * float(results.judged(key)[metric].to_dict()["AU01"])
                    cells[str(ratio)] = Measured(value)
                    keys.append(key)
                word = metric.replace("auc", "AUC")
                title = f"{our_name(results, name)}, {word}, {PROTOCOL_NAMES[protocol]}"
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
    for protocol in protocols_of("emotionet", results.setting):
        panels[PROTOCOL_NAMES[protocol]] = {
            our_name(results, name): (
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
        for name in LOSSES_COMPARED
    ]
    keys = {
        f"{name}, {PROTOCOL_NAMES[protocol]}": count_key(protocol, 11, loss)
        for protocol in protocols_of("emotionet", results.setting)
        for name, loss in LOSSES_COMPARED.items()
    }
    columns += [
        Column(f"N:P, ours, {PROTOCOL_NAMES[protocol]}", _train_ratios(results, protocol), digits=2)
        for protocol in protocols_of("emotionet", results.setting)
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
            for name in LOSSES_COMPARED
        ]
        keys = {
            f"{name}, {PROTOCOL_NAMES[protocol]}": count_key(protocol, count, loss)
            for protocol in protocols_of("emotionet", results.setting)
            for name, loss in LOSSES_COMPARED.items()
        }
        columns += measured_columns(results, keys, "accuracy", percent=True)
        caption = f"Table 3: accuracy in percent on {results.title('emotionet')}, {count} AUs."
        under = results.under(list(keys.values()), "3" if count == 11 else "")
        tables.append(ResultTable(f"table3-{count}", caption, au_rows(aus), columns, under=under))
    return [*tables, _loss_means(results), _losses_compared(results)]


def _losses_compared(results: Results) -> ResultTable:
    """Losses against each other with 11 AUs: by AU 1, whose 30:1 is the imbalance meant, and by the means."""
    protocol = repeated_protocol(results.setting)
    runs = {"BCE": model_key("emotionet", protocol, "AlexNet")}
    runs |= {name: count_key(protocol, 11, loss) for name, loss in LOSSES_COMPARED.items()}
    pairs = (("Ad-MSR", "BCE"), ("MSR", "BCE"), ("Ad-MSR", "MSR"))
    lines = [Contrast(f"{one} against {two}", runs[one], runs[two]) for one, two in pairs]
    metrics = {f"mean {metric.upper()}": mean_of(results, metric) for metric in ("f1", "auc")}
    for metric, title in (("f1", "AU 1 F1"), ("auc", "AU 1 AUC")):
        metrics[title] = partial(_of_au_1, results, metric)
    network = our_name(results, "AlexNet")
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
    for protocol in protocols_of("emotionet", results.setting):
        runs = {"BCE": model_key("emotionet", protocol, "AlexNet")}
        runs |= {name: count_key(protocol, 11, loss) for name, loss in LOSSES_COMPARED.items()}
        for name, key in runs.items():
            row = f"{our_name(results, 'AlexNet')}+{name}, {PROTOCOL_NAMES[protocol]}"
            for title, column in cells.items():
                column[row] = Measured(results.mean(key, title.lower()))
            keys.append(key)
    caption = "Cross-entropy, MSR and Ad-MSR with 11 AUs: means over the AUs that define them."
    rows = list(cells["F1"])
    columns = [Column(title, column) for title, column in cells.items()]
    return ResultTable("loss-means", caption, rows, columns, "loss and split", results.under(keys))


def _systems(results: Results, source: str) -> list[ResultTable]:
    """Tables 4 and 5: F1 and AUC of six systems, with the N:P of every part."""
    number = TABLES[source]
    printed = read_published(PAPER, number)
    tables = []
    for theirs, ours in (("f1_pct", "f1"), ("auc_pct", "auc")):
        for protocol in protocols_of(source, results.setting):
            keys = {f"ours, {our_name(results, name)}": model_key(source, protocol, name) for name in MODELS}
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
            rows = au_rows(AUS[source])
            tables.append(
                ResultTable(f"table{number}-{ours}-{protocol}", caption, rows, columns, under=under)
            )
    return tables


def _ratios(results: Results, source: str, key: str, printed: Mapping[str, Cell]) -> list[Column]:
    """Return N:P of the test part, printed and ours."""
    rows = results.judged(key)
    cells: dict[str, Cell] = {}
    for au in AUS[source]:
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
            pictures=7500,
            epochs=4,
            size=32,
            batch=16,
            lr=5e-4,
            resamples=200,
            rarest=30,
            faces=24_000,
            bfloat16=("compact_resnet", "dscmr", "l_dscmr", "resnet18"),
            seeds=3,
            most={"ck_plus": 4000},
        ),
        "full": Scale(faces=60_000),
    },
    plan=plan,
    sections=sections,
    differences=(
        "DSCMR and L-DSCMR are trained with Ad-MSR, DRML, ResNet18 and AlexNet with cross-entropy.",
        "Ad-MSR's β is read to the letter (A): an AU below the mean loss gets no gradient in that step.",
        "Batch (128) and length (50 epochs) are not printed.",
        "Below full scale: Adam, and dense layers of 256 in AlexNet and 256 and 128 in DRML, which "
        "would have 57 million weights.",
        "At the scale small the default model's network takes AlexNet's place, which at 64 pixels had not "
        "left its first plateau after 19,000 pictures.",
        "EmotioNet names nobody: with --root emotionet, it is run with the paper's split alone.",
        "DRML takes 170 pixels, as its authors' code does.",
        "Without shared people, CK+ is parted 60/20/20 by person and nothing is mirrored beforehand.",
    ),
)
