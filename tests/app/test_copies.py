"""To be forgotten reaches recordings and backups: no byte of any vector is left below the folder of the site."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from node_process import world_steps
from unbroken.app.build import embedder_of, service_identity
from unbroken.app.lasting import Memory
from unbroken.app.replay import replay, settings_of, site_of
from unbroken.cluster.deciding import result_of
from unbroken.config.reading import checked
from unbroken.core.batches import Forget, Report
from unbroken.core.errors import StoreError
from unbroken.core.events import PersonForgotten
from unbroken.pipeline.leaving import Leaver, take_out
from unbroken.pipeline.recorder import PICTURES, RecorderSettings, Recording, StepRecorder, entries
from unbroken.storage.commands import ask, reply_to
from unbroken.storage.copies import BACKUP, EXPORT, note_copy


class Site:
    """A site of the synthetic world with database and recording, in a folder."""

    def __init__(self, folder, policy="calibrated"):
        self.folder = folder
        folder.mkdir()
        self.settings = checked(
            {
                "cameras": [{"name": f"cam{number}", "source": "none.mp4"} for number in range(1, 5)],
                "storage": {"database": str(folder / "site.db")},
                "identity": {"policy": policy},
            },
            "test",
        )
        embedder = embedder_of(self.settings)
        self.memory = Memory(self.settings, service_identity(self.settings), embedder, {})
        self.database = self.memory.keeper.database
        self.seen, self.number = {}, 0
        self.recorder = None
        self.identity = self.memory.identity

    def record(self, name):
        self.recording = Recording(
            self.folder / name,
            site_of(self.settings, {}, self.memory.model, self.memory.highest),
            RecorderSettings(chunk=40_000),
        )
        self.identity = self.memory.recorded(self.identity, self.recording)
        self.recorder = StepRecorder(self.recording)

    def see(self, steps):
        for step in steps:
            answers, events = self.identity.observe(step)
            results = [result_of(Report(1, self.number, view), who) for view, who in zip(step, answers, strict=True)]
            self.number += 1
            if self.recorder is not None:
                self.recorder.observe(results, events)
            for view in step:
                for track, feature in zip(view.tracks.tolist(), view.features, strict=True):
                    if feature.any():
                        self.seen.setdefault((view.camera, track), []).append(feature.tobytes())

    def tracks_of(self, person):
        rows = self.database.query("SELECT camera, track FROM tracks WHERE person = ?", (person,))
        return {(camera, track) for camera, track in rows}

    def forget(self, person):
        number = ask(self.database, Forget(person, "asked"), "anna", 1.0)
        end = time.monotonic() + 60
        told = []
        while (reply := reply_to(self.database, number)) is None:
            assert time.monotonic() < end
            _, events = self.identity.observe([])
            if self.recorder is not None:
                self.recorder.observe([], events)
            told += events
            time.sleep(0.02)
        assert any(isinstance(event, PersonForgotten) for event in told)
        return reply

    def close(self):
        if self.recorder is not None:
            self.recorder.close()
        self.memory.close()

    def found(self, vectors):
        """The files that hold sixteen bytes of one of the vectors."""
        windows = [one[at : at + 16] for one in vectors for at in (0, 40, 96)]
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        contents = {path.name: path.read_bytes() for path in files}
        return sorted(name for name, content in contents.items() if any(window in content for window in windows))


def names_in(folder):
    """Who each track is said to be at the end of a replay, and how often anything is told of anybody."""
    output = folder.parent / f"{folder.name}.jsonl"
    replay(folder, settings_of(folder, None, ()), output, lambda _: None)
    return output.read_text()


def last_names(text):
    found = {}
    for line in text.splitlines():
        event = json.loads(line)
        if event["type"] in ("person_enrolled", "person_recognised"):
            found[event["camera"], event["track"]] = event["person"]
    return found


def a_long_one(site):
    rows = site.database.query("SELECT person, COUNT(*) FROM tracks GROUP BY person ORDER BY 2 DESC, 1 LIMIT 1")
    return rows[0][0]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


def test_no_byte_of_anybody_forgotten_is_left_in_recordings_and_backups(site, tmp_path):
    steps = world_steps()
    site.see(steps[:30])
    site.record("monday")
    site.see(steps[30:70])
    person = a_long_one(site)
    tracks = site.tracks_of(person)
    others = [one for key, many in site.seen.items() if key not in tracks for one in many]
    backup = site.folder / "backup.db"
    note_copy(site.database, backup, BACKUP, time.time())
    site.database.backup(backup)
    note_copy(site.database, tmp_path / "all.zip", EXPORT, time.time())
    (tmp_path / "all.zip").touch()
    vectors = [one for key in tracks for one in site.seen[key]]
    assert {"backup.db", "state.bin", "steps-000001.bin"} <= set(site.found(vectors))
    reply = site.forget(person)
    assert reply.done, reply.text
    assert "none is left" in reply.text
    assert "files of the recording" in reply.text
    assert f"the export {tmp_path / 'all.zip'}" in reply.text
    assert site.found(vectors) == []
    assert {"backup.db", "site.db", "state.bin", "steps-000001.bin"} <= set(site.found(others))
    assert not list(site.folder.rglob("*.part"))
    site.see(steps[70:80])
    site.close()
    text = names_in(site.folder / "monday")
    assert f'"person":{person},' not in text.replace(" ", "")


@pytest.mark.parametrize(("policy", "least"), [("fixed", 1.0), ("calibrated", 0.8)])
def test_a_replay_gives_everybody_else_the_numbers_that_they_had(tmp_path, policy, least):
    """Exactly where each is decided by himself; where people are weighed against each other, with few exceptions."""
    site = Site(tmp_path / "site", policy)
    site.record("monday")
    site.see(world_steps()[:80])
    site.recording.close()
    shutil.copytree(site.folder / "monday", tmp_path / "before")
    before = last_names(names_in(tmp_path / "before"))
    person = a_long_one(site)
    tracks = site.tracks_of(person)
    site.forget(person)
    site.close()
    after = last_names(names_in(site.folder / "monday"))
    assert person not in after.values()
    wanted = {key: one for key, one in before.items() if one != person and key not in tracks}
    assert after.keys() == wanted.keys()
    assert any(one > person for one in wanted.values())
    assert np.mean([after[key] == one for key, one in wanted.items()]) >= least


def test_whoever_comes_after_is_not_taken_out_and_a_second_pass_changes_nothing(site):
    """A track that goes on when its person is forgotten is somebody new, and the erasure may be cut off at any time."""
    site.record("monday")
    site.see(world_steps()[:60])
    person = a_long_one(site)
    tracks = frozenset((camera, 1, track) for camera, track in site.tracks_of(person))
    site.forget(person)
    site.see(world_steps()[60:90])
    site.close()
    folder = site.folder / "monday"
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert take_out(folder, [Leaver(frozenset({person}), tracks)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content
    kept = sum(len(result.tracks) for entry in entries(folder) for result in getattr(entry, "results", ()))
    seen = sum(len(view) for step in world_steps()[:90] for view in step)
    assert 0 < kept < seen


@pytest.mark.parametrize("failing", range(4))
def test_a_recording_whose_rewriting_is_cut_off_can_be_read_and_is_brought_to_its_end(site, monkeypatch, failing):
    """The n-th time a new file is to take its place it cannot, as if the process had been killed there."""
    site.record("monday")
    site.see(world_steps()[:60])
    person = a_long_one(site)
    tracks = site.tracks_of(person)
    site.close()
    folder, places = site.folder / "monday", iter(range(100))
    before, replace = sum(1 for _ in entries(folder)), Path.replace

    def cut(path, target):
        if next(places) == failing:
            raise OSError(5, "input/output error")
        return replace(path, target)

    leaver = Leaver(frozenset({person}), frozenset((camera, 1, track) for camera, track in tracks))
    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(StoreError, match="cannot be written"):
        take_out(folder, [leaver])
    assert sum(1 for _ in entries(folder)) == before
    take_out(folder, [leaver])
    assert sum(1 for _ in entries(folder)) == before
    recorded = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(one[:16] in recorded for key in tracks for one in site.seen[key])


def test_a_recording_that_cannot_be_changed_is_named_and_nobody_is_told_that_all_is_erased(site):
    site.record("monday")
    site.see(world_steps()[:40])
    (site.folder / "monday" / "steps-000001.bin").write_bytes(b"\x10\x00\x00\x00 no message here")
    reply = site.forget(a_long_one(site))
    assert not reply.done
    assert "NOT erased everywhere: the recording" in reply.text
    assert "monday" in reply.text
    site.close()


def test_pictures_in_which_the_person_is_seen_go(site):
    site.record("monday")
    site.see(world_steps()[:40])
    person = a_long_one(site)
    camera, track = min(site.tracks_of(person))
    shown = [
        (result.camera, result.index)
        for entry in entries(site.folder / "monday")
        for result in getattr(entry, "results", ())
    ]
    for name, index in shown:
        path = site.folder / "monday" / PICTURES / name / f"{index:08d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a picture")
    site.forget(person)
    left = len(list((site.folder / "monday").rglob("*.jpg")))
    assert 0 < left < len(shown)
    seen = {
        index
        for index, step in enumerate(world_steps()[:40])
        for view in step
        if view.camera == camera and track in view.tracks
    }
    assert not any((site.folder / "monday" / PICTURES / camera / f"{index:08d}.jpg").exists() for index in seen)
    assert np.size(sorted(seen)) > 0
    site.close()
