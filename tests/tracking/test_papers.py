"""A ratchet: on real boxes the trackers of the papers reach what their authors' code reaches, and do not fall back."""

import pytest

from needs import data
from unbroken.bench.recorded import judge, read_all
from unbroken.tracking import by_name

ROWS = [
    # tracker, settings, camera motion, HOTA of the authors' code, HOTA that was reached here
    ("sort", {"max_age": 1 / 14}, False, 62.72, 62.9),
    ("sort", {}, False, 66.36, 66.6),
    ("ocsort", {}, False, 66.45, 67.3),
    ("bytetrack", {}, False, 67.80, 67.9),
    ("botsort", {}, False, 67.91, 67.9),
    ("botsort", {}, True, 68.63, 68.7),
    ("deepsort", {}, False, 66.36, 66.3),
]


@pytest.fixture(scope="module")
def recorded():
    return read_all(data("data/mot17_half"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings", "motion", "authors", "reached"), ROWS)
def test_as_good_as_the_authors_code(recorded, name, settings, motion, authors, reached):
    scores, _ = judge(recorded, lambda: by_name(name, **settings), motion=motion)
    hota = 100 * scores.summary()["HOTA"]
    assert hota >= authors - 0.3
    assert hota >= reached
