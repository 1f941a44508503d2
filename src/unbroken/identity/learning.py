"""What a site teaches: its looks, calibrated without labels, and how people get about in it."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Features
from unbroken.core.events import AppearanceDoubted
from unbroken.identity.looks.bootstrap import Bootstrap, Pairs
from unbroken.identity.looks.calibration import Likeness, judged, learn_likeness
from unbroken.identity.looks.doubts import doubts
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.site import Site
from unbroken.identity.whereabouts.overlaps import overlap_odds
from unbroken.identity.whereabouts.topology import gaps


class Learner:
    """Fits the model of looks and the transit times of a site to the tracks that are remembered."""

    def __init__(self, settings: ManagerSettings, site: Site) -> None:
        self.settings = settings
        self._site = site
        self._pairs = Pairs(settings.bootstrap)
        self._next_fit = 0
        self._doubts: list[AppearanceDoubted] = []
        self._told = 0

    @property
    def is_new_here(self) -> bool:
        """Whether too few tracks are known for a fit in earnest: views of one track still have something to say."""
        return self._site.history.count < self.settings.first_fit

    def see_strangers(self, vectors: Features) -> None:
        """(N, D) views of the people of one picture."""
        if self.is_new_here and len(vectors) > 1:
            alike = vectors @ vectors.T
            self._pairs.add_strangers(alike[np.triu_indices(len(alike), 1)].astype(np.float64))

    def see_same(self, cosine: float) -> None:
        """How alike a view is to the track that it belongs to."""
        if self.is_new_here:
            self._pairs.add_same(cosine)

    def compare_the_few(self) -> None:
        """What the first tracks say of people seen together, and of one person seen twice, in one camera."""
        history = self._site.history
        seen = history.with_looks
        for place, slot in enumerate(seen.tolist()):
            others = seen[:place][history.cameras[seen[:place]] == history.cameras[slot]]
            alike = (history.vectors[others] @ history.vectors[slot]).astype(np.float64)
            same = history.persons[others] == history.persons[slot]
            self._pairs.add_strangers(alike[~same & history.together(slot, others)])
            for cosine in alike[same].tolist():
                self._pairs.add_same(cosine)

    def fit_when_due(self) -> None:
        """Fit again if the number of tracks has grown enough since the last time."""
        if self._site.history.count >= self._next_fit:
            self.fit()

    def fit(self) -> None:
        """Fit everything anew to what is remembered."""
        history, settings = self._site.history, self.settings
        grown = max(int(history.count * settings.fit_growth), history.count + 2)
        self._next_fit = grown if history.count < settings.fit_until else 2**62
        self.learn_transits()
        width = history.vectors.shape[1]
        if not width:
            return
        settled = np.count_nonzero(history.settled[history.used])
        if self.is_new_here or settled < min(settings.first_fit, history.size):
            self._calibrate(Bootstrap.from_pairs(self._pairs, width, settings.bootstrap), width)
            return
        likeness = self._learnt_likeness()
        self._calibrate(likeness, len(likeness.between))
        known = {doubt.what for doubt in self._doubts}
        found = doubts(likeness, self._pairs, history.count, float(history.ends[history.used].max()))
        self._doubts += {doubt.what: doubt for doubt in found if doubt.what not in known}.values()

    def learn_transits(self) -> None:
        """Take the ways between cameras, and which views overlap, from the tracks that are remembered."""
        history, topology = self._site.history, self._site.topology
        used = history.used
        used = used[(history.persons[used] > 0) & history.settled[used]]
        order = used[np.lexsort((history.numbers[used], history.middles(used), history.persons[used]))]
        before, after = order[:-1], order[1:]
        same = history.persons[before] == history.persons[after]
        before, after = before[same], after[same]
        gap = gaps(history.starts[before], history.ends[before], history.starts[after], history.ends[after])
        sure = np.minimum(history.confidences[before], history.confidences[after])
        odds = overlap_odds(history, len(topology.names), self.settings.overlaps)
        topology.learn(history.cameras[before], history.cameras[after], gap, sure, odds)

    def doubted(self) -> list[AppearanceDoubted]:
        """What is wrong with looks here and was not told yet."""
        untold = self._doubts[self._told :]
        self._told = len(self._doubts)
        return untold

    def _learnt_likeness(self) -> Likeness:
        """The model of looks, from the tracks that were decided surely and everybody's first one."""
        history, settings = self._site.history, self.settings
        used = history.used
        used = used[history.settled[used]]
        believed = history.margins[used] > settings.sure
        first = np.zeros(len(used), dtype=np.bool_)
        first[np.unique(history.persons[used], return_index=True)[1]] = True
        groups = np.where((believed | first) & (history.persons[used] > 0), history.persons[used], -1)
        vectors, cameras = history.vectors[used], history.cameras[used]
        return judged(learn_likeness(vectors, cameras, groups, settings.calibration, settings.features), history)

    def _calibrate(self, likeness: Likeness | Bootstrap, dimension: int) -> None:
        """From here on looks are compared by another model."""
        site, history = self._site, self._site.history
        used = history.used
        site.likeness = likeness
        history.rows = np.zeros((history.size, dimension))
        history.rows[used] = likeness.project(history.vectors[used], history.cameras[used])
        site.gallery.recalibrate(likeness, dimension)
