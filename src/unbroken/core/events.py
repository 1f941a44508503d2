"""What happened: a union of frozen values, each with its time in seconds and, where one took part, its camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

CameraFault: TypeAlias = Literal[
    "stalled", "frozen", "black", "damaged", "slow",
    "lost", "unreachable", "unknown", "denied", "missing", "ended", "hung",
]  # fmt: skip
"""What can be wrong with a camera. Connected, but of no use: no picture comes, the same one comes again and again, a
black one, too many damaged ones, pictures that come slower than they were taken. Gone: the connection broke, nobody
answers, nobody knows the name, name or password are wrong, there is no such stream, the stream has ended, the decoder
hangs. `docs/live.md` tells each."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a person was, or was not, chosen.

    Attributes:
        person: the Global ID that was weighed.
        score: the log-likelihood ratio of "the same person" against "another"; for the fixed rule 1 - distance.
        appearance: the part of the score that came from features.
        time: the part that came from transit times and rules of time.
        place: the part that came from the ground plane.
        distance: cosine distance to the person's feature; NaN without features.
    """

    person: int
    score: float
    appearance: float = 0.0
    time: float = 0.0
    place: float = 0.0
    distance: float = float("nan")


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """A camera has confirmed a new track."""

    time: float
    camera: str
    track: int


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """A camera has given a track up."""

    time: float
    camera: str
    track: int


@dataclass(frozen=True, slots=True)
class PersonEnrolled:
    """A track belongs to nobody known: a new Global ID. `alternatives` says who else was weighed, best first."""

    time: float
    camera: str
    track: int
    person: int
    alternatives: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonRecognised:
    """A track belongs to a known person. `evidence` is for the person chosen, `alternatives` best first."""

    time: float
    camera: str
    track: int
    person: int
    evidence: Evidence
    alternatives: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonMerged:
    """`absorbed` was `person` all along: whoever followed `absorbed` follows `person` from here."""

    time: float
    person: int
    absorbed: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class PersonSplit:
    """The named tracks (camera, track) were not `person`: they are `separated` from here.

    `earlier` names tracks (camera, epoch, track) from before the last start of their camera's tracker, whose ids have
    begun anew since: nobody who is in a view has them.
    """

    time: float
    person: int
    separated: int
    tracks: tuple[tuple[str, int], ...]
    evidence: Evidence
    earlier: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PersonForgotten:
    """Everything that was known of a person has been erased; `reason` is who or what asked for it."""

    time: float
    person: int
    reason: str


@dataclass(frozen=True, slots=True)
class AppearanceDoubted:
    """Looks are less to be relied on than they should be; told once for each `what`.

    Attributes:
        time: seconds.
        what: "few": too few people were seen again to calibrate on; "alike": the net does not separate people here.
        same: pairs of one person that this was found on, as far as can be told without labels.
        strangers: pairs of two people that this was found on.
        equal_error: share of either kind that is taken for the other where both shares are equal.
        reason: one sentence, with a mend.
    """

    time: float
    what: Literal["few", "alike"]
    same: int
    strangers: int
    equal_error: float
    reason: str


@dataclass(frozen=True, slots=True)
class ClockCorrected:
    """The clock of a calibrated camera was found to be off from those of the cameras that see the same people.

    Attributes:
        time: seconds.
        camera: whose clock it is.
        ahead: seconds by which it shows everything earlier than the others do; below 0, later; 0: it is right again.
        reason: one sentence, with what makes it right from the start.
    """

    time: float
    camera: str
    ahead: float
    reason: str


@dataclass(frozen=True, slots=True)
class PersonAppeared:
    """A Global ID is seen in the site that was not in it before: `new` in what goes out."""

    time: float
    person: int
    camera: str
    track: int


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Something about a person in the site has changed: `update` in what goes out.

    Attributes:
        time: seconds.
        person: the Global ID.
        cameras: that see him now, in alphabetical order.
        state: how sure the Global ID is: "probable" or "confirmed".
        since: seconds, when he appeared.
    """

    time: float
    person: int
    cameras: tuple[str, ...]
    state: str
    since: float


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """A person is no longer in the site: `end` in what goes out.

    Attributes:
        time: seconds, when he was last seen.
        person: the Global ID.
        cameras: that saw him, in alphabetical order.
        since: seconds, when he appeared.
        reason: "unseen", "merged", "forgotten" or "stopped".
        into: whom he was merged into; -1 otherwise.
    """

    time: float
    person: int
    cameras: tuple[str, ...]
    since: float
    reason: str
    into: int = -1


@dataclass(frozen=True, slots=True)
class ZoneEntered:
    """A person (or, while undecided, a track) has entered a zone; `time` is when he was first seen inside.

    `camera` and `track` are those that saw him enter; `visit` counts the visits of all zones since the site's start,
    from 1: the `ZoneLeft` of the same visit names it again.
    """

    time: float
    camera: str
    track: int
    person: int
    zone: str
    visit: int = 0


@dataclass(frozen=True, slots=True)
class ZoneLeft:
    """A visit of a zone is over after `dwell` seconds; `time` is when he was last seen inside.

    `camera` and `track` are those of the `ZoneEntered` of the same `visit`, `person` is who it turned out to be.
    `reason` is "left", "unseen", "merged" (he is inside by another visit, too, which goes on), "forgotten", "stopped".
    """

    time: float
    camera: str
    track: int
    person: int
    zone: str
    dwell: float
    reason: str = "left"
    visit: int = 0


@dataclass(frozen=True, slots=True)
class LineCrossed:
    """A person has crossed a line at `time`; `direction` is "in" or "out"."""

    time: float
    camera: str
    track: int
    person: int
    line: str
    direction: str


@dataclass(frozen=True, slots=True)
class CameraOnline:
    """A camera delivers pictures, for the first time or again."""

    time: float
    camera: str


@dataclass(frozen=True, slots=True)
class CameraStalled:
    """A camera is connected and what it delivers is of no use, or little; `reason` is one sentence."""

    time: float
    camera: str
    reason: str
    fault: CameraFault = "stalled"


@dataclass(frozen=True, slots=True)
class CameraLost:
    """A camera is gone; `reason` is one sentence."""

    time: float
    camera: str
    reason: str
    fault: CameraFault = "lost"


@dataclass(frozen=True, slots=True)
class CameraChanged:
    """A camera goes on otherwise than before: its picture's size, its rate or its clock; `reason` is one sentence."""

    time: float
    camera: str
    reason: str
    what: Literal["size", "rate", "clock"]


@dataclass(frozen=True, slots=True)
class StepFaulted:
    """A step of the chain broke, unexpectedly, on a camera, which begins anew; the others go on.

    `camera` is empty where the step was one of several cameras together. `reason` is one sentence.
    """

    time: float
    camera: str
    reason: str


@dataclass(frozen=True, slots=True)
class QualityChanged:
    """The site computes less than it was asked to, or more again, to keep up with its cameras.

    Attributes:
        time: seconds.
        level: 0 is full quality; each level takes one more step down.
        every: the detector looks at every n-th picture, on average over time.
        refresh: tracks get new features so many times more rarely.
        size: pixels of the detector's input; 0 where it is as set.
        reason: one sentence.
    """

    time: float
    level: int
    every: int
    refresh: float
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class StorageLost:
    """Nothing can be stored, so no Global ID is answered until it can be again; `reason` is one sentence."""

    time: float
    reason: str


@dataclass(frozen=True, slots=True)
class StorageRestored:
    """What could not be stored has been stored: `held` steps were, and `refused` came too late to be held."""

    time: float
    held: int
    refused: int


Event: TypeAlias = (
    TrackStarted
    | TrackEnded
    | PersonEnrolled
    | PersonRecognised
    | PersonMerged
    | PersonSplit
    | PersonForgotten
    | PersonAppeared
    | PersonChanged
    | PersonLeft
    | ZoneEntered
    | ZoneLeft
    | LineCrossed
    | CameraOnline
    | CameraStalled
    | CameraLost
    | StepFaulted
    | QualityChanged
    | StorageLost
    | StorageRestored
    | CameraChanged
    | AppearanceDoubted
    | ClockCorrected
)
