"""The page as text: one file, nothing from elsewhere, every name escaped, every table headed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.facs import ACTION_UNITS
from openau.records import Frame, ModelCard, Reading
from openau.report import ReportBuilder
from openau.report.page import percent
from tests.fake.readings import AUS, fake_card, fake_picture, fake_reading, fake_video

CARD = fake_card()
WRITTEN = datetime(2025, 1, 1, 12, 30, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'&.jpg"
VOID = {"meta", "img", "input", "link", "br", "path", "rect", "line", "stop", "use"}


class Page(HTMLParser):
    """The parts of a page that tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.content: dict[str, list[str]] = {}
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "style"):
            self.content.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        optional = ("li", "p", "tr", "td", "th", "tbody", "thead", "dt", "dd")
        while self.open and self.open[-1] != tag and self.open[-1] in optional:
            self.unbalanced.append(self.open.pop())
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.content[self.open[-1]][-1] += data
        else:
            self.words += data

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def render(report: ReportBuilder, folder: Path) -> str:
    report.write(folder / "report.html", written=WRITTEN)
    return (folder / "report.html").read_text(encoding="utf-8")


def mixed(card: ModelCard = CARD) -> ReportBuilder:
    """Two videos, one with two faces and a gap, photographs with evil names, and truth."""
    report = ReportBuilder(card, {"Detector": "haar", "<b>": EVIL}, f"Mixed {EVIL}")
    truth = pd.DataFrame(5 * np.eye(18)[np.arange(60) % 18], columns=[f"AU{au:02d}" for au in AUS])
    report.set_truth(truth.assign(frame=range(60)))
    for frame, readings in fake_video(60, face_count=2, lost=(20, 30)):
        report.add(frame, readings)
    for frame, readings in fake_video(60, source=f"b/{EVIL}"):
        report.add(frame, readings)
    for number in range(4):
        name = f"{number}{EVIL}"
        reading = fake_reading((100, 100, 200, 200), source=name, time_s=None, face_id=None)
        report.add(Frame(fake_picture(), name), [reading] if number != 2 else [Reading(name, 0, None)])
    return report


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(mixed(), tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_is_balanced_html_in_utf8(text: str, page: Page) -> None:
    assert text.startswith("<!DOCTYPE html>")
    assert page.unbalanced == []
    assert page.open == []
    assert {"charset": "utf-8"} in page.attributes("meta")


def test_every_address_lies_within_the_page(text: str, page: Page) -> None:
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            address = attributes.get(name, "#content")
            assert address.startswith("data:image/jpeg;base64,") or address[1:] in ids, address[:80]
    assert set(re.findall(r"https?://[^\s\"'<]*", text)) == {
        "http://www.w3.org/2000/svg"
    }  # a name, not a load
    assert "@import" not in text
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#hatch", *(f"#s{au}" for au in AUS)}
    assert page.attributes("link") == []


def test_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_policy_allows_exactly_this_style_and_this_script(page: Page) -> None:
    policy = next(
        m["content"] for m in page.attributes("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for kind, content in (
        ("style-src", page.content["style"][0]),
        ("script-src", page.content["script"][-1]),
    ):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"
    assert not any("style" in attributes for _, attributes in page.elements)  # the policy would refuse them
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_names_with_html_in_them_are_shown_and_not_obeyed(text: str, page: Page) -> None:
    assert "<script>alert" not in text
    assert len(page.attributes("script")) == 3
    assert EVIL in page.words
    assert any(EVIL in image["alt"] for image in page.attributes("img"))


def test_no_name_of_the_user_stands_in_a_script(page: Page) -> None:
    assert "alert" not in "".join(page.content["script"])


def test_an_emotion_with_html_in_its_name_cannot_end_the_script(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    reading = fake_reading((100, 100, 200, 200), emotion="</script><script>alert(1)</script>")
    report.add(Frame(fake_picture(), "clip.mp4", 0, 0.0), [reading])
    page = Page(render(report, tmp_path))
    assert len(page.attributes("script")) == 3
    assert json.loads(page.content["script"][1]) == ["</script><script>alert(1)</script>"]


def test_everything_has_a_text_for_those_who_cannot_see_it(page: Page) -> None:
    assert all(image["alt"] for image in page.attributes("img"))
    for svg in page.attributes("svg"):
        labelled = svg.get("role") == "img" and svg.get("aria-label")
        assert labelled or svg.get("aria-hidden") == "true"
    tags = {tag for tag, _ in page.elements}
    assert {"header", "nav", "main", "footer", "h1", "h2"} <= tags
    assert page.attributes("html")[0]["lang"] == "en"
    tables = len(page.attributes("table"))
    assert tables >= 6
    assert len(page.attributes("caption")) == tables
    assert all("scope" in header for header in page.attributes("th"))
    named = {label.get("for") for label in page.attributes("label")}
    ranges = [field for field in page.attributes("input") if field["type"] == "range"]
    assert ranges
    assert all(field["id"] in named for field in ranges)


def test_the_page_says_what_the_numbers_mean_and_what_they_do_not(page: Page) -> None:
    words = " ".join(page.words.split())
    for sentence in (
        "probability, 0 to 1, that an action unit (AU) is present",
        "It is not how strong the movement is",
        "A gap is not a zero.",
        "The model learned from: rendered faces only.",
        "Not for diagnosis",
        "synthetic clip",
        "Written 2025-01-01 12:30 UTC",
    ):
        assert sentence in words


def test_the_whole_card_is_on_the_page(page: Page) -> None:
    words = " ".join(page.words.split())
    for value in (
        CARD.name,
        CARD.architecture,
        CARD.training_data,
        CARD.licence,
        CARD.reference,
        CARD.created,
    ):
        assert value in words
    for limit in CARD.limits:
        assert limit in words
    for row in CARD.accuracy:
        assert row.data in words
        assert row.protocol in words
        assert f"{row.value:.3f}" in words
    for au, threshold in zip(CARD.aus, CARD.thresholds, strict=True):
        assert ACTION_UNITS[au].name in words
        assert f"{threshold:.2f}" in words
    assert "epochs = 10" in words


def test_a_card_without_measurements_says_that_nothing_is_known(tmp_path: Path) -> None:
    report = ReportBuilder(replace(CARD, accuracy=(), recipe="", limits=()), {}, "t")
    assert "nothing is known about how well this model does" in render(report, tmp_path)


def test_a_frame_without_a_face_is_a_gap_in_every_lane(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    for frame, readings in fake_video(90, lost=(30, 60)):
        report.add(frame, readings)
    lines = re.findall(r'class="line"[^>]* d="([^"]*)"', render(report, tmp_path))
    assert len(lines) == len(AUS)
    for line in lines:
        starts = [int(x) for x in re.findall(r"M(\d+) ", line)]
        assert starts == [0, round(60 / 89 * 2000)]


def test_the_numbers_behind_the_lanes_are_those_found(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    expected = []
    for frame, readings in fake_video(40, lost=(10, 12)):
        report.add(frame, readings)
        expected.append(readings[0].output.probability if readings[0].output else np.full(18, np.nan))
    data = json.loads(Page(render(report, tmp_path)).content["script"][0])[0]
    levels = np.frombuffer(base64.b64decode(data["mean"]), np.uint8).reshape(40, 18).astype(float)
    found = np.array(expected)
    active = found >= np.array(CARD.thresholds, np.float32)
    assert ((levels >= 128) == active).all()
    levels -= 128 * active
    levels[levels == 127] = np.nan
    assert np.array_equal(levels, np.rint(found * 100), equal_nan=True)
    assert data["t"] == pytest.approx([i / 30 for i in range(40)], abs=0.001)
    assert data["f"] == data["l"] == list(range(40))
    assert "low" not in data


def test_the_page_of_a_long_video_is_small(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    for frame, readings in fake_video(2500, face_count=2, size=(48, 64)):
        report.add(frame, readings)
    text = render(report, tmp_path)
    assert len(text) < 1_200_000
    assert "steps of up to 4 frames" in text


def test_the_page_of_the_worst_run_is_bounded(tmp_path: Path) -> None:
    """More faces than are drawn in long videos, more photographs than are shown, all of them noise."""
    report = ReportBuilder(CARD, {}, "t")
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (160, 160, 3), np.uint8)
    names = [(f"clip {number}.mp4", random.random((20, 18))) for number in range(26)]
    for name, values in names:
        for index in range(1000):
            reading = fake_reading(
                (0, 0, 160, 160), source=name, frame=index, time_s=index / 30, probability=values[index % 20]
            )
            report.add(Frame(noise, name, index, index / 30), [reading])
    for number in range(230):
        reading = fake_reading((0, 0, 160, 160), source=f"{number}.jpg", time_s=None)
        report.add(Frame(noise, f"{number}.jpg"), [reading])
    text = render(report, tmp_path)
    assert "2 further faces were followed" in text
    assert "one photograph in 2 is shown" in text
    assert len(text) < 3_300_000


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0.0, "0\u00a0%"),
        (0.001, "<\u00a01\u00a0%"),
        (0.5, "50\u00a0%"),
        (0.999, ">\u00a099\u00a0%"),
        (1.0, "100\u00a0%"),
    ],
)
def test_a_share_never_says_none_for_some_nor_all_for_most(share: float | None, text: str) -> None:
    assert percent(share) == text
