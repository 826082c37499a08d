"""The recipe: everything that decides what a training run makes, as frozen dataclasses and as TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from openau.data.augment import AUGMENTATIONS, Augmentation
from openau.data.labels import Between
from openau.errors import SettingError
from openau.facs import ACTION_UNITS, au_set
from openau.losses import Side
from openau.records import CropSpec

AULoss = Literal["weighted_bce", "bce", "focal", "euclidean", "rmse", "msr", "ad_msr", "weighted_asymmetric"]
"""The losses of `openau.losses.LOSSES` that a network of AU logits is trained with."""


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is trained on.

    Attributes:
        stores: Crop stores made by `openau.data.prepare`, all cut by the recipe's crop.
        split: A protocol, key of `openau.data.PROTOCOLS`: `given` takes the index's own column, `subject`
            draws one that shares no subject.
        fold: Which of the protocol's folds, from 0.
        validation: Share of the subjects for validation, where `subject` draws them.
        test: Share of the subjects for test, where `subject` draws them.
        options: What the protocol is to know beside the recipe's seed.
        sampler: Which training pictures an epoch shows, key of `openau.data.samplers.SAMPLERS`: `shuffled`
            shows each once, `balanced` each AU about as often present as absent, `repeated` rare AUs more
            often, `ratio` a given N:P of one AU.
        sampler_options: What the sampler is to know.
        near_duplicates: Whether the leakage report looks at every crop for faces that look the same.
    """

    stores: tuple[str, ...] = ()
    split: str = "given"
    fold: int = 0
    validation: float = 0.1
    test: float = 0.1
    options: dict[str, Any] = field(default_factory=dict)
    sampler: str = "shuffled"
    sampler_options: dict[str, Any] = field(default_factory=dict)
    near_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """What counts as an occurrence.

    Attributes:
        threshold: An AU occurs where its intensity is at least this.
        between: What an intensity above 0 and below the threshold is in training: `negative`, `mask`
            (unknown) or `soft` (rising from 0 to one half). Validation and test take it as negative.
        rule: Name of a rule in `openau.data.LABEL_RULES` that takes the place of the two, for all datasets.
        rules: Dataset to the name of its rule, where datasets are joined that need different ones.
    """

    threshold: float = 2.0
    between: Between = "negative"
    rule: str = ""
    rules: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which network.

    Attributes:
        name: Key of `openau.models.MODELS`.
        options: The network's own options.
        mean: Per RGB channel, subtracted after scaling pixels to 0-1.
        std: Per RGB channel, divided by.
        weights: File of ImageNet weights for the body of one of moreno2024's networks (see `openau models`);
            empty for none.
    """

    name: str = "attention_cnn"
    options: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    weights: str = ""


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What is made small.

    Attributes:
        name: `weighted_bce` (weights from the training set's base rates), or another key of
            `openau.losses.LOSSES` that takes AU logits.
        limit: Largest AU weight of `weighted_bce`.
        side: Which term of `weighted_bce` the weight multiplies.
        gamma: Of `focal`.
        alpha: Of `focal`.
        options: The other losses' own options, for instance `reading` of `ad_msr`.
    """

    name: AULoss = "weighted_bce"
    limit: float = 10.0
    side: Side = "positive"
    gamma: float = 2.0
    alpha: float = 0.25
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def own_options(self) -> dict[str, Any]:
        """The options of the named loss."""
        named: dict[str, dict[str, Any]] = {
            "weighted_bce": {"limit": self.limit, "side": self.side},
            "focal": {"gamma": self.gamma, "alpha": self.alpha},
        }
        return named.get(self.name, {}) | self.options


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """How it is made small.

    Attributes:
        name: `adam` or `adamw`.
        lr: Learning rate after warm-up.
        weight_decay: Of `adamw`, on weights with two or more axes only.
        schedule: `constant`; `legacy` lr/(1 + decay·step), as Keras once did; `cosine` down to 0.
        horizon: Epochs in which `cosine` comes down to 0: `run.epochs`, or more, where training is to end
            while the learning rate is still high.
        decay: Of `legacy`, per step.
        warmup: Steps over which the learning rate rises from 0.
        clip: Largest gradient norm; 0 for no limit.
        average: Decay of the exponential moving average of the weights that is evaluated and exported; 0 for
            none.
    """

    name: Literal["adam", "adamw"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.01
    schedule: Literal["constant", "legacy", "cosine"] = "cosine"
    horizon: int = 0
    decay: float = 1e-6
    warmup: int = 100
    clip: float = 1.0
    average: float = 0.998


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How long and on what.

    Attributes:
        out: Run folder.
        epochs: Passes over the training set.
        batch: Pictures per step and process.
        precision: `float32`, or `bfloat16` for convolutions and matrix products.
        threads: CPU threads; 0 for torch's own choice.
        patience: Epochs without a better validation AUC before training stops; 0 for never.
        readers: Processes that read crops ahead of training; 0 to read in between.
        checkpoint_s: Seconds between checkpoints within an epoch; one is also written after each epoch.
    """

    out: str = "run"
    epochs: int = 20
    batch: int = 64
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = 0
    patience: int = 0
    readers: int = 0
    checkpoint_s: float = 120.0


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What the model's card will say beside what is measured.

    Attributes:
        version: Version of the weights.
        training_data: What the network was trained on, for people.
        test_data: What its accuracy was measured on, for people.
        licence: SPDX identifier of the weights.
        limits: Sentences: what it must not be used for, where it fails.
    """

    version: str = "0"
    training_data: str = ""
    test_data: str = ""
    licence: str = "Apache-2.0"
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run.

    Attributes:
        name: Name of the model it makes.
        aus: Name of an AU set, or the AU numbers in output order.
        seed: Decides split, weights, order and augmentation.
        crop: The crop recipe.
        data: What is trained on.
        labels: What counts as an occurrence.
        model: Which network.
        loss: What is made small.
        optimiser: How.
        augmentation: How much a training face may vary.
        run: How long and on what.
        card: What the model's card will say.

    Raises:
        SettingError: A number is outside its range, or an AU unknown.
    """

    name: str
    aus: str | tuple[int, ...]
    crop: CropSpec
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    labels: LabelSettings = field(default_factory=LabelSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)
    run: RunSettings = field(default_factory=RunSettings)
    card: CardSettings = field(default_factory=CardSettings)

    def __post_init__(self) -> None:
        """Refuse what could not be trained."""
        for name, value, low in (
            ("seed", self.seed, 0),
            ("run.epochs", self.run.epochs, 1),
            ("run.batch", self.run.batch, 1),
            ("run.readers", self.run.readers, 0),
            ("optimiser.warmup", self.optimiser.warmup, 0),
            ("optimiser.horizon", self.optimiser.horizon, 0),
            ("optimiser.weight_decay", self.optimiser.weight_decay, 0),
            ("loss.limit", self.loss.limit, 1),
        ):
            if value < low:
                raise SettingError(f"The recipe's {name} is {value}; it must be at least {low}.")
        if not self.optimiser.lr > 0:
            raise SettingError(f"The recipe's optimiser.lr is {self.optimiser.lr}; it must be above 0.")
        if not 0 <= self.optimiser.average < 1:
            raise SettingError(
                f"The recipe's optimiser.average is {self.optimiser.average}; it must be from 0 to below 1."
            )
        unknown = [au for au in self.action_units if au not in ACTION_UNITS]
        if unknown or not self.action_units:
            raise SettingError(f"The recipe's aus are {self.aus!r}; name an AU set or FACS numbers.")

    @property
    def action_units(self) -> tuple[int, ...]:
        """The A action units, in output order."""
        return au_set(self.aus) if isinstance(self.aus, str) else self.aus


def load_recipe(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe.

    The table `augmentation` may say `named = "deramgozin2023"` and change single fields of that.

    Args:
        path: A TOML file; fields left out keep their defaults.
        overrides: Values that take the place of the file's, by dotted name of the field (`optimiser.lr`);
            written as in TOML, where a word needs no quotation marks.

    Returns:
        The recipe.

    Raises:
        SettingError: The file is missing or no TOML, or a field is unknown or has the wrong type.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"The recipe {path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"The recipe {path} is not TOML ({error}).") from error
    for name, text in (overrides or {}).items():
        _override(raw, name, text)
    _fill_in_augmentation(raw)
    recipe = _build(Recipe, raw, "")
    assert isinstance(recipe, Recipe)
    return recipe


def _override(raw: dict[str, Any], name: str, text: str) -> None:
    """Put a value into a recipe's table, in place."""
    *above, last = name.split(".")
    for key in above:
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            raise SettingError(f"The recipe has no field {name}: {key} holds a value, not fields.")
    try:
        raw[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raw[last] = text


def _fill_in_augmentation(raw: dict[str, Any]) -> None:
    """Put the ranges of a named augmentation where the recipe gives none of its own."""
    given = raw.get("augmentation")
    if not isinstance(given, dict) or "named" not in given:
        return
    name = given.pop("named")
    if name not in AUGMENTATIONS:
        raise SettingError(
            f"The recipe's augmentation.named is {name!r}; choose one of {', '.join(AUGMENTATIONS)}."
        )
    raw["augmentation"] = {**asdict(AUGMENTATIONS[name]), **given}


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as TOML, every field spelled out, so that `load_recipe` gives it back."""
    plain: list[str] = []
    tables: list[str] = []
    for name, value in asdict(recipe).items():
        if isinstance(value, dict):
            rows = [f"{key} = {_toml(item)}" for key, item in value.items()]
            tables += ["", f"[{name}]", *rows]
        else:
            plain.append(f"{name} = {_toml(value)}")
    return "\n".join([*plain, *tables]) + "\n"


def _toml(value: Any) -> str:
    """Return one value as TOML."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # TOML refuses the one control character that JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _build(kind: type, raw: dict[str, Any], where: str) -> Any:
    """Build a dataclass from a TOML table, naming the field that does not fit."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for key in raw:
        if key not in known:
            raise SettingError(
                f"The recipe has no field {where}{key}; choose one of {', '.join(sorted(known))}."
            )
    try:
        return kind(**{key: _convert(value, hints[key], f"{where}{key}") for key, value in raw.items()})
    except TypeError as error:
        raise SettingError(
            f"The recipe's {where.rstrip('.') or 'top level'} is incomplete ({error})."
        ) from error


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Return a TOML value as the annotated type, or refuse it."""
    origin, inner = get_origin(hint), get_args(hint)
    result: Any = None
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        result = _build(hint, value, f"{where}.")
    elif origin is UnionType:
        result = tuple(value) if isinstance(value, list) else value
    elif origin is tuple and isinstance(value, list):
        kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(kinds) == len(value):
            result = tuple(_convert(v, k, where) for v, k in zip(value, kinds, strict=True))
    elif hint is float and type(value) in (int, float):
        result = float(value)
    elif (origin is Literal and value in inner) or type(value) is (origin or hint):
        result = value
    if result is None:
        wanted = " or ".join(map(repr, inner)) if origin is Literal else getattr(hint, "__name__", str(hint))
        raise SettingError(f"The recipe's {where} is {value!r}; give {wanted}.")
    return result
