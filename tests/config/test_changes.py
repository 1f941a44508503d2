"""A site file that changes while the site runs: what opens, what closes, what has to wait."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.config.changes import LIVE_SECTIONS, LIVE_SETTINGS, SiteFile, changes_between, running
from unbroken.config.reading import checked, read_site
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError

camera = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["hall", "door", "yard", "stairs"]),
        "source": st.sampled_from(["a.mp4", "b.mp4"]),
        "region": st.sampled_from([(), ((0, 0), (9, 0), (9, 9))]),
        "on": st.booleans(),
    }
)
sites = st.builds(
    lambda cameras, every, stall, level, rate, access: checked(
        {
            "cameras": cameras,
            "detection": {"every": every},
            "live": {"stall": stall},
            "log": {"level": level, "access": access},
            "web": {"rate": rate},
        },
        "test",
    ),
    st.lists(camera, min_size=1, max_size=4, unique_by=lambda one: one["name"]),
    st.integers(1, 3),
    st.sampled_from([2.0, 3.0]),
    st.sampled_from(["info", "debug"]),
    st.sampled_from([5.0, 6.0]),
    st.sampled_from(["access.jsonl", ""]),
)


@given(sites, sites)
def test_closing_and_opening_what_the_changes_say_gives_the_cameras_of_the_new_file(old, new):
    changes = changes_between(old, new)
    cameras = running(old)
    for name in changes.to_close:
        del cameras[name]
    for one in changes.to_open:
        assert one.name not in cameras
        cameras[one.name] = one
    assert cameras == running(new)
    untouched = set(running(old)) - set(changes.to_close)
    assert all(running(old)[name] == running(new)[name] for name in untouched)


@given(sites)
def test_the_same_settings_change_nothing(site):
    changes = changes_between(site, site)
    assert not changes
    assert changes.sentences() == []
    assert changes.in_force == site


@given(sites, sites)
def test_what_is_in_force_is_new_where_it_is_live_and_old_where_it_waits(old, new):
    changes = changes_between(old, new)
    for section in SiteSettings.model_fields:
        if section == "cameras" or section in LIVE_SECTIONS:
            assert getattr(changes.in_force, section) == getattr(new, section)
            continue
        for name in type(getattr(new, section)).model_fields:
            live = name in LIVE_SETTINGS.get(section, ())
            expected = getattr(getattr(new if live else old, section), name)
            assert getattr(getattr(changes.in_force, section), name) == expected
    assert not changes_between(changes.in_force, new).to_open
    assert changes_between(changes.in_force, new).waiting == changes.waiting
    assert bool(changes.waiting) == (
        (old.detection, old.web, old.log.access) != (new.detection, new.web, new.log.access)
    )
    assert ("log" in changes.live) == (old.log.level != new.log.level)


def test_a_setting_that_waits_says_so_in_one_sentence():
    old = checked({"cameras": [{"name": "hall", "source": "a.mp4"}]}, "test")
    new = checked({"cameras": [{"name": "hall", "source": "a.mp4"}], "detection": {"every": 4}}, "test")
    assert changes_between(old, new).sentences() == [
        "detection.every is 4 in the file and 1 in force: restart to use it"
    ]


@pytest.fixture
def site_file(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('[[cameras]]\nname = "hall"\nsource = "a.mp4"\ncalibration = "hall.json"\n')
    (tmp_path / "hall.json").write_text("{}")
    return SiteFile(path, read_site(path))


def touched(path, text):
    """Write a file so that its time differs, however coarse the clock of the file system is."""
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_file_that_nobody_touched_is_not_read_again(site_file):
    assert site_file.changes() is None
    assert site_file.changes(anyway=True) is None


def test_a_camera_that_is_added_to_the_file_is_to_be_opened(site_file):
    touched(site_file.path, site_file.path.read_text() + '[[cameras]]\nname = "door"\nsource = "b.mp4"\n')
    changes = site_file.changes()
    assert [one.name for one in changes.to_open] == ["door"]
    assert changes.to_close == ()
    assert site_file.changes() is None


def test_a_wrong_file_is_complained_about_once_and_what_was_in_force_stays(site_file):
    before, text = site_file.settings, site_file.path.read_text()
    touched(site_file.path, text.replace("source", "sauce"))
    with pytest.raises(ConfigError, match=r"cameras\.0"):
        site_file.changes()
    assert site_file.changes() is None
    assert site_file.settings == before
    touched(site_file.path, text.replace("a.mp4", "c.mp4") + "# mended\n")
    assert [one.name for one in site_file.changes().changed] == ["hall"]


def test_a_file_that_vanishes_is_one_sentence_and_changes_nothing(site_file):
    site_file.path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        site_file.changes()
    assert site_file.changes() is None


def test_a_camera_whose_calibration_was_written_anew_is_opened_again(site_file):
    touched(site_file.path.parent / "hall.json", '{"new": 1}')
    changes = site_file.changes()
    assert [one.name for one in changes.changed] == ["hall"]
    assert site_file.changes() is None
