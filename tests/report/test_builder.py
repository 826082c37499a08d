"""The report in the making: it counts right, stays small, and can be taken up again."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.errors import OutputError, SettingError
from openau.records import AUOutput, Frame, Reading
from openau.report import ReportBuilder
from openau.report.pictures import Gallery, StrongestMoments, thumbnail
from openau.report.sections import au_summary, emotion_shares, strongest_rows
from openau.report.story import MAX_FACES, Story
from tests.fake.readings import AUS, fake_card, fake_picture, fake_reading, fake_video

CARD = fake_card()
WRITTEN = datetime(2025, 1, 1, tzinfo=UTC)


def story_of(report: ReportBuilder) -> Story:
    return Story.from_state(json.loads(json.dumps(report.state())), CARD)


def report_of(frame_count: int, *, faces: int = 1, lost: tuple[int, int] = (0, 0)) -> ReportBuilder:
    report = ReportBuilder(CARD, {}, "t")
    for frame, readings in fake_video(frame_count, face_count=faces, lost=lost):
        report.add(frame, readings)
    return report


def page(report: ReportBuilder, folder: Path) -> str:
    report.write(folder / "report.html", written=WRITTEN)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_frames_faces_and_lost_frames_are_counted() -> None:
    story = story_of(report_of(100, faces=2, lost=(10, 35)))
    assert (story.frame_count, story.with_face, story.face_count) == (100, 75, 2)
    source = story.videos["clip.mp4"]
    assert (source.faces, source.without_face) == (150, 25)
    assert source.end_s == pytest.approx(99 / 30)


def test_the_summary_equals_pandas_over_all_readings() -> None:
    report = ReportBuilder(CARD, {}, "t")
    rows = []
    for frame, readings in fake_video(500, lost=(100, 180)):
        report.add(frame, readings)
        rows += [r.output.probability for r in readings if r.output is not None]
    table = pd.DataFrame(rows, columns=AUS)
    story = story_of(report)
    for au, threshold, row in zip(AUS, CARD.thresholds, au_summary(story, story.video_tally), strict=True):
        assert row.mean == pytest.approx(table[au].mean(), rel=1e-6)
        assert row.share == pytest.approx((table[au] >= np.float32(threshold)).mean())
        assert row.best == pytest.approx(table[au].max())
    shares = emotion_shares(story, story.video_tally)
    assert sum(share for _, _, share in shares) == pytest.approx(1.0)
    assert [share for _, _, share in shares] == sorted((s for _, _, s in shares), reverse=True)


def test_the_largest_probability_is_found_at_its_time() -> None:
    report = ReportBuilder(CARD, {}, "t")
    for index in range(50):
        values = [0.1] * len(AUS)
        if index == 31:
            values[4] = 0.77
        frame = Frame(fake_picture(60, 80), "clip.mp4", index, index / 10)
        report.add(
            frame, [fake_reading((10, 10, 50, 50), frame=index, time_s=index / 10, probability=values)]
        )
    story = story_of(report)
    row = au_summary(story, story.video_tally)[4]
    assert row.where == ("clip.mp4", 31, 3.1)


def test_a_threshold_is_met_by_a_probability_equal_to_it() -> None:
    """The card's thresholds are doubles, the network's probabilities floats; equal means active."""
    report = ReportBuilder(CARD, {}, "t")
    values = list(CARD.thresholds)
    report.add(
        Frame(fake_picture(60, 80), "a.jpg"), [fake_reading((1, 1, 50, 50), time_s=None, probability=values)]
    )
    story = story_of(report)
    assert [row.share for row in au_summary(story, story.photo_tally)] == [1.0] * len(AUS)


def test_intensity_is_averaged_while_active_where_the_model_gives_it() -> None:
    card = replace(CARD, intensity=True)
    report = ReportBuilder(card, {}, "t")
    for index, (p, strength) in enumerate([(0.9, 2.0), (0.95, 4.0), (0.1, 5.0)]):
        reading = fake_reading((1, 1, 50, 50), frame=index, time_s=index / 10)
        output = AUOutput(AUS, np.full(18, p, np.float32), np.full(18, strength, np.float32))
        report.add(
            Frame(fake_picture(60, 80), "v", index, index / 10), [replace(reading, source="v", output=output)]
        )
    story = Story.from_state(report.state(), card)
    assert au_summary(story, story.video_tally)[0].strength == pytest.approx(3.0)


def test_an_interrupted_report_resumed_is_the_same_page(tmp_path: Path) -> None:
    frames = list(fake_video(1200, face_count=2, lost=(300, 500), size=(60, 80)))
    whole = ReportBuilder(CARD, {"Detector": "haar"}, "t")
    for frame, readings in frames:
        whole.add(frame, readings)
    first = ReportBuilder(CARD, {"Detector": "haar"}, "t")
    for frame, readings in frames[:777]:
        first.add(frame, readings)
    second = ReportBuilder.from_state(json.loads(json.dumps(first.state())), CARD)
    for frame, readings in frames[777:]:
        second.add(frame, readings)
    assert page(second, tmp_path) == page(whole, tmp_path)


def test_a_state_of_another_model_or_version_is_refused() -> None:
    state = report_of(3).state()
    with pytest.raises(SettingError, match="another model"):
        ReportBuilder.from_state(state, replace(CARD, version="2"))
    with pytest.raises(SettingError, match="another version"):
        ReportBuilder.from_state({**state, "version": 0}, CARD)


def test_readings_of_another_model_are_refused() -> None:
    report = ReportBuilder(CARD, {}, "t")
    with pytest.raises(SettingError, match="card of the model"):
        report.add(Frame(fake_picture(60, 80), "a.jpg"), [fake_reading(aus=(1, 2))])


def test_truth_comes_before_the_first_frame() -> None:
    with pytest.raises(SettingError, match="before the first frame"):
        report_of(1).set_truth(pd.DataFrame({"frame": [0], "AU12": [1.0]}))


def test_memory_does_not_grow_with_the_video() -> None:
    report = ReportBuilder(CARD, {}, "t")
    loop = list(fake_video(180, size=(48, 64)))
    tracemalloc.start()
    try:
        sizes = []
        for index in range(4000):
            frame, (reading,) = loop[index % 180]
            time_s = index / 30
            report.add(
                replace(frame, index=index, time_s=time_s), [replace(reading, frame=index, time_s=time_s)]
            )
            if index in (1999, 3999):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] < sizes[0] + 50_000


def test_a_video_with_ever_new_faces_keeps_the_longest_and_counts_all(tmp_path: Path) -> None:
    """A tracker that loses its face every few frames must not fill the memory."""
    report = ReportBuilder(CARD, {}, "t")
    rgb = fake_picture(48, 64)
    for index in range(600):
        face_id = 0 if index < 200 else index // 4
        reading = fake_reading((8, 8, 40, 40), source="v", frame=index, time_s=index / 30, face_id=face_id)
        report.add(Frame(rgb, "v", index, index / 30), [reading])
    story = story_of(report)
    assert story.face_count == 101
    assert len(story.faces) == MAX_FACES
    assert story.dropped_faces == 101 - MAX_FACES
    assert story.faces[("v", 0)].tally.readings == 200
    assert story.video_tally.readings == 600
    assert "77 further faces were followed" in page(report, tmp_path)


def test_many_short_videos_stay_bounded(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    rgb = fake_picture(48, 64)
    for number in range(320):
        name = f"{number}.mp4"
        for index in range(2):
            report.add(
                Frame(rgb, name, index, index / 30),
                [fake_reading((8, 8, 40, 40), source=name, frame=index, time_s=index / 30)],
            )
    story = story_of(report)
    assert len(story.timelines) <= MAX_FACES + 1
    assert (len(story.videos), story.further_sources, story.further.frames) == (300, 20, 40)
    assert story.frame_count == 640
    assert len(page(report, tmp_path)) < 3_000_000


# --- strongest moments and galleries


def moments_of(
    values: list[float], *, frames_per_s: float = 10.0, time: bool = True
) -> list[tuple[float, int]]:
    strongest = StrongestMoments([[]])
    rgb = fake_picture(48, 64)
    for index, value in enumerate(values):
        time_s = index / frames_per_s if time else None
        source = "v" if time else f"{index}.jpg"
        reading = fake_reading((8, 8, 40, 40), source=source, frame=index, time_s=time_s)
        strongest.offer(rgb, reading, np.array([value], np.float32))
    return [(round(m.probability, 4), m.frame) for m in strongest.moments[0]]


def test_neighbouring_frames_count_as_one_moment_and_the_peak_stays() -> None:
    rise = [0.1, 0.3, 0.6, 0.9, 0.7, 0.4, 0.2]
    assert moments_of(rise) == [(0.9, 3)]


def test_two_peaks_far_apart_are_two_moments_strongest_first() -> None:
    values = [0.0] * 60
    values[5], values[40] = 0.6, 0.8
    assert moments_of(values)[:2] == [(0.8, 40), (0.6, 5)]


def test_photographs_are_never_neighbours() -> None:
    assert moments_of([0.5, 0.6, 0.7], time=False) == [(0.7, 2), (0.6, 1), (0.5, 0)]


def test_of_many_moments_four_stay() -> None:
    found = moments_of([i / 100 for i in range(100)], frames_per_s=0.5)
    assert found == [(0.99, 99), (0.98, 98), (0.97, 97), (0.96, 96)]


def test_an_au_that_never_reached_its_threshold_shows_one_moment_and_says_so(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    for index in range(3):
        reading = fake_reading((8, 8, 40, 40), source=f"{index}.jpg", time_s=None, probability=[0.1] * 18)
        report.add(Frame(fake_picture(48, 64), f"{index}.jpg"), [reading])
    rows = strongest_rows(story_of(report))
    assert [(len(moments), reached) for _, _, moments, reached in rows] == [(1, False)] * 18
    assert "Never reached its threshold of 0.35" in page(report, tmp_path)


@pytest.mark.parametrize(
    "box", [None, (-50.0, -50.0, 20.0, 20.0), (500.0, 500.0, 600.0, 600.0), (0.0, 0.0, np.inf, 9.0)]
)
def test_a_thumbnail_is_a_small_jpeg_for_any_box(box: tuple[float, float, float, float] | None) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    jpeg = thumbnail(noise, box)
    assert jpeg[:2] == b"\xff\xd8"
    assert len(jpeg) < 6000
    assert len(thumbnail(noise[:1, :1], box)) > 100


def test_a_long_run_of_photographs_keeps_an_even_choice() -> None:
    gallery = Gallery(limit=20)
    rgb = fake_picture(48, 64)
    for number in range(500):
        gallery.add(rgb, f"{number}.jpg", [])
    assert gallery.seen == 500
    assert gallery.stride == 32
    assert [card.ordinal for card in gallery.cards] == list(range(0, 500, 32))


def test_a_photograph_without_a_face_has_its_card(tmp_path: Path) -> None:
    report = ReportBuilder(CARD, {}, "t")
    report.add(Frame(fake_picture(48, 64), "empty.jpg"), [Reading("empty.jpg", 0, None)])
    text = page(report, tmp_path)
    assert "no face found: no values" in text
    assert "No face was found" in text
    assert story_of(report).photos.without_face == 1


def test_an_empty_report_is_a_page_too(tmp_path: Path) -> None:
    assert "No face was found" in page(ReportBuilder(CARD, {}, "t"), tmp_path)


def test_a_page_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        ReportBuilder(CARD, {}, "t").write(tmp_path / "nowhere" / "report.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match=r"folder\.html"):
        ReportBuilder(CARD, {}, "t").write(tmp_path / "folder.html")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.html"]
