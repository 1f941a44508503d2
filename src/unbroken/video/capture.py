"""One connection to one live camera: opened once, read once, and every way to fail has its name."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unbroken.core.arrays import Image
from unbroken.core.errors import SourceError, SourceLostError
from unbroken.core.events import CameraFault
from unbroken.core.names import LOOP
from unbroken.video.files import VideoFile, image_from_picture, reason
from unbroken.video.looks import Luma

_RTSP = {"probesize": "32", "analyzeduration": "0", "max_delay": "300000"}
"""No pictures are gathered to guess at a rate: the first one is there in 0.2 s, where FFmpeg's defaults take 2 s or
more, and `nobuffer` throws the first key picture away. UDP packets may overtake each other by 0.3 s (in us)."""
_OTHERS = {"analyzeduration": "1000000", "fpsprobesize": "0"}
_UNTIMED = frozenset({"mpjpeg", "mjpeg"})
"""Formats whose stamps are made up by the reader."""
_PLANAR = ("yuv", "yuvj", "nv", "gray")
_NO_SUCH_STREAM = "there is no such stream; check the path in the address"


class CaptureError(SourceLostError):
    """A connection that could not be made or has ended; `fault` names it."""

    def __init__(self, fault: CameraFault, message: str) -> None:
        super().__init__(message)
        self.fault: CameraFault = fault


@dataclass(frozen=True, slots=True)
class Connecting:
    """How a connection is made.

    Attributes:
        connect: seconds until it counts as failed.
        read: seconds without data until it counts as stalled.
        transport: how RTSP pictures travel.
    """

    connect: float = 5.0
    read: float = 3.0
    transport: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded picture; it is turned into BGR when somebody wants it.

    Attributes:
        content: the decoder's picture or an image; `None` where a packet could not be decoded at all.
        stamp: seconds on the stream's own clock; `None` where it has none.
        taken: seconds since 1970 on the camera's clock (RTCP sender reports, RFC 3550 6.4.1); `None` where not told.
        damaged: whether the decoder could not make it whole.
    """

    content: VideoFrame | Image | None
    stamp: float | None = None
    taken: float | None = None
    damaged: bool = False

    def luma(self) -> Luma:
        """(H, W) uint8: how bright it is."""
        if isinstance(self.content, VideoFrame):
            if self.content.format.name.startswith(_PLANAR) and self.content.format.components[0].bits == 8:
                plane = self.content.planes[0]
                rows: Luma = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
                return rows[: self.content.height, : self.content.width]
            return np.asarray(self.content.to_ndarray(format="gray"), dtype=np.uint8)
        return self.image()[..., 1]

    def image(self) -> Image:
        """(H, W, 3) BGR."""
        if isinstance(self.content, VideoFrame):
            return image_from_picture(self.content)
        return np.zeros((0, 0, 3), dtype=np.uint8) if self.content is None else self.content


class Capture(Protocol):
    """An open connection."""

    @property
    def frame_rate(self) -> float:
        """Pictures per second, as it says; 0 where it does not."""

    @property
    def finite(self) -> bool:
        """Whether it is a recording that has an end."""

    def pictures(self) -> Iterator[Picture]:
        """What it sends, until it breaks (`CaptureError`) or ends."""

    def close(self) -> None:
        """Release what is held; called by the thread that reads."""


Connector = Callable[[str, Connecting, threading.Event], Capture]
"""Opens an address; the event says that nobody wants the connection any more. Raises `CaptureError`."""


def open_capture(address: str, how: Connecting, stop: threading.Event) -> Capture:
    """Connect to a network camera, a webcam (`0`) or a video that plays for ever (`loop://PATH`).

    Raises:
        CaptureError: it cannot be reached or opened; the message says why.
    """
    if address.isdigit():
        return WebcamCapture(int(address))
    if address.startswith(LOOP):
        return LoopCapture(Path(address.removeprefix(LOOP)), stop)
    return NetworkCapture(address, how, stop)


class NetworkCapture:
    """A stream of a network camera: RTSP over TCP or UDP, HTTP (multipart JPEG or a video), UDP.

    What has a known length is a recording on a server: it plays at its own pace.

    Attributes:
        address: without name and password.
        frame_rate: pictures per second, as the stream says; 0 where it does not.
        finite: whether its length is known.
    """

    def __init__(self, address: str, how: Connecting, stop: threading.Event) -> None:
        self.address = without_password(address)
        self._stop = stop
        options = {**_RTSP, "rtsp_transport": how.transport} if address.startswith("rtsp") else _OTHERS
        try:
            self._container = av.open(
                address, options=options, timeout=(how.connect, how.read), metadata_errors="replace"
            )
        except (av.FFmpegError, OSError) as error:
            raise self._why_closed(error) from error
        if not self._container.streams.video:
            self._container.close()
            raise CaptureError("missing", f"{self.address}: sends no video; check the path in the address")
        self._stream: VideoStream = self._container.streams.video[0]
        if getattr(self._stream, "codec_context", None) is None:
            self._container.close()
            raise CaptureError("missing", f"{self.address}: nobody here can decode its pictures; set it to H.264")
        # One thread: no picture is held back, and with more the decoder does not flag what it could not make whole.
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        self.frame_rate = float(self._stream.average_rate or self._stream.codec_context.framerate or 0)
        self.finite = bool(self._container.duration)
        self._timed = self._container.format.name not in _UNTIMED
        self._clock: float | None = None

    def pictures(self) -> Iterator[Picture]:
        """What is decoded; a packet that cannot be decoded is a damaged picture."""
        pace = _Pace(self._stop) if self.finite else None
        try:
            for packet in self._container.demux(self._stream):
                self._read_clock(packet)
                for picture in self._decoded(packet):
                    if pace is not None and picture.stamp is not None:
                        pace.wait(picture.stamp)
                    yield picture
        except (av.FFmpegError, OSError) as error:
            raise self._why_broken(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._container.close()

    def _decoded(self, packet: Packet[VideoStream]) -> Iterator[Picture]:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            yield Picture(None, damaged=True)
            return
        for frame in frames:
            stamp = frame.time if self._timed else None
            taken = stamp + self._clock if stamp is not None and self._clock is not None else None
            yield Picture(frame, stamp, taken, damaged=frame.is_corrupt)

    def _read_clock(self, packet: Packet[VideoStream]) -> None:
        """Seconds since 1970 at stamp 0, from what the camera tells of its clock (libavcodec's producer reference)."""
        if packet.pts is None or packet.time_base is None or not hasattr(packet, "has_sidedata"):
            return
        if packet.has_sidedata("prft"):
            data = bytes(packet.get_sidedata("prft"))
            self._clock = struct.unpack_from("q", data)[0] / 1e6 - float(packet.pts * packet.time_base)

    def _why_closed(self, error: Exception) -> CaptureError:
        """Why it could not be opened."""
        if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError, PermissionError)):
            return CaptureError("denied", f"{self.address}: refuses name and password; correct them in the address")
        if isinstance(error, (av.error.HTTPNotFoundError, FileNotFoundError)):
            return CaptureError("missing", f"{self.address}: {_NO_SUCH_STREAM}")
        host = urlsplit(self.address).hostname
        if host and not _is_known(host):
            return CaptureError("unknown", f"{self.address}: nobody knows the host {host}; check name and network")
        return CaptureError("unreachable", f"{self.address}: cannot be reached ({reason(error)}); is it switched on?")

    def _why_broken(self, error: Exception) -> CaptureError:
        if isinstance(error, (TimeoutError, av.error.ExitError)):
            return CaptureError("stalled", f"{self.address}: sends no picture any more")
        return CaptureError("lost", f"{self.address}: the connection broke ({reason(error)})")


class WebcamCapture:
    """A camera at this machine, by number. It has no clock of its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._capture = _quietly_opened(number)
        if not self._capture.isOpened():
            raise CaptureError("unreachable", f"webcam {number}: there is none; plug it in or give another number")

    @property
    def frame_rate(self) -> float:
        """Pictures per second, as the driver says; 0 where it does not."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def finite(self) -> bool:
        """It has no end."""
        return False

    def pictures(self) -> Iterator[Picture]:
        """Pictures until it is unplugged."""
        while True:
            good, image = self._capture.read()
            if not good:
                raise CaptureError("lost", f"webcam {self.number}: stopped sending; is it plugged in?")
            yield Picture(np.asarray(image, dtype=np.uint8))

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


def _quietly_opened(number: int) -> cv2.VideoCapture:
    """Where there is no such webcam, OpenCV writes of every driver that it has tried; one sentence says as much."""
    logging = cv2.utils.logging
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(number)
    finally:
        logging.setLogLevel(before)


class LoopCapture:
    """A video file, again and again at its own pace, with stamps that go on."""

    def __init__(self, path: Path, stop: threading.Event) -> None:
        self.path = path
        self._stop = stop
        self._open()

    @property
    def frame_rate(self) -> float:
        """Pictures per second, as the file says."""
        return self._video.frame_rate

    @property
    def finite(self) -> bool:
        """It begins again."""
        return False

    def pictures(self) -> Iterator[Picture]:
        """Its pictures, for ever."""
        pace, start = _Pace(self._stop), 0.0
        try:
            while not self._stop.is_set():
                last, step = 0.0, 1 / (self._video.frame_rate or 25.0)
                for frame in self._video:
                    last = frame.time
                    pace.wait(start + last)
                    yield Picture(frame.image, start + last)
                start += last + step
                self._video.close()
                self._open()
        except CaptureError:
            raise
        except SourceError as error:
            raise CaptureError("ended", str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._video.close()

    def _open(self) -> None:
        try:
            self._video = VideoFile(self.path, str(self.path))
        except SourceError as error:
            raise CaptureError("missing", str(error)) from error


class _Pace:
    """Holds a recording back to the speed at which it was taken."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._start: float | None = None

    def wait(self, stamp: float) -> None:
        """Return when it is time for the picture with this stamp."""
        now = time.monotonic()
        self._start = now - stamp if self._start is None else self._start
        self._stop.wait(max(self._start + stamp - now, 0.0))


def without_password(address: str) -> str:
    """An address that may be shown.

    >>> without_password("rtsp://me:secret@10.0.0.7/live")
    'rtsp://10.0.0.7/live'
    """
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else address


def _is_known(host: str) -> bool:
    """Whether somebody knows the address of a host."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
