"""What lies beside the database: pictures that are kept, and lines of tracks."""

import json
from pathlib import Path

import pytest

from batches_made import look, said, seen, step
from unbroken.core.batches import Forget
from unbroken.core.errors import StoreError
from unbroken.core.events import PersonForgotten
from unbroken.storage.erasure import Gone
from unbroken.storage.keeper import StoreSettings, open_store
from unbroken.storage.lines import erase_lines
from unbroken.storage.pictures import Album
from unbroken.storage.retention import Retention
from unbroken.storage.sealing import AesGcm, Plain


def test_a_picture_is_kept_for_its_owner_alone_and_removed_without_a_trace(tmp_path: Path) -> None:
    album = Album(tmp_path / "pictures", Plain())
    album.put("hall", 1, 4, b"first")
    album.put("hall", 1, 4, b"second")
    album.put("hall", 2, 4, b"another")
    assert album.get("hall", 1, 4) == b"second"
    assert album.path("hall", 1, 4).stat().st_mode & 0o077 == 0
    assert album.remove([("hall", 1, 4), ("door", 1, 1)]) == 1
    assert album.get("hall", 1, 4) == b""
    assert [path.read_bytes() for path in (tmp_path / "pictures").iterdir()] == [b"another"]


def test_pictures_of_tracks_that_are_gone_go_with_them_and_nothing_else_does(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    album = Album(folder, Plain())
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"not ours")
    settings = StoreSettings("net", Plain(), Retention(people=1), album=album)
    store = open_store(address, settings)
    for person in (1, 2, 3):
        store.keep(*step(seen("hall", float(person), [person], [look(person)]), [person]))
        album.put("hall", 1, person, b"picture")
    album.put("hall", 1, 99, b"of a process that was killed")
    gone = [request.command.person for request in store.pending_commands() if isinstance(request.command, Forget)]
    assert gone == [1, 2]
    assert sorted(path.name for path in folder.iterdir()) == [
        "holiday.jpg", "track-hall-1-1.jpg", "track-hall-1-2.jpg", "track-hall-1-3.jpg"
    ]  # fmt: skip
    store.keep(*said(9.0, [Forget(1, "retention")], [PersonForgotten(9.0, 1, "retention")]))
    assert not album.path("hall", 1, 1).exists()
    store.keep(*said(9.0, [Forget(2, "asked")], [PersonForgotten(9.0, 2, "asked")]))
    store.snapshot(b"")
    store.finish()
    store.close()
    open_store(address, settings).close()
    assert sorted(path.name for path in folder.iterdir()) == ["holiday.jpg", "track-hall-1-3.jpg"]


def test_a_sealed_picture_cannot_be_seen_without_the_key(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="encryption needs the package cryptography")
    album = Album(tmp_path, AesGcm(bytes(32)))
    album.put("hall", 1, 4, b"a picture of somebody")
    assert b"somebody" not in album.path("hall", 1, 4).read_bytes()
    assert album.get("hall", 1, 4) == b"a picture of somebody"
    with pytest.raises(StoreError, match="cannot be decrypted"):
        Album(tmp_path, AesGcm(bytes(range(32)))).get("hall", 1, 4)


def test_lines_about_somebody_are_blanked_while_another_process_appends(tmp_path: Path) -> None:
    rows = [
        {"camera": "hall", "track": 4, "person": None, "box": [1.0, 2.0, 3.0, 4.0]},
        {"camera": "hall", "track": 4, "person": 1, "box": [1.0, 2.0, 3.0, 4.0]},
        {"camera": "hall", "track": 5, "person": 11, "box": [1.0, 2.0, 3.0, 4.0]},
        {"camera": "door", "track": 4, "person": None, "box": [1.0, 2.0, 3.0, 4.0]},
        {"event": "person_merged", "person": 11, "absorbed": 2, "evidence": {"person": 11}},
    ]
    path = tmp_path / "tracks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{damaged\n")
    size = path.stat().st_size
    with path.open("a") as other:
        assert erase_lines(path, [Gone((1, 2), (("hall", 1, 4),))]) == 3
        other.write(json.dumps(rows[2]) + "\n")
    lines = path.read_text().splitlines()
    erased = {"event": "erased"}
    assert [json.loads(line) for line in lines if line != "{damaged"] == [
        erased,
        erased,
        rows[2],
        rows[3],
        erased,
        rows[2],
    ]
    assert path.stat().st_size == size + len(lines[-1]) + 1
