"""What is kept is there after the power has gone, and nothing else is."""

import multiprocessing
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from batches_made import look, said, seen, step
from databases import Server
from unbroken.core.batches import Batch, Forget, Merge, Reply, Split, Swap, Undo, Verdict
from unbroken.core.errors import StoreError
from unbroken.core.events import Evidence, PersonEnrolled, PersonForgotten, PersonMerged, PersonSplit
from unbroken.storage import commands, queries
from unbroken.storage.copies import Copy
from unbroken.storage.erasure import Gone
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.opening import connect
from unbroken.storage.projections import Projections
from unbroken.storage.recollection import remembered
from unbroken.storage.vectors import known_vectors


def opened(address: str, model: str = "net") -> Store:
    return open_store(address, StoreSettings(model))


def everybody(store: Store) -> dict[int, tuple[str, float, float]]:
    rows = store.database.query("SELECT id, state, first_seen, last_seen FROM people ORDER BY id")
    return {int(str(row[0])): (str(row[1]), float(str(row[2])), float(str(row[3]))) for row in rows}


def test_what_was_kept_is_recovered_after_the_connection_is_gone(address: str) -> None:
    store = opened(address)
    store.snapshot(b"state")
    batches = [step(seen("hall", float(n), [4], [look(1)]), [1], number=n)[0] for n in range(3)]
    for batch in batches:
        store.keep(batch, step(batch.reports[0].sightings, [1])[1])
    store.close()
    again = opened(address)
    found = again.recover()
    assert found.state == b"state"
    assert [batch.time for batch in found.batches] == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(
        found.batches[2].reports[0].sightings.features, batches[2].reports[0].sightings.features
    )
    again.close()


def test_a_snapshot_ends_the_journal_however_large_it_is(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbroken.storage.journal.PART", 1000)
    store = opened(address)
    store.keep(*step(seen("hall", 1.0, [4], [look(1)]), [1]))
    state = np.random.default_rng(0).bytes(12_345)
    store.snapshot(state)
    store.close()
    again = opened(address)
    assert again.recover().state == state
    assert again.recover().batches == ()
    again.close()


def test_the_highest_global_id_outlives_all_that_is_left_of_who_had_it(address: str) -> None:
    store = opened(address)
    store.keep(*step(seen("hall", 1.0, [4], [look(1)]), [7], [PersonEnrolled(1.0, "hall", 4, 7)]))
    assert remembered(store.database, store.seal).highest == 7
    store.snapshot(b"")
    gone = PersonForgotten(2.0, 7, "asked")
    store.keep(Batch(2.0, (), (Forget(7, "asked"),)), Verdict((), (gone,), ("",)))
    for table in ("events", "mentions"):
        store.database.execute(f"DELETE FROM {table}")
    known = remembered(store.database, store.seal)
    assert (known.highest, known.tracks) == (7, ())
    store.close()


def test_what_is_remembered_are_the_last_tracks_by_their_ends_with_their_looks(address: str) -> None:
    store = opened(address)
    for number in range(80):
        time = 100.0 - number
        seldom = look(number) if number % 2 else 0 * look(number)
        store.keep(*step(seen("hall", time, [number], [seldom]), [1], number=number))
    store.keep(*step(seen("door", 50.5, [3], [look(3)]), [2], number=1))
    known = remembered(store.database, store.seal)
    ends = [track.end for track in known.tracks]
    assert ends == sorted(ends)
    assert known.persons.tolist().count(1) == 64
    assert ends[-1] == 100.0
    door = known.tracks[known.persons.tolist().index(2)]
    assert (door.camera, door.track, door.start, door.end) == ("door", 3, 50.5, 50.5)
    np.testing.assert_array_equal(door.feature, look(3))
    looks = {track.track: track.feature for track in known.tracks if track.camera == "hall"}
    np.testing.assert_array_equal(looks[1], look(1))
    assert not looks[0].any()
    assert looks[0].shape == look(1).shape
    store.close()


def test_a_batch_that_fails_leaves_no_trace(address: str) -> None:
    store = opened(address)
    batch, verdict = step(seen("hall", 1.0, [4], [look(1)]), [1])
    store.keep(batch, verdict)
    wrong = Verdict((), ())
    with pytest.raises(ValueError):
        store.keep(batch, wrong)
    assert len(store.recover().batches) == 1
    store.keep(*step(seen("hall", 2.0, [4], [look(1)]), [1]))
    assert everybody(store) == {1: ("confirmed", 1.0, 2.0)}
    store.close()


def test_the_best_view_of_a_track_is_kept_with_its_net(address: str) -> None:
    store = opened(address)
    nobody = np.zeros_like(look(0))
    for time, feature, quality in ((0.0, look(1), 0.3), (1.0, look(2), 0.9), (2.0, look(3), 0.5), (3.0, nobody, 1.0)):
        store.keep(*step(seen("hall", time, [4], [feature], quality), [1]))
    known = known_vectors(store.database, store.seal)
    assert known.persons.tolist() == [1]
    assert known.times.tolist() == [1.0]
    np.testing.assert_array_equal(known.vectors, [look(2)])
    assert store.database.query("SELECT DISTINCT model FROM features") == [("net",)]
    store.close()


def test_merged_people_leave_a_signpost_and_a_split_gives_tracks_back(address: str) -> None:
    store = opened(address)
    store.keep(*step(seen("hall", 0.0, [4], [look(1)]), [1], [PersonEnrolled(0.0, "hall", 4, 1)]))
    store.keep(*step(seen("door", 5.0, [9], [look(2)]), [2], [PersonEnrolled(5.0, "door", 9, 2)]))
    store.keep(*said(6.0, [Merge(1, 2)], [PersonMerged(6.0, 1, 2, Evidence(1, 0.0))]))
    assert everybody(store)[1] == ("confirmed", 0.0, 6.0) or everybody(store)[1] == ("confirmed", 0.0, 5.0)
    assert store.database.query("SELECT merged_into FROM people WHERE id = 2") == [(1,)]
    assert store.database.query("SELECT person, came_from, went_to FROM transitions") == [(1, "hall", "door")]
    store.keep(*said(7.0, [Undo(1)], [PersonSplit(7.0, 1, 2, (("door", 9),), Evidence(2, 0.0))]))
    assert store.database.query("SELECT person FROM tracks ORDER BY id") == [(1,), (2,)]
    assert store.database.query("SELECT merged_into FROM people WHERE id = 2") == [(None,)]
    assert [row[0] for row in store.database.query("SELECT kind FROM corrections ORDER BY id")] == [
        "person_merged",
        "person_split",
    ]
    store.close()


def test_undoing_a_merge_gives_both_their_state_and_times_back(address: str) -> None:
    """Who was taken apart again was probable from there, and his other half was last seen when he was."""
    store = opened(address)
    store.keep(*step(seen("hall", 0.0, [4], [look(1)]), [1], [PersonEnrolled(0.0, "hall", 4, 1)]))
    store.keep(*step(seen("door", 5.0, [9], [look(2)]), [2], [PersonEnrolled(5.0, "door", 9, 2)]))
    before = queries.people(store.database)
    store.keep(*said(6.0, [Merge(1, 2)], [PersonMerged(6.0, 1, 2, Evidence(1, 0.0))]))
    assert queries.person(store.database, 2).state == "merged"
    store.keep(*said(7.0, [Undo(1)], [PersonSplit(7.0, 1, 2, (("door", 9),), Evidence(2, 0.0))]))
    assert queries.people(store.database) == before
    assert [one.state for one in before] == ["confirmed", "confirmed"]
    store.close()


def test_another_net_is_refused_and_never_mixed(address: str) -> None:
    opened(address, "osnet 1a2b").close()
    with pytest.raises(StoreError, match=r"made by osnet 1a2b, the site has colour.*another database"):
        opened(address, "colour")
    opened(address, "osnet 1a2b").close()


def test_a_database_of_a_newer_version_is_refused(address: str) -> None:
    store = opened(address)
    store.database.execute("INSERT INTO migrations (number) VALUES (?)", (9999,))
    store.close()
    with pytest.raises(StoreError, match="version 9999, this program knows"):
        opened(address)


def _hold(address: str, ready: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    store = opened(address)
    ready.set()
    done.wait(60)
    store.close()


def test_a_second_writer_is_refused_with_the_process_that_writes_and_readers_are_not(address: str) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(address, ready, done))
    process.start()
    try:
        assert ready.wait(60)
        with pytest.raises(StoreError, match=rf"process {process.pid} writes to this database"):
            opened(address)
        reader = connect(address, "read")
        assert reader.query("SELECT COUNT(*) FROM people") == [(0,)]
        with pytest.raises(StoreError):
            reader.execute("DELETE FROM people")
        reader.close()
    finally:
        done.set()
        process.join(60)
    opened(address).close()


def test_requests_wait_for_the_writer_and_get_their_reply_with_the_batch(address: str) -> None:
    store = opened(address)
    asker = connect(address, "ask")
    numbers = [
        commands.ask(asker, command, "anna", 10.0)
        for command in (Merge(1, 2), Split(1, (("hall", 4),)), Swap(("hall", 4), ("door", 9)), Undo(1))
    ]
    waiting = store.pending_commands()
    assert [request.number for request in waiting] == numbers
    assert [request.command for request in waiting] == [
        Merge(1, 2),
        Split(1, (("hall", 4),)),
        Swap(("hall", 4), ("door", 9)),
        Undo(1),
    ]
    assert waiting[0].who == "anna"
    store.keep(Batch(11.0, (), (Merge(1, 2),)), Verdict((), ()), [Reply(numbers[0], True, "merged")])
    store.reply([Reply(numbers[3], False, "person 1 has no correction to undo")])
    assert commands.reply_to(asker, numbers[0]) == Reply(numbers[0], True, "merged")
    assert commands.reply_to(asker, numbers[1]) is None
    assert commands.reply_to(asker, numbers[3]) == Reply(numbers[3], False, "person 1 has no correction to undo")
    assert commands.withdraw(asker, numbers[1])
    assert not commands.withdraw(asker, numbers[0])
    assert [request.number for request in store.pending_commands()] == [numbers[2]]
    asker.close()
    store.close()


def test_a_forgotten_person_is_in_no_row_and_the_reply_waits_for_the_snapshot(address: str) -> None:
    store = opened(address)
    other = Evidence(1, 0.5)
    store.keep(*step(seen("hall", 0.0, [4], [look(1)]), [1], [PersonEnrolled(0.0, "hall", 4, 1)]))
    store.keep(*step(seen("door", 5.0, [9], [look(2)]), [2], [PersonEnrolled(5.0, "door", 9, 2, (other,))]))
    number = commands.ask(store.database, Forget(1, "letter of May 3"), "anna", 10.0)
    batch, verdict = said(11.0, [Forget(1, "letter of May 3")], [PersonForgotten(11.0, 1, "letter of May 3")])
    store.keep(batch, verdict, [Reply(number, True, "person 1 is forgotten")])
    assert commands.reply_to(store.database, number) is None
    assert store.pending_commands() == ()
    store.snapshot(b"without him")
    store.finish()
    reply = commands.reply_to(store.database, number)
    assert reply is not None
    assert reply.done
    assert "none is left" in reply.text
    assert list(everybody(store)) == [2]
    assert known_vectors(store.database, store.seal).persons.tolist() == [2]
    assert '"person":1' not in str(store.database.query("SELECT body FROM events WHERE person = 2"))
    assert [row[0] for row in store.database.query("SELECT type FROM events WHERE person = 1")] == ["person_forgotten"]
    store.close()


def test_a_snapshot_that_still_holds_the_vectors_is_told(address: str) -> None:
    store = opened(address)
    store.keep(*step(seen("hall", 0.0, [4], [look(1)]), [1]))
    number = commands.ask(store.database, Forget(1, ""), "anna", 1.0)
    batch, verdict = said(1.0, [Forget(1, "")], [PersonForgotten(1.0, 1, "")])
    store.keep(batch, verdict, [Reply(number, True, "person 1 is forgotten")])
    store.snapshot(b"..." + look(1).tobytes())
    store.finish()
    reply = commands.reply_to(store.database, number)
    assert reply is not None
    assert not reply.done
    assert "NOT erased everywhere: " in reply.text
    assert "snapshot still holds" in reply.text
    store.close()


def test_an_erasure_goes_on_beside_the_batches_that_come_meanwhile(address: str) -> None:
    """New tracks, better views and tracks that go while features are copied: all are as they should be at the end."""
    store = opened(address)
    count = 900
    for first in range(0, count, 100):
        ids = list(range(first, first + 100))
        store.keep(
            *step(seen("hall", float(first), ids, [look(one) for one in ids], 0.2), [1 + one % 3 for one in ids])
        )
    store.keep(*said(1000.0, [Forget(1, "")], [PersonForgotten(1000.0, 1, "")]))
    store.snapshot(b"")
    batches = 0
    while store.advance():
        one = 3 * batches + 1
        views = [look(2000 + one), look(5000 + one)]
        store.keep(*step(seen("hall", 1001.0 + batches, [one, count + one], views, 0.9), [2, 2], number=batches))
        batches += 1
    assert batches > 0
    wanted = {one: look(one) for one in range(count) if one % 3}
    for one in range(1, 3 * batches, 3):
        wanted |= {one: look(2000 + one), count + one: look(5000 + one)}
    rows = store.database.query("SELECT tracks.track, vector FROM features JOIN tracks ON tracks.id = features.track")
    assert {int(str(track)): vector for track, vector in rows} == {one: view.tobytes() for one, view in wanted.items()}
    assert store.database.check() == ()
    store.close()


def test_of_two_erasures_one_waits_for_the_other_and_the_last_answers(tmp_path: Path) -> None:
    """The second person is forgotten while files are still cleaned of the first."""
    inside, most, hold = [0], [0], threading.Event()

    def elsewhere(gone: Sequence[Gone], copies: Sequence[Copy]) -> str:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        assert hold.wait(30)
        inside[0] -= 1
        return f"{len(gone)} people"

    store = open_store(str(tmp_path / "site.db"), StoreSettings("net", elsewhere=elsewhere))
    store.keep(*step(seen("hall", 0.0, [4, 5], [look(1), look(2)]), [1, 2]))
    numbers = []
    for person in (1, 2):
        numbers.append(commands.ask(store.database, Forget(person, ""), "anna", 1.0))
        batch, verdict = said(1.0, [Forget(person, "")], [PersonForgotten(1.0, person, "")])
        store.keep(batch, verdict, [Reply(numbers[-1], True, f"person {person} is forgotten")])
        store.snapshot(b"")
        for _ in range(3):
            assert store.advance()
    assert [commands.reply_to(store.database, number) for number in numbers] == [None, None]
    hold.set()
    store.finish()
    replies = [commands.reply_to(store.database, number) for number in numbers]
    assert all(reply is not None and reply.text.endswith("2 people)") for reply in replies)
    assert most == [1]
    store.close()


def test_an_erasure_that_a_kill_has_cut_off_is_brought_to_its_end(address: str) -> None:
    store = opened(address)
    store.keep(*step(seen("hall", 0.0, [4], [look(1)]), [1]))
    number = commands.ask(store.database, Forget(1, ""), "anna", 1.0)
    batch, verdict = said(1.0, [Forget(1, "")], [PersonForgotten(1.0, 1, "")])
    store.keep(batch, verdict, [Reply(number, True, "person 1 is forgotten")])
    store.close()
    erased: list[Gone] = []

    def elsewhere(gone: Sequence[Gone], copies: Sequence[Copy]) -> str:
        erased.extend(gone)
        return "files are clean"

    again = open_store(address, StoreSettings("net", elsewhere=elsewhere))
    assert commands.reply_to(again.database, number) is None
    again.snapshot(b"")
    again.finish()
    reply = commands.reply_to(again.database, number)
    assert reply is not None
    assert reply.text.endswith("files are clean)")
    assert erased == [Gone((1,), (("hall", 1, 4),))]
    again.close()
    last = opened(address)
    last.snapshot(b"")
    assert not last.advance()
    last.close()


def test_no_byte_of_a_forgotten_vector_is_left_in_any_file(tmp_path: Path) -> None:
    store = opened(str(tmp_path / "site.db"))
    store.snapshot(look(1).tobytes())
    for number in range(60):
        persons = [1, 2, 3]
        view = seen("hall", float(number), [4, 5, 6], [look(one) for one in persons], 0.1 + number / 100)
        store.keep(*step(view, persons, number=number))
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert everything.count(look(1).tobytes()[:40]) > 1
    store.keep(*said(100.0, [Forget(1, "")], [PersonForgotten(100.0, 1, "")]))
    store.snapshot(look(2).tobytes())
    store.finish()
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    vector = look(1).tobytes()
    assert not any(vector[at : at + 16] in everything for at in range(0, len(vector) - 16, 8))
    assert look(2).tobytes() in everything
    assert store.database.check() == ()
    store.close()


def test_somebody_who_is_forgotten_while_in_view_begins_anew_with_nothing_of_before(address: str) -> None:
    store = opened(address)
    first, verdict = step(seen("hall", 0.0, [4], [look(1)], 0.9), [1])
    store.keep(first, verdict)
    view = seen("hall", 1.0, [4], [look(2)], 0.1)
    batch, verdict = step(view, [2], [PersonForgotten(1.0, 1, "asked"), PersonEnrolled(1.0, "hall", 4, 2)], number=1)
    store.keep(Batch(1.0, batch.reports, (Forget(1, "asked"),)), verdict)
    store.snapshot(look(2).tobytes())
    store.finish()
    known = known_vectors(store.database, store.seal)
    assert known.persons.tolist() == [2]
    np.testing.assert_array_equal(known.vectors, [look(2)])
    store.keep(*step(seen("hall", 0.0, [4], [look(1)], 0.9), [1]))
    assert list(everybody(store)) == [2]
    store.close()


def test_a_server_that_ends_the_connection_loses_nothing_and_is_found_again(postgres: Server) -> None:
    address = postgres.new_database()
    store = opened(address)
    first, second = (step(seen("hall", float(n), [4], [look(1)]), [1], number=n) for n in range(2))
    store.keep(*first)
    other = connect(address, "ask")
    other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with pytest.raises(StoreError, match="the database refuses"):
        store.keep(*second)
    store.keep(*second)
    assert [batch.time for batch in store.recover().batches] == [0.0, 1.0]
    with pytest.raises(StoreError, match="writes to this database"):
        opened(address)
    other.close()
    store.close()


def test_a_connection_that_ends_in_the_middle_of_a_batch_leaves_nothing_of_it(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgres.new_database()
    store, other = opened(address), connect(address, "ask")
    before = Projections.take

    def cut(projections: Projections, batch: Batch, verdict: Verdict) -> None:
        other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        before(projections, batch, verdict)

    batch, verdict = step(seen("hall", 0.0, [4], [look(1)]), [1])
    monkeypatch.setattr(Projections, "take", cut)
    with pytest.raises(StoreError, match="the database refuses"):
        store.keep(batch, verdict)
    monkeypatch.undo()
    assert everybody(store) == {}
    assert store.recover().batches == ()
    store.keep(batch, verdict)
    assert list(everybody(store)) == [1]
    other.close()
    store.close()


def test_no_byte_of_a_forgotten_vector_is_left_in_the_tables_of_a_server(postgres: Server) -> None:
    store = opened(postgres.new_database())
    store.snapshot(look(1).tobytes())
    for number in range(20):
        view = seen("hall", float(number), [4, 5], [look(1), look(2)], 0.1 + number / 50)
        store.keep(*step(view, [1, 2], number=number))
    one, other = look(1).tobytes(), look(2).tobytes()
    assert one[:24] in postgres.content()
    store.keep(*said(100.0, [Forget(1, "")], [PersonForgotten(100.0, 1, "")]))
    store.snapshot(other)
    store.finish()
    everything = postgres.content()
    assert not any(one[at : at + 16] in everything for at in range(0, len(one) - 16, 8))
    assert other[:24] in everything
    store.close()


def test_a_full_disk_is_told_and_nothing_of_the_batch_is_left(tmp_path: Path) -> None:
    store = opened(str(tmp_path / "site.db"))
    batches = [
        step(seen("hall", float(n), [n], [look(n, 2048)]), [n], [PersonEnrolled(float(n), "hall", n, n)], number=n)
        for n in range(1, 40)
    ]
    pages = store.database.query("PRAGMA page_count")[0][0]
    store.database.query(f"PRAGMA max_page_count = {int(str(pages)) + 8}")
    kept, told = 0, ""
    while not told:
        try:
            store.keep(*batches[kept])
            kept += 1
        except StoreError as error:
            told = str(error)
    assert "is the disk full" in told
    assert 0 < kept < len(batches)
    assert list(everybody(store)) == list(range(1, kept + 1))
    assert len(store.recover().batches) == kept
    store.database.query("PRAGMA max_page_count = 100000")
    for batch in batches[kept:]:
        store.keep(*batch)
    assert list(everybody(store)) == list(range(1, 40))
    assert store.database.check() == ()
    store.close()
