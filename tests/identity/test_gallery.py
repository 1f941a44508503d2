"""The gallery of the default manager: bounded, and the same whichever way it was filled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.identity.gallery import Gallery, GallerySettings, View
from unbroken.identity.looks.calibration import CalibrationSettings, Likeness, learn_likeness
from unbroken.identity.looks.features import FeatureSettings

_RNG = np.random.default_rng(3)
_LOOKS = _RNG.normal(size=(400, 24))
_LOOKS /= np.linalg.norm(_LOOKS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    cameras, groups = np.arange(400) % 3, np.arange(400) // 4
    return learn_likeness(_LOOKS.astype(np.float32), cameras, groups, CalibrationSettings(), FeatureSettings())


def view(number: int, likeness: Likeness | None = None) -> View:
    vector, camera = _LOOKS[number % 400].astype(np.float32), number % 3
    row = np.zeros(0) if likeness is None else likeness.project(vector[None], np.array([camera]))[0]
    return View(number, camera, float(number), number + 1.0, vector, row)


def test_one_projection_of_all_equals_one_at_a_time(likeness: Likeness) -> None:
    first, then = Gallery(), Gallery()
    then.recalibrate(likeness, len(likeness.between))
    for person in range(1, 40):
        numbers = range(10 * person, 10 * person + person % 5 + 1)
        first.put(person, tuple(view(number) for number in numbers))
        then.put(person, tuple(view(number, likeness) for number in numbers))
    first.recalibrate(likeness, len(likeness.between))
    track = likeness.project(_LOOKS[:5].astype(np.float32), np.zeros(5, dtype=np.int64))
    assert first.ratios(track) == pytest.approx(then.ratios(track))
    assert first.joint(7) == pytest.approx(then.joint(7))
    assert first.bytes == then.bytes


@given(st.lists(st.integers(0, 399), min_size=30, max_size=120))
@settings(max_examples=25, deadline=None)
def test_it_never_holds_more_bytes_than_it_may_and_the_oldest_go(numbers: list[int]) -> None:
    gallery = Gallery(GallerySettings(megabytes=0.002))
    for person, number in enumerate(numbers, 1):
        gallery.put(person, (view(number + 1000 * person),))
        gone = gallery.overdue(1000.0 * person, keep={person})
        for somebody in gone:
            gallery.put(somebody, ())
        assert gallery.bytes <= 2000
        assert all(known > max(gone, default=0) for known in gallery.ids.tolist())
    assert gallery.ids[-1] == len(numbers)


def test_who_is_in_view_stays_even_beyond_the_bytes() -> None:
    gallery = Gallery(GallerySettings(megabytes=1e-6))
    for person in range(1, 6):
        gallery.put(person, (view(person),))
    assert gallery.overdue(10.0, keep={2, 4}) == [1, 3, 5]


def test_nothing_is_counted_of_who_is_gone() -> None:
    gallery = Gallery()
    for person in range(1, 6):
        gallery.put(person, (view(person), view(person + 50)))
    for person in range(1, 6):
        gallery.put(person, ())
    assert gallery.bytes == 0
