"""The page in a real browser: opened from a file, loading nothing, answering the pointer, fitting it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from openau.records import Frame, Reading
from openau.report import ReportBuilder
from tests.fake.readings import AUS, expression, fake_card, fake_picture, fake_reading, fake_video

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

CARD = fake_card()
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]

# The WCAG 2 contrast of every piece of text against the nearest painted background behind it.
CONTRAST = """() => {
  const parts = (colour) => {
    const numbers = colour.match(/[\\d.]+/g).map(Number);
    return numbers.length < 4 ? [...numbers, 1] : numbers;
  };
  const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parts(getComputedStyle(node).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  for (const node of document.body.querySelectorAll("*")) {
    const own = Array.from(node.childNodes).some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!own || node.closest("script, style, svg title") || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parts(node.closest("svg") ? style.fill : style.color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(node.tagName + "." + node.className + " " + ratio.toFixed(2));
  }
  return low;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def video_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two faces, 10 s at 10 frames/s, no face from 4 s to 6 s."""
    report = ReportBuilder(CARD, {"Detector": "haar"}, "Two faces")
    for frame, readings in fake_video(100, face_count=2, frames_per_s=10, lost=(40, 60)):
        report.add(frame, readings)
    path = tmp_path_factory.mktemp("video") / "report.html"
    report.write(path)
    return path


@pytest.fixture(scope="module")
def photo_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photographs, one of them without a face, one with a script for a name."""
    report = ReportBuilder(CARD, {}, "Photographs")
    rgb = fake_picture(240, 320, [(160, 120, 120)])
    for number in range(12):
        name = (
            "<script>alert(1)</script>.jpg" if number == 3 else f"a/rather/long/folder/name/{number:04d}.jpg"
        )
        reading = fake_reading(
            (100, 60, 220, 180), source=name, time_s=None, probability=expression(0.5 * number)
        )
        report.add(Frame(rgb, name), [Reading(name, 0, None) if number == 5 else reading])
    path = tmp_path_factory.mktemp("photo") / "report.html"
    report.write(path)
    return path


class Visit:
    """A page opened from its file, and everything it did that it should not have done."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": 900}, **options
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def point(self, au: int, share: float) -> None:
        """Move the pointer over a lane of the first face, at a share of its width."""
        plot = self.page.locator(f'figure.face >> nth=0 >> .lane[data-au="{au}"] svg.plot')
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)

    def now(self, au: int) -> str:
        return str(self.page.locator(f'figure.face >> nth=0 >> .lane[data-au="{au}"] .now').inner_text())

    def readout(self) -> str:
        return str(self.page.locator("figure.face >> nth=0 >> output").inner_text())


@pytest.mark.parametrize("kind", ["video_page", "photo_page"])
def test_the_page_loads_nothing_but_itself_and_has_no_complaint(
    browser: Browser, kind: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kind)
    with Visit(browser, path) as visit:
        visit.page.wait_for_load_state("networkidle")
        outside = [url for url in visit.requests if not url.startswith("data:image/jpeg")]
        assert outside == [path.as_uri()]
        assert visit.complaints == []
        broken = "Array.from(document.images).filter((i) => !i.complete || !i.naturalWidth).length"
        assert visit.page.evaluate("document.images.length") > 5
        assert visit.page.evaluate(broken) == 0


def test_the_policy_stops_what_the_page_does_not_bring_itself(browser: Browser, video_page: Path) -> None:
    with Visit(browser, video_page) as visit:
        visit.page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.broken = 1';"
            " const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(s, i); }"
        )
        visit.page.wait_for_timeout(100)
        assert visit.page.evaluate("window.broken") is None
        assert len([c for c in visit.complaints if "Content Security Policy" in c]) == 2


@pytest.mark.parametrize(("share", "frame"), [(0.0, 0), (0.25, 25), (0.75, 74), (1.0, 99)])
def test_pointing_at_a_lane_tells_time_frame_and_value(
    browser: Browser, video_page: Path, share: float, frame: int
) -> None:
    with Visit(browser, video_page) as visit:
        visit.point(12, min(share, 0.9999))
        assert visit.readout() == f"{frame / 10:.2f} s, frame {frame}"
        for au in (1, 12, 43):
            expected = expression(frame / 10)[AUS.index(au)]
            assert float(visit.now(au)) == pytest.approx(expected, abs=0.0051)


def test_pointing_into_a_gap_tells_that_there_is_no_face(browser: Browser, video_page: Path) -> None:
    with Visit(browser, video_page) as visit:
        visit.point(12, 0.5)
        assert "no face" in visit.readout()
        assert visit.now(12) == "–"


def test_the_time_slider_reads_the_same_from_the_keyboard(browser: Browser, video_page: Path) -> None:
    with Visit(browser, video_page) as visit:
        visit.page.locator("input[type=range]").first.focus()
        for _ in range(3):
            visit.page.keyboard.press("ArrowRight")
        assert visit.readout() == "0.30 s, frame 3"
        spoken = visit.page.locator("input[type=range]").first.get_attribute("aria-valuetext")
        assert spoken == "0.30 s, frame 3, neutral"


def test_action_units_can_be_chosen(browser: Browser, video_page: Path) -> None:
    lanes = "figure.face >> nth=0 >> .lane[data-au]:visible"
    with Visit(browser, video_page) as visit:
        assert visit.page.locator(lanes).count() == len(AUS)
        visit.page.get_by_role("button", name="None").click()
        assert visit.page.locator(lanes).count() == 0
        visit.page.get_by_role("checkbox", name="AU12").check()
        assert visit.page.locator(lanes).count() == 1
        visit.page.get_by_role("button", name="All").click()
        assert visit.page.locator(lanes).count() == len(AUS)


def test_photographs_can_be_ordered_by_an_au(browser: Browser, photo_page: Path) -> None:
    with Visit(browser, photo_page) as visit:
        visit.page.get_by_label("Order by").select_option(label="AU12 Lip corner puller")
        row = AUS.index(12)
        cards = "Array.from(document.querySelectorAll('.cards li'))"
        found = visit.page.evaluate(f"{cards}.map((c) => c.dataset.p ? +c.dataset.p.split(' ')[{row}] : -1)")
        assert found == sorted(found, reverse=True)
        assert found[0] > 500
        assert found[-1] == -1


@pytest.mark.parametrize("width", [360, 400, 768, 1280, 1600])
@pytest.mark.parametrize("kind", ["video_page", "photo_page"])
def test_no_screen_needs_to_scroll_sideways(
    browser: Browser, kind: str, width: int, request: pytest.FixtureRequest
) -> None:
    with Visit(browser, request.getfixturevalue(kind), width) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["video_page", "photo_page"])
def test_all_text_has_the_contrast_that_wcag_aa_asks_for(
    browser: Browser, kind: str, scheme: str, request: pytest.FixtureRequest
) -> None:
    with Visit(browser, request.getfixturevalue(kind), color_scheme=scheme) as visit:
        if kind == "video_page":
            visit.point(12, 0.3)
        assert visit.page.evaluate(CONTRAST) == []


def test_dark_mode_is_dark(browser: Browser, video_page: Path) -> None:
    tones = {}
    for scheme in ("light", "dark"):
        with Visit(browser, video_page, color_scheme=scheme) as visit:
            colour = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            tones[scheme] = sum(int(part) for part in colour[4:-1].split(","))
    assert tones["dark"] < 120
    assert tones["light"] > 700


def test_without_scripts_and_on_paper_everything_is_there_but_the_controls(
    browser: Browser, video_page: Path
) -> None:
    with Visit(browser, video_page, java_script_enabled=False) as visit:
        assert visit.page.locator("figure.face >> nth=0 >> .lane[data-au]:visible").count() == len(AUS)
        assert visit.page.locator("input:visible").count() == 0
    with Visit(browser, video_page) as visit:
        visit.page.emulate_media(media="print")
        assert visit.page.locator("figure.face >> nth=0 >> .lane[data-au]:visible").count() == len(AUS)
        assert visit.page.locator("input:visible, nav:visible, .js-only:visible").count() == 0
    with Visit(browser, video_page, color_scheme="dark") as visit:
        visit.page.emulate_media(media="print", color_scheme="dark")
        assert visit.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_who_asks_for_less_motion_gets_none(browser: Browser, video_page: Path) -> None:
    with Visit(browser, video_page, reduced_motion="reduce") as visit:
        assert visit.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
