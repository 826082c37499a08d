"""Published numbers are verbatim, sourced, of a type of their own, and their contradictions are known."""

from __future__ import annotations

import csv
from collections import Counter
from importlib import resources

import pytest

from openau.errors import SettingError
from openau.facs import au_set
from openau.studies import Published, consistency, published_papers, read_published
from openau.studies.published import published_notes, reference, smallest_auc


def test_all_four_papers_come_with_their_citation() -> None:
    assert published_papers() == ("moreno2024", "deramgozin2023", "masur2023", "wang2019")
    assert all("20" in reference(paper) for paper in published_papers())


def test_every_line_of_every_file_is_read_verbatim() -> None:
    folder = resources.files("openau") / "assets" / "published"
    written: Counter[str] = Counter()
    for file in folder.iterdir():
        if file.name.endswith(".csv") and ("_table" in file.name or "text" in file.name):
            written.update(row["value"] for row in csv.DictReader(file.read_text("utf-8").splitlines()))
    read = Counter(row.text for paper in published_papers() for row in read_published(paper))
    assert read == written
    assert read.total() > 1000


def test_values_are_as_printed() -> None:
    table = read_published("moreno2024", "7").by_au(model="F", metric="f1")
    assert table["AU15"].text == "0.8942"
    assert table["mean"].text == "0.9440"
    ours = read_published("deramgozin2023", "8").by_au(model="Ours (with attention)", metric="f1")
    assert [ours[name].text for name in ("AU01", "AU26", "mean")] == ["0.98", "1.00", "0.98"]
    bound = read_published("deramgozin2023", "5").where(model="Zhang [5] (VGGNet)").rows[0]
    assert (bound.text, bound.number) == (">138", None)


def test_tables_have_every_au_of_their_set() -> None:
    names = {f"AU{au:02d}" for au in au_set("moreno2024-12")}
    for model in "ABCDEF":
        assert set(read_published("moreno2024", "8").by_au(model=model, metric="f1")) == names | {"mean"}
    names = {f"AU{au:02d}" for au in au_set("wang2019-ckplus-14")}
    assert set(read_published("wang2019", "5").by_au(model="DRML", metric="auc_pct")) == names


def test_43_of_150_printed_areas_are_marked_impossible() -> None:
    areas = [row for row in read_published("wang2019") if row.metric == "auc_pct"]
    assert len(areas) == 150
    assert sum(row.impossible for row in areas) == 43
    one = next(row for row in areas if (row.dataset, row.model, row.au) == ("EmotioNet", "L-DSCMR", "AU01"))
    assert str(one) == "49.77 ✗"
    assert smallest_auc("EmotioNet", "L-DSCMR", 1) == pytest.approx(0.774, abs=1e-3)
    assert not any(row.impossible for row in read_published("wang2019") if row.metric == "f1_pct")


def test_the_bound_on_the_area_follows_from_f1_and_the_ratio() -> None:
    # Of all operating points (f, t) with the printed F1, the smallest t(1 - f).
    f1, ratio = 0.8984, 1.0
    rates = [number / 100_000 for number in range(1, 100_001)]
    points = [(t, (2 * t / f1 - t - 1) / ratio) for t in rates]
    least = min(t * (1 - f) for t, f in points if 0 <= f <= 1)
    assert smallest_auc("EmotioNet", "L-DSCMR", 1) == pytest.approx(least, abs=5e-4)


def test_printed_means_are_added_up_again() -> None:
    wrong = [finding for finding in consistency("moreno2024") if not finding.agrees]
    assert [(finding.table, finding.printed, finding.recomputed) for finding in wrong] == [
        ("5", "261", "269"),
        ("7", "0.8715", "0.9074"),
    ]
    column = read_published("moreno2024", "7").by_au(model="D", metric="f1")
    values = [float(row.text) for name, row in column.items() if name != "mean"]
    assert sum(values) / len(values) == pytest.approx(0.9074, abs=5e-5)


def test_a_published_number_cannot_be_computed_with() -> None:
    row = read_published("moreno2024", "7").rows[0]
    assert isinstance(row, Published)
    assert not isinstance(row, float)
    with pytest.raises(TypeError):
        row + 1.0  # type: ignore[operator] # that it cannot be done is the test


def test_notes_say_what_contradicts_what() -> None:
    assert any("letters" in note for note in published_notes("moreno2024", "7"))
    assert published_notes("moreno2024", "3") == ()


def test_what_was_not_published_is_refused() -> None:
    with pytest.raises(SettingError, match="moreno2024"):
        read_published("nobody2000")
    with pytest.raises(SettingError, match="'99'"):
        read_published("moreno2024", "99")
    with pytest.raises(SettingError, match="name more fields"):
        read_published("moreno2024", "7").by_au(metric="f1")
    with pytest.raises(SettingError, match="AU 15"):
        smallest_auc("EmotioNet", "DRML", 15)
