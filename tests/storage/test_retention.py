"""What is kept is bounded by age, by bytes and by number; the oldest goes first."""

from batches_made import look, said, seen, step
from unbroken.core.batches import Forget
from unbroken.core.events import PersonEnrolled, PersonForgotten
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.opening import connect
from unbroken.storage.retention import Retention
from unbroken.storage.sealing import Plain

DAY = 86400.0


def opened(address: str, **rules: float) -> Store:
    return open_store(address, StoreSettings("net", Plain(), Retention(**rules)))  # type: ignore[arg-type]


def visit(store: Store, person: int, time: float) -> None:
    enrolled = PersonEnrolled(time, "hall", person, person)
    store.keep(*step(seen("hall", time, [person], [look(person)]), [person], [enrolled], number=int(time)))


def obey(store: Store, time: float) -> list[int]:
    """Do what an engine does with the requests that wait."""
    gone = [request.command.person for request in store.pending_commands() if isinstance(request.command, Forget)]
    orders = [Forget(person, "retention") for person in gone]
    store.keep(*said(time, orders, [PersonForgotten(time, person, "retention") for person in gone]))
    return gone


def test_people_not_seen_for_long_are_forgotten_with_their_tracks_and_events(address: str) -> None:
    store = opened(address, days=2.0)
    visit(store, 1, 0.0)
    visit(store, 2, 1.5 * DAY)
    visit(store, 1, 1.6 * DAY)
    visit(store, 3, 3.55 * DAY)
    assert obey(store, 3.55 * DAY) == [2]
    rows = store.database.query("SELECT person, start_time FROM tracks ORDER BY start_time")
    assert rows == [(1, 0.0), (3, 3.55 * DAY)]
    assert store.database.query("SELECT COUNT(*) FROM events WHERE time < ?", (1.55 * DAY,)) == [(0,)]
    store.close()


def test_beyond_the_number_of_people_those_seen_longest_ago_make_room(address: str) -> None:
    store = opened(address, people=3)
    for person in range(1, 6):
        visit(store, person, float(person))
    assert obey(store, 6.0) == [1, 2]
    assert obey(store, 7.0) == []
    store.close()


def test_retention_looks_again_only_after_a_while(address: str) -> None:
    store = opened(address, people=1, every=60.0)
    visit(store, 1, 0.0)
    visit(store, 2, 1.0)
    assert obey(store, 1.0) == [1]
    visit(store, 3, 2.0)
    assert obey(store, 3.0) == []
    visit(store, 3, 90.0)
    assert obey(store, 91.0) == [2]
    store.close()


def test_what_is_too_large_loses_its_oldest_tenth_and_gives_the_room_back(address: str) -> None:
    store = opened(address, bytes=1.0, every=0.0)
    for person in range(1, 31):
        visit(store, person, float(person))
    before = store.database.size()
    assert obey(store, 31.0) == [1, 2, 3]
    for _ in range(8):
        obey(store, 32.0)
    store.snapshot(b"")
    store.finish()
    assert store.database.size() < before
    assert store.database.check() == ()
    store.close()


def test_after_a_long_stop_what_is_overdue_goes_first(address: str) -> None:
    store = opened(address, days=1.0)
    visit(store, 1, 0.0)
    visit(store, 2, 5 * DAY)
    store.close()
    again = opened(address, days=1.0)
    assert [request.command for request in again.pending_commands()] == [Forget(1, "retention")]
    assert all(request.number < 0 for request in again.pending_commands())
    again.close()
    reader = connect(address)
    assert reader.query("SELECT COUNT(*) FROM people") == [(2,)]
    reader.close()
