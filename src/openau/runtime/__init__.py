"""ONNX file → action units: the one place where a network runs.

A model file of OpenAU is an ONNX network with one input, `face`: (B, 3, S, S) float32,
`(RGB / 255 - mean) / std`, and the outputs `probability` (B, A) in 0–1, where the card says so
`intensity` (B, A) in 0–5, where the card names emotions `emotion` (B, E) in 0–1, adding up to 1, and where it
names a `heatmap_layer` `heatmaps` (B, A, h, w), non-negative.
Its card is JSON in the file's metadata, under `openau.card`. Everything is checked against the card when the
file is opened, so that a wrong file is a sentence and never a wrong number.

onnxruntime computes every output of a network, asked for or not. So a network with heat maps has an optional
second input, the boolean `with_heatmaps`, which decides whether they are computed; one without this switch
runs too, but pays for them every time. A network that also gives Grad-CAM++ has it as `heatmaps_plus_plus`,
behind `with_heatmaps_plus_plus`; one that gives HiRes-CAM as `heatmaps_hires`, behind `with_heatmaps_hires`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openau.errors import CardError, ModelError, SettingError
from openau.records import AUOutput, Crop, Floats, HeatmapMethod, ModelCard
from openau.runtime.metadata import read_metadata

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CARD_KEY = "openau.card"
HEATMAPS: dict[HeatmapMethod, str] = {
    "grad_cam": "heatmaps",
    "grad_cam_plus_plus": "heatmaps_plus_plus",
    "hires_cam": "heatmaps_hires",
}
SWITCHES: dict[HeatmapMethod, str] = {method: f"with_{output}" for method, output in HEATMAPS.items()}
BATCH = 32  # crops per pass: larger batches gain nothing on a CPU and cost memory
MOST_THREADS = 4  # by default; these networks are too small to feed more

_ROUNDING = 1e-3  # how far past its range a float32 or 8-bit network may round


def packaged_network(name: str) -> Path:
    """Return where a network lies that comes with the package.

    Args:
        name: Its file's name, without the ending.
    """
    return Path(str(resources.files("openau") / "assets" / "models" / f"{name}.onnx"))


def default_model_path() -> Path:
    """Return the path of the model that comes with the package.

    Raises:
        ModelError: This installation has none.
    """
    path = packaged_network("action_units")
    if not path.is_file():
        raise ModelError(f"The default model {path} is missing; install openau again, or give a model file.")
    return path


def read_card(path: Path) -> ModelCard:
    """Read the card inside a model file without loading the network (under a millisecond at any size).

    Args:
        path: An ONNX file written by openau.

    Raises:
        ModelError: The file is missing, unreadable, not ONNX, damaged, or was not made by openau.
        CardError: Its card is malformed.
    """
    if path.is_dir():
        raise ModelError(f"The model {path} is a folder; give the file that `openau export` makes of a run.")
    metadata = read_metadata(path)
    other = next((key for key in metadata if key.startswith("openau.") and key != CARD_KEY), None)
    if CARD_KEY not in metadata and other is not None:
        raise ModelError(
            f"The model file {path} holds openau's {other.removeprefix('openau.')}, which reads no action "
            "units; give a file that `openau export` made."
        )
    if CARD_KEY not in metadata:
        raise ModelError(
            f"The model file {path} was not made by openau: it has no card; export it with `openau export`."
        )
    try:
        return ModelCard.from_json(metadata[CARD_KEY])
    except CardError as error:
        raise CardError(f"In the model file {path}: {error}") from error


def read_run_card(run: Path) -> ModelCard:
    """Read the card of a run folder.

    Args:
        run: A folder that `openau train` made.

    Raises:
        ModelError: It is none, or its run was not finished.
        CardError: Its card is malformed.
    """
    try:
        return ModelCard.from_json((run / "card.json").read_text(encoding="utf-8"))
    except CardError as error:
        raise CardError(f"In the run folder {run}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{run} is not a finished training run ({error}); train or resume it.") from error


class AUModel:
    """An AU network ready to run on the CPU.

    Example:
        >>> model = AUModel()
        >>> [output] = model.predict([crop])
        >>> dict(zip(output.aus, output.probability, strict=True))

    Attributes:
        card: What the file says about itself.
        heatmap_methods: How it can make heat maps, none where it gives none.
        heatmap_method: Which of them its file recommends; None where it gives none.
    """

    card: ModelCard
    heatmap_methods: tuple[HeatmapMethod, ...]
    heatmap_method: HeatmapMethod | None

    def __init__(self, path: Path | None = None, *, threads: int | None = None) -> None:
        """Open a model file and check it against its card.

        Args:
            path: The ONNX file; None opens the model that comes with the package.
            threads: CPU threads of one pass; None takes those this process may use, at most four.

        Raises:
            ModelError: The file is missing, not ONNX, damaged, was not made by openau, or cannot run here.
            CardError: The card contradicts the network.
            SettingError: `threads` is below 1.
        """
        if threads is not None and threads < 1:
            raise SettingError(f"threads is {threads}; it must be at least 1.")
        self._path = default_model_path() if path is None else path
        self.card = read_card(self._path)
        self._session = open_session(self._path, threads or min(MOST_THREADS, _usable_cpus()))
        _check_input(self._session.get_inputs(), self.card, self._path)
        outputs = self._session.get_outputs()
        _check_outputs(outputs, self.card, self._path)
        given = {value.name for value in outputs}
        self.heatmap_methods = tuple(method for method, output in HEATMAPS.items() if output in given)
        self.heatmap_method = self.card.best_of(self.heatmap_methods)
        optional = {value.name for value in self._session.get_overridable_initializers()}
        self._switches = {method: name for method, name in SWITCHES.items() if name in optional}
        mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (self.card.mean, self.card.std))
        self._gain, self._offset = 1 / (255 * std), -mean / std

    def predict(self, crops: Sequence[Crop], *, heatmaps: bool | HeatmapMethod = False) -> list[AUOutput]:
        """Read the action units of any number of crops.

        Args:
            crops: Faces cut by `openau.faces.crop_face` with this card's CropSpec.
            heatmaps: Whether to return heat maps too, or how they are made; True stands for
                `heatmap_method`.

        Returns:
            One output per crop, in order.

        Raises:
            ModelError: Heat maps are asked of a network that gives none of this kind, or the network's
                numbers are not finite or outside their range.
            SettingError: A crop has another size than the card says.
        """
        method = (self.heatmap_method or "grad_cam") if heatmaps is True else heatmaps
        if method and method not in self.heatmap_methods:
            kind = f"heat maps by {method}" if self.heatmap_methods else "heat maps"
            raise ModelError(f"The model {self.card.name} gives no {kind}; ask without them.")
        # Output of the network, and the name that it has here.
        names = {"probability": "probability"} | ({"intensity": "intensity"} if self.card.intensity else {})
        names |= {"emotion": "emotion"} if self.card.emotions else {}
        if method:
            names[HEATMAPS[method]] = "heatmaps"
        switches = {name: np.array(each == method) for each, name in self._switches.items()}
        outputs: list[AUOutput] = []
        for start in range(0, len(crops), BATCH):
            batch = self._batch(crops[start : start + BATCH])
            feed: dict[str, Any] = {"face": batch, **switches}
            try:
                values = self._session.run(list(names), feed)
            except refusals() as error:
                raise ModelError(_refused(self._path, error)) from error
            found = {
                name: self._checked(name, value, len(batch))
                for name, value in zip(names.values(), values, strict=True)
            }
            outputs.extend(self._outputs(found, len(batch), method or None))
        return outputs

    def probabilities(self, images: Floats) -> Floats:
        """Read pictures that are normalised already, such as crops that were changed to see what follows.

        Args:
            images: (B, 3, S, S) float32, normalised as the card says.

        Returns:
            (B, A) float32 in 0–1.

        Raises:
            ModelError: The pictures have another size than the card says, or the network's numbers are not
                finite or outside their range.
        """
        feed = {"face": images, **{name: np.array(False) for name in self._switches.values()}}
        try:
            [values] = self._session.run(["probability"], feed)
        except refusals() as error:
            raise ModelError(_refused(self._path, error)) from error
        return self._checked("probability", values, len(images))

    def _batch(self, crops: Sequence[Crop]) -> Floats:
        shape = (self.card.crop.size, self.card.crop.size, 3)
        for crop in crops:
            if crop.pixels.shape != shape or crop.pixels.dtype != np.uint8:
                raise SettingError(
                    f"The model {self.card.name} reads {shape} uint8 crops, not {crop.pixels.shape} "
                    f"{crop.pixels.dtype}; cut them with this card's CropSpec."
                )
        batch = np.stack([crop.pixels for crop in crops]).transpose(0, 3, 1, 2).astype(np.float32, order="C")
        batch *= self._gain
        batch += self._offset
        return batch

    def _checked(self, name: str, value: NDArray[Any], count: int) -> Floats:
        width = len(self.card.emotions if name == "emotion" else self.card.aus)
        if value.shape[:2] != (count, width):
            raise ModelError(
                f"The model {self._path} returned {name} of shape {value.shape} for {count} faces."
            )
        low, high = value.min(initial=0), value.max(initial=0)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ModelError(
                f"The model {self._path} returned a {name} that is not a number; its weights are broken."
            )
        top = {"probability": 1.0, "emotion": 1.0, "intensity": 5.0}.get(name, np.inf)
        if low < -_ROUNDING or high > top + _ROUNDING:
            worst = low if low < 0 else high
            raise ModelError(f"The model {self._path} returned a {name} of {worst:g}, outside 0–{top:g}.")
        inside: Floats = np.clip(value, 0, top, dtype=np.float32)
        return inside

    def _outputs(self, found: dict[str, Floats], count: int, how: HeatmapMethod | None) -> Iterator[AUOutput]:
        for row in range(count):
            # Copies: a kept row must not keep its whole batch alive.
            own = {name: value[row].copy() for name, value in found.items()}
            values = own["probability"], own.get("intensity"), own.get("heatmaps")
            yield AUOutput(self.card.aus, *values, how, own.get("emotion"))


def _usable_cpus() -> int:
    """Return how many CPUs this process may use; in a container that is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(path: Path, threads: int) -> InferenceSession:
    """Open a network for the CPU; the same input gives the same numbers.

    Args:
        path: The ONNX file.
        threads: CPU threads of one pass.

    Raises:
        ModelError: onnxruntime cannot read or run it.
    """
    # Imported here because it takes 0.1 s, which `openau info` and `--help` need not pay.
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would take the CPU from the threads that find the next faces.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.use_deterministic_compute = True
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except refusals() as error:
        raise ModelError(_refused(path, error)) from error


def refusals() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises for a network it cannot read or run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = "Fail InvalidArgument InvalidGraph InvalidProtobuf NoSuchFile NotImplemented RuntimeException"
    return tuple(getattr(state, name) for name in names.split())


def _refused(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())[:200]
    return f"The model file {path} cannot be run by onnxruntime: {reason}"


def _check_input(inputs: Sequence[Any], card: ModelCard, path: Path) -> None:
    if [value.name for value in inputs] != ["face"]:
        names = ", ".join(value.name for value in inputs)
        raise ModelError(f"The model file {path} has the inputs {names}; openau's have one, `face`.")
    shape, kind = inputs[0].shape, inputs[0].type
    if kind != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"The model file {path} reads {kind} of shape {shape}, not float (B, 3, S, S).")
    if isinstance(shape[0], int):
        raise ModelError(
            f"The model file {path} has a fixed batch of {shape[0]}; export it with a free batch axis."
        )
    if any(isinstance(side, int) and side != card.crop.size for side in shape[2:]):
        raise CardError(
            f"The model file {path} reads {shape[2]}x{shape[3]} pixels, "
            f"but its card cuts faces of {card.crop.size}x{card.crop.size}."
        )


def _check_outputs(outputs: Sequence[Any], card: ModelCard, path: Path) -> None:
    shapes = {value.name: value.shape for value in outputs}
    if "probability" not in shapes:
        raise ModelError(f"The model file {path} has no output `probability`; it gives {', '.join(shapes)}.")
    promised = {
        "intensity": card.intensity,
        "emotion": bool(card.emotions),
        "heatmaps": card.heatmap_layer is not None,
    }
    for name, said in promised.items():
        if said != (name in shapes):
            raise CardError(
                f"The card in {path} says {'yes' if said else 'no'} to `{name}`, but the network has "
                f"{'none' if said else 'such an output'}."
            )
    for name, rank in (("probability", 2), ("intensity", 2), *((maps, 4) for maps in HEATMAPS.values())):
        if name not in shapes:
            continue
        shape = shapes[name]
        if len(shape) != rank or (isinstance(shape[1], int) and shape[1] != len(card.aus)):
            raise CardError(
                f"The network in {path} gives `{name}` {shape}, but its card has {len(card.aus)} AUs."
            )
    told = shapes.get("emotion", [0, len(card.emotions)])
    if len(told) != 2 or (isinstance(told[1], int) and told[1] != len(card.emotions)):
        raise CardError(
            f"The network in {path} gives `emotion` {told}, but its card has {len(card.emotions)} emotions."
        )
