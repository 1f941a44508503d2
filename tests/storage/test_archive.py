"""A gallery can be carried from one database to another, and one person's share of it can be handed over."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batches_made import look, seen, step
from unbroken.core.errors import StoreError
from unbroken.core.events import Evidence, PersonEnrolled
from unbroken.storage.archive import read_archive, write_archive
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.opening import connect
from unbroken.storage.queries import people, rename
from unbroken.storage.sealing import AesGcm
from unbroken.storage.vectors import known_vectors

TABLES = ("people", "tracks", "events", "mentions")


def filled(address: str) -> Store:
    store = open_store(address, StoreSettings("net"))
    store.keep(*step(seen("hall", 0.0, [4], [look(1)]), [1], [PersonEnrolled(0.0, "hall", 4, 1)]))
    store.snapshot(b"the state of the engine")
    weighed = PersonEnrolled(5.0, "door", 9, 2, (Evidence(1, 0.5),))
    store.keep(*step(seen("door", 5.0, [9], [look(2)]), [2], [weighed]))
    rename(store.database, 1, "Zoë")
    return store


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {name: list(store.database.query(f"SELECT * FROM {name} ORDER BY 1, 2")) for name in TABLES}


def test_a_gallery_goes_into_another_database_and_is_the_same_there(address: str, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="encryption needs the package cryptography")
    store = filled(address)
    written = write_archive(store.database, store.seal, tmp_path / "gallery.zip")
    assert written.rows["people"] == 2
    assert written.vectors == 2
    assert (tmp_path / "gallery.zip").stat().st_mode & 0o077 == 0
    other = open_store(str(tmp_path / "other.db"), StoreSettings(None, AesGcm(bytes(32))))
    assert read_archive(other.database, other.seal, tmp_path / "gallery.zip").rows == written.rows
    assert contents(other) == contents(store)
    before, after = store.recover(), other.recover()
    assert after.state == before.state == b"the state of the engine"
    assert [batch.time for batch in after.batches] == [5.0]
    np.testing.assert_array_equal(
        known_vectors(other.database, other.seal).vectors, known_vectors(store.database, store.seal).vectors
    )
    other.close()
    again = open_store(str(tmp_path / "other.db"), StoreSettings("net", AesGcm(bytes(32))))
    again.keep(*step(seen("hall", 9.0, [1], [look(3)]), [3], [PersonEnrolled(9.0, "hall", 1, 3)]))
    again.close()
    store.close()


def test_an_archive_goes_into_either_kind_and_ids_go_on_from_there(address: str, tmp_path: Path) -> None:
    source = filled(str(tmp_path / "source.db"))
    write_archive(source.database, source.seal, tmp_path / "gallery.zip")
    store = open_store(address, StoreSettings())
    read_archive(store.database, store.seal, tmp_path / "gallery.zip")
    store.keep(*step(seen("hall", 9.0, [1], [look(3)]), [3], [PersonEnrolled(9.0, "hall", 1, 3)]))
    assert [one.id for one in people(store.database)] == [3, 2, 1]
    with pytest.raises(StoreError, match="holds people already"):
        read_archive(store.database, store.seal, tmp_path / "gallery.zip")
    store.close()
    source.close()


def test_one_persons_archive_names_nobody_else_and_cannot_be_imported(address: str, tmp_path: Path) -> None:
    store = filled(address)
    written = write_archive(store.database, store.seal, tmp_path / "one.zip", person=1)
    assert written.rows == {"people": 1, "tracks": 1, "events": 1}
    assert written.vectors == 1
    store.close()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        rows = [json.loads(line) for line in archive.read("people.jsonl").splitlines()]
        assert sorted(archive.namelist()) == [
            "events.jsonl",
            "features.npz",
            "manifest.json",
            "people.jsonl",
            "tracks.jsonl",
        ]
    assert [row[1] for row in rows] == ["Zoë"]
    other = open_store(str(tmp_path / "other.db"))
    with pytest.raises(StoreError, match="is of person 1 alone"):
        read_archive(other.database, other.seal, tmp_path / "one.zip")
    other.close()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    store = filled(str(tmp_path / "site.db"))
    (tmp_path / "gallery.zip").write_text("precious")
    with pytest.raises(StoreError, match="give a name that is not in use"):
        write_archive(store.database, store.seal, tmp_path / "gallery.zip")
    assert (tmp_path / "gallery.zip").read_text() == "precious"
    store.close()


def test_a_backup_is_a_database_of_its_own(tmp_path: Path) -> None:
    store = filled(str(tmp_path / "site.db"))
    store.database.backup(tmp_path / "copy.db")
    copy = connect(str(tmp_path / "copy.db"))
    assert [one.name for one in people(copy)] == ["", "Zoë"]
    assert copy.check() == ()
    copy.close()
    with pytest.raises(StoreError, match="give a name that is not in use"):
        store.database.backup(tmp_path / "copy.db")
    store.close()


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a whole archive holds, by name."""
    folder = tmp_path_factory.mktemp("whole")
    source = filled(str(folder / "source.db"))
    write_archive(source.database, source.seal, folder / "gallery.zip")
    source.close()
    with zipfile.ZipFile(folder / "gallery.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_ends_in_a_sentence_and_leaves_the_database_empty(
    data: st.DataObject, members: dict[str, bytes], tmp_path: Path
) -> None:
    name = data.draw(st.sampled_from(sorted(members)))
    if name.endswith((".jsonl", ".json")):
        wrong = data.draw(st.sampled_from([b"[1]", b"{}", b"null", b'["x", 1, 2]', b"\xff\xfe"])) + b"\n"
    else:
        wrong = data.draw(st.binary(max_size=40))
    with zipfile.ZipFile(tmp_path / "wrong.zip", "w") as archive:
        for member, content in members.items():
            archive.writestr(member, wrong if member == name else content)
    (tmp_path / "other.db").unlink(missing_ok=True)
    store = open_store(str(tmp_path / "other.db"))
    told = ""
    try:
        read_archive(store.database, store.seal, tmp_path / "wrong.zip")
    except StoreError as error:
        told = str(error)
    assert "\n" not in told
    assert bool(people(store.database)) != bool(told)
    store.close()
