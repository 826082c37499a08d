"""What a network still knows of action units after it was trained to tell emotions.

Masur et al. (2023) compare an AU network before and after it was fine-tuned inside a network for emotions:
its accuracy on faces with coded AUs (their Table II), and how often it finds the AUs of a smile on faces that
are labelled happy (their Table III).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from openau.errors import TableError
from openau.evaluate.emotion import EMOTION_TRUTH
from openau.evaluate.occurrence import evaluate, overall
from openau.facs import au_column

SMILE = (6, 12)
"""The AUs of happiness: cheek raiser and lip corner puller."""


def forgetting(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    aus: Sequence[int] | None = None,
    metrics: Sequence[str] = ("f1", "accuracy", "auc"),
) -> pd.DataFrame:
    """Compare what a network says of action units before and after it learned something else.

    Args:
        before: Predictions table of the network as it was; only samples that both tables have are compared.
        after: Predictions table of the network as it is.
        aus: The AUs to compare; None for all of `before`.
        metrics: Columns of `openau.evaluate.evaluate`.

    Returns:
        One row per AU and one for their mean: `au, count`, and per metric `f1_before, f1_after, f1_change`.

    Raises:
        TableError: The tables share no sample or no AU.

    Reference: Masur et al. (2023), Table II.
    """
    shared = before[["sample"]].merge(after[["sample"]].drop_duplicates(), on="sample")["sample"]
    if shared.empty:
        raise TableError("The two predictions tables share no sample; judge both on the same pictures.")
    parts = [table[table["sample"].isin(shared)].drop_duplicates("sample") for table in (before, after)]
    one, two = (
        pd.concat([evaluate(part, aus=aus), overall(part, aus=aus).iloc[:1]], ignore_index=True)
        for part in parts
    )
    rows = one[["au", "count"]].copy()
    for metric in metrics:
        rows[f"{metric}_before"], rows[f"{metric}_after"] = one[metric], two[metric]
        rows[f"{metric}_change"] = two[metric] - one[metric]
    return rows


def smiles(table: pd.DataFrame, *, emotion: str = "happiness", threshold: float = 0.5) -> dict[str, float]:
    """Return how often the AUs of a smile are found on faces of one emotion.

    Args:
        table: Predictions table with `emotion_t`, `AU06_p` and `AU12_p`.
        emotion: Whose faces.
        threshold: Probability 0–1 from which an AU is found.

    Returns:
        `count` faces; the shares 0–1 `both` (AU6 and AU12) and `either`; `chance_both` and `chance_either`,
        what the two shares would be if each AU were found as often as on all faces, whatever the emotion and
        the other AU. Shares are NaN where there is no face.

    Raises:
        TableError: A column is missing.

    Reference: Masur et al. (2023), Table III. The chance levels are ours.
    """
    columns = [f"{au_column(au)}_p" for au in SMILE]
    if missing := [name for name in (EMOTION_TRUTH, *columns) if name not in table.columns]:
        raise TableError(
            f"The predictions table has no column {missing[0]!r}; it needs emotions and a smile."
        )
    judged = table[table[EMOTION_TRUTH].notna() & table[columns].notna().all(axis=1)]
    found = judged[columns].to_numpy(np.float64) >= threshold
    here = found[(judged[EMOTION_TRUTH] == emotion).to_numpy(bool)]
    cheek, lips = found.mean(0) if len(found) else (np.nan, np.nan)
    return {
        "count": float(len(here)),
        "both": float(here.all(1).mean()) if len(here) else float("nan"),
        "either": float(here.any(1).mean()) if len(here) else float("nan"),
        "chance_both": float(cheek * lips),
        "chance_either": float(cheek + lips - cheek * lips),
    }
