"""Recordings: video files and folders of pictures, each a `Source` of frames in the order of their time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unbroken.core.arrays import Image
from unbroken.core.errors import SourceError
from unbroken.core.frames import Frame
from unbroken.video.timing import Timeline, step_from_rate

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""The endings of files that a folder of pictures is made of."""

VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".ts", ".mpg", ".mpeg", ".flv", ".wmv"})
"""The endings of files that are taken for videos when a folder is searched."""

_COMPLETE = 0.95
"""Share of the promised frames that a file must hold: containers are often off by a few."""


class VideoFile:
    """A video file. Times are the container's own stamps, from 0 at the start of the stream.

    Args:
        path: the file.
        camera: the name that its frames carry.
        threads: decoder threads; slices only, so that no frame is held back.

    Raises:
        SourceError: the file is missing, is no video, or (while walking) is damaged; the frames before that are good.
    """

    def __init__(self, path: Path, camera: str, threads: int = 1) -> None:
        if not path.is_file():
            raise SourceError(f"{path}: there is no such file; check the name")
        self.path = path
        self._camera = camera
        try:
            self._container = av.open(str(path), metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:
            raise SourceError(
                f"{path}: cannot be opened as a video ({reason(error)}); is the file complete?"
            ) from error
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"{path}: has no video stream; give a video file")
        self._stream: VideoStream = self._container.streams.video[0]
        if getattr(self._stream, "codec_context", None) is None:
            self._container.close()
            raise SourceError(f"{path}: nobody here can decode its pictures; is the file complete?")
        self._stream.thread_type = "SLICE"
        self._stream.codec_context.thread_count = threads
        self.timeline = Timeline(step_from_rate(self.frame_rate))

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the container says; (0, 0) where it does not."""
        return int(self._stream.width), int(self._stream.height)

    @property
    def frame_rate(self) -> float:
        """Frames per second on average, as the container says; 0 where it does not."""
        return float(self._stream.average_rate or 0)

    @property
    def frame_count(self) -> int:
        """How many frames the container promises; estimated from its duration where it does not count them."""
        if self._stream.frames:
            return int(self._stream.frames)
        duration = float(self._container.duration or 0) / av.time_base
        return int(duration * self.frame_rate)

    def __iter__(self) -> Iterator[Frame]:
        """Decode once, from the start."""
        start = float((self._stream.start_time or 0) * self._stream.time_base) if self._stream.time_base else 0.0
        index = 0
        try:
            for picture in self._container.decode(self._stream):
                stamp = None if picture.time is None else picture.time - start
                yield Frame(self._camera, index, self.timeline.seconds(stamp), image_from_picture(picture))
                index += 1
        except (av.FFmpegError, OSError) as error:
            raise SourceError(
                f"{self.path}: damaged after frame {index} ({reason(error)}); the frames before it were used"
            ) from error
        if not index:
            raise SourceError(f"{self.path}: holds no picture that can be decoded; is the file complete?")
        if index < self._stream.frames * _COMPLETE:
            raise SourceError(
                f"{self.path}: ends after frame {index} of the {self._stream.frames} that it promises; "
                "is the file complete? The frames before were used"
            )

    def close(self) -> None:
        """Close the container."""
        self._container.close()


class ImageFolder:
    """A folder of pictures, in the natural order of their names ("frame2" comes before "frame10").

    Args:
        path: the folder.
        camera: the name that its frames carry.
        frame_rate: pictures per second: the only source of time here.

    Raises:
        SourceError: the folder has no pictures, or (while walking) one of them cannot be read.
    """

    def __init__(self, path: Path, camera: str, frame_rate: float = 25.0) -> None:
        if not path.is_dir():
            raise SourceError(f"{path}: there is no such folder; check the name")
        if not frame_rate > 0:
            raise SourceError(f"{path}: {frame_rate} pictures per second cannot be; give a frame rate above 0")
        self.path = path
        self._camera = camera
        self._frame_rate = frame_rate
        self._pictures = sorted((p for p in path.iterdir() if p.suffix.lower() in PICTURES), key=_natural)
        if not self._pictures:
            raise SourceError(f"{path}: holds no picture ({', '.join(sorted(PICTURES))}); give a folder of pictures")

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def frame_rate(self) -> float:
        """Pictures per second."""
        return self._frame_rate

    @property
    def frame_count(self) -> int:
        """How many pictures there are."""
        return len(self._pictures)

    def __iter__(self) -> Iterator[Frame]:
        """Read once, in order."""
        for index, path in enumerate(self._pictures):
            yield Frame(self._camera, index, index / self._frame_rate, read_picture(path))

    def close(self) -> None:
        """Nothing is held."""


class Blank:
    """A camera of which only recorded detections are left: frames with time and without a picture.

    Args:
        camera: the name that its frames carry.
        count: how many frames there were.
        frame_rate: frames per second.
    """

    def __init__(self, camera: str, count: int, frame_rate: float) -> None:
        if not frame_rate > 0:
            raise SourceError(f"{camera}: {frame_rate} frames per second cannot be; give a frame rate above 0")
        self._camera = camera
        self._count = count
        self._frame_rate = frame_rate

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self._frame_rate

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        """Frames with an empty picture."""
        nothing = np.zeros((0, 0, 3), dtype=np.uint8)
        for index in range(self._count):
            yield Frame(self._camera, index, index / self._frame_rate, nothing)

    def close(self) -> None:
        """Nothing is held."""


def image_from_picture(picture: VideoFrame) -> Image:
    """A decoded picture as (H, W, 3) BGR, turned upright where the container says that it lies on its side."""
    image: Image = np.asarray(picture.to_ndarray(format="bgr24"), dtype=np.uint8)
    quarters = round(getattr(picture, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image


def read_picture(path: Path) -> Image:
    """A picture file as (H, W, 3) BGR.

    Raises:
        SourceError: the file is no picture or is damaged.
    """
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the name and the rights") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(f"{path}: cannot be read as a picture; is the file complete?")
    return np.asarray(image, dtype=np.uint8)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", path.name.lower())]


def reason(error: Exception) -> str:
    """What FFmpeg or the system said, without a full stop."""
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".")
