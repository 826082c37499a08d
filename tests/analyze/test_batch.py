from __future__ import annotations

import errno
import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest

from openau.analyze import Failure, Listener, Settings, Summary, analyze_paths
from openau.analyze.resume import Progress, RunFile
from openau.errors import InputError, NoInputError, OutputError, SettingError
from openau.records import Frame, ModelCard
from openau.table import TableWriter, read_table
from tests.fake.media import write_video
from tests.fake.squares import moving, picture, save
from tests.fake.tiny_model import tiny_card, write_tiny_model


class Recorder(Listener):
    """Remembers what it was told, and presses Ctrl-C once so many frames are in the table."""

    wants_total = True

    def __init__(self, stop_at: int | None = None) -> None:
        self.failures: list[Failure] = []
        self.faceless: list[str] = []
        self.totals: list[int | None] = []
        self._stop_at = stop_at

    def failed(self, failure: Failure) -> None:
        self.failures.append(failure)

    def no_face(self, source: str) -> None:
        self.faceless.append(source)

    def advanced(self, frames: int, total: int | None) -> None:
        self.totals.append(total)
        if self._stop_at is not None and frames >= self._stop_at:
            raise KeyboardInterrupt


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    save(folder / "a.png", picture((10, 20)))
    save(folder / "b.png", picture())
    save(folder / "c.png", picture((5, 5), (60, 30)))
    return folder


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_photographs_give_a_row_per_face_and_one_without(photos: Path, model: Path, tmp_path: Path) -> None:
    told = Recorder()
    summary = analyze_paths([photos], tmp_path / "out", Settings(model=model), listener=told)
    assert summary.table == tmp_path / "out" / "aus.csv"
    table = read_table(summary.table)
    assert [Path(source).name for source in table["source"]] == ["a.png", "b.png", "c.png", "c.png"]
    assert table["success"].tolist() == [1, 0, 1, 1]
    assert table["time_s"].isna().all()
    assert table["x1"].dropna().tolist() == [10, 5, 60]
    assert told.faceless == [str(photos / "b.png")]
    counts = summary.counts
    assert (counts.frames, counts.faces, counts.photos, counts.photos_without_face) == (3, 3, 3, 1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["aus.csv", "run.json"]


def test_a_video_keeps_times_ids_and_frames_without_a_face(clip: Path, model: Path, tmp_path: Path) -> None:
    told = Recorder()
    summary = analyze_paths([clip], tmp_path / "out", Settings(model=model), listener=told)
    assert summary.table is not None
    table = read_table(summary.table)
    assert table["frame"].tolist() == list(range(70))
    assert table["time_s"].tolist() == pytest.approx([i / 25 for i in range(70)], abs=1e-5)
    assert table.index[table["success"] == 0].tolist() == [20, 21, 22]
    assert table["face_id"].iloc[:20].tolist() == [0] * 20
    assert told.totals[-1] == 70
    assert told.faceless == []
    assert (summary.counts.frames_without_face, summary.counts.photos) == (3, 0)


def test_every_third_frame_keeps_its_own_number(clip: Path, model: Path, tmp_path: Path) -> None:
    summary = analyze_paths([clip], tmp_path / "out", Settings(model=model, every=3))
    assert summary.table is not None
    assert read_table(summary.table)["frame"].tolist() == list(range(0, 70, 3))


def test_only_the_largest_faces_are_kept(model: Path, tmp_path: Path) -> None:
    rgb = picture((5, 5), (60, 30))
    rgb[5:40, 5:35] = 200
    save(tmp_path / "two.png", rgb)
    settings = Settings(model=model, max_faces=1)
    summary = analyze_paths([tmp_path / "two.png"], tmp_path / "out", settings)
    assert summary.table is not None
    assert read_table(summary.table)["y2"].tolist() == [40]


def test_a_score_limit_reaches_the_detector(photos: Path, model: Path, tmp_path: Path) -> None:
    settings = Settings(model=model, min_face_score=1e6)
    assert analyze_paths([photos], tmp_path / "out", settings).counts.faces == 0


def test_a_video_without_any_face_is_said_so(model: Path, tmp_path: Path) -> None:
    empty = write_video(tmp_path / "empty.mp4", moving(5, empty=range(5)))
    told = Recorder()
    analyze_paths([empty], tmp_path / "out", Settings(model=model), listener=told)
    assert told.faceless == [str(empty)]


def test_a_bad_file_is_reported_and_the_others_analysed(photos: Path, model: Path, tmp_path: Path) -> None:
    (photos / "b.png").write_bytes(b"not a picture")
    told = Recorder()
    summary = analyze_paths([photos], tmp_path / "out", Settings(model=model), listener=told)
    assert [failure.source for failure in summary.failures] == [str(photos / "b.png")]
    assert told.failures == list(summary.failures)
    assert "b.png" in summary.failures[0].sentence
    assert summary.counts.frames == 2


def test_where_nothing_can_be_read_nothing_is_left(model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no")
    settings = Settings(model=model, overlay=True, heatmaps=True)
    summary = analyze_paths([tmp_path / "bad.png"], tmp_path / "out", settings)
    assert (summary.table, len(summary.failures)) == (None, 1)
    assert not (tmp_path / "out").exists()


def test_parquet_holds_the_same_table(photos: Path, model: Path, tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        analyze_paths([photos], tmp_path / kind, Settings(model=model, format=kind))
    csv, parquet = read_table(tmp_path / "csv/aus.csv"), read_table(tmp_path / "parquet/aus.parquet")
    pd.testing.assert_frame_equal(csv, parquet)
    assert sorted(p.name for p in (tmp_path / "parquet").iterdir()) == ["aus.parquet", "run.json"]


def test_pictures_are_drawn_for_photographs_and_video(
    photos: Path, clip: Path, model: Path, tmp_path: Path
) -> None:
    settings = Settings(model=model, overlay=True, heatmaps=True, report=True, every=10)
    out = tmp_path / "out"
    analyze_paths([photos, clip], out, settings)
    assert sorted(p.name for p in (out / "overlay").iterdir()) == ["a.jpg", "b.jpg", "c.jpg", "clip.mp4"]
    assert frames_of(out / "overlay" / "clip.mp4") == 7
    heatmaps = sorted(p.name for p in (out / "heatmaps").iterdir())
    assert heatmaps[:3] == ["a-face0.jpg", "c-face0.jpg", "c-face1.jpg"]
    assert len([name for name in heatmaps if name.startswith("clip-frame")]) == 6
    assert "</html>" in (out / "report.html").read_text("utf-8")


def test_pictures_of_the_same_name_do_not_overwrite_each_other(model: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "Face.png", picture((10, 20)))
    save(tmp_path / "two" / "face.png", picture((10, 20)))
    analyze_paths([tmp_path / "one", tmp_path / "two"], tmp_path / "out", Settings(model=model, overlay=True))
    names = sorted(p.name for p in (tmp_path / "out/overlay").iterdir())
    assert names == ["Face-2.jpg", "Face.jpg", "face-3.jpg"]


def test_results_are_never_overwritten(photos: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    analyze_paths([photos], out, Settings(model=model))
    before = (out / "aus.csv").read_bytes()
    with pytest.raises(OutputError, match="holds results already"):
        analyze_paths([photos], out, Settings(model=model, format="parquet"))
    with pytest.raises(OutputError, match="cannot be made a folder"):
        analyze_paths([photos], photos / "a.png", Settings(model=model))
    assert (out / "aus.csv").read_bytes() == before


def test_a_folder_with_other_things_may_be_written_into(photos: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert analyze_paths([photos], tmp_path, Settings(model=model)).table == tmp_path / "aus.csv"
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_heat_maps_of_a_model_without_them_are_refused(photos: Path, tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "m.onnx", tiny_card(heatmaps=False))
    with pytest.raises(SettingError, match="has no heat maps"):
        analyze_paths([photos], tmp_path / "out", Settings(model=tmp_path / "m.onnx", heatmaps=True))
    assert not (tmp_path / "out").exists()


def test_files_and_a_camera_together_are_refused(photos: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="not both"):
        analyze_paths([photos], tmp_path / "out", Settings(model=model), camera=0)


def test_nothing_to_analyse_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoInputError):
        analyze_paths([tmp_path / "empty"], tmp_path / "out", Settings(model=model))


def camera(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read(number: int) -> Iterator[Frame]:
        for i, rgb in enumerate(moving(5)):
            yield Frame(rgb, f"camera:{number}", i, i / 10)
        raise error

    monkeypatch.setattr("openau.analyze.feed.read_camera", read)


def test_every_counts_for_a_camera_too(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera(monkeypatch, KeyboardInterrupt())
    summary = analyze_paths([], tmp_path / "out", Settings(model=model, every=2), camera=0)
    assert summary.table is not None
    assert read_table(summary.table)["frame"].tolist() == [0, 2, 4]


def test_a_recording_cannot_be_resumed(model: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="leave out --resume"):
        analyze_paths([], tmp_path / "out", Settings(model=model), camera=0, resume=True)


def test_results_among_the_inputs_are_not_analysed(photos: Path, model: Path) -> None:
    settings, out = Settings(model=model, overlay=True), photos / "results"
    with pytest.raises(KeyboardInterrupt):
        analyze_paths([photos], out, settings, listener=Recorder(1))
    assert analyze_paths([photos], out, settings, resume=True).counts.frames == 3
    with pytest.raises(NoInputError, match="but the pictures this run makes"):
        analyze_paths([out], out, settings)


def test_ctrl_c_ends_a_recording_and_keeps_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera(monkeypatch, KeyboardInterrupt())
    summary = analyze_paths([], tmp_path / "out", Settings(model=model, overlay=True), camera=1)
    assert summary.table is not None
    assert read_table(summary.table)["source"].tolist() == ["camera:1"] * 5
    assert frames_of(tmp_path / "out/overlay/camera-1.mp4") == 5


def test_a_camera_that_fails_is_a_failure_and_keeps_what_was_read(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera(monkeypatch, InputError("camera:1 was unplugged."))
    summary = analyze_paths([], tmp_path / "out", Settings(model=model), camera=1)
    assert [failure.sentence for failure in summary.failures] == ["camera:1 was unplugged."]
    assert summary.counts.frames == 5


@pytest.fixture
def mixed(photos: Path, clip: Path) -> list[Path]:
    (photos / "bad.png").write_bytes(b"no")
    return [photos, clip, save(photos.parent / "last.png", picture((30, 30)))]


@pytest.fixture(scope="module")
def uninterrupted(
    model: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Path], Settings, Path, Summary]:
    """Photographs around a video, one of them broken, and their results with every kind of picture."""
    folder = tmp_path_factory.mktemp("mixed")
    paths = [
        *(save(folder / name, picture((10, 20))) for name in ("a.png", "b.png", "bad.png")),
        clip,
        save(folder / "last.png", picture((30, 30))),
    ]
    paths[2].write_bytes(b"no")
    settings = Settings(model=model, overlay=True, heatmaps=True, report=True, every=2)
    return paths, settings, folder / "whole", analyze_paths(paths, folder / "whole", settings)


@pytest.mark.parametrize("stop_at", [1, 18, 38])
def test_an_interrupted_run_gives_the_bytes_of_an_uninterrupted_one(
    uninterrupted: tuple[list[Path], Settings, Path, Summary], tmp_path: Path, stop_at: int
) -> None:
    paths, settings, whole, expected = uninterrupted
    parts = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        analyze_paths(paths, parts, settings, listener=Recorder(stop_at))
    assert not (parts / "aus.csv").exists()
    with pytest.raises(OutputError, match="unfinished run: add --resume"):
        analyze_paths(paths, parts, settings)
    summary = analyze_paths(paths, parts, settings, resume=True)
    assert (parts / "aus.csv").read_bytes() == (whole / "aus.csv").read_bytes()
    assert (summary.counts, summary.failures) == (expected.counts, expected.failures)
    assert summary.frames_now < expected.frames_now
    names = [sorted(str(p.relative_to(out)) for p in out.rglob("*")) for out in (whole, parts)]
    assert names[0] == names[1]
    assert frames_of(parts / "overlay" / "clip.mp4") == 35


def test_a_run_may_be_interrupted_again_and_again(mixed: list[Path], model: Path, tmp_path: Path) -> None:
    settings = Settings(model=model)
    analyze_paths(mixed, tmp_path / "whole", settings)
    for stop_at in (2, 17, 18, 50, 68):
        with pytest.raises(KeyboardInterrupt):
            analyze_paths(mixed, tmp_path / "parts", settings, resume=True, listener=Recorder(stop_at))
    analyze_paths(mixed, tmp_path / "parts", settings, resume=True)
    assert (tmp_path / "parts/aus.csv").read_bytes() == (tmp_path / "whole/aus.csv").read_bytes()


def test_resume_refuses_other_settings_and_changed_files(
    mixed: list[Path], model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        analyze_paths(mixed, out, Settings(model=model), listener=Recorder(5))
    with pytest.raises(SettingError, match="started with --every 1, not --every 2"):
        analyze_paths(mixed, out, Settings(model=model, every=2), resume=True)
    save(tmp_path / "last.png", picture((31, 30)))
    with pytest.raises(SettingError, match="input files are not those"):
        analyze_paths(mixed, out, Settings(model=model), resume=True)


def test_resume_starts_anew_where_nothing_was_begun(photos: Path, model: Path, tmp_path: Path) -> None:
    summary = analyze_paths([photos], tmp_path / "out", Settings(model=model), resume=True)
    assert (summary.counts.frames, summary.was_complete) == (3, False)


def test_resume_of_a_complete_run_does_nothing(photos: Path, model: Path, tmp_path: Path) -> None:
    first = analyze_paths([photos], tmp_path / "out", Settings(model=model))
    written = (tmp_path / "out/aus.csv").stat().st_mtime_ns
    again = analyze_paths([photos], tmp_path / "out", Settings(model=model), resume=True)
    assert (again.counts, again.was_complete, again.frames_now) == (first.counts, True, 0)
    assert (tmp_path / "out/aus.csv").stat().st_mtime_ns == written


def test_a_run_cut_off_at_its_very_last_step_is_complete(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_run = RunFile.save

    def die(self: RunFile, progress: Progress, *, complete: bool = False) -> None:
        if complete:
            raise KeyboardInterrupt
        save_run(self, progress)

    with monkeypatch.context() as patch:
        patch.setattr(RunFile, "save", die)
        with pytest.raises(KeyboardInterrupt):
            analyze_paths([photos], tmp_path / "out", Settings(model=model))
    summary = analyze_paths([photos], tmp_path / "out", Settings(model=model), resume=True)
    assert summary.was_complete
    assert len(read_table(tmp_path / "out/aus.csv")) == 4


class FullDisk:
    """A file that takes so many bytes and then no more."""

    def __init__(self, file: object, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)  # type: ignore[attr-defined,no-any-return]

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_a_full_disk_is_one_sentence_and_can_be_resumed(
    clip: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze_paths([clip], tmp_path / "whole", Settings(model=model))
    monkeypatch.setattr("openau.analyze.run.CHECKPOINT_S", 0.0)

    def with_little_room(path: Path, card: ModelCard, **how: Any) -> TableWriter:
        writer = TableWriter(path, card, **how)
        writer._file = FullDisk(writer._file, 8000)  # type: ignore[assignment]  # enough of a file
        return writer

    with monkeypatch.context() as patch:
        patch.setattr("openau.analyze.run.TableWriter", with_little_room)
        with pytest.raises(
            OutputError, match=r"aus\.csv\.partial cannot be written, the disk is full: make room"
        ):
            analyze_paths([clip], tmp_path / "parts", Settings(model=model))
    assert not (tmp_path / "parts/aus.csv").exists()
    summary = analyze_paths([clip], tmp_path / "parts", Settings(model=model), resume=True)
    assert 0 < summary.frames_now < 70
    assert (tmp_path / "parts/aus.csv").read_bytes() == (tmp_path / "whole/aus.csv").read_bytes()


def test_progress_is_saved_from_time_to_time_and_not_after_every_batch(
    clip: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save_progress = RunFile.save

    def counting(self: RunFile, progress: Progress, *, complete: bool = False) -> None:
        saved.append(progress.next.frame)
        save_progress(self, progress, complete=complete)

    monkeypatch.setattr("openau.analyze.run.CHECKPOINT_S", 3600.0)
    monkeypatch.setattr(RunFile, "save", counting)
    analyze_paths([clip], tmp_path / "out", Settings(model=model))
    # At the start, after the first batch, and twice at the end; the batches between them wait for the hour.
    assert len(saved) == 4
    assert frames_of(clip) > 3 * 16


def test_a_picture_that_cannot_be_written_ends_the_run(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match=r"a\.jpg cannot be written, the disk is full: make room"):
            analyze_paths([photos], tmp_path / "out", Settings(model=model, overlay=True))
    assert list((tmp_path / "out" / "overlay").iterdir()) == []
    summary = analyze_paths([photos], tmp_path / "out", Settings(model=model, overlay=True), resume=True)
    assert summary.frames_now == 3
    assert len(list((tmp_path / "out/overlay").iterdir())) == 3


def test_what_a_killed_run_left_of_a_video_is_cleared(clip: Path, model: Path, tmp_path: Path) -> None:
    out, settings = tmp_path / "out", Settings(model=model, overlay=True)
    with pytest.raises(KeyboardInterrupt):
        analyze_paths([clip], out, settings, listener=Recorder(30))
    (out / "overlay" / ".clip.mp4.12345.part").write_bytes(b"left by kill -9")
    analyze_paths([clip], out, settings, resume=True)
    assert [p.name for p in (out / "overlay").iterdir()] == ["clip.mp4"]


def test_a_video_that_breaks_off_keeps_its_rows(clip: Path, model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    write_video(cut, moving(70), options={"g": "5"})
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 2 // 3])
    summary = analyze_paths([cut, clip], tmp_path / "out", Settings(model=model))
    assert summary.table is not None
    rows = read_table(summary.table)["source"].value_counts()
    assert rows[str(clip)] == 70
    assert 10 < rows[str(cut)] < 70


def decoded_frames() -> list[object]:
    """Return every decoded frame that anything still holds."""
    return [item for item in gc.get_objects() if type(item) in (av.VideoFrame, Frame)]


def test_decoded_frames_do_not_pile_up(clip: Path, model: Path, tmp_path: Path) -> None:
    gc.collect()
    gc.disable()  # what lives on only in reference cycles stays, and can be counted
    try:
        before = decoded_frames()  # an earlier test's, which a traceback may hold
        analyze_paths([clip], tmp_path / "out", Settings(model=model))
        left = [item for item in decoded_frames() if not any(item is old for old in before)]
    finally:
        gc.enable()
    assert len(left) <= 1  # of 70; PyAV's first frame and its side data hold each other


def test_opencv_gets_its_threads_back(photos: Path, model: Path, tmp_path: Path) -> None:
    import cv2

    before = cv2.getNumThreads()
    analyze_paths([photos], tmp_path / "out", Settings(model=model, threads=1))
    assert cv2.getNumThreads() == before


def test_truth_reaches_the_report(clip: Path, model: Path, tmp_path: Path) -> None:
    truth = pd.DataFrame({"frame": range(70), "AU01": np.arange(70) % 6})
    settings = Settings(model=model, report=True)
    for name, known in (("with", truth), ("without", None)):
        analyze_paths([clip], tmp_path / name, settings, truth=known)
    with_truth, without = ((tmp_path / n / "report.html").read_text("utf-8") for n in ("with", "without"))
    assert with_truth.count("true") > without.count("true")


def test_the_folder_can_be_moved_before_it_is_resumed(photos: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        analyze_paths([photos], tmp_path / "here", Settings(model=model), listener=Recorder(1))
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert analyze_paths([photos], tmp_path / "there", Settings(model=model), resume=True).table
