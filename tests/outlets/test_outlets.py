"""All outlets together: at least once through kill -9, and nothing left of somebody who is forgotten."""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from outlet_made import FAST, Collected, started, until
from unbroken.core.errors import StoreError
from unbroken.core.events import (
    Evidence,
    PersonAppeared,
    PersonEnrolled,
    PersonForgotten,
    PersonMerged,
    PersonRecognised,
    TrackStarted,
    ZoneEntered,
)
from unbroken.outlets.lines import Lines
from unbroken.outlets.outlets import Outlets
from unbroken.outlets.spool import Spool, SpoolSettings


def opened(folder, *outlets, spool=None):
    pairs = [(outlet, FAST) for outlet in outlets]
    return Outlets("shop", folder / "spool", pairs, spool or SpoolSettings(), clock=monotonic)


def told(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_outlet_gets_every_event_from_any_thread(tmp_path):
    first, second = Collected("first"), Collected("second")
    outlets = opened(tmp_path, first, second)
    threads = [
        Thread(target=lambda base=base: outlets.hear([started(base + n) for n in range(50)])) for base in (0, 100, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outlets.close(60.0)
    assert first.tracks == second.tracks
    assert sorted(first.tracks) == [base + n for base in (0, 100, 200) for n in range(50)]
    assert [envelope.sequence for envelope in first.got] == list(range(1, 151))


def test_an_outlet_that_hangs_holds_neither_the_site_nor_the_others_up(tmp_path):
    class Hanging(Collected):
        def deliver(self, envelopes):
            until(lambda: self.fails == ["let go"])

    hanging, well = Hanging("hanging"), Collected("well")
    outlets = opened(tmp_path, hanging, well)
    for number in range(20):
        outlets.offer(started(number))
    until(lambda: len(well.got) == 20)
    assert [status.waiting for status in outlets.status] == [20, 0]
    hanging.fails = ["let go"]
    outlets.close(60.0)


def test_what_could_not_be_delivered_is_delivered_after_the_restart_with_the_same_ids(tmp_path):
    broken = Collected()
    broken.fails = [(1, False)] + [(0, False)] * 10_000
    outlets = opened(tmp_path, broken)
    for number in range(5):
        outlets.offer(started(number))
    until(lambda: outlets.status[0].failing > 2)
    outlets.close(0.1)
    mended = Collected()
    outlets = opened(tmp_path, mended)
    outlets.offer(started(5))
    outlets.close(60.0)
    assert broken.tracks + mended.tracks == [0, 1, 2, 3, 4, 5]
    assert [envelope.epoch for envelope in mended.got] == [1, 1, 1, 1, 2]


VICTIM = """
    import sys
    from pathlib import Path
    from time import monotonic
    from unbroken.core.events import TrackStarted
    from unbroken.outlets.courier import CourierSettings
    from unbroken.outlets.lines import Lines
    from unbroken.outlets.outlets import Outlets
    from unbroken.outlets.spool import SpoolSettings

    folder = Path(sys.argv[1])
    outlets = Outlets("shop", folder / "spool", [(Lines(folder / "events.jsonl"), CourierSettings())],
                      SpoolSettings(), clock=monotonic)
    number = 0
    while True:
        number += 1
        outlets.offer(TrackStarted(float(number), "door", number))
        print(number, flush=True)
"""


def test_no_event_is_lost_or_written_twice_when_the_process_is_killed(tmp_path):
    script = tmp_path / "victim.py"
    script.write_text(textwrap.dedent(VICTIM))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    victim = subprocess.Popen([sys.executable, script, tmp_path], stdout=subprocess.PIPE, env=environment, text=True)
    assert victim.stdout is not None
    acknowledged = [int(victim.stdout.readline()) for _ in range(300)]
    victim.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in victim.stdout.read().split("\n")[:-1]]
    victim.wait()
    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    outlets.close(60.0)
    tracks = [event["track"] for event in told(tmp_path / "events.jsonl")]
    assert tracks == list(range(1, len(tracks) + 1))
    assert len(tracks) >= acknowledged[-1]


SEVEN = [
    TrackStarted(0.0, "door", 1),
    TrackStarted(0.0, "door", 2),
    ZoneEntered(0.5, "door", 1, -1, "shop"),
    PersonEnrolled(1.0, "door", 1, 7, (Evidence(8, 0.1),)),
    PersonEnrolled(1.0, "door", 2, 8, (Evidence(7, 0.2), Evidence(5, 0.1))),
    PersonAppeared(1.0, 7, "door", 1),
    PersonRecognised(1.5, "hall", 9, 5, Evidence(5, 3.0)),
    PersonMerged(2.0, 7, 5, Evidence(7, 4.0)),
    PersonAppeared(3.0, 8, "door", 2),
]


def left_of(lines):
    events = [json.loads(line) for line in lines if line.strip()]
    return [(event["type"], event.get("person"), event.get("track"), event.get("alternatives")) for event in events]


LEFT = [
    ("track_started", None, 2, None),
    ("person_enrolled", 8, 2, []),
    ("new", 8, 2, None),
    ("person_forgotten", 7, None, None),
]


def test_forgetting_a_person_erases_him_his_other_names_and_his_tracks_everywhere(tmp_path):
    stuck = Collected("stuck")
    stuck.fails = [(0, False)] * 100_000
    lines = Lines(tmp_path / "events.jsonl")
    outlets = opened(tmp_path, lines, stuck)
    outlets.hear([*SEVEN, PersonForgotten(9.0, 7, "asked")])
    until(lambda: not list((tmp_path / "spool").glob("forget-*")) and outlets.status[0].waiting == 0)
    outlets.close(0.1)
    assert left_of((tmp_path / "events.jsonl").read_bytes().splitlines()) == LEFT
    assert left_of(Spool(tmp_path / "spool").lines()) == LEFT
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b'"person":5' not in path.read_bytes()


def test_people_who_are_forgotten_while_others_are_being_erased_are_erased_too(tmp_path):
    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    outlets.hear([PersonAppeared(float(person), person, "door", person) for person in range(1, 41)])
    for person in range(1, 41, 2):
        outlets.offer(PersonForgotten(50.0, person, "asked"))
    outlets.finish_erasing()
    assert not list((tmp_path / "spool").glob("forget-*"))
    until(lambda: outlets.status[0].waiting == 0)
    outlets.close(60.0)
    events = told(tmp_path / "events.jsonl")
    assert [event["person"] for event in events if event["type"] == "new"] == list(range(2, 41, 2))
    assert [event["person"] for event in events if event["type"] == "person_forgotten"] == list(range(1, 41, 2))


def test_a_forgetting_that_a_killed_process_did_not_finish_is_finished_at_the_next_start(tmp_path):
    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    outlets.hear(SEVEN)
    outlets.close(60.0)
    (tmp_path / "spool" / "forget-7").touch()
    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    until(lambda: not (tmp_path / "spool" / "forget-7").exists())
    outlets.close(60.0)
    assert left_of((tmp_path / "events.jsonl").read_bytes().splitlines()) == LEFT[:3]


def test_a_merge_that_was_undone_does_not_take_the_other_one_with_it(tmp_path):
    from unbroken.core.events import PersonSplit

    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    undone = PersonSplit(4.0, 7, 5, (("hall", 9),), Evidence(7, 0.0))
    outlets.hear([*SEVEN, undone])
    until(lambda: outlets.status[0].waiting == 0)
    assert outlets.erase(7) > 0
    outlets.close(60.0)
    assert ("person_recognised", 5, 9, []) in left_of((tmp_path / "events.jsonl").read_bytes().splitlines())


def test_what_was_stored_and_not_offered_before_the_process_was_killed_is_offered_at_the_next_start(tmp_path):
    first = Collected()
    outlets = opened(tmp_path, first)
    assert outlets.repeat([started(0)]) == 0, "a spool that was never used says nothing of what was told before"
    outlets.hear([started(1), started(2)])
    outlets.close(60.0)
    second = Collected()
    outlets = opened(tmp_path, second)
    assert outlets.repeat([started(1), started(2), started(3)]) == 1
    outlets.offer(started(4))
    outlets.close(60.0)
    assert (first.tracks, second.tracks) == ([1, 2], [3, 4])


@pytest.fixture
def said():
    """What the outlets' log says, wherever a test before has led the logs of the program."""
    records: list[logging.LogRecord] = []
    handler, logger = logging.Handler(), logging.getLogger("unbroken.outlets")
    handler.emit = records.append
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    yield records
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_events_that_find_no_room_are_counted_and_told_once_and_the_site_goes_on(tmp_path, said):
    outlet = Collected()
    outlets = opened(tmp_path, outlet)
    outlets.offer(started(1))
    size = sum(path.stat().st_size for path in (tmp_path / "spool").glob("*.spool"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))
    try:
        outlets.hear([started(2), started(3)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    outlets.offer(started(4))
    outlets.close(60.0)
    assert outlet.tracks == [1, 4]
    assert outlets.lost == 2
    told = [one.getMessage() for one in said if "lost" in one.getMessage()]
    assert len(told) == 2
    assert "events are lost until there is room" in told[0]
    assert "takes events again; 2 were lost" in told[1]


def test_a_spool_that_was_tampered_with_loses_no_more_than_what_was_damaged(tmp_path):
    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    outlets.hear([started(1), started(2)])
    until(lambda: outlets.status[0].waiting == 0)
    outlets.close(60.0)
    odd = {"epoch": "", "lines-events.place": "x", "notes.spool": "y", "forget-me": "", "z.part": "z"}
    for name, text in odd.items():
        (tmp_path / "spool" / name).write_text(text)
    outlets = opened(tmp_path, Lines(tmp_path / "events.jsonl"))
    outlets.hear([started(3), started(4)])
    outlets.close(60.0)
    assert [event["track"] for event in told(tmp_path / "events.jsonl")] == [1, 2, 3, 4]


def test_two_processes_do_not_share_a_spool(tmp_path):
    outlets = opened(tmp_path, Collected())
    with pytest.raises(StoreError, match="another unbroken uses this spool"):
        opened(tmp_path, Collected())
    outlets.close()
    opened(tmp_path, Collected()).close()
