"""Cameras that are live: network streams and webcams, each a `Source` whose times share one clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import av
import cv2
import numpy as np

from unbroken.core.arrays import Image
from unbroken.core.errors import SourceError, SourceLostError, SourceStalledError
from unbroken.core.frames import Frame
from unbroken.video.files import image_from_picture, reason
from unbroken.video.timing import Timeline, step_from_rate

Clock = Callable[[], float]

_OPTIONS = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay", "analyzeduration": "1000000"}
"""TCP, since UDP tears pictures on busy networks; nothing held back; at most 1 s (in us) of probing at the start."""


class NewestFrame:
    """A slot for the newest picture: the writer never waits, the reader never sees an old one, drops are counted.

    Attributes:
        dropped: pictures that were overwritten before anybody took them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._condition = threading.Condition()
        self._item: tuple[float, Image] | None = None
        self._end: Exception | None = None
        self._closed = False

    def put(self, time: float, image: Image) -> None:
        """Lay down a picture; one that still lies there is dropped."""
        with self._condition:
            self.dropped += self._item is not None
            self._item = (time, image)
            self._condition.notify()

    def finish(self, error: Exception | None) -> None:
        """Say that nothing more comes, and why."""
        with self._condition:
            self._end = error
            self._closed = True
            self._condition.notify()

    def take(self, patience: float) -> tuple[float, Image] | None:
        """The newest picture, or `None` at the end.

        Raises:
            SourceStalledError: nothing came within `patience` seconds.
            SourceError: what the writer has ended with.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: self._item is not None or self._closed, patience):
                raise SourceStalledError(f"no picture for {patience:g} s; is the camera still sending?")
            if self._item is None:
                if self._end is not None:
                    raise self._end
                return None
            item, self._item = self._item, None
            return item


class Stream:
    """A network camera (`rtsp://`, `http://`, `udp://` ...). A thread reads, so that latency cannot grow.

    Times are the stream's own stamps, laid on `clock` at the first picture.

    Args:
        address: where it is.
        camera: the name that its frames carry.
        clock: seconds, shared by all cameras of a site.
        patience: seconds without a picture after which the stream counts as stalled.

    Attributes:
        slot: where the newest picture lies; it counts what was dropped.
        damaged: how many pictures the decoder flagged as damaged; they are left out.

    Raises:
        SourceLostError: it cannot be reached, or the connection broke.
        SourceStalledError: it is connected and sends nothing.
    """

    def __init__(self, address: str, camera: str, clock: Clock, patience: float = 10.0) -> None:
        self.address = address
        self._camera = camera
        self._clock = clock
        self._patience = patience
        self._stop = threading.Event()
        self.slot = NewestFrame()
        self.damaged = 0
        options = _OPTIONS if address.startswith("rtsp") else {}
        try:
            self._container = av.open(address, options=dict(options), timeout=(patience, patience))
        except (av.FFmpegError, OSError) as error:
            raise SourceLostError(
                f"{_without_password(address)}: cannot be reached ({reason(error)}); check address, name and password"
            ) from error
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"{_without_password(address)}: sends no video; check the path of the stream")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "SLICE"

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def frame_rate(self) -> float:
        """Frames per second, as the stream says; 0 where it does not."""
        return float(self._stream.average_rate or 0)

    @property
    def frame_count(self) -> int:
        """Nobody knows."""
        return 0

    def __iter__(self) -> Iterator[Frame]:
        """The newest picture each time, until the stream ends or `close` is called."""
        reader = threading.Thread(target=self._read, name=f"capture {self._camera}", daemon=True)
        reader.start()
        index = 0
        while (item := self.slot.take(self._patience)) is not None:
            yield Frame(self._camera, index, *item)
            index += 1

    def close(self) -> None:
        """Tell the reader to stop; a decoder that hangs is left behind, never waited for."""
        self._stop.set()

    def _read(self) -> None:
        timeline = Timeline(step_from_rate(self.frame_rate))
        offset: float | None = None
        error: Exception | None = None
        try:
            for picture in self._container.decode(self._stream):
                if self._stop.is_set():
                    break
                if picture.is_corrupt:
                    self.damaged += 1
                    continue
                time = timeline.seconds(picture.time)
                offset = self._clock() - time if offset is None else offset
                self.slot.put(time + offset, image_from_picture(picture))
            if not self._container.duration and not self._stop.is_set():
                error = SourceLostError(f"{_without_password(self.address)}: the stream has ended")
        except (av.FFmpegError, OSError) as broken:
            error = SourceLostError(f"{_without_password(self.address)}: the connection broke ({reason(broken)})")
        finally:
            self._container.close()
            self.slot.finish(error)


class Webcam:
    """A camera at this machine, by number. Times are read from `clock` when a picture arrives.

    Raises:
        SourceLostError: there is no such camera, or it was unplugged.
    """

    def __init__(self, number: int, camera: str, clock: Clock) -> None:
        self.number = number
        self._camera = camera
        self._clock = clock
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise SourceLostError(f"webcam {number}: there is none; plug it in or give another number")

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def frame_rate(self) -> float:
        """Frames per second, as the driver says; 0 where it does not."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def frame_count(self) -> int:
        """Nobody knows."""
        return 0

    def __iter__(self) -> Iterator[Frame]:
        """Pictures until the camera is unplugged or `close` is called."""
        index = 0
        while self._capture.isOpened():
            good, image = self._capture.read()
            if not good:
                raise SourceLostError(
                    f"webcam {self.number}: stopped sending after {index} pictures; is it plugged in?"
                )
            yield Frame(self._camera, index, self._clock(), np.asarray(image, dtype=np.uint8))
            index += 1

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


def _without_password(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else address
