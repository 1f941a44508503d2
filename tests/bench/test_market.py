"""The stream of real features: scored on boxes, labels never reach the manager."""

import numpy as np

from needs import data
from unbroken.bench.market import idf1, run
from unbroken.bench.outcome import Options


def test_idf1_counts_boxes_under_one_to_one_matching():
    persons = np.array([1, 1, 1, 2, 2, 3])
    assert idf1(persons, persons * 10) == 1.0
    assert idf1(persons, np.zeros(6)) == 0.5
    assert idf1(persons, np.arange(6)) == 0.5
    assert idf1(persons, np.array([5, 5, 6, 6, 6, 6])) == 4 / 6


def test_the_default_beats_the_textbook_on_real_features_and_keeps_its_answers(tmp_path):
    with np.load(data("data/market_stream/osnet_x0_25_msmt17.npz")) as archive:
        few = np.isin(archive["person"], np.unique(archive["person"])[:30])
        np.savez(tmp_path / "few.npz", **{name: archive[name][few] for name in archive.files})
    outcome = run(Options(tmp_path / "few.npz", tmp_path, output=tmp_path / "kept", quick=True))
    scores = {row[0]: row[1:3] for row in outcome.rows}
    assert min(scores["default"]) > max(scores["textbook: distance < 0.5, moving average 0.9"])
    with np.load(tmp_path / "kept" / "market.npz") as kept:
        assert kept["arrival"].shape == kept["final"].shape == (int(few.sum()),)
