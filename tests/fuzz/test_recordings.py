"""What a site has written, damaged at random: events that are counted, recordings that are run again."""

import shutil
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batches_made import look, seen
from damage import broken, damaged, edits, only_sentences
from unbroken.app.counting import count_events
from unbroken.app.replay import replay, settings_of, site_of
from unbroken.config.reading import checked
from unbroken.core.batches import Batch, Merge, Report
from unbroken.core.detections import Detections
from unbroken.core.events import CameraOnline, LineCrossed, ZoneEntered, ZoneLeft
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks
from unbroken.outlets.envelope import Sealer
from unbroken.pipeline.recorder import Recording

EXAMPLES = settings(max_examples=60)

EVENTS = [
    CameraOnline(1_700_000_000.0, "hall"),
    ZoneEntered(1_700_000_001.0, "hall", 1, 7, "till"),
    ZoneLeft(1_700_000_031.5, "hall", 1, 7, "till", 30.5),
    LineCrossed(1_700_003_700.0, "hall", 2, 8, "gate", "in"),
]


def lines():
    sealer = Sealer("site", 1)
    return "".join(sealer.seal(event).line() for event in EVENTS).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@given(damaged(lines()), st.sampled_from(["hour", "day", "all"]))
@EXAMPLES
def test_events_that_are_counted(folder, content, period):
    (folder / "events.jsonl").write_bytes(content)
    with only_sentences():
        count_events(folder / "events.jsonl", period)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    place = tmp_path_factory.mktemp("recording") / "rec"
    site = checked({"cameras": [{"name": "hall", "source": "0"}, {"name": "door", "source": "1"}]}, "test")
    written = Recording(place, site_of(site, {}, "net"))
    for number in range(3):
        views = [seen(camera, 0.1 * number, [1, 2], [look(1), look(2)]) for camera in ("hall", "door")]
        written.enter(Batch(0.1 * number, tuple(Report(1, number, view) for view in views)))
        ids = np.array([1, 2])
        tracks = Tracks(ids, views[0].boxes, np.ones(2), np.zeros(2), np.full(2, 1), np.zeros(2), np.array([0, 1]))
        results = [
            FrameResult(name, number, 0.1 * number, (64, 48), Detections.empty(), tracks, nobody, {}, {})
            for name in ("hall", "door")
            for nobody in [Identities.undecided(name, 0.1 * number, ids)]
        ]
        written.answered(results, [CameraOnline(0.0, "hall")] if not number else [])
    written.enter(Batch(0.4, (), (Merge(1, 2),)))
    written.close()
    return place


def run_again(folder):
    with only_sentences():
        replay(folder, settings_of(folder, None, []), folder / "events.jsonl", lambda _: None)


def test_a_recording_that_is_whole_is_run_again(recording, tmp_path):
    shutil.copytree(recording, tmp_path / "rec")
    done = replay(tmp_path / "rec", settings_of(tmp_path / "rec", None, []), tmp_path / "events.jsonl", lambda _: None)
    assert done.steps == 3
    assert done.recorded == pytest.approx(0.2)


@given(edits)
@EXAMPLES
def test_what_a_recording_says_of_itself(folder, recording, changes):
    place = folder / "about"
    shutil.copytree(recording, place, dirs_exist_ok=True)
    path = place / "recording.json"
    path.write_bytes(broken((recording / "recording.json").read_bytes(), changes))
    run_again(place)


@given(edits, st.integers(0, 6), st.booleans())
@EXAMPLES
def test_the_steps_of_a_recording(folder, recording, changes, which, sealed):
    """Edits within one entry; sealed, its length and checksum are made right again, so that all else is read."""
    place = folder / "steps"
    shutil.copytree(recording, place, dirs_exist_ok=True)
    content = (recording / "steps-000001.bin").read_bytes()
    entries = []
    while content:
        (length,) = struct.unpack_from("<I", content)
        entries.append(content[4 : 4 + length])
        content = content[4 + length :]
    entry = broken(entries[which], changes)
    if sealed and len(entry) > 13:
        entry = entry[:5] + struct.pack("<I", zlib.crc32(entry[13:])) + entry[9:]
    entries[which] = entry
    (place / "steps-000001.bin").write_bytes(b"".join(struct.pack("<I", len(one)) + one for one in entries))
    run_again(place)
