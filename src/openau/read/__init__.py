"""Read: pictures, folders, videos and cameras become frames, upright RGB with their times.

Everything that can be wrong with a file ends in an `InputError` with one sentence that names it.
"""

from openau.read.camera import read_camera
from openau.read.formats import MAX_PIXELS
from openau.read.image import read_image
from openau.read.sources import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Source, find_sources
from openau.read.video import VideoInfo, read_video, video_info

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "VIDEO_SUFFIXES",
    "Source",
    "VideoInfo",
    "find_sources",
    "read_camera",
    "read_image",
    "read_video",
    "video_info",
]
