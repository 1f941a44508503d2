"""Looks on the ground: who was lost is met again by what he looks like, and without features nothing changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.identity.ground.births import clusters
from unbroken.identity.ground.looks import GroundLooks
from unbroken.identity.ground.tracker import GroundTracker
from unbroken.identity.ground.values import GroundObservations

DIMENSION = 64
NOBODY = np.zeros(DIMENSION, dtype=np.float32)


def look(person: int, view: int, camera: str = "a", clear: float = 0.7) -> np.ndarray:
    """A feature: what the person looks like, a cast of the camera, and chance."""
    drawn = [np.random.default_rng(key).normal(size=DIMENSION) for key in ([1, person], [2, ord(camera)], [3, view])]
    who, cast, chance = (one / np.linalg.norm(one) for one in drawn)
    mixed = clear * who + 0.4 * cast + (1 - clear) * chance
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def shown(
    camera: str, people: list[tuple[float, float]], features: list[np.ndarray] | None = None
) -> GroundObservations:
    points = np.array(people, dtype=float).reshape(-1, 2)
    doubts = np.broadcast_to(0.04 * np.eye(2), (len(points), 2, 2))
    none = np.full(len(points), -1)
    looks = np.zeros((len(points), 0)) if not features else np.array(features).reshape(len(points), -1)
    return GroundObservations(camera, points, doubts, none, looks.astype(np.float32))


def replaced(later: int, *, looks: bool) -> set[int]:
    """Numbers of a place where person 1 stands for 4 s, nobody for 1 s, and `later` 0.9 m off; others stand around."""
    tracker, numbers = GroundTracker(), set()
    around = [(who, (4.0 * who, 0.0)) for who in (11, 12, 13, 14, 15)]
    for step in range(40):
        there = around if 16 <= step < 20 else [(1, (0.0, 0.0)) if step < 16 else (later, (0.9, 0.0)), *around]
        views = [
            shown(
                camera,
                [place for _, place in there],
                [look(who, 100 * step + who, camera) for who, _ in there] if looks else None,
            )
            for camera in "ab"
        ]
        result = tracker.update(step / 4, views)
        numbers |= set() if there is around else {int(result.tracks[0][0])}
    return numbers


def test_who_comes_back_a_step_away_keeps_his_number() -> None:
    assert len(replaced(1, looks=True)) == 1


def test_somebody_else_where_somebody_has_just_left_is_somebody_else() -> None:
    assert len(replaced(3, looks=False)) == 1
    assert len(replaced(3, looks=True)) == 2


def test_people_who_come_in_side_by_side_are_put_together_by_their_looks() -> None:
    tracker = GroundTracker()
    for step in range(40):
        features = [[look(who, 100 * step + who, camera) for who in (5, 6)] for camera in "ab"]
        tracker.update(
            step / 4, [shown(camera, [(0, 0), (9, 9)], row) for camera, row in zip("ab", features, strict=True)]
        )
    features = [[look(who, 9000 + who, camera) for who in (7, 8)] for camera in "ab"]
    places = [(20.0, 0.0), (20.3, 0.0)], [(20.3, 0.0), (20.0, 0.0)]
    views = [shown(camera, list(there), row) for camera, there, row in zip("ab", places, features, strict=True)]
    left, right = tracker.update(10.0, views).tracks
    assert left.tolist() == right.tolist()
    assert left[0] != left[1]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_features_of_zeros_change_nothing_to_the_bit(seed: int) -> None:
    plain, zeros, mute = GroundTracker(), GroundTracker(), GroundTracker()
    chance = np.random.default_rng(seed)
    for step in range(12):
        people = [[tuple(chance.uniform(-3, 3, 2)) for _ in range(chance.integers(0, 4))] for _ in "abc"]
        one, other, third = (
            tracker.update(
                step / 2,
                [shown(camera, there, fill and fill * len(there)) for camera, there in zip("abc", people, strict=True)],
            )
            for tracker, fill in ((plain, None), (zeros, [NOBODY]), (mute, [NOBODY[:0]]))
        )
        for a, b in ((one, other), (one, third)):
            assert all(np.array_equal(x, y) for x, y in zip(a.tracks, b.tracks, strict=True))
            assert a.points.tobytes() == b.points.tobytes()
            assert a.covariances.tobytes() == b.covariances.tobytes()


def test_what_a_cosine_says_is_the_ratio_of_the_densities_that_were_seen() -> None:
    chance, looks = np.random.default_rng(4), GroundLooks()
    strangers, same = chance.normal(0.1, 0.1, 3000), chance.normal(0.5, 0.1, 3000)
    looks.learn(strangers, same)
    even, slope = looks.line
    assert even == pytest.approx(0.3, abs=0.02)
    assert slope == pytest.approx((0.5 - 0.1) / 0.1**2, rel=0.1)


def test_a_group_of_foot_points_is_joined_by_who_looks_alike() -> None:
    points = np.array([[0.0, 0.0], [0.4, 0.0], [0.2, 0.0]])
    doubts, cameras = np.tile(0.04 * np.eye(2), (3, 1, 1)), np.array([0, 0, 1])
    for mate in (0, 1):
        alike = np.full((3, 3), -2.0)
        alike[2, mate] = alike[mate, 2] = 2.0
        found = clusters(points, doubts, cameras, 9.2, alike)
        assert sorted(map(sorted, (one.rows for one in found))) == sorted([sorted([mate, 2]), [1 - mate]])


def test_features_of_another_net_are_refused() -> None:
    tracker = GroundTracker()
    tracker.update(0.0, [shown("a", [(0, 0)], [look(1, 1)])])
    with pytest.raises(ContractError, match="one Re-ID net"):
        tracker.update(1.0, [shown("a", [(0, 0)], [np.ones(8, dtype=np.float32) / np.sqrt(8)])])


def test_nothing_is_left_of_the_looks_of_somebody_who_is_forgotten() -> None:
    tracker, feature = GroundTracker(), look(1, 1)
    number = tracker.update(0.0, [shown("a", [(0, 0)], [feature])]).tracks[0]
    held = [bytes_of(tracker)]
    tracker.forget(number)
    held.append(bytes_of(tracker))
    assert [feature.astype(np.float64).tobytes() in one for one in held] == [True, False]


def bytes_of(tracker: GroundTracker) -> bytes:
    arrays = [*vars(tracker._looks).values(), *(getattr(tracker._table, name) for name in tracker._table.__slots__)]
    return b"".join(one.tobytes() for one in arrays if isinstance(one, np.ndarray))
