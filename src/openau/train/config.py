"""The recipe: everything that decides what a training run makes, as frozen dataclasses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from openau.data.augment import Augmentation
from openau.data.labels import Between
from openau.errors import SettingError
from openau.evaluate import Rule
from openau.facs import ACTION_UNITS, au_set
from openau.losses import Side, loss_class
from openau.losses.cells import Takes
from openau.records import CropSpec

LossName = Literal[
    "weighted_bce",
    "bce",
    "focal",
    "euclidean",
    "rmse",
    "msr",
    "ad_msr",
    "weighted_asymmetric",
    "edges",
    "heatmap_mse",
    "intensity",
    "emotion",
    "landmarks",
]
"""The losses of `openau.losses.LOSSES`, all but `multi_task`, which joins several of them."""


WITHOUT_AUS = frozenset({"caer_face_stream", "landmark_net"})
"""Networks that tell nothing about AUs."""


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
        initial: Run folder of an earlier run to start from: of the same network, of the AU network inside one
            that tells emotions, or of ME-GraphAU's first stage; empty for fresh weights.
    """

    name: str = "attention_cnn"
    options: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    weights: str = ""
    initial: str = ""


@dataclass(frozen=True, slots=True)
class TaskLoss:
    """The loss of one task.

    Attributes:
        loss: Key of `openau.losses.LOSSES`.
        cost: What it is multiplied with.
        options: Its own options.
    """

    loss: str
    cost: float
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What is made small.

    Attributes:
        name: `weighted_bce` (weights from the training set's base rates), or another key of
            `openau.losses.LOSSES`. What it takes is the chief task, by which the best weights are chosen:
            AUs, with `emotion` emotions; with `landmarks` the last weights are taken.
        limit: Largest AU weight of `weighted_bce`.
        side: Which term of `weighted_bce` the weight multiplies.
        gamma: Of `focal`.
        alpha: Of `focal`.
        options: The other losses' own options, for instance `reading` of `ad_msr`.
        more: Losses of further tasks at their costs, for instance `{ edges = 0.05 }` beside
            `weighted_asymmetric`.
        more_options: Name of one of those to its options.
    """

    name: LossName = "weighted_bce"
    limit: float = 10.0
    side: Side = "positive"
    gamma: float = 2.0
    alpha: float = 0.25
    options: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    more_options: dict[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> dict[Takes, TaskLoss]:
        """Every task with its loss, the chief task first.

        Raises:
            SettingError: A loss is unknown or joins others, a cost is no number from 0, or two losses are of
                one task.
        """
        found: dict[Takes, TaskLoss] = {
            loss_class(self.name).takes: TaskLoss(self.name, 1.0, self.own_options)
        }
        for name, cost in self.more.items():
            task = loss_class(name).takes
            if task == "tasks" or task in found:
                raise SettingError(
                    f"The recipe's loss.more names {name!r}, but each loss must be of a task of its own."
                )
            if type(cost) not in (int, float) or not 0 <= cost < math.inf:
                raise SettingError(f"The recipe's loss.more.{name} is {cost!r}; give a cost of 0 or above.")
            found[task] = TaskLoss(name, float(cost), dict(self.more_options.get(name, {})))
        if strange := sorted(set(self.more_options) - set(self.more)):
            raise SettingError(f"The recipe's loss.more_options names {strange[0]!r}, which is not in more.")
        return found

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
        name: `adam`, `adamw`, or `sgd` with momentum.
        lr: Learning rate after warm-up.
        weight_decay: Of `adamw` and `sgd`, on weights with two or more axes only.
        momentum: Of `sgd`.
        schedule: `constant`; `legacy` lr/(1 + decay·step), as Keras once did; `cosine` down to 0; `step`, a
            tenth after `drop` steps.
        drop: Of `step`.
        horizon: Epochs in which `cosine` comes down to 0: `run.epochs`, or more, where training is to end
            while the learning rate is still high.
        decay: Of `legacy`, per step.
        warmup: Steps over which the learning rate rises from 0.
        clip: Largest gradient norm; 0 for no limit.
        average: Decay of the exponential moving average of the weights that is evaluated and exported; 0 for
            none.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.01
    momentum: float = 0.9
    schedule: Literal["constant", "legacy", "cosine", "step"] = "cosine"
    drop: int = 2000
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
        thresholds: How each AU's threshold is chosen on the validation part, see
            `openau.evaluate.best_threshold`.
        intensities: `stretched` where each AU's intensities are given the spread of the true ones by what the
            validation part says, see `openau.evaluate.stretch`; `plain` where they stay as the network tells
            them.
    """

    version: str = "0"
    training_data: str = ""
    test_data: str = ""
    licence: str = "Apache-2.0"
    limits: tuple[str, ...] = ()
    thresholds: Rule = "f1"
    intensities: Literal["plain", "stretched"] = "plain"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run.

    Attributes:
        name: Name of the model it makes.
        aus: Name of an AU set, or the AU numbers in output order; `[]` for a network of
            emotions or landmarks alone.
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
            ("run.threads", self.run.threads, 0),
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
        if unknown or (not self.action_units and self.model.name not in WITHOUT_AUS):
            raise SettingError(f"The recipe's aus are {self.aus!r}; name an AU set or FACS numbers.")
        _ = self.loss.tasks  # refuses what cannot be joined

    @property
    def action_units(self) -> tuple[int, ...]:
        """The A action units, in output order."""
        return au_set(self.aus) if isinstance(self.aus, str) else self.aus
