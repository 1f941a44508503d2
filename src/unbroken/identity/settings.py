"""Settings of the default identity manager."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, log1p

from unbroken.core.errors import ConfigError
from unbroken.identity.corrections import CorrectionSettings
from unbroken.identity.gallery import GallerySettings
from unbroken.identity.looks.bootstrap import BootstrapSettings
from unbroken.identity.looks.calibration import CalibrationSettings
from unbroken.identity.looks.features import FeatureSettings
from unbroken.identity.whereabouts.coincidences import CoincidenceSettings
from unbroken.identity.whereabouts.overlaps import OverlapSettings
from unbroken.identity.whereabouts.places import PlaceSettings
from unbroken.identity.whereabouts.topology import TopologySettings
from unbroken.identity.whereabouts.transits import TransitSettings

_USUAL_CAUTION = log(99)
"""The odds against a false merge for which the other defaults were chosen: 1 %."""


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Settings of the default identity manager.

    Attributes:
        features: of banks and normalisation.
        bootstrap: of the first minute.
        calibration: of the likelihood ratio.
        places: of the term of place.
        coincidences: of pairs of tracks that calibrated cameras see at once.
        topology: of time and cameras.
        overlaps: of which views overlap, as looks say.
        transits: of hand-offs without looks.
        gallery: of what is remembered.
        corrections: of second thoughts.
        false_merge_rate: a Global ID is confirmed when the probability that it is wrong is below this; and the odds of
            it, against those of 1 %, are what somebody new is favoured by: half the rate, twice the odds.
        guess: posterior probability of somebody known from which on a track has his Global ID before it is due; 1 has
            every track wait.
        enough: sum of the quality of the views after which a track is due.
        patience: seconds after which a track is due with whatever has been seen of it.
        memory: tracks that the calibration learns from.
        first_fit: tracks after which the calibration is fitted for the first time in earnest.
        fit_growth: it is fitted again when the number of tracks has grown by this factor.
        fit_until: tracks after which it is frozen: from there nothing drifts.
        sure: nats by which a track must have been decided for the calibration to believe it.
        track_timeout: seconds after which a track that was neither seen nor ended counts as ended.
    """

    features: FeatureSettings = field(default_factory=FeatureSettings)
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    places: PlaceSettings = field(default_factory=PlaceSettings)
    coincidences: CoincidenceSettings = field(default_factory=CoincidenceSettings)
    topology: TopologySettings = field(default_factory=TopologySettings)
    overlaps: OverlapSettings = field(default_factory=OverlapSettings)
    transits: TransitSettings = field(default_factory=TransitSettings)
    gallery: GallerySettings = field(default_factory=GallerySettings)
    corrections: CorrectionSettings = field(default_factory=CorrectionSettings)
    false_merge_rate: float = 0.01
    guess: float = 0.6
    enough: float = 3.0
    patience: float = 2.0
    memory: int = 4096
    first_fit: int = 40
    fit_growth: float = 1.25
    fit_until: int = 20_000
    sure: float = 3.0
    track_timeout: float = 60.0

    def __post_init__(self) -> None:
        """Check once.

        Raises:
            ConfigError: `false_merge_rate` is no probability between 0 and 1.
        """
        if not 0 < self.false_merge_rate < 1:
            raise ConfigError(f"false_merge_rate is {self.false_merge_rate}; give a share above 0 and below 1")

    @property
    def caution(self) -> float:
        """Nats by which somebody new is favoured, for the sake of `false_merge_rate`."""
        return log1p(-self.false_merge_rate) - log(self.false_merge_rate) - _USUAL_CAUTION
