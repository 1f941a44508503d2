"""Trackers by name; what cannot be used is refused with a sentence that lists what can."""

import textwrap

import pytest

from unbroken.core.errors import ConfigError
from unbroken.tracking import by_name, names
from unbroken.tracking.registry import TRACKERS, parameters_of
from unbroken.tracking.settings import ranges


def test_every_name_makes_a_tracker_with_its_settings():
    assert set(TRACKERS) <= set(names())
    assert by_name("sort", max_age=2.5).parameters.max_age == 2.5
    assert by_name("deepsort", cost="sum").parameters.cost == "sum"


def test_an_unknown_tracker_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="tracker 'strong' is not known; choose one of botsort, bytetrack"):
        by_name("strong")


def test_an_unknown_setting_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="tracker 'sort' has no setting 'nn_budget'; it has max_age, min_hits"):
        by_name("sort", nn_budget=3)


@pytest.mark.parametrize("value", [5.0, -0.1, float("nan"), "wide", None, True])
def test_a_value_outside_its_range_is_named(value):
    with pytest.raises(ConfigError, match=r"Sort: iou_threshold is .*; give a number in 0\.\.1"):
        by_name("sort", iou_threshold=value)


def test_a_choice_is_checked_too():
    with pytest.raises(ConfigError, match="cost is 'product'; choose cascade or sum"):
        by_name("deepsort", cost="product")


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_every_default_lies_in_its_declared_range(name):
    kind = parameters_of(name)
    made = kind()
    assert ranges(kind)
    for setting, (low, high) in ranges(kind).items():
        assert low <= getattr(made, setting) <= high


def test_a_third_party_is_loaded_only_when_named(tmp_path, monkeypatch):
    (tmp_path / "tracker_of_others.py").write_text(
        textwrap.dedent("""
            import dataclasses
            from unbroken.tracking.sort import Sort

            @dataclasses.dataclass(frozen=True)
            class Mine(Sort):
                eagerness: float = 1.0
        """)
    )
    info = tmp_path / "tracker_of_others-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tracker-of-others\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[unbroken.trackers]\nmine = tracker_of_others:Mine\nlost = tracker_of_others_gone:Mine\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"mine", "lost"} <= set(names())
    assert by_name("mine", eagerness=2.0, min_hits=1).parameters.eagerness == 2.0
    with pytest.raises(ConfigError, match=r"tracker 'lost' \(tracker_of_others_gone:Mine\) cannot be loaded"):
        by_name("lost")
