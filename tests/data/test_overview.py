"""The page about a dataset: its numbers are counted right, its pictures are the strongest."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.index import build_index
from openau.data.overview import label_statistics, write_overview
from openau.data.overview.examples import choose_examples, draw_examples
from openau.errors import OutputError
from tests.fake.datasets import FAKES

VALUES = st.lists(
    st.tuples(*[st.one_of(st.none(), st.integers(0, 5).map(float))] * 3), min_size=1, max_size=12
)


def index(rows: list[tuple[float | None, ...]], scale: str = "intensity") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["AU01", "AU04", "AU12"], dtype=float)
    return table.assign(subject=[f"s{i % 2}" for i in range(len(rows))], path="x.png", au_scale=scale)


@given(VALUES)
def test_counts_and_co_occurrence_equal_those_counted_one_by_one(
    rows: list[tuple[float | None, ...]],
) -> None:
    found = label_statistics(index(rows))
    for i in range(3):
        known = [row for row in rows if row[i] is not None]
        assert found.known[i] == len(known)
        assert found.positive[i] == sum((row[i] or 0) >= 2 for row in known)
        assert found.levels[i].tolist() == [sum(row[i] == level for row in known) for level in range(6)]
        for j in range(3):
            both = [(row[i] or 0, row[j] or 0) for row in rows if row[i] is not None and row[j] is not None]
            first = [pair for pair in both if pair[0] >= 2]
            joint = [pair for pair in first if pair[1] >= 2]
            if not first:
                assert np.isnan(found.together[i, j])
            else:
                assert found.together[i, j] == pytest.approx(len(joint) / len(first))
            second = [pair for pair in both if pair[1] >= 2]
            if first and second:
                chance = len(first) / len(both) * len(second) / len(both)
                assert found.lift[i, j] == pytest.approx(len(joint) / len(both) / chance)


def test_what_coders_called_an_occurrence_counts_from_1_on() -> None:
    rows: list[tuple[float | None, ...]] = [(1, 0, None), (0, 1, 1)]
    assert label_statistics(index(rows, "occurrence")).positive.tolist() == [1, 1, 1]
    assert label_statistics(index(rows, "intensity")).positive.tolist() == [0, 0, 0]
    assert label_statistics(index(rows, "occurrence")).levels.sum() == 0


def test_a_base_rate_that_nobody_knows_is_not_a_number() -> None:
    found = label_statistics(index([(1, None, 0), (2, None, 0)]))
    assert np.isnan(found.base_rate[1])
    assert found.base_rate[[0, 2]].tolist() == [0.5, 0]


def test_the_strongest_of_different_people_are_the_examples() -> None:
    table = index([(5, 0, 0), (3, 0, 0), (4, 0, 0), (1, 0, 0)])  # of s0, s1, s0, s1
    assert choose_examples(table, 2) == [("AU01", 0), ("AU01", 1)]
    assert choose_examples(table, 3)[:2] == [("AU01", 0), ("AU01", 1)]
    assert len(choose_examples(table, 3)) == 3


@pytest.mark.usefixtures("tiny_sample")
@pytest.mark.parametrize("name", sorted(FAKES))
def test_every_dataset_gets_a_page(name: str, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    FAKES[name].write(root)
    table = build_index(name, root)
    page = tmp_path / "page.html"
    found = write_overview(table, page, title="<Faces & more>", examples=1)
    text = page.read_text("utf-8")
    assert "&lt;Faces &amp; more&gt;" in text
    assert "<Faces" not in text
    assert sum(found.subjects.values()) + found.nameless == len(table)
    assert text.count("data:image/jpeg;base64,") >= 1
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_a_page_without_faces_has_none(tmp_path: Path) -> None:
    FAKES["disfa_plus"].write(tmp_path / "copy")
    write_overview(build_index("disfa_plus", tmp_path / "copy"), tmp_path / "p.html", title="x", examples=0)
    assert "<img" not in (tmp_path / "p.html").read_text("utf-8")


def test_a_picture_that_cannot_be_read_leaves_an_empty_place(tmp_path: Path) -> None:
    table = index([(5, 0, 0)]).assign(path=str(tmp_path / "no.png"))
    [one] = draw_examples(table, [("AU01", 0)])
    assert (one.jpeg, one.caption) == ("", "s0 · 5")


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    FAKES["disfa_plus"].write(tmp_path / "copy")
    with pytest.raises(OutputError, match="cannot be written"):
        write_overview(build_index("disfa_plus", tmp_path / "copy"), tmp_path / "no" / "p.html", title="x")
