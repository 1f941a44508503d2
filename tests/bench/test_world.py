"""The benchmark of the synthetic site counts what it says it counts."""

from dataclasses import replace

import numpy as np
import pytest

from unbroken.bench.outcome import Options
from unbroken.bench.world import answered, fair_truth, global_idf1, merges, perfect, run, violations
from unbroken.datasets.motchallenge import read_rows
from unbroken.datasets.synthetic import NOBODY, ObservationSettings, WorldSettings, make_world, observe
from unbroken.datasets.synthetic.chaos import ChaosSettings, disturbed
from unbroken.identity.policies import POLICIES, by_name


@pytest.fixture(scope="module")
def site():
    world = make_world(WorldSettings(people=8, seconds=120.0, rate=2.0), np.random.default_rng(0))
    return world, observe(world, ObservationSettings(swap=0.0), np.random.default_rng(1))


def test_who_knows_everybody_is_only_held_back_by_missed_people(site):
    world, stream = site
    answers = perfect(world, stream)
    assert 0.9 < global_idf1(fair_truth(world), answers, answers.final) < 1
    assert merges(answers) == (0, 0)
    assert violations(world, answers, answers.final) == 0


def test_one_id_for_everybody_is_a_false_merge_and_breaks_exclusivity(site):
    world, stream = site
    answers = perfect(world, stream)
    one = np.ones_like(answers.final)
    named = replace(answers, final=one)
    assert violations(world, named, one) > 100
    assert merges(named)[0] > 0.7
    assert global_idf1(fair_truth(world), named, one) < 0.4


def test_an_id_per_camera_is_split_but_neither_merged_nor_in_two_places(site):
    world, stream = site
    answers = perfect(world, stream)
    apart = np.where(answers.persons == NOBODY, -1, answers.persons * 10 + answers.cameras)
    named = replace(answers, final=apart)
    false, split = merges(named)
    assert false == 0
    assert split == pytest.approx(1 - len(set(answers.persons) - {NOBODY}) / len(set(apart) - {-1}))
    assert violations(world, named, apart) == 0
    assert global_idf1(fair_truth(world), named, apart) < global_idf1(fair_truth(world), answers, answers.final)


def test_being_at_once_in_two_halls_is_a_violation_and_in_overlapping_views_is_not(site):
    world, stream = site
    answers = perfect(world, stream)
    rows = np.flatnonzero(answers.persons > 0)[:1]

    def seen_by(cameras):
        pair = np.repeat(rows, 2)
        fields = {name: getattr(answers, name)[pair] for name in ("frames", "tracks", "persons", "boxes", "arrival")}
        return replace(answers, cameras=np.array(cameras), final=np.array([5, 5]), **fields)

    assert violations(world, seen_by([0, 1]), np.array([5, 5])) == 0
    assert violations(world, seen_by([0, 2]), np.array([5, 5])) == 1
    assert violations(world, seen_by([0, 2]), np.array([5, 5]), clocks_agree=False) == 0
    assert violations(world, seen_by([2, 2]), np.array([5, 5]), clocks_agree=False) == 1


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_manager_answers_every_report_that_arrives_also_in_chaos(site, policy):
    world, stream = site
    chaos = disturbed(stream, ChaosSettings(), np.random.default_rng(3))
    answers = answered(by_name(policy), world, chaos)
    arrived = {(o.sightings.camera, o.frame): len(o.persons) for step in chaos for o in step}
    assert len(answers.frames) == sum(arrived.values())
    assert violations(world, answers, answers.arrival, clocks_agree=False) == 0
    assert (answers.arrival > 0).mean() > 0.5


def test_the_benchmark_prints_a_ceiling_and_two_rows_per_manager_and_keeps_answers(tmp_path):
    outcome = run(Options(tmp_path, tmp_path, output=tmp_path / "kept", quick=True, seed=1))
    rows = {row[0]: dict(zip(outcome.columns[1:], row[1:], strict=True)) for row in outcome.rows}
    ceiling = rows["who it is in truth"]["IDF1 final"]
    assert {"fixed", "fixed, with chaos"} <= set(rows)
    for row in rows.values():
        assert row["IDF1 final"] <= ceiling
    assert len(read_rows(tmp_path / "kept" / "fixed" / "cam1.txt")) > 100
    assert (tmp_path / "kept" / "truth" / "cam1" / "gt" / "gt.txt").exists()
