"""wang2019: which runs the study is made of, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openau.data.augment import AUGMENTATIONS
from openau.errors import SettingError
from openau.facs import au_set
from openau.models import network_needs
from openau.records import CropSpec
from openau.studies.results import Results
from openau.studies.study import OUR_NAME, OUR_NETWORK, RunPlan, Setting, repeated, run_key
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
"""The study's name."""

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

RULES = {"emotionet": "wang2019-emotionet", "ck_plus": "wang2019-ckplus"}
"""Dataset to its label rule."""
AUS = {"emotionet": au_set("wang2019-emotionet-11"), "ck_plus": au_set("wang2019-ckplus-14")}
"""Dataset to its AUs."""
TABLES = {"emotionet": "4", "ck_plus": "5"}
"""Dataset to the number of its table."""
LOSSES_COMPARED: Mapping[str, LossName] = {"MSR": "msr", "Ad-MSR": "ad_msr"}
"""The losses compared, by the paper's names."""
_SMALLER: Mapping[str, dict[str, Any]] = {"drml": {"dense": (256, 128)}, "alexnet": {"dense": 256}}
_ADAM = OptimiserSettings("adam", schedule="constant", warmup=0, average=0.0)


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
        crop=CropSpec(needs.size, align="points"),  # the paper registers faces by a similarity
        labels=LabelSettings(rule=RULES[source]),
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
    seeds = dict.fromkeys(setting.protocols, 1) | {repeated_protocol(setting): setting.scale.seeds}
    for protocol in protocols_of("emotionet", setting):
        for ratio in RATIOS:
            for loss in ("bce", "msr"):
                recipe = _scaled(paper_recipe("emotionet", "alexnet", loss, (1,)), setting)
                options = {"train_ratio": float(ratio)}
                found.append(_run(sweep_key(protocol, ratio, loss), "emotionet", protocol, recipe, options))
        for count, aus in AU_COUNTS.items():
            for loss in LOSSES_COMPARED.values():
                recipe = _scaled(paper_recipe("emotionet", "alexnet", loss, aus), setting)
                run = _run(count_key(protocol, count, loss), "emotionet", protocol, recipe)
                found += repeated(run, seeds[protocol] if count == 11 else 1)
    for source in RULES:
        for protocol in protocols_of(source, setting):
            for name, (network, loss) in MODELS.items():
                if source == "emotionet" and name == "AlexNet+Ad-MSR":
                    continue  # it is the run with 11 AUs above
                recipe = _scaled(paper_recipe(source, network, loss, AUS[source]), setting)
                run = _run(model_key(source, protocol, name), source, protocol, recipe)
                often = source == "emotionet" and name == "AlexNet"
                found += repeated(run, seeds[protocol] if often else 1)
    return found


def repeated_protocol(setting: Setting) -> str:
    """Return the protocol by which the losses are compared by several seeds.

    Args:
        setting: How the study is run.
    """
    return protocols_of("emotionet", setting)[-1]


def protocols_of(source: str, setting: Setting) -> tuple[str, ...]:
    """Return the protocols that a dataset allows: the real EmotioNet does not say who is on a picture.

    Args:
        source: The dataset.
        setting: How the study is run.

    Raises:
        SettingError: Only what it does not allow is asked for.
    """
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
    if setting.has_stand_ins and recipe.model.name == "alexnet":
        scaled = setting.scaled(replace(recipe, model=OUR_NETWORK), multiple=8, smallest=32)
        return replace(scaled, optimiser=replace(_ADAM, lr=1e-3, schedule="cosine", warmup=50, clip=5.0))
    needs = network_needs(recipe.model.name)
    multiple = 32 if needs.smallest % 32 == 0 and needs.smallest < 64 else 1
    scaled = setting.scaled(recipe, multiple=multiple, smallest=needs.smallest)
    if setting.scale.size:
        options = _SMALLER.get(recipe.model.name, {})
        adam = replace(_ADAM, lr=scaled.optimiser.lr)
        scaled = replace(scaled, model=replace(scaled.model, options=options), optimiser=adam)
    return scaled


def our_name(results: Results, system: str) -> str:
    """Return what one of the paper's systems is called where it was run here.

    Args:
        results: The finished runs.
        system: The paper's name of it.
    """
    return system.replace("AlexNet", OUR_NAME) if results.setting.has_stand_ins else system


def sweep_key(protocol: str, ratio: int, loss: str) -> str:
    """Return the key of a run of the sweep."""
    return f"sweep-{protocol}-{ratio}-{loss}"


def count_key(protocol: str, count: int, loss: str) -> str:
    """Return the key of a run with so many AUs."""
    return f"aus-{protocol}-{count}-{loss}"


def model_key(source: str, protocol: str, name: str) -> str:
    """Return the key of a run of one of the six systems.

    Args:
        source: The dataset.
        protocol: `paper` or `subject`.
        name: A key of `MODELS`.
    """
    if source == "emotionet" and name == "AlexNet+Ad-MSR":
        return count_key(protocol, 11, "ad_msr")
    return run_key(source, protocol, name.lower().replace("+", "-"))
