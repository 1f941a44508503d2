"""The spool: nothing is lost that was taken, whatever is read, dropped, erased or cut off."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.errors import StoreError
from unbroken.outlets.spool import Place, Spool, SpoolSettings

SMALL = SpoolSettings(megabytes=400e-6, segments=4)


def drained(spool, place=None, most=3):
    place, found = place or Place(0), []
    while True:
        lines, place = spool.read(place, most)
        if place.number >= spool.next and not lines:
            return found
        found += lines


def line(number, size=20):
    return f"{number}".encode().ljust(size - 1, b".") + b"\n"


def without_multiples(of):
    return lambda text: None if text.strip() and int(text.split(b".")[0]) % of == 0 else text


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(5, 60)),
        st.tuples(st.just("read"), st.integers(1, 5)),
        st.tuples(st.just("trim"), st.just(0)),
        st.tuples(st.just("erase"), st.integers(2, 5)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(actions=ACTIONS)
def test_a_reader_gets_every_line_once_and_in_order_save_those_dropped_or_erased(actions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spool")
    spool, place = Spool(folder, SMALL), Place(0)
    wanted: dict[int, bytes] = {}
    for action, value in actions:
        if action == "append":
            number = spool.append(line(spool.next, value))
            wanted[number] = line(number, value)
        elif action == "read":
            expected = [one for one in sorted(wanted) if one >= max(place.number, spool.first)]
            lines, place = spool.read(place, value)
            assert [number for number, _ in lines] == expected[: len(lines)]
            assert [text for _, text in lines] == [wanted[number] for number, _ in lines]
            for number in [one for one in wanted if one < place.number]:
                del wanted[number]
        elif action == "trim":
            spool.trim(place.number)
        elif action == "erase":
            spool.rewrite(without_multiples(value))
            wanted = {number: text for number, text in wanted.items() if number % value}
        else:
            spool.close()
            spool, place = Spool(folder, SMALL), Place(place.number)
        assert spool.size <= max(SMALL.bytes, 120 + 60)
    rest = {number: text for number, text in wanted.items() if number >= spool.first}
    assert dict(drained(spool, place)) == rest


def test_a_full_spool_drops_its_oldest_lines(tmp_path):
    spool = Spool(tmp_path, SMALL)
    for number in range(100):
        assert spool.append(line(number)) == number
    assert spool.size <= SMALL.bytes
    assert 100 - spool.first >= 12
    assert [number for number, _ in drained(spool)] == list(range(spool.first, 100))


def test_lines_are_there_after_a_process_that_did_not_close_it(tmp_path):
    spool = Spool(tmp_path)
    spool.append(b"one\n")
    spool.append(b"two\n")
    assert drained(Spool(tmp_path)) == [(0, b"one\n"), (1, b"two\n")]


def test_a_line_that_was_cut_off_is_dropped_and_its_number_given_again(tmp_path):
    spool = Spool(tmp_path)
    spool.append(b"one\n")
    spool.close()
    path = next(tmp_path.glob("*.spool"))
    path.write_bytes(b"one\ntw")
    spool = Spool(tmp_path)
    assert spool.append(b"three\n") == 1
    assert drained(spool) == [(0, b"one\n"), (1, b"three\n")]


def test_of_what_everybody_has_two_files_are_left(tmp_path):
    spool = Spool(tmp_path, SMALL)
    for number in range(20):
        spool.append(line(number))
    spool.trim(12)
    assert 5 <= spool.first <= 12
    spool.trim(20)
    assert len(list(tmp_path.glob("*.spool"))) == 2
    assert spool.append(line(20)) == 20


def test_only_its_owner_reads_the_files(tmp_path):
    Spool(tmp_path).append(b"one\n")
    assert next(tmp_path.glob("*.spool")).stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"spool: cannot hold the spool"):
        Spool(tmp_path / "file" / "spool")
