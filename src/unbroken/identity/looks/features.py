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
        self._views: Features = np.zeros((0, 0), dtype=np.float32)
        self._quality: Floats = np.zeros(settings.views + 1)
        self._count = 0
        self._alike = np.full((settings.views + 1, settings.views + 1), -np.inf)
        self.weight = 0.0
        """The sum of the quality of all views ever added."""

    def __len__(self) -> int:
        return self._count

    def add(self, feature: Features, quality: float) -> None:
        """Take a unit vector (D,) and its quality in 0..1; 0 counts a little, for it may be all there is."""
        quality = max(quality, 1e-3)
        self.weight += quality
        count = self._count
        if not count:
            self._views = np.zeros((self._limit + 1, len(feature)), dtype=np.float32)
        similarity = self._views[:count] @ feature
        self._alike[count, :count] = self._alike[:count, count] = similarity
        self._views[count], self._quality[count] = feature, quality
        self._count = count + 1
        if self._count > self._limit:
            self._drop_the_most_redundant()

    @property
    def vector(self) -> Features:
        """(D,) the mean of the views kept, weighed by quality, of unit length."""
        mean = self._quality[: self._count] @ self._views[: self._count]
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)

    def _drop_the_most_redundant(self) -> None:
        one, other = divmod(int(self._alike.argmax()), len(self._alike))
        worse, last = one if self._quality[one] < self._quality[other] else other, self._limit
        self._views[worse], self._quality[worse] = self._views[last], self._quality[last]
        self._alike[worse], self._alike[:, worse] = self._alike[last], self._alike[:, last]
        self._alike[worse, worse] = self._alike[last] = self._alike[:, last] = -np.inf
        self._count = last


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
