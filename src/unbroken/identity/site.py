"""What decisions are made from: everything that an identity manager knows, shared by its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from unbroken.core.arrays import Bools, Ints
from unbroken.identity.gallery import Gallery, View
from unbroken.identity.history import History
from unbroken.identity.looks.bootstrap import Bootstrap
from unbroken.identity.looks.calibration import Likeness
from unbroken.identity.whereabouts.coincidences import Coincidences
from unbroken.identity.whereabouts.places import PlaceSettings, impossible
from unbroken.identity.whereabouts.topology import Topology

PINNED = float("inf")
"""The margin of a track that somebody has decided by hand."""
LAPSED = 1e9
"""The margin of a guess about a track that was never due: it stands unless it is in the way of something better."""
REFUSED = -1e6
"""The score of somebody whom a rule excludes."""


@dataclass(slots=True, eq=False)
class Site:
    """What decisions are made from. The parts of a manager share one, and all see what is learnt.

    Attributes:
        gallery: everybody known.
        history: the tracks of the recent past.
        topology: of the cameras.
        coincidences: pairs of tracks that calibrated cameras see at once.
        likeness: of looks; `None` while nothing is known of them.
        hysteresis: nats by which a second thought must be better.
        places: settings of the term of place.
        caution: nats that are added to the score of somebody new.
    """

    gallery: Gallery
    history: History
    topology: Topology
    coincidences: Coincidences
    likeness: Likeness | Bootstrap | None = None
    hysteresis: float = 1.0
    places: PlaceSettings = field(default_factory=PlaceSettings)
    caution: float = 0.0

    @property
    def newcomer(self) -> float:
        """The prior probability of somebody new: at first nearly everybody is (Chinese restaurant process)."""
        setting = self.topology.settings
        return max(setting.newcomer, setting.crowd / (setting.crowd + self.history.count))

    def project(self, slot: int) -> None:
        """Write the row of a track anew: its vector under the present model of looks."""
        history, likeness = self.history, self.likeness
        if likeness is not None and history.rows.shape[1] and history.vectors.shape[1]:
            row = likeness.project(history.vectors[slot : slot + 1], history.cameras[slot : slot + 1])
            history.rows[slot] = row[0]

    def view(self, slot: int) -> View:
        """What the gallery keeps of a track."""
        history = self.history
        return View(
            int(history.numbers[slot]),
            int(history.cameras[slot]),
            float(history.starts[slot]),
            float(history.ends[slot]),
            history.vectors[slot].copy(),
            history.rows[slot].copy(),
        )

    def keep_view(self, slot: int) -> None:
        """The gallery takes the track anew as a view of whose it is."""
        self.gallery.add(int(self.history.persons[slot]), self.view(slot))

    def excluded(self, slot: Ints | int, others: Ints, places: PlaceSettings | None = None) -> Bools:
        """(N,) which of the slots `others` cannot be at the same time where a track, or each of several, is."""
        history = self.history
        apart = self.topology.apart(history.cameras[slot], history.cameras[others])
        found: Bools = apart | impossible(others, slot, history, places or self.places)
        return found
