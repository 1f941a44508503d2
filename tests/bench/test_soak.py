"""A day in short: nothing that is kept grows with uptime. Sizes are exact, so this does not depend on the machine."""

from unbroken.bench.outcome import Options
from unbroken.bench.soak import QUICK, Diary, lived, run


def test_after_the_second_hour_nothing_grows(tmp_path):
    outcome = run(Options(tmp_path, tmp_path, output=tmp_path, quick=True))
    state, people, tracks, database = ([row[column] for row in outcome.rows] for column in (4, 5, 6, 7))
    assert state[-1] <= 1.05 * state[1]
    assert max(people) <= 1.5 * people[1]
    assert max(tracks) <= 2 * QUICK.people
    assert database[-1] - database[-2] <= 1.25 * (database[1] - database[0])  # rows are kept for days
    assert all(row[8] > 0 for row in outcome.rows)
    assert "polyline" in (tmp_path / "soak.html").read_text()


def test_the_same_seed_lives_the_same_day():
    first, second = (list(lived(QUICK, 1, 7)) for _ in range(2))
    assert [hour.state for hour in first] == [hour.state for hour in second]


def test_a_day_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    whole = list(lived(QUICK, 2, 3))
    begun = lived(QUICK, 2, 3, Diary(tmp_path, {"seed": 3}))
    next(begun)
    begun.close()
    gone_on = list(lived(QUICK, 2, 3, Diary(tmp_path, {"seed": 3})))
    assert [hour.number for hour in gone_on] == [2]
    assert (gone_on[0].state, gone_on[0].people, gone_on[0].given) == (whole[1].state, whole[1].people, whole[1].given)
    assert [hour.first for hour in Diary(tmp_path, {"seed": 3}).read()] == [True, True]
    assert Diary(tmp_path, {"seed": 4}).read() == []
