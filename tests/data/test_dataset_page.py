"""The page about the datasets says what their records say."""

from __future__ import annotations

from scripts.make_dataset_page import PAGE, filled

from openau.data.index import DATASETS


def test_the_page_is_the_records() -> None:
    text = PAGE.read_text("utf-8")
    assert filled(text) == text, "run `python scripts/make_dataset_page.py`"
    assert all(f"`{name}`" in text for name in DATASETS if name not in ("synthetic", "sample"))
