"""What was recorded is run again: the same events to the bit, whatever happened to the process that recorded it."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from unbroken.app.outputs import Outputs
from unbroken.app.replay import replay, settings_of
from unbroken.app.track import track_site
from unbroken.cli.main import app
from unbroken.config.reading import checked
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.sightings import Sightings
from unbroken.identity.manager import CalibratedManager
from unbroken.pipeline.recorder import Recorded, RecorderSettings, Recording, entries
from walkers import write_walk

ZONE = [[100.0, 0.0], [220.0, 0.0], [220.0, 240.0], [100.0, 240.0]]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A real run over two videos, with zones, recorded with its pictures."""
    folder = tmp_path_factory.mktemp("tracked")
    cameras = [
        {"name": name, "source": str(write_walk(folder / f"{name}.mp4", 5.0, cast))}
        for name, cast in (("hall", 1.0), ("door", 0.7))
    ]
    zones = [{"name": "middle", "camera": "hall", "polygon": ZONE}]
    site = checked({"cameras": cameras, "zones": zones}, "test")
    outputs = Outputs(folder / "out", videos=False, report=False, record=folder / "recording", record_pictures=True)
    track_site(site, outputs)
    return folder


def run_again(folder, output, site=None, wishes=()):
    return replay(folder, settings_of(folder, site, wishes), output, lambda _: None)


def test_the_same_settings_give_the_same_events_to_the_bit(tracked, tmp_path):
    done = run_again(tracked / "recording", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tracked / "out" / "events.jsonl").read_bytes()
    kinds = {json.loads(line)["type"] for line in (tmp_path / "again.jsonl").read_text().splitlines()}
    assert kinds >= {"camera_online", "track_started", "person_enrolled", "person_recognised", "zone_entered", "new"}
    assert (done.steps, done.refused, done.persons) == (50, 0, 2)
    assert done.recorded == pytest.approx(4.9)
    assert done.speed == pytest.approx(done.recorded / done.taken)


def test_a_replay_beside_a_run_leaves_the_events_of_the_run_alone(tracked, tmp_path, monkeypatch):
    """Both wrote `events.jsonl`, and a replay in the folder of a site replaced what had been told."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.jsonl").write_text("what was told\n")
    done = CliRunner().invoke(app, ["replay", str(tracked / "recording")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "events.jsonl").read_text() == "what was told\n"
    assert (tmp_path / "replayed.jsonl").read_bytes() == (tracked / "out" / "events.jsonl").read_bytes()


def test_every_picture_is_kept_where_that_was_asked_for(tracked):
    for camera in ("hall", "door"):
        assert len(list((tracked / "recording" / "pictures" / camera).glob("*.jpg"))) == 50


def test_a_recording_is_for_its_owner_alone(tmp_path):
    """It holds looks of people, like the database; the state with which it began could be read by everybody."""
    recording = Recording(tmp_path / "recording", {})
    recording.begin_with(b"looks")
    assert (tmp_path / "recording").stat().st_mode & 0o077 == 0
    assert (tmp_path / "recording" / "state.bin").stat().st_mode & 0o077 == 0


def test_other_settings_give_other_events(tracked, tmp_path):
    run_again(tracked / "recording", tmp_path / "again.jsonl")
    run_again(tracked / "recording", tmp_path / "slow.jsonl", wishes=["identity.enough=50", "identity.patience=1.5"])
    other = tmp_path / "site.toml"
    other.write_text('[[cameras]]\nname = "x"\nsource = "x.mp4"\n[identity.options]\nenough = 50.0\npatience = 1.5\n')
    run_again(tracked / "recording", tmp_path / "site.jsonl", site=other)
    slow, again = ((tmp_path / name).read_text() for name in ("slow.jsonl", "again.jsonl"))
    first = [json.loads(next(one for one in text.splitlines() if "person_enrolled" in one)) for text in (slow, again)]
    assert first[0]["time"] > first[1]["time"]
    assert (tmp_path / "site.jsonl").read_text().count("person_enrolled") == slow.count("person_enrolled")
    assert "zone_entered" not in (tmp_path / "site.jsonl").read_text()


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ("identity.colour=3", "has no setting 'colour'"),
        ("storage.days=3", "no setting of a replay"),
        ("identity", "no setting of a replay"),
        ("topology.speed=3", "speed"),
        ("identity.policy=best", "policy 'best' is not known"),
    ],
)
def test_a_setting_that_nobody_knows_is_one_sentence(tracked, tmp_path, wish, sentence):
    with pytest.raises(ConfigError, match=sentence):
        run_again(tracked / "recording", tmp_path / "x.jsonl", wishes=[wish])


def test_what_is_no_recording_is_one_sentence(tmp_path):
    with pytest.raises(StoreError, match="is no recording"):
        run_again(tmp_path, tmp_path / "x.jsonl")
    Recording(tmp_path / "old", {"site": {}}).close()
    with pytest.raises(StoreError, match="holds a recording already"):
        Recording(tmp_path / "old", {})


def sightings(number):
    rng = np.random.default_rng(number)
    features = rng.normal(size=(2, 16)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    left = np.array([[0.0, 0.0, 40.0, 100.0], [100.0, 0.0, 140.0, 100.0]])
    unknown = np.full((2, 2), np.nan), np.full((2, 2, 2), np.nan)
    return Sightings("a", number / 2, np.array([1, 2]), left, *unknown, features, np.ones(2), np.zeros(0))


def written(folder, count=12):
    """A recording of some batches in several files, never closed, as a kill leaves it."""
    recording = Recording(folder, {"site": {}}, RecorderSettings(chunk=1500))
    manager = Recorded(CalibratedManager(), recording)
    for number in range(count):
        manager.observe([sightings(number)])
    return recording


def ends(content):
    """Where each entry of a file ends."""
    place = 0
    while place < len(content):
        place += 4 + int.from_bytes(content[place : place + 4], "little")
        yield place


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_kill_costs_the_entry_that_was_being_written_and_damage_is_told(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("killed")
    written(folder / "r").close()
    files = sorted((folder / "r").glob("steps-*.bin"))
    assert len(files) > 2
    whole = [entry.time for entry in entries(folder / "r")]
    last = files[-1].read_bytes()
    kept = data.draw(st.integers(0, len(last) - 1))
    files[-1].write_bytes(last[:kept])
    lost = sum(end > kept for end in ends(last))
    assert [entry.time for entry in entries(folder / "r")] == whole[: len(whole) - lost]
    damaged = bytearray(files[0].read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    files[0].write_bytes(damaged)
    with pytest.raises(StoreError):
        list(entries(folder / "r"))
    shutil.rmtree(folder)


def test_a_file_that_is_missing_is_told(tmp_path):
    written(tmp_path / "r").close()
    (tmp_path / "r" / "steps-000002.bin").unlink()
    with pytest.raises(StoreError, match=r"steps-000002\.bin is missing"):
        list(entries(tmp_path / "r"))
