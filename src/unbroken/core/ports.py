"""The ports: what one room may ask of another without knowing it. `app.build` plugs concrete things in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Features, Floats, Image, Ints
from unbroken.core.batches import Answer, Batch, Command, Recovered, Reply, Request, Verdict
from unbroken.core.detections import Detections
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities, Sightings
from unbroken.core.tracks import Tracks

NO_MOTION: Floats = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""The warp of a camera that stands still."""
NO_MOTION.flags.writeable = False


class Source(Protocol):
    """A camera, a video, a folder: frames in the order of their time."""

    @property
    def camera(self) -> str:
        """The name of the camera."""

    @property
    def frame_rate(self) -> float:
        """Frames per second, nominal; 0 where it is not known."""

    @property
    def frame_count(self) -> int:
        """How many frames are expected; 0 where nobody knows."""

    def __iter__(self) -> Iterator[Frame]:
        """Walk through the frames once."""

    def close(self) -> None:
        """Release what is held."""


class Net(Protocol):
    """A loaded net on some runtime and device."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the one input; -1 where it is free."""

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the outputs; -1 where it is free."""

    @property
    def description(self) -> str:
        """Runtime and device, for the report: `onnxruntime 1.32 cpu, 1 thread`."""

    def run(self, blob: NDArray[np.float32]) -> tuple[NDArray[np.generic], ...]:
        """All outputs for an (N, 3, H, W) input."""


class Detector(Protocol):
    """Finds people in pictures."""

    @property
    def description(self) -> str:
        """What it is, for the report."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """The people in each frame, without features."""


@runtime_checkable
class Sizable(Protocol):
    """A detector whose input can be made smaller, for less work and less to see."""

    @property
    def size(self) -> int:
        """Pixels of the input's longer side; 0 where it is fixed."""

    def at_size(self, size: int) -> Detector:
        """The same detector with another size; both may be used."""


class Embedder(Protocol):
    """Turns crops of people into features."""

    @property
    def dimension(self) -> int:
        """The length of a feature."""

    @property
    def fingerprint(self) -> str:
        """What made the features: features of different fingerprints are never compared."""

    @property
    def description(self) -> str:
        """What it is, for the report."""

    def embed(self, crops: Sequence[Image]) -> Features:
        """(N, D) float32 rows of unit length for N crops (H, W, 3) BGR of any size."""


class MotionEstimator(Protocol):
    """Estimates how the camera itself has moved."""

    def estimate(self, frame: Frame, boxes: Floats) -> Floats:
        """The (2, 3) affine from the last frame's pixels to this one's; `boxes` are people, who don't count."""


class Tracker(Protocol):
    """Follows people in one camera."""

    def update(self, detections: Detections, time: float, warp: Floats = NO_MOTION) -> Tracks:
        """The tracks after a picture in which the detector ran; `warp` maps the last picture's pixels to this one's."""

    def coast(self, time: float, warp: Floats = NO_MOTION) -> Tracks:
        """The predicted tracks for a picture in which the detector did not run: nobody is born, missed or ended.

        `coast` followed by `update` for the same time, without a second warp, answers as `update` alone would.
        """

    @property
    def alive(self) -> Ints:
        """The ids of all tracks not given up, seen or not."""

    def reset(self) -> None:
        """Forget everything: as if new."""


class IdentityManager(Protocol):
    """Gives everybody one Global ID over all cameras."""

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened."""

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand, and say what has changed.

        Raises:
            ContractError: a person or a track is not known, or the command contradicts what is seen; nothing changes.
        """


@runtime_checkable
class Restartable(Protocol):
    """An identity manager that tells the starts of a camera's tracker apart, whose ids begin anew with each."""

    def begin(self, camera: str) -> None:
        """The tracker of a camera begins anew, or the camera is gone: its open tracks have ended."""


class Keeper(Protocol):
    """Makes what was decided last: nothing is answered before `keep` has returned. One thread at a time uses it."""

    def recover(self) -> Recovered:
        """What is there from the last run. Called once, before the first `keep`.

        Raises:
            StoreError: it is damaged.
        """

    def keep(self, batch: Batch, verdict: Verdict, replies: Sequence[Reply] = ()) -> None:
        """Store a batch and what became of it, in one transaction that survives a power cut.

        Args:
            batch: what the engine took in.
            verdict: what it answered. A person whom it has forgotten goes from every table.
            replies: to the requests whose commands are in the batch: a request is never carried out twice.

        Raises:
            StoreError: it could not be stored; nothing of it was.
        """

    def snapshot(self, state: bytes) -> None:
        """Store the engine's state as it is after the last batch; `recover` begins with it from here.

        Older snapshots and the journal go: call it at times, at once after a `Forget`, and at the end. What is left
        of people forgotten since is erased with the `pending_commands` that follow.

        Raises:
            StoreError: it could not be stored; what was there before still holds.
        """

    def pending_commands(self) -> tuple[Request, ...]:
        """The requests that wait, oldest first."""

    def reply(self, replies: Sequence[Reply]) -> None:
        """Answer requests that are not carried out and so are in no batch."""


class Bus(Protocol):
    """The way from where cameras run to the one writer of Global IDs, and back. One thread at a time uses it.

    What was put arrives at least once, and in the order in which it was put; reports have an epoch and a number, so the
    writer's engine counts each exactly once. What is answered is stored: no kill of either end takes it back.
    """

    @property
    def epochs(self) -> Mapping[str, int] | None:
        """The last epoch of each camera that the writer knows: whoever sends goes on in the next. `None`: not known."""

    def put(self, batch: Batch) -> int | None:
        """Hand a batch over; the number of its answer, `None` where it cannot be taken: that is the back-pressure.

        Raises:
            ContractError: the batch breaks its contract; nothing of it was applied.
        """

    def take(self) -> tuple[Answer, ...]:
        """What has come back since the last time: answers in the order of their batches, and news between them."""


class Placement(Protocol):
    """Which machine runs which camera."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all machines that run cameras and send to the writer; none: one process does everything."""

    def cameras_of(self, node: str) -> tuple[str, ...]:
        """The cameras that a machine runs, in the order in which they are listed."""


class Sink(Protocol):
    """Takes results away: a file, a video, a page."""

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Take one frame's result. Frames of a camera come in the order of time."""

    def close(self) -> None:
        """Finish: what was written is valid from here on. May be called after a broken run."""


@runtime_checkable
class Listener(Protocol):
    """Hears what happens while no picture comes that could carry it: a camera that is lost, a site that slows down."""

    def hear(self, events: Sequence[Event]) -> None:
        """Take events that go with no picture, in the order in which they happened."""
