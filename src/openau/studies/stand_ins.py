"""What is published about how often each AU, or emotion, is seen in the papers' datasets."""

from __future__ import annotations

from collections.abc import Sequence

from openau.data.datasets import dataset_facts
from openau.studies.published import read_published
from openau.studies.study import StandIn

_FIRST_RATIO = 5
"""Negatives per positive of AU 1 where wang2019's sweep begins."""

_DISFA_KEPT = 63_924
"""Frames of DISFA with an intensity above 0, as deramgozin2023 counts them."""


CAER_S = "about 10,000 stills of each emotion in public copies; exact numbers differ between copies."
"""Where the shares of CAER-S's emotions are from."""


def bp4d(aus: Sequence[int]) -> StandIn:
    """Return BP4D's shares of frames.

    Args:
        aus: The AUs wanted.
    """
    shares = dataset_facts("bp4d")["positive_percent"]
    rates = {au: shares[str(au)] / 100 for au in aus}
    return StandIn("intensity", rates, source="ME-GraphAU's class weights, of 146,847 frames.")


def disfa() -> StandIn:
    """Return DISFA's shares of frames with an intensity above 0, among those with any; AU 20 is unknown."""
    counts = dataset_facts("disfa")["intensities"]
    rates = {int(au): sum(levels) / _DISFA_KEPT for au, levels in counts.items() if levels}
    source = f"Mavadati et al. (2013), of the {_DISFA_KEPT:,} frames with an AU that the paper counts."
    return StandIn("intensity", rates, threshold=0.5, only_with_au=True, source=source)


def ck_plus(aus: Sequence[int]) -> StandIn:
    """Return CK+'s shares of last frames.

    Args:
        aus: The AUs wanted; those on which publications differ (17 and 26) are left to chance.
    """
    facts = dataset_facts("ck_plus")
    counts = facts["positives"]
    rates = {au: counts[str(au)] / facts["pictures"] for au in aus if str(au) in counts}
    return StandIn("occurrence", rates, source="Lucey et al. (2010), Table 1, of 593 last frames.")


def raf_db() -> StandIn:
    """Return RAF-DB's emotions."""
    facts = dataset_facts("raf_db")
    return StandIn(
        emotions=facts["emotions"], crowd=True, source=f"its own list of {facts['pictures']:,} pictures."
    )


def fer_plus() -> StandIn:
    """Return the seven emotions of FER+ that deramgozin2023 takes, by the majority of its votes."""
    counts = dataset_facts("fer_plus")["majority_train"]
    emotions = {name: counts[name] for name in dataset_facts("raf_db")["emotions"]}
    return StandIn(emotions=emotions, crowd=True, source="majority of FER+'s votes, training part.")


def moreno2024(table: str, pictures: int, source: str) -> StandIn:
    """Return the shares that moreno2024's tables of counts ask for.

    Args:
        table: Number of the table of counts.
        pictures: Pictures that have one of the AUs.
        source: Where that number is from.
    """
    counts = read_published("moreno2024", table).where(metric="n_total")
    rates = {int(row.au[2:]): float(row.text) / pictures for row in counts}
    return StandIn("intensity", rates, only_with_au=True, source=source)


def wang2019(table: str) -> StandIn:
    """Return the shares that wang2019's training N:P ratios ask for.

    Args:
        table: `4` for EmotioNet, `5` for CK+.
    """
    ratios = read_published("wang2019", table).where(metric="train_NP_ratio")
    rates = {int(row.au[2:]): 1 / (1 + float(row.text)) for row in ratios}
    source = f"N:P of the training part, Table {table}."
    if table == "4":
        rates[1] = 1 / (1 + _FIRST_RATIO)
        source += f" AU 1 as in the sweep's first part, {_FIRST_RATIO}:1; each split sets its own."
    return StandIn("occurrence", rates, source=source)
