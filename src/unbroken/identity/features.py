"""From views to one vector per track, and from vectors to a space in which cameras and dimensions weigh alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """Settings of the bank of views and of the normalisation.

    Attributes:
        views: how many views a track keeps.
        camera_shrinkage: tracks; a camera's mean is drawn to the site's mean as if that many tracks had shown it.
        covariance_shrinkage: tracks; the site's covariance is drawn to a sphere as if that many had shown it.
        ridge: share of the mean variance that is added to every direction before whitening.
    """

    views: int = 8
    camera_shrinkage: float = 10.0
    covariance_shrinkage: float = 200.0
    ridge: float = 1.0


class Bank:
    """The views of one track: the most diverse ones stay, and better views weigh more.

    A plain average over all pictures is drawn to the pose in which somebody stood longest. When the bank is full,
    the two views that are most alike are found and the worse of them goes.
    """

    def __init__(self, settings: FeatureSettings) -> None:
        self._limit = settings.views
        self._views: list[Features] = []
        self._quality: list[float] = []
        self._alike = np.full((settings.views + 1, settings.views + 1), -np.inf)
        self.weight = 0.0
        """The sum of the quality of all views ever added."""

    def __len__(self) -> int:
        return len(self._views)

    def add(self, feature: Features, quality: float) -> None:
        """Take a unit vector (D,) and its quality in 0..1; 0 counts a little, for it may be all there is."""
        quality = max(quality, 1e-3)
        self.weight += quality
        count = len(self._views)
        if count:
            similarity = np.stack(self._views) @ feature
            self._alike[count, :count] = self._alike[:count, count] = similarity
        self._views.append(feature)
        self._quality.append(quality)
        if len(self._views) > self._limit:
            self._drop_the_most_redundant()

    @property
    def vector(self) -> Features:
        """(D,) the mean of the views kept, weighed by quality, of unit length."""
        mean = np.asarray(self._quality, dtype=np.float32) @ np.stack(self._views)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)

    def _drop_the_most_redundant(self) -> None:
        one, other = np.unravel_index(int(np.argmax(self._alike)), self._alike.shape)
        worse = int(one if self._quality[int(one)] < self._quality[int(other)] else other)
        del self._views[worse], self._quality[worse]
        kept = np.delete(np.delete(self._alike, worse, axis=0), worse, axis=1)
        self._alike.fill(-np.inf)
        self._alike[: len(kept), : len(kept)] = kept


@dataclass(frozen=True, slots=True, eq=False)
class Normaliser:
    """Removes each camera's mean, then makes the site's covariance a sphere, then scales to sqrt(D).

    A camera's colour cast shifts all features of that camera alike: its mean is the largest nuisance and is learnt
    without labels. Whitening takes the directions in which everybody varies alike down to the size of the rest
    (the second-order half of CORAL, Sun et al. 2016, arXiv 1511.05547). Scaling after it brings the vectors close to
    a Gaussian (Garcia-Romero and Espy-Wilson, Interspeech 2011), which the two-covariance model needs.

    Attributes:
        centre: (D,) the site's mean.
        means: camera number -> (D,) its shrunk mean.
        whitening: (D, D) symmetric.
    """

    centre: Floats
    means: dict[int, Floats]
    whitening: Floats

    def apply(self, vectors: Features, cameras: Ints) -> Floats:
        """(N, D) unit rows seen by (N,) cameras -> (N, D) rows of length sqrt(D)."""
        means = np.stack([self.means.get(int(camera), self.centre) for camera in cameras])
        white = (vectors - means) @ self.whitening
        norms = np.linalg.norm(white, axis=1, keepdims=True)
        scaled: Floats = white * (vectors.shape[1] ** 0.5 / np.maximum(norms, 1e-9))
        return scaled


def learn_normaliser(vectors: Features, cameras: Ints, settings: FeatureSettings) -> Normaliser:
    """Fit to (N, D) unit rows, one per track, so that somebody who stands still for an hour counts once.

    Every estimate is shrunk, so that it is usable from the first few tracks: means to the site's mean, the covariance
    to a sphere.
    """
    rows = vectors.astype(np.float64)
    centre = rows.mean(axis=0)
    shrinkage = settings.camera_shrinkage
    means: dict[int, Floats] = {}
    residual = np.empty_like(rows)
    for camera in np.unique(cameras).tolist():
        mine = cameras == camera
        means[camera] = (rows[mine].sum(axis=0) + shrinkage * centre) / (mine.sum() + shrinkage)
        residual[mine] = rows[mine] - means[camera]
    count, dimension = rows.shape
    covariance = residual.T @ residual
    sphere = np.eye(dimension) * (np.trace(covariance) / max(count, 1) / dimension + 1e-9)
    prior = settings.covariance_shrinkage
    covariance = (covariance + prior * sphere) / (count + prior) + settings.ridge * sphere
    values, axes = np.linalg.eigh(covariance)
    return Normaliser(centre, means, (axes * values**-0.5) @ axes.T)
