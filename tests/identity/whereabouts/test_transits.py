"""Hand-offs from times and places alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.passers import links_of, tracklets, walked
from unbroken.core.events import PersonMerged, PersonSplit
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.whereabouts.portals import Passages, learn_portals
from unbroken.identity.whereabouts.topology import TopologySettings
from unbroken.identity.whereabouts.transits import Links, TransitSettings, best_matching, learn_transits, matched


def f1(made: set[tuple[int, int]], truth: set[tuple[int, int]]) -> float:
    return 2 * len(made & truth) / max(len(made) + len(truth), 1)


def learnt_links(passages: Passages) -> set[tuple[int, int]]:
    links = learn_transits(passages, TransitSettings()).links(passages)
    chosen = best_matching(links, matched(links, 20), 0.5)
    return set(zip(links.before[chosen].tolist(), links.after[chosen].tolist(), strict=True))


def test_hand_offs_are_learnt_without_a_single_known_link() -> None:
    scores = []
    for seed in range(3):
        passages, persons = walked(seed, people=60)
        scores.append(f1(learnt_links(passages), links_of(passages, persons)))
    assert np.mean(scores) > 0.85


def test_the_usual_time_of_a_way_is_found() -> None:
    passages, _ = walked(3, people=80)
    model = learn_transits(passages, TransitSettings())
    doors = model.portals.doors(passages)
    second = passages.cameras == 1
    way = doors.exits[second][0] * len(model.portals) + doors.entries[passages.cameras == 2][0]
    assert np.exp(model.ways.gap[way, 0]) == pytest.approx(40.0, rel=0.15)


def test_people_who_have_nothing_to_do_with_each_other_are_hardly_ever_linked() -> None:
    passages, _ = walked(5, people=120, every=10.0)
    alone = np.flatnonzero(np.isin(passages.cameras, [0, 2]))[::3]
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 1200, len(alone))
    span = passages.ends[alone] - passages.starts[alone]
    strangers = Passages(passages.cameras[alone], starts, starts + span, passages.boxes[alone], passages.ended[alone])
    assert len(learnt_links(strangers)) <= 0.1 * len(alone)


def brute_force(links: Links) -> np.ndarray:
    """Marginals over all one-to-one matchings."""
    odds, total = np.exp(links.log_odds), 0.0
    marginals = np.zeros(len(odds))
    for size in range(len(odds) + 1):
        for some in combinations(range(len(odds)), size):
            chosen = list(some)
            if len({*links.before[chosen].tolist()}) == len({*links.after[chosen].tolist()}) == size:
                weight = float(np.prod(odds[chosen]))
                total += weight
                marginals[chosen] += weight
    return marginals / total


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_marginals_are_exact_where_pairs_make_a_chain(odds: list[float]) -> None:
    row = np.arange(len(odds))
    links = Links(row // 2, (row + 1) // 2, np.array(odds))
    assert matched(links, 30) == pytest.approx(brute_force(links), abs=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_nobody_is_matched_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = np.nonzero(rng.random((6, 7)) < 0.5)
    links = Links(before, after, rng.normal(1, 3, len(before)))
    shares = matched(links, 20)
    chosen = best_matching(links, shares, 0.2)
    for side in (before, after):
        assert len(np.unique(side[chosen])) == len(chosen)
    assert np.all(shares[chosen] >= 0.2)
    assert np.all((shares >= 0) & (shares <= 1))


def test_portals_lie_where_people_come_in_and_go_out() -> None:
    passages, _ = walked(1, people=40)
    portals = learn_portals(passages, reach=2.0)
    doors = portals.doors(passages)
    assert len(portals) == 8
    assert np.unique(doors.entries[passages.cameras == 0]).size == 1
    assert not np.intersect1d(doors.entries, doors.exits).size


def test_a_manager_without_features_names_people_and_tells_every_change() -> None:
    passages, persons = walked(2, people=50)
    manager = CalibratedManager()
    named = np.full(len(passages), -1)
    for row, tracklet in enumerate(tracklets(passages)):
        (number,), events = manager.take([tracklet])
        named[row] = manager.person_of(int(number))
        for event in events:
            if isinstance(event, PersonMerged):
                named[named == event.absorbed] = event.person
            elif isinstance(event, PersonSplit):
                named[[track for _, track in event.tracks]] = event.separated
    now = np.array([manager.person_of(number) for number in range(len(passages))])
    assert np.array_equal(named, now)
    assert f1(links_of(passages, named), links_of(passages, persons)) > 0.8
    for person in np.unique(named):
        mine = np.sort(np.flatnonzero(named == person))
        order = mine[np.argsort(passages.starts[mine])]
        assert np.all(passages.starts[order[1:]] > passages.ends[order[:-1]])


def test_nobody_is_quicker_than_the_site_says() -> None:
    passages, _ = walked(2, people=50)
    slow = TopologySettings(fastest={("cam0", "cam1"): 100.0, ("cam1", "cam2"): 100.0, ("cam2", "cam3"): 100.0})
    manager = CalibratedManager(ManagerSettings(topology=slow))
    for tracklet in tracklets(passages):
        manager.take([tracklet])
    named = np.array([manager.person_of(number) for number in range(len(passages))])
    for before, after in links_of(passages, named):
        if (passages.cameras[before], passages.cameras[after]) in {(0, 1), (1, 2), (2, 3)}:
            assert passages.starts[after] - passages.ends[before] >= 100.0
