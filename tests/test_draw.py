"""Drawing: what is on the picture says what the readings say, and nothing is ever drawn outside it."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openau.draw import OverlayWriter, draw_heatmaps, draw_readings
from openau.draw.ink import FACE_COLOURS, SMALLEST_CAP_PX, text_width, visible_box
from openau.draw.layout import overlap, panel_shape, place, strongest_rows, text_sizes
from openau.errors import OutputError, SettingError
from openau.records import AUOutput, Crop, Pixels, Reading
from tests.fake.readings import AUS, expression, fake_card, fake_picture, fake_reading

CARD = fake_card()


def coloured(rgb: Pixels, colour: tuple[int, int, int]) -> int:
    return int((rgb == np.array(colour, np.uint8)).all(axis=-1).sum())


def test_drawing_leaves_the_given_picture_as_it_is() -> None:
    rgb = fake_picture()
    before = rgb.copy()
    out = draw_readings(rgb, [fake_reading()], CARD)
    assert (rgb == before).all()
    assert out.shape == rgb.shape
    assert out.dtype == np.uint8
    assert (out != rgb).any()


def test_a_picture_without_readings_stays_the_same() -> None:
    rgb = fake_picture()
    assert (draw_readings(rgb, [], CARD) == rgb).all()


def test_a_frame_without_a_face_is_noted_in_the_corner() -> None:
    rgb = fake_picture()
    out = draw_readings(rgb, [fake_reading(None)], CARD)
    changed = np.argwhere((out != rgb).any(axis=-1))
    assert changed[:, 0].max() < 40
    assert changed[:, 1].max() < 160


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1080, 1920), (3000, 4000)])
def test_letters_are_readable_at_every_picture_size(size: tuple[int, int]) -> None:
    for share in (0.1, 0.3, 0.9):
        large, small = text_sizes(size, round(share * size[0]), len(AUS))
        assert large >= small >= max(SMALLEST_CAP_PX, size[0] / 100)
        assert large <= max(9.0, size[0] / 40)


def test_the_overlay_grows_with_the_picture() -> None:
    """Twice the picture and the face: the ink covers about four times the pixels."""
    small, large = fake_picture(480, 640), fake_picture(960, 1280)
    values = expression(1.0)
    a = draw_readings(small, [fake_reading((100, 100, 300, 300), probability=values)], CARD) != small
    b = draw_readings(large, [fake_reading((200, 200, 600, 600), probability=values)], CARD) != large
    assert 2.5 < b.any(axis=-1).sum() / a.any(axis=-1).sum() < 5.5


def test_each_face_has_its_own_colour() -> None:
    rgb = fake_picture()
    boxes = [(20.0, 100.0, 160.0, 240.0), (400.0, 100.0, 540.0, 240.0)]
    out = draw_readings(rgb, [fake_reading(box, face_id=i) for i, box in enumerate(boxes)], CARD)
    assert coloured(out, FACE_COLOURS[0]) > 500
    assert coloured(out, FACE_COLOURS[1]) > 500
    assert coloured(out, FACE_COLOURS[2]) == 0


def bar_pixels(probability: float, threshold_index: int = 9) -> int:
    """How many pixels change when one AU's probability rises from 0."""
    values = [0.0] * len(AUS)
    rgb = fake_picture()
    without = draw_readings(rgb, [fake_reading(probability=values, emotion=None)], CARD)
    values[threshold_index] = probability
    drawn = draw_readings(rgb, [fake_reading(probability=values, emotion=None)], CARD)
    return int((without != drawn).any(axis=-1).sum())


def test_a_bar_is_as_long_as_its_probability() -> None:
    quarter, half = bar_pixels(0.2), bar_pixels(0.4)
    assert half == pytest.approx(2 * quarter, rel=0.2)


def test_an_au_at_its_threshold_is_highlighted_and_one_below_is_not() -> None:
    threshold = CARD.thresholds[9]
    values = [0.0] * len(AUS)
    rgb = fake_picture()
    counts = []
    for value in (threshold - 0.02, threshold + 0.001):
        values[9] = value
        out = draw_readings(rgb, [fake_reading(probability=values, emotion=None)], CARD)
        counts.append(coloured(out, FACE_COLOURS[0]))
    assert counts[1] > counts[0]


def test_an_unknown_probability_has_no_bar() -> None:
    values = [0.0] * len(AUS)
    rgb = fake_picture()
    zero = draw_readings(rgb, [fake_reading(probability=values)], CARD)
    values[3] = float("nan")
    assert (draw_readings(rgb, [fake_reading(probability=values)], CARD) == zero).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.lists(
        st.tuples(*[st.floats(-1e12, 1e12) | st.floats(-50, 150) | st.just(float("nan"))] * 4), max_size=3
    ),
)
def test_no_box_however_wild_is_drawn_out_of_bounds(
    height: int, width: int, boxes: list[tuple[float, float, float, float]]
) -> None:
    rgb = fake_picture(height, width)
    out = draw_readings(rgb, [fake_reading(box, face_id=i * 1000) for i, box in enumerate(boxes)], CARD)
    assert out.shape == rgb.shape


@pytest.mark.parametrize(
    "box", [(-500.0, 0.0, -10.0, 100.0), (700.0, 0.0, 900.0, 100.0), (0.0, 500.0, 9.0, 600.0)]
)
def test_a_face_outside_the_picture_draws_nothing(box: tuple[float, float, float, float]) -> None:
    rgb = fake_picture()
    assert visible_box(box, rgb) is None
    assert (draw_readings(rgb, [fake_reading(box)], CARD) == rgb).all()


def test_a_face_past_the_edge_is_drawn_up_to_the_edge() -> None:
    rgb = fake_picture()
    assert visible_box((-40.0, 10.0, 90.0, 140.0), rgb) == (0, 10, 90, 140)
    assert (draw_readings(rgb, [fake_reading((-40.0, 10.0, 90.0, 140.0))], CARD) != rgb).any()


def test_panels_of_several_faces_keep_off_faces_and_each_other() -> None:
    names = ["Lip corner depressor"] * 18
    faces = [(60, 60, 150, 150), (300, 60, 390, 150), (60, 300, 150, 390), (300, 300, 390, 390)]
    taken = list(faces)
    for face in faces:
        shapes = [
            panel_shape(7, range(18), names),
            panel_shape(7, range(18), None),
            panel_shape(7, range(3), None),
        ]
        chosen = place(face, shapes, taken, (480, 640))
        assert chosen is not None
        shape, x, y = chosen
        box = (x, y, x + shape.width, y + shape.height)
        assert all(overlap(box, other) == 0 for other in taken)
        assert x >= 0
        assert y >= 0
        assert x + shape.width <= 640
        assert y + shape.height <= 480
        taken.append(box)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(20, 400), st.integers(20, 400), st.integers(0, 399), st.integers(0, 399), st.integers(1, 18)
)
def test_a_panel_never_leaves_the_picture_nor_hides_its_face(
    height: int, width: int, x: int, y: int, rows: int
) -> None:
    face = (min(x, width - 1), min(y, height - 1), width, height)
    chosen = place(face, [panel_shape(7, range(rows), None)], [face], (height, width))
    if chosen is not None:
        shape, left, top = chosen
        assert 0 <= left <= width - shape.width
        assert 0 <= top <= height - shape.height
        area = (face[2] - face[0]) * (face[3] - face[1])
        assert overlap((left, top, left + shape.width, top + shape.height), face) <= 0.35 * area


def test_where_rows_are_few_those_furthest_above_their_threshold_stay() -> None:
    assert strongest_rows([0.1, -0.5, 0.4, -0.1], 2) == (0, 2)
    assert strongest_rows([0.1, -0.5], 5) == (0, 1)
    assert strongest_rows([0.1], -1) == ()


def test_letters_the_font_lacks_are_replaced() -> None:
    rgb = fake_picture()
    out = draw_readings(rgb, [fake_reading(emotion="félicité 喜")], CARD)
    assert (out != rgb).any()
    assert text_width("喜", 9) == text_width("?", 9)


def test_the_overlay_of_one_face_is_cheap() -> None:
    """Measured 0.8 ms at 640x480; the bound leaves room for a busy machine."""
    rgb, readings = fake_picture(), [fake_reading()]
    fastest = min(_seconds(rgb, readings) for _ in range(15))
    assert fastest < 0.006


def _seconds(rgb: Pixels, readings: list[Reading]) -> float:
    start = time.perf_counter()
    draw_readings(rgb, readings, CARD)
    return time.perf_counter() - start


# --- heat maps


def crop_of(rgb: Pixels, x1: float, y1: float, side_px: float, side: int = 48) -> Crop:
    scale = side / side_px
    matrix = np.array([[scale, 0, -x1 * scale + scale / 2 - 0.5], [0, scale, -y1 * scale + scale / 2 - 0.5]])
    return Crop(np.asarray(cv2.warpAffine(rgb, matrix, (side, side)), np.uint8), matrix)


def one_hot(row: int, column: int, probability: float = 0.9) -> AUOutput:
    maps = np.zeros((1, 6, 6), np.float32)
    maps[0, row, column] = 0.5
    return AUOutput((12,), np.array([probability], np.float32), None, maps)


TILE, GAP = 240, 10


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 4), (5, 5)])
def test_a_hot_cell_lands_where_it_came_from_in_the_photograph(row: int, column: int) -> None:
    """The tile shows the crop's square widened by 1.12; cell (r, c) of 6 lies at its share of the square."""
    rgb = np.full((300, 400, 3), 128, np.uint8)
    out = draw_heatmaps(rgb, crop_of(rgb, 100, 50, 120), one_hot(row, column), CARD)
    tile = out[GAP : GAP + TILE, 2 * GAP + TILE : 2 * GAP + 2 * TILE].astype(int)
    yellow = tile[..., 0] + tile[..., 1] - tile[..., 2]
    y, x = np.argwhere(yellow >= np.quantile(yellow, 0.995)).mean(axis=0)
    inner = TILE / 1.12
    offset = (TILE - inner) / 2
    clipped = {0: 1 / 4, 5: 23 / 4}  # the outermost cells are flat to the edge: their plateau's middle
    expected = [offset + inner * clipped.get(cell, cell + 0.5) / 6 for cell in (row, column)]
    assert abs(y - expected[0]) < 10
    assert abs(x - expected[1]) < 10


def test_outside_the_crop_no_colour_is_laid() -> None:
    rgb = np.full((300, 400, 3), 128, np.uint8)
    out = draw_heatmaps(rgb, crop_of(rgb, 100, 50, 120), one_hot(2, 2), CARD)
    corner = out[GAP : GAP + 8, 2 * GAP + TILE : 2 * GAP + TILE + 8]
    assert np.ptp(corner, axis=-1).max() == 0


def test_a_rotated_crop_is_carried_back_by_its_matrix() -> None:
    rgb = np.full((300, 300, 3), 128, np.uint8)
    turn = np.asarray(cv2.getRotationMatrix2D((150.0, 150.0), 90, 1.0), np.float64)
    turn[:, 2] -= 100
    crop = Crop(np.asarray(cv2.warpAffine(rgb, turn, (100, 100)), np.uint8), turn)
    plain = draw_heatmaps(rgb, crop_of(rgb, 100, 100, 100, 100), one_hot(0, 3), CARD)
    turned = draw_heatmaps(rgb, crop, one_hot(0, 3), CARD)
    assert (plain != turned).any()
    tile = turned[GAP : GAP + TILE, 2 * GAP + TILE : 2 * GAP + 2 * TILE].astype(int)
    yellow = tile[..., 0] + tile[..., 1] - tile[..., 2]
    # The crop's top is the picture's right: OpenCV turned the picture 90 degrees counter-clockwise.
    assert np.argwhere(yellow >= np.quantile(yellow, 0.99)).mean(axis=0)[1] > TILE * 0.75


def test_a_map_is_scaled_from_its_own_minimum_to_its_maximum() -> None:
    rgb = np.full((300, 400, 3), 128, np.uint8)
    crop = crop_of(rgb, 100, 50, 120)
    output = one_hot(2, 2)
    assert output.heatmaps is not None
    stretched = AUOutput(output.aus, output.probability, None, output.heatmaps * 7 + 3)
    a, b = draw_heatmaps(rgb, crop, output, CARD), draw_heatmaps(rgb, crop, stretched, CARD)
    tile = (slice(GAP, GAP + TILE), slice(2 * GAP + TILE, 2 * GAP + 2 * TILE))
    assert np.abs(a[tile].astype(int) - b[tile]).max() <= 1
    assert (a != b).any()  # the caption states another scale


def test_a_flat_map_is_drawn_without_a_warning() -> None:
    rgb = fake_picture()
    flat = AUOutput((12,), np.array([0.5], np.float32), None, np.zeros((1, 6, 6), np.float32))
    out = draw_heatmaps(rgb, crop_of(rgb, 100, 50, 120), flat, CARD)
    tile = out[GAP + 40 : GAP + 200, 2 * GAP + TILE + 40 : 2 * GAP + TILE + 200]
    assert (tile[..., 2] > tile[..., 1]).all()  # viridis begins with violet


def test_the_most_probable_au_comes_first_and_a_choice_is_kept() -> None:
    rgb = fake_picture()
    crop = crop_of(rgb, 200, 100, 200)
    reading = fake_reading(heatmaps=True)
    assert reading.output is not None
    all_tiles = draw_heatmaps(rgb, crop, reading.output, CARD)
    assert all_tiles.shape[1] % (TILE + GAP) == GAP
    first = draw_heatmaps(rgb, crop, reading.output, CARD, aus=[43])
    tile = (slice(GAP, GAP + TILE + 46), slice(2 * GAP + TILE, 2 * GAP + 2 * TILE))
    assert (all_tiles[tile] == first[tile]).all()  # AU43 has the largest probability of the fake


def test_a_photograph_of_any_size_and_a_crop_beyond_its_edge_can_be_drawn() -> None:
    for size in ((1, 1), (30, 20), (1500, 2000)):
        rgb = fake_picture(*size)
        out = draw_heatmaps(
            rgb, crop_of(rgb, -0.2 * size[1], -0.2 * size[0], 0.8 * max(size)), one_hot(1, 1), CARD
        )
        assert out.dtype == np.uint8


def test_a_crop_outside_the_photograph_shows_paper() -> None:
    rgb = np.full((100, 100, 3), 200, np.uint8)
    out = draw_heatmaps(rgb, crop_of(rgb, 500, 500, 80), one_hot(1, 1), CARD)
    assert out[GAP + 40 : GAP + 90, GAP + 40 : GAP + 90].max() < 40


def test_a_tile_shows_the_photograph_where_it_is() -> None:
    """A bright square in the middle of the crop is in the middle of the tile, enlarged and shrunk alike."""
    for size in (60, 240, 2400):
        rgb = np.zeros((2 * size, 3 * size, 3), np.uint8)
        rgb[size - size // 10 : size + size // 10, size - size // 10 : size + size // 10] = 255
        crop = crop_of(rgb, size / 2, size / 2, size)
        tile = draw_heatmaps(rgb, crop, one_hot(1, 1), CARD)[GAP : GAP + TILE, GAP : GAP + TILE]
        bright = np.argwhere(tile[30:-30, 30:-30].min(axis=-1) > 128)
        assert bright.mean(axis=0) + 30 == pytest.approx([119.5, 119.5], abs=1.0)


def test_missing_heat_maps_and_unknown_aus_are_refused_in_a_sentence() -> None:
    rgb = fake_picture()
    crop = crop_of(rgb, 200, 100, 200)
    without = fake_reading().output
    assert without is not None
    with pytest.raises(SettingError, match="no heat maps"):
        draw_heatmaps(rgb, crop, without, CARD)
    with pytest.raises(SettingError, match="AU 5"):
        draw_heatmaps(rgb, crop, one_hot(0, 0), CARD, aus=[5])
    with pytest.raises(SettingError, match="No AU"):
        draw_heatmaps(rgb, crop, one_hot(0, 0), CARD, aus=[])


# --- overlay videos


def decoded(path: Path) -> list[tuple[float, Pixels]]:
    with av.open(str(path)) as container:
        return [
            (f.time or 0.0, np.asarray(f.to_ndarray(format="rgb24"), np.uint8))
            for f in container.decode(video=0)
        ]


def write(path: Path, times: list[float], rgb: Pixels) -> None:
    with OverlayWriter(path) as writer:
        for time_s in times:
            writer.write(rgb, time_s)


def test_every_frame_keeps_its_own_time(tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.066, 0.5, 0.51, 1.75, 1.76, 9.0]
    write(tmp_path / "out.mp4", times, fake_picture(64, 96))
    assert [t for t, _ in decoded(tmp_path / "out.mp4")] == pytest.approx(times, abs=1 / 90_000)


def test_frames_at_the_same_time_are_kept_in_their_order(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", [0.0, 0.0, 0.0, 0.04], fake_picture(64, 96))
    found = [t for t, _ in decoded(tmp_path / "out.mp4")]
    assert len(found) == 4
    assert found == sorted(found)
    assert found == pytest.approx([0, 0, 0, 0.04], abs=3 / 90_000)


def test_odd_sizes_gain_one_row_and_column(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", [0.0, 0.1], fake_picture(63, 95))
    assert decoded(tmp_path / "out.mp4")[0][1].shape == (64, 96, 3)


def test_colours_survive_the_encoding(tmp_path: Path) -> None:
    rgb = np.zeros((96, 128, 3), np.uint8)
    rgb[:, :40], rgb[:, 40:88], rgb[:, 88:] = (200, 60, 60), (60, 180, 90), (40, 70, 210)
    write(tmp_path / "out.mp4", [0.0, 0.1, 0.2], rgb)
    found = decoded(tmp_path / "out.mp4")[1][1]
    for column in (16, 64, 112):
        assert np.abs(found[48, column].astype(int) - rgb[48, column]).max() <= 8


def test_a_picture_of_another_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    with OverlayWriter(tmp_path / "out.mp4") as writer:
        writer.write(np.full((64, 96, 3), 255, np.uint8), 0.0)
        writer.write(np.full((128, 64, 3), 255, np.uint8), 0.1)
    second = decoded(tmp_path / "out.mp4")[1][1]
    assert second.shape == (64, 96, 3)
    assert second[32, 48].min() > 200  # the picture stands in the middle
    assert second[32, 4].max() < 60  # black beside it


def test_an_interrupted_overlay_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> None:
        with OverlayWriter(tmp_path / "out.mp4") as writer:
            writer.write(fake_picture(64, 96), 0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"earlier")
    with OverlayWriter(path) as writer:
        writer.write(fake_picture(64, 96), 0.0)
        assert path.read_bytes() == b"earlier"
    assert len(decoded(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_an_overlay_without_frames_makes_no_file(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", [], fake_picture(64, 96))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process may grow past `size` bytes, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_said_at_whatever_byte_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    times = [i / 30 for i in range(4)]
    write(path, times, noise)
    size = path.stat().st_size
    path.unlink()
    for room in (0, 40, size // 2, size - 500, size - 1):
        with disk_of(room), pytest.raises(OutputError, match=r"out\.mp4"):
            write(path, times, noise)
        assert list(tmp_path.iterdir()) == []
    with disk_of(size):
        write(path, times, noise)
    assert path.stat().st_size == size


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "nowhere" / "out.mp4", [0.0], fake_picture(64, 96))


@pytest.mark.parametrize("time_s", [None, -1.0, float("nan")])
def test_a_frame_without_a_time_is_refused(tmp_path: Path, time_s: float | None) -> None:
    with pytest.raises(SettingError, match="time"), OverlayWriter(tmp_path / "out.mp4") as writer:
        writer.write(fake_picture(64, 96), time_s)
    with pytest.raises(SettingError, match="quality"):
        OverlayWriter(tmp_path / "out.mp4", quality=99)
