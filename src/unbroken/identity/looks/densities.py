"""How honest is a ratio? The scores of one person's tracks and of strangers, as two densities fitted without labels.

The two-covariance model believes its own assumptions, and it was taught by links that it had a hand in: its ratio
ranks well and says far too much. So its scores are calibrated as those of speakers are (Brummer and Garcia-Romero,
Odyssey 2014, "Bayesian calibration for speaker recognition"; the mixture without labels after Brummer and
Garcia-Romero, Interspeech 2014). Each track is scored against the tracks just before it. Most of these pairs are
strangers; pairs of tracks that were seen together in one view are so for certain; a few per cent are somebody who
walked on. Two normal densities of one width and the share of the second are fitted by expectation-maximisation. With
one width their log-ratio is a straight line, so it is monotone whatever comes.

The pairs are made of the tracks that the manager remembers, which are bounded, each time the model is fitted anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from scipy.special import expit, logit

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.history import History

_STEPS = 50
_LEAST_SPREAD = 1e-6
_LEAST_SEPARATION = 0.5


@dataclass(frozen=True, slots=True)
class DensitySettings:
    """Settings of the two densities.

    Attributes:
        separation: prior distance of the two means, in standard deviations; half of it is the quantile of the equal
            error rate, 3 stands for 6.7 %. The card of a net may carry another.
        weight: as many pairs of one person as that prior is worth.
        share: prior share of pairs that are one person.
        share_weight: as many pairs as that is worth.
        neighbours: tracks before it in time with which each track is compared.
    """

    separation: float = 3.0
    weight: float = 100.0
    share: float = 0.05
    share_weight: float = 20.0
    neighbours: int = 20


@dataclass(frozen=True, slots=True)
class Densities:
    """Two normal densities of one width.

    Attributes:
        strangers: mean score of two people.
        same: mean score of two tracks of one person.
        spread: standard deviation of both.
        share: of the pairs, expected to be one person.
        pairs: that were looked at.
        together: pairs of them that were seen together in one view.
    """

    strangers: float
    same: float
    spread: float
    share: float
    pairs: int
    together: int

    @property
    def separation(self) -> float:
        """Standard deviations between the two means."""
        return (self.same - self.strangers) / self.spread

    @property
    def slope(self) -> float:
        """Nats per unit of score."""
        return self.separation / self.spread

    @property
    def even(self) -> float:
        """The score at which both are equally likely."""
        return (self.same + self.strangers) / 2

    @property
    def equal_error(self) -> float:
        """The share of either kind of pairs that is beyond `even`."""
        return erfc(self.separation / 2 / sqrt(2)) / 2

    @property
    def genuine(self) -> float:
        """How many pairs of one person are expected among those that were looked at."""
        return self.share * self.pairs

    def log_ratio(self, scores: Floats) -> Floats:
        """Log-likelihood ratio of one person against two, for scores of any shape."""
        found: Floats = self.slope * (scores - self.even)
        return found


def near_pairs(slots: Ints, history: History, neighbours: int) -> tuple[Ints, Ints, Bools]:
    """Pairs of slots, each with those before it in the order of time, and which were seen together in one view."""
    order = slots[history.middles(slots).argsort(kind="stable")]
    steps = range(1, min(neighbours, len(order) - 1) + 1)
    nobody = np.zeros(0, dtype=np.int64)
    later = np.concatenate([nobody, *(order[step:] for step in steps)])
    earlier = np.concatenate([nobody, *(order[:-step] for step in steps)])
    together = (history.starts[later] <= history.ends[earlier]) & (history.ends[later] >= history.starts[earlier])
    return later, earlier, together & (history.cameras[later] == history.cameras[earlier])


def fit_densities(scores: Floats, together: Bools, settings: DensitySettings) -> Densities:
    """Fit by expectation-maximisation, from the prior.

    Args:
        scores: (N,) of pairs.
        together: (N,) which of them are strangers for certain.
        settings: the prior.
    """
    if not len(scores):
        return Densities(-settings.separation, 0.0, 1.0, settings.share, 0, 0)
    strangers = float(np.median(scores))
    spread = max(1.4826 * float(np.median(np.abs(scores - strangers))), _LEAST_SPREAD)
    same, share = strangers + settings.separation * spread, settings.share
    for _ in range(_STEPS):
        slope = (same - strangers) / spread**2
        one = np.where(together, 0.0, expit(slope * (scores - (same + strangers) / 2) + logit(share)))
        count, others = float(one.sum()), float(len(scores) - one.sum())
        share = (count + settings.share_weight * settings.share) / (len(scores) + settings.share_weight)
        prior = strangers + settings.separation * spread
        same = (float(one @ scores) + settings.weight * prior) / (count + settings.weight)
        strangers = float((1 - one) @ scores) / others
        inner = (float(one @ (scores - same) ** 2) + settings.weight * spread**2) / (count + settings.weight)
        outer = float((1 - one) @ (scores - strangers) ** 2) / others
        spread = max(sqrt((inner + outer) / 2), _LEAST_SPREAD)
        same = max(same, strangers + _LEAST_SEPARATION * spread)
    return Densities(strangers, same, spread, share, len(scores), int(together.sum()))
