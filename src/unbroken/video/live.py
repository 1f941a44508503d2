"""One connection to a live camera as a `Source`: it ends where the camera breaks; that of `guarded` goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

from unbroken.core.errors import SourceError, SourceLostError, SourceStalledError
from unbroken.core.frames import Frame
from unbroken.video.capture import Connecting, Picture, open_capture, without_password
from unbroken.video.timing import StreamClock

Clock = Callable[[], float]


class NewestFrame:
    """A slot for the newest picture: the writer never waits, the reader never sees an old one, drops are counted.

    Attributes:
        dropped: pictures that were overwritten before anybody took them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._condition = threading.Condition()
        self._item: tuple[float, Picture] | None = None
        self._end: Exception | None = None
        self._closed = False

    def put(self, time: float, picture: Picture) -> None:
        """Lay down a picture; one that still lies there is dropped."""
        with self._condition:
            self.dropped += self._item is not None
            self._item = (time, picture)
            self._condition.notify()

    def finish(self, error: Exception | None) -> None:
        """Say that nothing more comes, and why."""
        with self._condition:
            self._end = error
            self._closed = True
            self._condition.notify()

    def take(self, patience: float) -> tuple[float, Picture] | None:
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
    """A network camera, a webcam (`0`) or a video without end (`loop://`). A thread reads, so latency cannot grow.

    Times are the stream's own stamps, laid on `clock`.

    Args:
        address: where it is.
        camera: the name that its frames carry.
        clock: seconds, shared by all cameras of a site.
        patience: seconds without a picture after which the stream counts as stalled.

    Attributes:
        slot: where the newest picture lies; it counts what was dropped.
        damaged: how many pictures the decoder could not make whole; they are left out.

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
        self._times = StreamClock()
        self._capture = open_capture(address, Connecting(connect=patience, read=patience), self._stop)

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def frame_rate(self) -> float:
        """Frames per second, as the stream says or as they come; 0 where neither is known."""
        return self._capture.frame_rate or self._times.rate

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
            time, picture = item
            yield Frame(self._camera, index, time, picture.image())
            index += 1

    def close(self) -> None:
        """Tell the reader to stop; a decoder that hangs is left behind, never waited for."""
        self._stop.set()

    def _read(self) -> None:
        error: SourceError | None = None
        try:
            with closing(self._capture):
                for picture in self._capture.pictures():
                    if self._stop.is_set():
                        break
                    time = self._times.seconds(picture.stamp, self._clock())
                    if picture.damaged:
                        self.damaged += 1
                    else:
                        self.slot.put(time, picture)
                else:
                    if not self._capture.finite:
                        error = SourceLostError(f"{without_password(self.address)}: the stream has ended")
        except SourceError as broken:
            error = broken
        finally:
            self.slot.finish(None if self._stop.is_set() else error)
