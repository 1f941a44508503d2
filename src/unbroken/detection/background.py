"""What a fixed camera sees when nobody is there, and what differs from it now.

A selective running mean with a noise level per pixel, compared in luma and chroma after the exposure and white
balance of the two are made equal. It starts from the median of the first
seconds, so that people who walk through the start leave nothing behind. Three ideas are old and well proved:
shadows darken a surface and keep its chroma (Horprasert et al. 1999; Prati et al. 2003); whoever is there is not
learnt as background, however long he stands; and a *ghost*, a place where somebody stood when learning began, is
told from a person by the edges along its outline, which are in the background and not in the picture
(Cucchiara et al. 2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Image

NOTHING, SHADED, SOLID = 0, 128, 255
"""The values of an evidence picture: background; darker as in a shadow; surely something else."""


@dataclass(frozen=True, slots=True)
class BackgroundSettings:
    """How the background is learnt.

    Attributes:
        learning_time: seconds after which a change of the empty scene is learnt to two thirds.
        absorbing_time: the same for whatever is taken for a person; it bounds the life of a mistake.
        healing_time: the same for a ghost.
        samples: how many pictures the starting median takes.
        sample_gap: seconds between them.
        contrast: the least difference in luma (0..255) that counts in the light.
        dark_contrast: the same where the background is black: dark coats before dark walls differ by little.
        rising_contrast: by how much of the background's luma it grows between the two.
        sigmas: the least difference in luma, in mean absolute deviations of the pixel.
        chroma: the least difference in Cr or Cb that counts.
        shadow: a shadow leaves at least this part of the luma.
        upheaval: where a greater part of the picture differs, the light has changed and learning starts anew.
        standing_time: seconds after which evidence counts as lasting, to two thirds.
    """

    learning_time: float = 20.0
    absorbing_time: float = 120.0
    healing_time: float = 1.2
    samples: int = 15
    sample_gap: float = 0.4
    contrast: float = 14.0
    dark_contrast: float = 6.0
    rising_contrast: float = 0.1
    sigmas: float = 4.0
    chroma: float = 9.0
    shadow: float = 0.5
    upheaval: float = 0.6
    standing_time: float = 2.0


class Background:
    """The background of one camera at one size of picture; `observe`, then `learn`, for each picture."""

    def __init__(self, settings: BackgroundSettings) -> None:
        """Know nothing."""
        self._settings = settings
        self._forget()
        self._time = -math.inf

    def _forget(self) -> None:
        self._sorted: list[Image] = []
        self._next_sample = -math.inf
        self._mean: NDArray[np.float32] = np.zeros((0, 0, 3), np.float32)
        self._noise: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def observe(self, picture: Image, time: float) -> Image:
        """What differs from the background.

        Args:
            picture: (H, W, 3) BGR, always of the same size.
            time: seconds. A step backwards or a long gap counts as no time and as 2 seconds.

        Returns:
            (H, W) of `NOTHING`, `SHADED` or `SOLID`.
        """
        self._picture = picture
        self._elapsed = min(max(time - self._time, 0.0), 2.0)
        if time < self._time:
            self._next_sample = time
        self._time = time
        self._sample()
        self._follow_exposure()
        evidence: Image = self._evidence()
        if cv2.countNonZero(evidence) > self._settings.upheaval * evidence.size:
            self._forget()
            self._sample()
            self._change = np.zeros_like(evidence)
            return np.zeros_like(evidence)
        cv2.accumulateWeighted(evidence, self._lasting, self._rate(self._settings.standing_time))
        return evidence

    @property
    def lasting(self) -> NDArray[np.float32]:
        """(H, W), 0..255: the mean of the evidence over the last seconds; low where somebody walks by."""
        return self._lasting

    @property
    def luma(self) -> tuple[Image, Image]:
        """(H, W) of the picture last observed and of the background."""
        return self._luma

    def learn(self, people: Image, ghosts: Image) -> None:
        """Learn from the picture last observed.

        Args:
            people: (H, W), not 0 where somebody is: left alone but for `absorbing_time`.
            ghosts: (H, W), not 0 where the background shows somebody who is gone.
        """
        settings = self._settings
        empty = cv2.compare(people, 0, cv2.CMP_EQ)
        rate = self._rate(settings.learning_time)
        cv2.accumulateWeighted(self._change, self._noise, rate, empty)
        if len(self._sorted) >= settings.samples:
            cv2.accumulateWeighted(self._picture, self._mean, rate, empty)
            cv2.accumulateWeighted(self._picture, self._mean, self._rate(settings.absorbing_time))
        if cv2.countNonZero(ghosts):
            cv2.accumulateWeighted(self._picture, self._mean, self._rate(settings.healing_time), ghosts)

    def _rate(self, constant: float) -> float:
        return 1.0 - math.exp(-self._elapsed / constant)

    def _sample(self) -> None:
        """Sort the picture into the samples, pixel by pixel, and take their median."""
        if len(self._sorted) >= self._settings.samples or self._time < self._next_sample:
            return
        rising = self._picture.copy()
        for held in self._sorted:
            greater = cv2.max(held, rising)
            cv2.min(held, rising, held)
            rising = greater
        self._sorted.append(rising)
        self._next_sample = self._time + self._settings.sample_gap
        self._mean = self._sorted[len(self._sorted) // 2].astype(np.float32)
        if len(self._sorted) == 1:
            self._noise = np.full(self._picture.shape[:2], 3, np.float32)
            self._lasting: NDArray[np.float32] = np.zeros(self._picture.shape[:2], np.float32)

    def _follow_exposure(self) -> None:
        """Scale the background by the common gain of the picture: a camera sets its exposure and white balance."""
        now = self._picture[::8, ::8].reshape(-1, 3).astype(np.float32)
        gains = np.median((now + 8) / (self._mean[::8, ::8].reshape(-1, 3) + 8), axis=0)
        if np.abs(gains - 1).max() > 0.01:
            self._mean = cv2.multiply(self._mean, (*gains.tolist(), 1.0))

    def _evidence(self) -> Image:
        settings = self._settings
        now = cv2.cvtColor(self._picture, cv2.COLOR_BGR2YCrCb)
        before = cv2.cvtColor(cv2.convertScaleAbs(self._mean), cv2.COLOR_BGR2YCrCb)
        self._change, red, blue = cv2.split(cv2.absdiff(now, before))
        self._luma: tuple[Image, Image] = cv2.extractChannel(now, 0), cv2.extractChannel(before, 0)
        light, base = self._luma
        rising = cv2.convertScaleAbs(base, alpha=settings.rising_contrast, beta=settings.dark_contrast)
        noise = cv2.convertScaleAbs(self._noise, alpha=settings.sigmas)
        limit = cv2.max(noise, cv2.min(rising, settings.contrast))
        differs = cv2.compare(self._change, limit, cv2.CMP_GT)
        lighter = cv2.compare(light, base, cv2.CMP_GT)
        black = cv2.compare(light, cv2.convertScaleAbs(base, alpha=settings.shadow), cv2.CMP_LT)
        coloured = cv2.compare(cv2.max(red, blue), settings.chroma, cv2.CMP_GT)
        solid = cv2.bitwise_or(coloured, cv2.bitwise_and(differs, cv2.bitwise_or(lighter, black)))
        evidence: Image = cv2.bitwise_or(solid, cv2.bitwise_and(differs, SHADED))
        return evidence
