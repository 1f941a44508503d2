"""Videos that play everywhere: H.264 in MP4, with the true time of each picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import cv2
import numpy as np

from unbroken.core.arrays import Image
from unbroken.core.errors import ConfigError, StoreError

_TICKS = 60_000
"""Units of time in a second: exact for 24, 25, 29.97, 30, 50, 60 pictures a second; MPEG-4 allows at most 65535."""

_GREY = (40, 40, 40)


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """How a video is written.

    Attributes:
        codec: "auto" is H.264 where FFmpeg can write it and MPEG-4 elsewhere; or any codec that FFmpeg knows.
        quality: constant rate factor of x264: 18 is hardly told from the source, 28 is small; other codecs map it.
        preset: of x264: "ultrafast" to "slow"; slower makes smaller files.
        longest_side: pixels; larger pictures are scaled down; 0 keeps every size.
        longest_gap: seconds; where nothing came for longer, the video goes on after this long.
        threads: of the encoder: with 2 it works while the next picture is drawn; 0 lets it choose.
    """

    codec: str = "auto"
    quality: int = 24
    preset: str = "veryfast"
    longest_side: int = 1920
    longest_gap: float = 10.0
    threads: int = 2


class VideoWriter:
    """Writes pictures with their times into one file.

    The file keeps the size of the first picture (rounded up to even numbers); later pictures of another size are
    letterboxed into it. It can be played from the first seconds on, also if the program dies (fragments), and `close`
    turns it into a plain MP4 where FFmpeg can. A time that does not advance is moved behind its predecessor.
    """

    def __init__(self, path: Path, settings: VideoSettings | None = None) -> None:
        self._path = path
        self._settings = settings or VideoSettings()
        self._container: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        self._size = (0, 0)
        self._last_time = 0.0
        self._ticks = 0
        self._step = _TICKS // 25
        self._count = 0

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; (0, 0) before the first picture."""
        return self._size

    def write(self, image: Image, time: float) -> None:
        """Append a picture (H, W, 3) BGR that was taken at `time` seconds.

        Raises:
            StoreError: the file cannot be written.
            ConfigError: FFmpeg does not know the codec.
        """
        container = self._container or self._open(image)
        frame = av.VideoFrame.from_ndarray(letterboxed(image, self._size), format="bgr24")
        frame.pts = self._next_tick(time)
        frame.time_base = Fraction(1, _TICKS)
        try:
            self._mux(container, frame)
        except (OSError, av.FFmpegError) as error:
            raise StoreError(f"{self._path}: cannot be written ({error}); is the disk full?") from error
        self._count += 1

    def _next_tick(self, time: float) -> int:
        if self._count:
            gap = time - self._last_time
            ticks = round(min(gap, self._settings.longest_gap) * _TICKS)
            if ticks > 0:
                self._step = ticks
            self._ticks += ticks if ticks > 0 else min(self._step, _TICKS // 25)
        self._last_time = time
        return self._ticks

    def _open(self, image: Image) -> av.container.OutputContainer:
        self._size = _even(image, self._settings.longest_side)
        codec = codec_for(self._settings.codec)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            container = av.open(str(self._path), "w", format="mp4", options=_container_options())
            added = container.add_stream(codec, rate=30, options=_options(codec, self._settings))
            stream = cast("av.VideoStream", added)
            stream.width, stream.height = self._size
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
            stream.thread_count = self._settings.threads
        except (OSError, av.FFmpegError) as error:
            raise StoreError(
                f"{self._path}: cannot be written ({error}); choose another folder with --output"
            ) from error
        self._container, self._stream = container, stream
        return container

    def _mux(self, container: av.container.OutputContainer, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame) if self._stream else ():
            if not packet.duration:
                packet.duration = self._step
            container.mux(packet)

    def close(self) -> None:
        """Finish the file. Without a picture there is no file.

        Raises:
            StoreError: it cannot be finished.
        """
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            self._mux(container, None)
            container.close()
        except (OSError, av.FFmpegError) as error:
            raise StoreError(f"{self._path}: cannot be finished ({error}); is the disk full?") from error
        finally:
            self._stream = None


def codec_for(name: str) -> str:
    """The FFmpeg encoder that a setting stands for: "auto" is the first of x264, OpenH264, MPEG-4 that is there.

    Raises:
        ConfigError: FFmpeg cannot write it.
    """
    wanted = ("libx264", "libopenh264", "mpeg4") if name == "auto" else (name,)
    for codec in wanted:
        try:
            av.Codec(codec, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        return codec
    raise ConfigError(f"codec {name!r}: this build of FFmpeg cannot write it; use 'auto'")


def letterboxed(image: Image, size: tuple[int, int]) -> Image:
    """The picture in exactly `size` (width, height): scaled with its aspect kept, bars where it does not fit.

    A picture that is one pixel short of an even size gets its last row or column twice.
    """
    width, height = size
    tall, wide = image.shape[:2]
    if (wide, tall) == size:
        return image
    if 0 <= width - wide <= 1 and 0 <= height - tall <= 1:
        return _bordered(image, (0, height - tall, 0, width - wide), cv2.BORDER_REPLICATE)
    scale = min(width / wide, height / tall)
    inner = (min(width, max(1, round(wide * scale))), min(height, max(1, round(tall * scale))))
    resized = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    return _bordered(resized, (top, height - inner[1] - top, left, width - inner[0] - left), cv2.BORDER_CONSTANT)


def _bordered(image: Image, sides: tuple[int, int, int, int], kind: int) -> Image:
    result: Image = cv2.copyMakeBorder(image, *sides, kind, value=_GREY)
    return result


def _even(image: Image, longest_side: int) -> tuple[int, int]:
    height, width = image.shape[:2]
    scale = min(1.0, longest_side / max(height, width)) if longest_side else 1.0
    wide, tall = (int(np.ceil(side * scale / 2)) * 2 for side in (width, height))
    return max(wide, 16), max(tall, 16)


def _container_options() -> dict[str, str]:
    """Fragments survive a crash; from FFmpeg 7.1 on (libavformat 61.7) they become a plain file when it is closed."""
    hybrid = av.library_versions["libavformat"] >= (61, 7)
    flags = "hybrid_fragmented" if hybrid else "frag_keyframe+empty_moov+default_base_moof"
    return {"movflags": flags, "flush_packets": "1"}


def _options(codec: str, settings: VideoSettings) -> dict[str, str]:
    if codec == "libx264":
        return {"crf": str(settings.quality), "preset": settings.preset, "g": "50", "bf": "0"}
    if codec == "mpeg4":
        scale = int(np.clip((settings.quality - 6) // 3, 2, 31))
        return {"flags": "+qscale", "global_quality": str(scale * 118), "g": "50"}
    return {"g": "50"}
