"""moreno2024: six ImageNet networks on DISFA+ and DEM, Tables 3 to 9, Figures 5 to 12."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from openau.data.augment import AUGMENTATIONS
from openau.errors import InputError
from openau.facs import au_column, au_set
from openau.models import network_needs
from openau.models.pretrained import imagenet_weights
from openau.records import CropSpec
from openau.studies import stand_ins
from openau.studies.compare import split_worth
from openau.studies.heat_scores import heat_section
from openau.studies.moreno2024_figures import SHOWN, confusion_figures, panel_figures
from openau.studies.page import Section
from openau.studies.parts import au_rows, measured_columns, published_columns
from openau.studies.published import PublishedTable, read_published
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.study import (
    OUR_NAME,
    OUR_NETWORK,
    RunPlan,
    Scale,
    Setting,
    Source,
    Study,
    repeated,
    run_key,
)
from openau.studies.tables import Cell, Column, Measured, ResultTable
from openau.train import Recipe
from openau.train.config import (
    DataSettings,
    LabelSettings,
    LossSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
)

PAPER = "moreno2024"
AUS = au_set("moreno2024-12")

NETWORKS: Mapping[str, str] = {
    "vgg19": "VGG19",
    "resnet101": "ResNet101",
    "nasnet_mobile": "NASNetMobile",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_b0": "EfficientNetB0",
    "shufflenet_v2": "ShuffleNetV2",
}
"""Our name of a network to the paper's."""

OURS = OUR_NETWORK.name
"""The default model's network, which the page shows beside the paper's six."""

COLUMNS: Mapping[str, str] = {**NETWORKS, OURS: f"{OUR_NAME}, not in the paper"}
"""Network to what its column is called."""

_OUR_EPOCHS = {"smoke": 1, "small": 20, "full": 12}
"""Scale to the epochs of our network."""

LETTERS: Mapping[str, str] = {"A": "A = VGG19", "D": "D = EfficientNetB0", "F": "F = ShuffleNetV2"}
"""What is known of the letters over the columns of Tables 7 and 8."""

PROTOCOLS: Mapping[tuple[str, str], str] = {
    ("disfa_plus", "paper"): "moreno2024",
    ("disfa_plus", "subject"): "subject",
    ("dem", "paper"): "moreno2024-augment-first",
    ("dem", "subject"): "moreno2024-subject",
}
"""Dataset and protocol to the split's name."""

_TABLES = {"disfa_plus": "7", "dem": "8"}


def paper_recipe(network: str) -> Recipe:
    """Return the paper's recipe for a network, with the numbers of Table 6.

    Args:
        network: Key of `NETWORKS`.

    Reference:
        Moreno-Armendáriz et al. (2024), Table 6; the loss is not named there, cross-entropy is assumed.
    """
    printed = {row.metric: row.text for row in read_published(PAPER, "6").where(model=NETWORKS[network])}
    needs = network_needs(network)
    return Recipe(
        name=network,
        aus="moreno2024-12",
        crop=CropSpec(224),
        labels=LabelSettings(rule=PAPER),
        model=ModelSettings(network, mean=needs.mean, std=needs.std),
        loss=LossSettings("bce"),
        optimiser=OptimiserSettings(
            "adam", float(printed["learning_rate"]), schedule="constant", warmup=0, clip=0.0, average=0.0
        ),
        augmentation=AUGMENTATIONS["none"],
        run=RunSettings(epochs=int(printed["epochs"]), batch=int(printed["batch_size"])),
    )


def our_recipe(setting: Setting) -> Recipe:
    """Return the recipe of our own network, which starts from nothing and reads aligned faces.

    Args:
        setting: How the study is run.
    """
    recipe = Recipe(
        name=OURS,
        aus="moreno2024-12",
        crop=CropSpec(96, 1.05, 0.06, "points"),
        labels=LabelSettings(rule=PAPER),
        model=OUR_NETWORK,
        loss=LossSettings("weighted_bce", limit=4.0),
        optimiser=OptimiserSettings("adamw", 1e-3, weight_decay=0.05, warmup=50, clip=5.0, average=0.0),
        augmentation=replace(AUGMENTATIONS["none"], flip=0.5, shift=0.04, zoom=0.1),
    )
    scaled = setting.scaled(recipe, multiple=8, smallest=32)
    run = replace(scaled.run, epochs=_OUR_EPOCHS[setting.scale_name])
    return replace(scaled, run=run, optimiser=recipe.optimiser)


def plan(setting: Setting) -> list[RunPlan]:
    """Return the runs: every network on both datasets, ours on DISFA+ by several seeds.

    Args:
        setting: How the study is run.
    """
    recipes = {
        network: _with_weights(setting.scaled(paper_recipe(network), multiple=32, smallest=32), setting)
        for network in NETWORKS
    }
    found = []
    for network, recipe in {**recipes, OURS: our_recipe(setting)}.items():
        for (source, protocol), split in PROTOCOLS.items():
            if protocol in setting.protocols:
                options: dict[str, float] = {"test": 0.2} if split == "subject" else {}
                if source == "dem" and setting.scale_name != "full":
                    options = {"copies": 2}
                chosen = replace(recipe, data=DataSettings(split=split, options=options))
                run = RunPlan(run_key(source, protocol, network), source, recipe.crop, chosen, protocol)
                often = network == OURS and source == "disfa_plus"
                found += repeated(run, setting.scale.seeds if often else 1)
    return found


def _with_weights(recipe: Recipe, setting: Setting) -> Recipe:
    """Return the recipe with ImageNet weights and frozen early layers where there are weights."""
    if recipe.model.name == "shufflenet_v2":
        return recipe
    file = None
    if setting.weights is not None:
        file = setting.weights / imagenet_weights(recipe.model.name).file_name
        if not file.is_file():
            raise InputError(
                f"There is no weights file {file}; fetch it with "
                f"openau models --name {recipe.model.name} --fetch {setting.weights}."
            )
    if file is None:
        model = replace(recipe.model, options={"trainable": "all"})
    else:
        model = replace(recipe.model, options={"trainable": "last_block"}, weights=str(file))
    return replace(recipe, model=model)


def sections(results: Results) -> list[Section]:
    """Return the page's sections.

    Args:
        results: The finished runs.
    """
    protocols = results.setting.protocols
    worth = {
        f"{results.title(source)}, {paper}": {p: run_key(source, p, network) for p in protocols}
        for source in _TABLES
        for network, paper in COLUMNS.items()
    }
    start = (
        "The networks start from ImageNet weights and train their last block."
        if results.setting.weights
        else "No ImageNet weights were given (`--weights`): every network trains from scratch, all of it."
    )
    return [
        Section("Pictures with each AU (Tables 3, 4, 5)", (), _counts(results)),
        Section("Hyperparameters (Table 6)", (start,), [_hyperparameters(results)]),
        Section("DISFA+ (Table 7)", (), _f1_tables(results, "disfa_plus")),
        Section("DEM (Table 8)", (), _f1_tables(results, "dem")),
        Section("Beside other systems (Table 9)", (), [_others(results)]),
        Section("What the random split was worth", (), split_worth(results, worth)),
        Section("Confusion matrices (Figures 5, 6, 9, 10)", (), (), confusion_figures(results)),
        Section("Where the networks look (Figures 7, 8, 11, 12)", (_PANEL_TEXT,), (), panel_figures(results)),
        heat_section(
            results,
            "Where the networks look, in numbers",
            {
                source: {paper: run_key(source, protocols[-1], network) for network, paper in COLUMNS.items()}
                for source in _TABLES
            },
            matrices=tuple(SHOWN.values()),
            pairs=((4, 25), (25, 4)),
            others={"disfa_plus": "dem", "dem": "disfa_plus"},
        ),
    ]


_PANEL_TEXT = (
    "Each map runs from its own minimum to its own maximum; the number is the probability. A heat map "
    "says where the evidence for a logit lay, not where the muscle is."
)


def _counts(results: Results) -> list[ResultTable]:
    """Tables 3 to 5: pictures with each AU in each part."""
    tables = []
    for number, source, protocol, what in (
        ("3", "disfa_plus", "paper", "DISFA+"),
        ("4", "dem", "subject", "DEM, before copies; ours have copies of AU 17 and AU 20 in training only"),
        ("5", "dem", "paper", "DEM after copies"),
    ):
        columns = _printed_counts(read_published(PAPER, number))
        keys: tuple[str, ...] = ()
        if protocol in results.setting.protocols:
            keys = (run_key(source, protocol, "vgg19"),)
            columns += _own_counts(results.counts(keys[0]))
        rows = [au_column(au) for au in AUS]
        caption = f"Table {number}: pictures with each AU, {what}."
        under = results.under(keys, number)
        tables.append(ResultTable(f"table{number}", caption, rows, columns, under=under, of_faces=bool(keys)))
    return tables


def _printed_counts(printed: PublishedTable) -> list[Column]:
    names = {"n_train": "training", "n_val": "validation", "n_test": "test", "n_total": "total"}
    return [Column(title, dict(printed.by_au(metric=metric))) for metric, title in names.items()]


def _own_counts(counts: pd.DataFrame) -> list[Column]:
    found = []
    for part in ("train", "validation", "test"):
        cells: dict[str, Cell] = {str(au): Measured(float(n)) for au, n in counts[part].items()}
        found.append(Column(f"ours, {part}", cells, digits=0))
    return found


def _hyperparameters(results: Results) -> ResultTable:
    """Table 6, and what was run."""
    printed = read_published(PAPER, "6")
    columns = []
    for metric, title in (("epochs", "epochs"), ("batch_size", "batch"), ("learning_rate", "learning rate")):
        cells: dict[str, Cell] = {row.model: row for row in printed.where(metric=metric)}
        columns.append(Column(title, cells))
    used: dict[str, dict[str, Cell]] = {title: {} for title in ("epochs", "batch", "learning rate", "pixels")}
    for network, paper in COLUMNS.items():
        plan = next(plan for key, plan in results.plans.items() if key.endswith(f"-{network}"))
        assert isinstance(plan.recipe, Recipe)
        recipe = plan.recipe
        values = (recipe.run.epochs, recipe.run.batch, recipe.optimiser.lr, recipe.crop.size)
        for title, value in zip(used, values, strict=True):
            used[title][paper] = f"{value:g}"
    columns += [Column(f"{title}, here", cells) for title, cells in used.items()]
    caption = "Table 6: hyperparameters. Adam and cross-entropy throughout."
    return ResultTable("table6", caption, list(COLUMNS.values()), columns, "network", of_faces=False)


def _f1_tables(results: Results, source: str) -> list[ResultTable]:
    """Tables 7 and 8: F1 of every AU and network, one table per protocol."""
    number = _TABLES[source]
    printed = read_published(PAPER, number)
    tables = []
    for protocol in results.setting.protocols:
        columns = published_columns(printed, "f1") if protocol == results.setting.protocols[0] else []
        columns = [replace(column, title=LETTERS.get(column.title, column.title)) for column in columns]
        keys = {paper: run_key(source, protocol, network) for network, paper in COLUMNS.items()}
        columns += measured_columns(results, keys, "f1")
        name = PROTOCOL_NAMES[protocol]
        tables.append(
            ResultTable(
                f"table{number}-{protocol}",
                f"Table {number}: F1 on {results.title(source)}, {name}.",
                au_rows(AUS),
                columns,
                under=results.under(list(keys.values()), number),
            )
        )
    return tables


def _others(results: Results) -> ResultTable:
    """Table 9: the paper's best network on each dataset beside other systems, and ours."""
    printed = read_published(PAPER, "9")
    columns = []
    for model in printed.models:
        chosen = printed.where(model=model)
        title = f"{model}, {chosen.rows[0].dataset}".replace("(ours)", "(the paper)")
        columns.append(Column(title, dict(chosen.by_au(metric="f1"))))
    keys = {
        f"{NETWORKS[network]}, {results.title(source)}, {PROTOCOL_NAMES[protocol]}": run_key(
            source, protocol, network
        )
        for source, network in (("disfa_plus", "shufflenet_v2"), ("dem", "vgg19"))
        for protocol in results.setting.protocols
    }
    columns += measured_columns(results, keys, "f1")
    rows = au_rows(AUS)
    return ResultTable(
        "table9",
        "Table 9: F1 beside other systems.",
        rows,
        columns,
        under=results.under(list(keys.values()), "9"),
    )


STUDY = Study(
    name=PAPER,
    title="six networks on DISFA+ and on a dataset of Mexican faces",
    sources=(
        Source(
            "disfa_plus",
            "DISFA+",
            stand_ins.moreno2024("3", 39_970, "Table 3, with as many AUs per picture as in DEM."),
        ),
        Source(
            "dem",
            "DEM",
            stand_ins.moreno2024(
                "4", 1_272, "Table 4, of the 1,272 pictures of Table 1 that are not neutral."
            ),
        ),
    ),
    scales={
        "smoke": Scale(pictures=48, epochs=1, size=64, batch=16, resamples=0, rarest=8),
        "small": Scale(
            pictures=1500,
            epochs=2,
            size=32,
            batch=16,
            lr=1e-3,
            resamples=200,
            rarest=8,
            faces=4800,
            people=15,
            per_subject=160,
            bfloat16=("vgg19", "resnet101", OURS),
            seeds=5,
        ),
        "full": Scale(faces=60_000),
    },
    plan=plan,
    sections=sections,
    differences=(
        "Table 6 prints the optimiser in the row of the loss; the loss is taken to be cross-entropy.",
        "DEM's split of Tables 5 and 8 copies before it parts, as the paper did; without shared people, "
        "only training pictures are copied.",
        "DEM is cut to 224 pixels like DISFA+; 244 is taken for a misprint.",
        "Neutral pictures and those without any of the 12 AUs are left out as in the paper; that raises F1.",
        "Below full scale a rare picture is copied twice, not ten times.",
        "F1 without shared people on DISFA+ rests on two test people of nine.",
        "Our own network stands beside the paper's six; it reads faces aligned by their landmarks.",
        "At the scale small the six networks start from random weights and see 2,000 pictures: they say how "
        "the study runs, not how good the networks are. What the random split was worth is told by our "
        "network, which learns from so few.",
    ),
)
