"""What each tracker adds to the one before, in pictures that a reader can draw."""

import pickle

import numpy as np
import pytest

from unbroken.core.detections import Detections
from unbroken.tracking import by_name

RED, BLUE, NONE = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)


def picture(*people):
    """People as (x, score[, look[, y]]): 40 wide, 100 high."""
    boxes = [[p[0], p[3] if len(p) > 3 else 100.0] for p in people]
    boxes = np.array([[x, y, x + 40.0, y + 100.0] for x, y in boxes]).reshape(-1, 4)
    looks = np.array([p[2] if len(p) > 2 else NONE for p in people], dtype=np.float32).reshape(-1, 2)
    return Detections(boxes, np.array([p[1] for p in people]), features=looks)


def follow(tracker, pictures, *, rate=30.0):
    """The ids of each picture, in the order of its detections; 0 for those nobody took."""
    answers = []
    for index, detections in enumerate(pictures):
        tracks = tracker.update(detections, index / rate)
        ids = np.zeros(len(detections), dtype=int)
        ids[tracks.rows] = tracks.ids
        answers.append(ids.tolist())
    return answers


def test_bytetrack_follows_a_person_whose_score_falls_where_sort_loses_him():
    fading = [picture((100 + 2 * t, 0.9 if t < 10 else 0.3)) for t in range(20)]
    assert follow(by_name("bytetrack"), fading)[-1] == [1]
    assert follow(by_name("sort"), fading)[-1] == [0]


def test_bytetrack_begins_no_track_from_a_poor_detection():
    assert follow(by_name("bytetrack"), [picture((100, 0.9))] + [picture((100, 0.9), (500, 0.5))] * 9)[-1] == [1, 0]


def test_bytetrack_drops_a_newcomer_that_is_not_seen_twice():
    tracker = by_name("bytetrack")
    follow(tracker, [picture((100, 0.9)), picture((100, 0.9), (500, 0.9)), picture((100, 0.9))])
    assert tracker.alive.tolist() == [1]


def test_ocsort_takes_back_a_person_who_stopped_while_he_was_hidden():
    """The filter has run on; the last observation has not (OCR)."""
    walk = [picture((100 + 9 * t, 0.9)) for t in range(15)]
    hidden = [Detections.empty()] * 12
    stood = [picture((100 + 9 * 14, 0.9))] * 3
    assert follow(by_name("ocsort"), walk + hidden + stood)[-1] == [1]
    assert follow(by_name("sort"), walk + hidden + stood)[-1] != [1]


def test_ocsort_prefers_the_detection_that_lies_ahead():
    """Two detections overlap the prediction alike, one ahead and one behind: the direction decides (OCM)."""
    tracker = by_name("ocsort", inertia=1.0)
    follow(tracker, [picture((100 + 2 * t, 0.9)) for t in range(12)])
    expected = 100 + 2 * 12
    for behind_first in (True, False):
        pair = [(expected - 10, 0.9), (expected + 10, 0.9)]
        after = pickle.loads(pickle.dumps(tracker))
        tracks = after.update(picture(*(pair if behind_first else pair[::-1])), 12 / 30)
        assert tracks.rows[tracks.ids == 1].tolist() == [int(behind_first)]


def test_after_a_gap_ocsort_knows_the_speed_of_the_gap():
    """He was slower while hidden; the re-update says so, and the next prediction is short (ORU)."""
    walk = [picture((100 + 9 * t, 0.9)) for t in range(15)]
    after = [picture((100 + 9 * 14 + 5 * 4, 0.9))]
    speeds = {}
    for name in ("ocsort", "sort"):
        tracker = by_name(name)
        follow(tracker, [*walk, *[Detections.empty()] * 3, *after])
        assert tracker.alive.tolist() == [1]
        speeds[name] = tracker.table.moments[1, 0, 0] / 30
    assert 5.0 <= speeds["ocsort"] < speeds["sort"]


def meeting(*, looks):
    """Two people walk towards each other, are hidden for half a second, and turn back."""
    red, blue = (RED, BLUE) if looks else (NONE, NONE)
    come = [picture((100 + 4 * t, 0.9, red), (400 - 4 * t, 0.9, blue)) for t in range(30)]
    hidden = [Detections.empty()] * 15
    leave = [picture((216 - 4 * t, 0.9, red), (284 + 4 * t, 0.9, blue)) for t in range(15)]
    return come + hidden + leave


@pytest.mark.parametrize(
    "settings", [{"cost": "cascade"}, {"cost": "sum", "iou_weight": 0.2, "appearance_weight": 0.8}]
)
def test_deepsort_knows_people_again_by_their_looks(settings):
    assert follow(by_name("deepsort", **settings), meeting(looks=True))[-1] == [1, 2]


def test_without_looks_the_same_people_are_taken_for_each_other():
    assert follow(by_name("deepsort"), meeting(looks=False))[-1] != [1, 2]


def test_in_the_gate_of_deepsort_looks_do_not_carry_a_person_across_the_picture():
    tracker = by_name("deepsort", n_init=1)
    pictures = [picture((100, 0.9, RED))] * 10 + [picture((1500, 0.9, RED))]
    assert follow(tracker, pictures)[-1] == [2]


def test_a_feature_that_was_not_computed_neither_binds_nor_parts():
    """One detection of three has no feature; the others say who is who."""
    for settings in ({"cost": "cascade"}, {"cost": "sum"}):
        pictures = [
            picture((100 + t, 0.9, RED if t % 3 else NONE), (160 + t, 0.9, BLUE if t % 3 else NONE)) for t in range(30)
        ]
        assert follow(by_name("deepsort", **settings), pictures)[-1] == [1, 2]


def test_features_of_another_length_are_refused_with_a_sentence():
    from unbroken.core.errors import ContractError

    tracker = by_name("deepsort")
    tracker.update(picture((100, 0.9, RED)), 0.0)
    longer = Detections([[100, 100, 140, 200]], features=np.eye(1, 5, dtype=np.float32))
    with pytest.raises(ContractError, match="features: have 5 numbers, earlier ones had 2; use one Re-ID net"):
        tracker.update(longer, 0.1)
    assert tracker.update(picture((100, 0.9, RED)), 0.05).ids.tolist() == [1]


def test_botsort_lets_looks_decide_among_those_who_are_near():
    """Both detections overlap both tracks; place alone would exchange them."""
    before = [picture((100, 0.9, RED), (120, 0.9, BLUE, 104.0))] * 6
    swapped = [picture((112, 0.9, RED), (108, 0.9, BLUE, 104.0))]
    assert follow(by_name("botsort"), before + swapped)[-1] == [1, 2]
    assert follow(by_name("botsort", with_reid=False), before + swapped)[-1] == [2, 1]


def test_early_association_by_looks_needs_nearness_in_botsort():
    pictures = [picture((100, 0.9, RED))] * 6 + [picture((700, 0.9, RED))] * 3
    assert follow(by_name("botsort"), pictures)[-1] == [2]
