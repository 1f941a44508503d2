"""What a ratio is worth: the two densities are found without being told who is who."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.identity.history import History, Tracklet
from unbroken.identity.looks.densities import Densities, DensitySettings, fit_densities, near_pairs


def scores(share, separation, spread=4.0, strangers=-7.0, count=8000, seed=0):
    """Scores of pairs of which a share is one person, and which these are."""
    rng = np.random.default_rng(seed)
    one = rng.random(count) < share
    return strangers + spread * (rng.normal(size=count) + separation * one), one


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15])
@pytest.mark.parametrize("separation", [2.5, 3.0, 4.0])
def test_both_densities_are_found_without_labels(share, separation):
    values, one = scores(share, separation)
    found = fit_densities(values, np.zeros(len(values), dtype=np.bool_), DensitySettings(weight=5.0))
    assert found.strangers == pytest.approx(values[~one].mean(), abs=0.4)
    assert found.separation == pytest.approx(separation, abs=0.35)
    assert found.share == pytest.approx(one.mean(), rel=0.35)


def test_the_ratio_is_honest_where_the_model_says_too_much():
    values, one = scores(0.05, 3.0, spread=12.0)
    found = fit_densities(values, np.zeros(len(values), dtype=np.bool_), DensitySettings())
    log_odds = found.log_ratio(values) + np.log(found.share / (1 - found.share))
    likely = (log_odds > 0) & (log_odds < 2)
    claimed = 1 / (1 + np.exp(-log_odds[likely]))
    assert one[likely].mean() == pytest.approx(claimed.mean(), abs=0.1)


def test_with_few_pairs_the_prior_of_the_net_decides():
    values, _ = scores(0.0, 0.0, count=40)
    for separation in (2.0, 4.0):
        settings = DensitySettings(separation=separation)
        found = fit_densities(values, np.zeros(40, dtype=np.bool_), settings)
        assert found.separation == pytest.approx(separation, abs=0.3)


def test_who_was_seen_together_is_never_counted_as_one_person():
    values, _ = scores(0.05, 3.0)
    alike = np.full(400, values.max())
    together = np.concatenate([np.zeros(len(values), dtype=np.bool_), np.ones(400, dtype=np.bool_)])
    everything = np.concatenate([values, alike])
    told = fit_densities(everything, together, DensitySettings())
    untold = fit_densities(everything, np.zeros(len(together), dtype=np.bool_), DensitySettings())
    assert told.genuine < untold.genuine - 300
    assert told.together == 400


@given(st.lists(st.floats(-1e3, 1e3), max_size=60), st.integers(0, 60))
def test_whatever_the_scores_the_ratio_rises_with_them(values, certain):
    together = np.arange(len(values)) < certain
    found = fit_densities(np.array(values, dtype=np.float64), together, DensitySettings())
    assert found.slope > 0
    assert 0 < found.equal_error < 0.5
    assert np.all(np.diff(found.log_ratio(np.array([-10.0, 0.0, 10.0]))) > 0)


def test_the_equal_error_is_the_share_beyond_the_even_point():
    densities = Densities(strangers=-6.0, same=6.0, spread=4.0, share=0.1, pairs=100, together=0)
    drawn = densities.strangers + densities.spread * np.random.default_rng(1).normal(size=200_000)
    assert densities.equal_error == pytest.approx((drawn > densities.even).mean(), abs=0.003)
    assert densities.log_ratio(np.array([densities.even]))[0] == 0


def test_tracks_are_paired_with_those_before_them_and_views_shared_at_once_are_marked():
    history = History(8)
    for number, (camera, start, end) in enumerate([(0, 0.0, 4.0), (0, 3.0, 6.0), (1, 3.0, 7.0), (0, 20.0, 22.0)]):
        history.append(Tracklet("c", number, start, end, np.ones(2, dtype=np.float32)), camera)
    later, earlier, together = near_pairs(np.arange(4), history, 2)
    found = set(zip(later.tolist(), earlier.tolist(), together.tolist(), strict=True))
    assert found == {(1, 0, True), (2, 1, False), (3, 2, False), (2, 0, False), (3, 1, False)}
