"""Videos and animated pictures, frame by frame with their true times."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.container
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from openau.errors import InputError, SettingError
from openau.read.containers import breaks_off, looks_like_video
from openau.read.files import open_file
from openau.read.formats import MAX_PIXELS, find_reader
from openau.read.gif import timed_gif
from openau.read.header import DamagedFileError
from openau.read.image import check_size, on_white, orient
from openau.read.webp import read_webp, webp_durations_ms, webp_frames
from openau.records import Frame, Pixels

# Nothing that opens further files or addresses (playlists), and nothing that takes text for a picture.
_CONTAINERS = (
    "mov,matroska,avi,asf,flv,mpeg,mpegts,mpegvideo,ogg,mxf,gif,apng,h264,hevc,m4v,ivf,nut,dv,wtv,rm,mjpeg,"
    "av1,obu,vc1,live_flv,yuv4mpegpipe"
)
_HEAD = 64
_LEAST_ASPECT = 0.2  # beyond this the file lies
_SQUARE = 0.02  # pixels whose sides differ by less are taken as square


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video says about itself; only the size is sure.

    Attributes:
        frame_count: As the container claims, or None where it does not say.
        frames_per_s: The average, or None.
        duration_s: As the container claims, or None.
        width: Pixels, as `read_video` gives its first frame.
        height: Pixels.
    """

    frame_count: int | None
    frames_per_s: float | None
    duration_s: float | None
    width: int
    height: int


# A title that is not UTF-8 must not stop a video; PyAV 19 (Python 3.12 on) passes over it by itself.
_LENIENT: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}

# The time at which a frame is shown, and what turns it into RGB: a frame that is skipped costs no conversion.
_Moment = tuple[float | None, Callable[[], Pixels]]


def read_video(path: Path, *, every: int = 1, start: int = 0) -> Iterator[Frame]:
    """Read a video frame by frame, upright, with the time at which each frame is shown.

    Times come from the file, so a variable frame rate is honoured; the first frame is at 0. Rotation and
    mirroring that the file asks for are applied, pixels that are not square are made so, transparency is laid
    on white. Frames are decoded one after the other from the start and never kept, so memory stays constant
    and a frame has the same index and pixels whatever `every` and `start` are.

    Args:
        path: A video, or an animated GIF, PNG or WebP.
        every: Give only frames whose index is a multiple of this, 1 or more.
        start: Index of the first frame wanted; those before it are decoded and dropped.

    Returns:
        An iterator over frames, in the order they are shown; it closes the file when it ends or is closed.

    Raises:
        SettingError: `every` is below 1, or `start` below 0.
        InputError: While iterating: the file is missing, empty, no video or damaged. Where it is damaged
            further on, all frames before that are given first and the sentence names the last good one.
    """
    if every < 1:
        raise SettingError(f"every is {every}; it must be 1 or more.")
    if start < 0:
        raise SettingError(f"start is {start}; it must be 0 or more.")
    return _read(Path(path), every, start)


def video_info(path: Path) -> VideoInfo:
    """Say how long and how large a video is, by its header and its first frame.

    Args:
        path: A video, or an animated GIF, PNG or WebP.

    Returns:
        What the file claims; None for what it does not say.

    Raises:
        InputError: The file is missing, empty, no video, or has no frame that can be decoded.
    """
    path = Path(path)
    with closing(_read(path, every=1, start=0)) as frames:
        height, width = next(frames).rgb.shape[:2]
    with open_file(path) as file:
        if _is_webp(file):
            count, duration = _webp_info(file)
            return VideoInfo(count, count / duration if duration else None, duration, width, height)
        if _is_gif(file):
            file = BytesIO(timed_gif(file.read())[0])
        with _opened(path, file) as container:
            stream = _video_stream(path, container)
            rate = stream.average_rate
            duration_s = None
            if stream.duration and stream.time_base:
                duration_s = float(stream.duration * stream.time_base)
            elif container.duration:
                duration_s = container.duration / av.time_base
            return VideoInfo(
                stream.frames or None, float(rate) if rate else None, duration_s or None, width, height
            )


def _read(path: Path, every: int, start: int) -> Generator[Frame]:
    """Yield the wanted frames; turn every fault into a sentence with the last good frame."""
    last = "no frame of it can be decoded"
    index = -1
    try:
        for index, (time_s, to_rgb) in enumerate(_moments(path)):
            if index >= start and index % every == 0:
                yield Frame(rgb=to_rgb(), source=str(path), index=index, time_s=time_s)
            last = f"frame {index} is the last good one"
            if time_s is not None:
                last = f"frame {index} at {time_s:.2f} s is the last good one"
    except (DamagedFileError, av.FFmpegError, OSError, ValueError, MemoryError) as fault:
        why = str(fault) if isinstance(fault, DamagedFileError) else "its data is broken"
        raise InputError(
            f"{path} is a damaged video ({why}): {last}; copy it again from its source."
        ) from fault
    if index < 0:
        raise InputError(f"{path} is a video without a frame; copy or export it again from its source.")


def _moments(path: Path) -> Iterator[_Moment]:
    """Decode every frame in the order shown, without turning it into RGB."""
    with open_file(path) as file:
        if _is_webp(file):
            yield from _webp_moments(path, file)
            return
        cut_short = breaks_off(file)
        if _is_gif(file):
            timed, whole = timed_gif(file.read())
            file, cut_short = BytesIO(timed), not whole
        with _opened(path, file, cut_short=cut_short) as container:
            stream = _video_stream(path, container)
            scale = _PixelScale(path, stream)
            first: int | None = None
            for index, frame in enumerate(_frames(container, stream)):
                if first is None:
                    first = frame.pts
                time_s = None
                if frame.pts is not None and first is not None and frame.time_base:
                    time_s = float((frame.pts - first) * frame.time_base)
                elif stream.average_rate:
                    time_s = float(index / stream.average_rate)
                yield time_s, partial(scale.to_rgb, frame)
        if cut_short:
            raise DamagedFileError("it breaks off before its end")


@contextmanager
def _opened(path: Path, file: BinaryIO, *, cut_short: bool = False) -> Iterator[av.container.InputContainer]:
    """Open a container, or say why it is none."""
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    options = {"format_whitelist": _CONTAINERS, "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(file, "r", options=options, **_LENIENT)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as fault:
        if find_reader(head) is not None:
            raise InputError(f"{path} is a picture, not a video; read it as a picture.") from fault
        if cut_short or looks_like_video(head):
            raise InputError(
                f"{path} is an incomplete video: its index or all of its frames are missing; copy it again "
                "from its source."
            ) from fault
        raise InputError(
            f"{path} is neither a picture nor a video that OpenAU reads; convert it to .mp4, .png or .jpg."
        ) from fault
    with container:
        yield container


def _video_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """Choose the stream to decode: the one with most frames, else the first; never a cover picture."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise InputError(f"{path} holds no video (only sound or other data); name the file with the picture.")
    stream = max(streams, key=lambda s: s.frames)
    if stream.codec_context is None:
        raise InputError(
            f"{path} is coded in a way that cannot be decoded here; convert it to H.264 in .mp4."
        )
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "AUTO"
    return stream


def _frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Decode frames until the end or the first fault.

    What cannot be decoded before the first good frame is passed over: a clip cut out of a longer recording
    begins with frames that lean on missing ones.
    """
    started = False
    for packet in _packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.InvalidDataError:
            if started:
                raise
            continue
        for frame in frames:
            if not frame.is_corrupt:
                started = True
                yield frame
            elif started:
                raise DamagedFileError("a frame of it is damaged")


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet[av.VideoStream] | None]:
    """Read packets; None at the end or before a fault, to empty the decoder of the frames it holds back."""
    packets = container.demux(stream)
    good = 0
    while True:
        try:
            packet = next(packets)
            if packet.is_corrupt and good:
                raise DamagedFileError("its data is incomplete")
        except StopIteration:
            return
        except (av.FFmpegError, OSError, DamagedFileError):
            yield None
            raise
        good += 1
        yield packet


class _PixelScale:
    """Turns decoded frames into upright RGB with square pixels."""

    def __init__(self, path: Path, stream: av.VideoStream) -> None:
        self._path = path
        self._aspect = float(stream.sample_aspect_ratio or 1)
        self._reformatter = VideoReformatter()  # one for all frames: making one costs as much as a frame
        self._rotation: int | None = None
        self._orientation = 1

    def to_rgb(self, frame: av.VideoFrame) -> Pixels:
        """Return (H, W, 3) RGB uint8, contiguous."""
        width, height = frame.width, frame.height
        if _LEAST_ASPECT < self._aspect < 1 - _SQUARE:
            height = round(height / self._aspect)
        elif 1 + _SQUARE < self._aspect < 1 / _LEAST_ASPECT:
            width = round(width * self._aspect)
        check_size(self._path, width, height)
        clear = frame.format.has_palette or any(c.is_alpha for c in frame.format.components)
        layout = "rgba" if clear else "rgb24"
        plain = self._reformatter.reformat(frame, width=width, height=height, format=layout)
        pixels: NDArray[Any] = plain.to_ndarray()
        if frame.rotation != self._rotation:
            # Only where it changes: reading a frame's side data ties the frame into a reference cycle, and
            # whole frames would pile up until Python looks for cycles.
            self._rotation, self._orientation = frame.rotation, _orientation(frame)
        return orient(on_white(pixels) if clear else pixels, self._orientation)


def _orientation(frame: av.VideoFrame) -> int:
    """Return the EXIF number of the turn and mirroring that the file asks for, to the nearest 90 degrees.

    The display matrix maps x to (a, b) and y to (c, d), in pixels with y downwards.
    """
    raw: Any = frame.side_data.get("DISPLAYMATRIX")
    if raw is None:
        return 1
    a, b, _, c, d = np.frombuffer(raw, np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}[a < 0, d < 0]
    return {(False, False): 5, (False, True): 6, (True, True): 7, (True, False): 8}[b < 0, c < 0]


def _is_gif(file: BinaryIO) -> bool:
    head = file.read(6)
    file.seek(0)
    return head in (b"GIF87a", b"GIF89a")


def _is_webp(file: BinaryIO) -> bool:
    head = file.read(12)
    file.seek(0)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


def _webp_moments(path: Path, file: BinaryIO) -> Iterator[_Moment]:
    """Decode an animated WebP."""
    data = file.read()
    header = read_webp(data)
    check_size(path, header.width, header.height)
    for bgra, time_s in webp_frames(data):
        yield time_s, partial(_bgra_to_rgb, bgra)


def _bgra_to_rgb(bgra: Pixels) -> Pixels:
    return on_white(bgra[..., [2, 1, 0, 3]])


def _webp_info(file: BinaryIO) -> tuple[int, float]:
    """Return the number of frames and the duration in seconds of an animated WebP."""
    durations_ms = webp_durations_ms(file.read())
    return len(durations_ms), sum(durations_ms) / 1000
