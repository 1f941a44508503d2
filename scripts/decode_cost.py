"""Threads or processes for capture and decoding: films decoded as fast as they go, by either, for one reader.

`PYTHONPATH=src python scripts/decode_cost.py FILM... [--pictures 300] [--rounds 3]`. A worker per film,
each with one decoder thread, as a live camera has. The reader takes every picture, in turn, and looks at it like
detection does (a smaller copy of it). Threads hand pictures over as they are; processes copy each into a ring of shared
memory, out of which the reader copies it again, since the place is needed for the next one. "Python beside" is a
further thread beside the reader that runs Python without a pause, which is the worst that can be done to threads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import shared_memory
from pathlib import Path
from statistics import median
from typing import Protocol

import cv2
import numpy as np

from unbroken.core.arrays import Image
from unbroken.video.files import VideoFile

PLACES = 4
PATIENCE = 60.0


class Ring:
    """Room for some pictures of one camera in shared memory; who writes waits while it is full."""

    def __init__(self, shape: tuple[int, ...], context: multiprocessing.context.SpawnContext) -> None:
        self.shape = shape
        size = int(np.prod(shape))
        self._memory = shared_memory.SharedMemory(create=True, size=PLACES * size)
        self._free, self._full = context.Semaphore(PLACES), context.Semaphore(0)
        self._place = 0
        self.spent = context.Value("d", 0.0)

    def _picture(self) -> Image:
        size = int(np.prod(self.shape))
        place, self._place = self._place, (self._place + 1) % PLACES
        return np.ndarray(self.shape, np.uint8, self._memory.buf, place * size)

    def put(self, picture: Image) -> None:
        """Copy a picture in."""
        assert self._free.acquire(timeout=PATIENCE)
        self._picture()[...] = picture
        self._full.release()

    def get(self) -> Image:
        """Copy a picture out."""
        assert self._full.acquire(timeout=PATIENCE)
        picture = self._picture().copy()
        self._free.release()
        return picture

    def forget(self) -> None:
        """Give the memory back."""
        self._memory.close()
        self._memory.unlink()


class Slot(Protocol):
    """Where one camera's pictures come out."""

    def get(self) -> Image:
        """The next one."""


def pictures_of(film: Path, count: int) -> Iterator[Image]:
    """The first pictures of a film, which begins again where it is shorter."""
    left = count
    while left:
        video = VideoFile(film, film.stem)
        for frame in video:
            yield frame.image
            left -= 1
            if not left:
                break
        video.close()


def fill(film: Path, count: int, put: Callable[[Image], None]) -> None:
    """What a worker does."""
    for picture in pictures_of(film, count):
        put(picture)


def _fill_ring(film: Path, count: int, ring: Ring, barrier: multiprocessing.synchronize.Barrier) -> None:
    barrier.wait()
    before = time.process_time()
    fill(film, count, ring.put)
    ring.spent.value = time.process_time() - before


def read(slots: Sequence[Slot], count: int) -> None:
    """Take every picture and look at it."""
    for _ in range(count):
        for slot in slots:
            cv2.resize(slot.get(), (320, 240), interpolation=cv2.INTER_AREA)


@contextmanager
def python_beside(*, wanted: bool) -> Iterator[None]:
    """Something that holds the interpreter lock whenever it can."""
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            sum(range(2000))

    thread = threading.Thread(target=spin)
    if wanted:
        thread.start()
    yield
    done.set()
    if wanted:
        thread.join()


def by_threads(films: Sequence[Path], count: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    slots: list[queue.Queue[Image]] = [queue.Queue(PLACES) for _ in films]
    workers = [
        threading.Thread(target=fill, args=(film, count, slot.put)) for film, slot in zip(films, slots, strict=True)
    ]
    start, before = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    read(slots, count)
    for worker in workers:
        worker.join()
    return time.perf_counter() - start, time.process_time() - before


def by_processes(films: Sequence[Path], count: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor, from when all processes are up."""
    context = multiprocessing.get_context("spawn")
    rings = [Ring(next(pictures_of(film, 1)).shape, context) for film in films]
    barrier = context.Barrier(len(films) + 1)
    workers = [
        context.Process(target=_fill_ring, args=(film, count, ring, barrier))
        for film, ring in zip(films, rings, strict=True)
    ]
    for worker in workers:
        worker.start()
    barrier.wait(PATIENCE)
    start, before = time.perf_counter(), time.process_time()
    read(rings, count)
    seconds, spent = time.perf_counter() - start, time.process_time() - before
    for worker in workers:
        worker.join()
    for ring in rings:
        ring.forget()
    return seconds, spent + sum(ring.spent.value for ring in rings)


def main() -> None:
    """Measure both in turn and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, bool], list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for busy in (False, True):
            for name, way in (("threads", by_threads), ("processes", by_processes)):
                with python_beside(wanted=busy):
                    found.setdefault((name, busy), []).append(way(options.films, options.pictures))
    total = len(options.films) * options.pictures
    for (name, busy), runs in found.items():
        wall, cost = median(run[0] for run in runs), median(run[1] for run in runs)
        beside = ", Python beside" if busy else f", {1e3 * cost / total:.2f} ms of the processor each"
        print(f"{name}: {total / wall:.0f} pictures/s{beside}")


if __name__ == "__main__":
    main()
