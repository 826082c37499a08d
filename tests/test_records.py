"""The records refuse what cannot be, and the card survives its journey through JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.errors import CardError
from openau.facs import ACTION_UNITS
from openau.records import Accuracy, CropSpec, ModelCard


def card(**changes: Any) -> ModelCard:
    """Return a valid card with some fields changed."""
    values: dict[str, Any] = {
        "name": "small",
        "version": "1",
        "architecture": "attention_cnn",
        "aus": (1, 12),
        "thresholds": (0.5, 0.4),
        "crop": CropSpec(size=48),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "training_data": "rendered faces",
        "licence": "Apache-2.0",
    }
    return ModelCard(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 7}, r"CropSpec\.size is 7"),
        ({"size": 1025}, r"CropSpec\.size is 1025"),
        ({"size": 48, "scale": 0.1}, r"CropSpec\.scale is 0\.1"),
        ({"size": 48, "scale": float("nan")}, r"CropSpec\.scale is nan"),
        ({"size": 48, "shift_y": -1.5}, r"CropSpec\.shift_y is -1\.5"),
        ({"size": 48, "align": "eyes"}, r"CropSpec\.align is 'eyes'"),
    ],
)
def test_a_crop_recipe_that_cannot_be_cut_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError, match=message):
        CropSpec(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aus": (), "thresholds": ()}, "at least one"),
        ({"aus": (12, 12)}, "all different"),
        ({"aus": (1, 3)}, "names AU 3, which FACS does not have"),
        ({"thresholds": (0.5,)}, "1 thresholds for 2 AUs"),
        ({"thresholds": (0.5, 1.01)}, "outside 0–1"),
        ({"thresholds": (0.5, float("nan"))}, "outside 0–1"),
        ({"std": (0.25, 0.0, 0.25)}, "not above 0"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError, match=message):
        card(**changes)


def test_a_card_reads_back_as_it_was_written() -> None:
    rich = card(
        intensity=True,
        heatmap_layer="conv5",
        accuracy=(
            Accuracy("rendered faces", "unseen identities", "ROC AUC", 0.91, au=12, count=400),
            Accuracy("rendered faces", "unseen identities", "ROC AUC", 0.85),
        ),
        limits=("Reads AU7 poorly.", "Not for diagnosis – ever."),
        crop=CropSpec(size=64, scale=1.2, shift_y=0.05),
    )
    assert ModelCard.from_json(rich.to_json()) == rich


@given(
    aus=st.lists(st.sampled_from(sorted(ACTION_UNITS)), min_size=1, unique=True),
    threshold=st.floats(0, 1),
    text=st.text(max_size=40),
    size=st.integers(8, 1024),
    scale=st.floats(0.2, 5.0),
)
def test_any_valid_card_survives_json(
    aus: list[int], threshold: float, text: str, size: int, scale: float
) -> None:
    written = card(
        aus=tuple(aus),
        thresholds=(threshold,) * len(aus),
        crop=CropSpec(size=size, scale=scale),
        training_data=text,
        limits=(text,),
    )
    assert ModelCard.from_json(written.to_json()) == written


def test_fields_of_a_later_version_are_passed_over() -> None:
    raw = json.loads(card().to_json()) | {"invented_later": 1}
    assert ModelCard.from_json(json.dumps(raw)) == card()


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", "3", "null", '"card"', '{"schema": 1}', '{"schema": 1, "crop": 5}']
)
def test_text_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(CardError):
        ModelCard.from_json(text)


def test_a_card_of_another_schema_says_to_update() -> None:
    raw = json.loads(card().to_json()) | {"schema": 99}
    with pytest.raises(CardError, match=r"schema 99.*update openau"):
        ModelCard.from_json(json.dumps(raw))


@pytest.mark.parametrize("field", ["name", "aus", "thresholds", "crop", "mean", "training_data", "licence"])
def test_a_card_without_a_needed_field_is_refused(field: str) -> None:
    raw = json.loads(card().to_json())
    del raw[field]
    with pytest.raises(CardError, match="cannot be read"):
        ModelCard.from_json(json.dumps(raw))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aus", 12),
        ("aus", ["AU12", "AU1"]),
        ("thresholds", ["high", "low"]),
        ("crop", {"size": "large"}),
        ("crop", {"side": 48}),
        ("std", [None, 1, 1]),
        ("accuracy", [{"metric": "ROC AUC"}]),
        ("accuracy", 3),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    raw = json.loads(card().to_json()) | {field: value}
    with pytest.raises(CardError):
        ModelCard.from_json(json.dumps(raw))


def test_records_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        card().name = "other"  # type: ignore[misc]  # the point of the test
