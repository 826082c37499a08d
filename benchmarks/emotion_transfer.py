"""Does knowing AUs help to tell emotions? `python -m benchmarks.emotion_transfer STORE RUN --out FOLDER`.

RUN trained an AU network on the faces of STORE (rendered, with emotions). A network for emotions that reads
its AU probabilities is trained on a few faces of each emotion: from RUN with the AU network left as it is,
from RUN with everything fine-tuned, and from scratch. All are judged on the emotion faces of the test part,
whom neither RUN nor they have seen; and the AUs of the same faces say what fine-tuning has forgotten. Beside
them: what rules decode from the AUs of RUN without any training on emotions.

Synthetic faces: an emotion is the prototype that a face was drawn from. Nothing of it holds for people.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ledger import Measurement, Result, finish, parser, summary
from openau.data.store import FACTS, PIXELS, TABLE, CropStore
from openau.evaluate import evaluate_decoders, evaluate_emotions, forgetting, smiles
from openau.facs import EMOTIONS
from openau.train import Recipe, load_recipe, train
from openau.train.config import DataSettings, LossSettings, OptimiserSettings, RunSettings
from openau.train.predict import predict_run

LIBRARIES = ("numpy", "pandas", "torch")
WAYS = {"frozen": (True, True), "fine-tuned": (True, False), "from scratch": (False, False)}
"""How the AU network begins: whether with RUN's weights, and whether it stays as it is."""


def main() -> None:
    """Train, measure, print, and store where asked."""
    options = parser(__doc__ or "")
    options.add_argument("store", type=Path)
    options.add_argument("run", type=Path)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--faces", type=int, nargs="+", default=[20, 100], help="of each emotion")
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--epochs", type=int, default=12)
    chosen = options.parse_args()
    seeds = 1 if chosen.quick else chosen.seeds
    rows = decoded(chosen.run, chosen.store, chosen.out)
    for count in chosen.faces[:1] if chosen.quick else chosen.faces:
        rows += compare(chosen.run, chosen.store, chosen.out, count, range(seeds), epochs=chosen.epochs)
    settings: dict[str, int | float | str | bool] = {"epochs": chosen.epochs, "data": "synthetic"}
    finish(Result("emotion_transfer", settings, {"first": 0, "seeds": seeds}, LIBRARIES, tuple(rows)), chosen)


def few_faces(store: Path, folder: Path, count: int, seed: int) -> Path:
    """Write a store with a few faces of each emotion to train and to choose by, and all of the test part.

    Args:
        store: The whole store.
        folder: Of the new one; kept where it is there.
        count: Training faces of each emotion, and validation faces.
        seed: Decides which.
    """
    if folder.exists():
        return folder
    whole = CropStore.open(store)
    table = whole.table
    known = table["emotion"].isin(EMOTIONS)
    rows = [np.flatnonzero(known & (table["split"] == "test"))]
    random = np.random.default_rng(seed)
    for part in ("train", "validation"):
        for name in EMOTIONS:
            there = np.flatnonzero((table["emotion"] == name) & (table["split"] == part))
            rows.append(random.permutation(there)[:count])
    kept = np.sort(np.concatenate(rows))
    begun = folder.with_name(f".{folder.name}.part")
    begun.mkdir(parents=True, exist_ok=True)
    (begun / PIXELS).write_bytes(whole.wide[kept].tobytes())
    table.iloc[kept].reset_index(drop=True).to_parquet(begun / TABLE, index=False)
    (begun / FACTS).write_text((store / FACTS).read_text("utf-8"), "utf-8")
    begun.rename(folder)
    return folder


def emotion_recipe(run: Path, way: str, seed: int, epochs: int) -> Recipe:
    """Return the recipe of a network for emotions on the AU network of a run.

    Args:
        run: The AU network's run.
        way: A key of `WAYS`.
        seed: Of weights, order and augmentation.
        epochs: Passes over the few faces.
    """
    recipe = load_recipe(run / "recipe.toml")
    learned, frozen = WAYS[way]
    inner = {"au_network": recipe.model.name, "au_options": recipe.model.options, "frozen": frozen}
    model = replace(recipe.model, name="emotiram_fau", options=inner, initial=str(run) if learned else "")
    lr = 1e-2 if frozen else 1e-3  # one linear layer learns alone; both rates were chosen before any result
    return replace(
        recipe,
        name=f"emotions-{way}",
        seed=seed,
        data=DataSettings(split="given"),
        model=model,
        loss=LossSettings("emotion"),
        optimiser=OptimiserSettings("adamw", lr, weight_decay=0.01, warmup=10, average=0.9),
        run=RunSettings(epochs=epochs, batch=32, threads=1),
    )


def compare(
    run: Path, store: Path, out: Path, count: int, seeds: Sequence[int], *, epochs: int
) -> list[Measurement]:
    """Train every way on a few faces, once per seed, and return what came out."""
    found: dict[tuple[str, str], list[float]] = {}
    for seed in seeds:
        faces = few_faces(store, out / f"faces-{count}-{seed}", count, seed)
        before = aus_before(run, faces)
        for way in WAYS:
            folder = out / f"{way.replace(' ', '-')}-{count}-{seed}"
            recipe = emotion_recipe(run, way, seed, epochs)
            train(recipe, stores=[faces], out=folder, resume=True)
            table = pd.read_parquet(folder / "predictions.parquet")
            test = table[table["fold"] == "test"]
            whole = evaluate_emotions(test).iloc[-1]
            numbers = {"accuracy": whole["accuracy"], "mean over emotions": whole["balanced_accuracy"]}
            if WAYS[way][0]:
                lost = forgetting(before, test).iloc[-1]
                numbers |= {"mean F1 of AUs": lost["f1_after"], "mean AUC of AUs": lost["auc_after"]}
                numbers |= {"AU 6 and 12 on happy faces": smiles(test)["both"]}
            for name, value in numbers.items():
                found.setdefault((way, name), []).append(float(value))
            print(json.dumps({"way": way, "faces": count, "seed": seed, **numbers}), flush=True)
    note = f"{count} training faces of each emotion"
    return [
        replace(summary(name, values, "share", note), group=f"{way}, {count}")
        for (way, name), values in found.items()
    ]


def aus_before(run: Path, faces: Path) -> pd.DataFrame:
    """Return what the AU network says of the emotion faces of the test part."""
    table = CropStore.open(faces).table
    return predict_run(run, [faces], samples=table["path"][table["split"] == "test"].tolist())


def decoded(run: Path, store: Path, out: Path) -> list[Measurement]:
    """Return how well rules decode the emotions of the test part, and the AU network itself."""
    before = aus_before(run, few_faces(store, out / "faces-0-0", 0, 0))
    rows = [
        Measurement(
            f"accuracy of {row['rules']}, {row['decoder']}",
            float(row["accuracy"]),
            "share",
            n=int(row["count"]),
            group="rules",
            note=f"{row['aus']} AUs; an emotion for {row['coverage']:.1%}",
        )
        for row in evaluate_decoders(before).to_dict("records")
    ]
    known = forgetting(before, before).iloc[-1]
    rows += [
        Measurement("mean F1 of AUs", float(known["f1_before"]), "share", n=len(before), group="before"),
        Measurement("mean AUC of AUs", float(known["auc_before"]), "share", n=len(before), group="before"),
        Measurement(
            "AU 6 and 12 on happy faces",
            smiles(before)["both"],
            "share",
            n=int(smiles(before)["count"]),
            group="before",
            note=f"by chance {smiles(before)['chance_both']:.1%}",
        ),
    ]
    most = float(before["emotion_t"].value_counts(normalize=True).iloc[0])
    rows.append(Measurement("accuracy of the most frequent emotion", most, "share", n=len(before)))
    return rows


if __name__ == "__main__":
    main()
