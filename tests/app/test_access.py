"""Every access to personal data leaves a line: who, what, whom, when."""

import json
import multiprocessing
import os
import stat

import pytest

from unbroken.app.access import AccessLog, access_log, user
from unbroken.config.service import LogSettings
from unbroken.core.errors import StoreError


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_who_did_what_to_whom_and_when(tmp_path):
    path = tmp_path / "logs" / "access.jsonl"
    AccessLog(path, 1, 3, lambda: 1_700_000_000.5).note("anna@desk", "gallery show", "7")
    assert lines(path) == [
        {"time": "2023-11-14T22:13:20.500Z", "who": "anna@desk", "what": "gallery show", "whom": "7"}
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("rotations", [0, 1, 3])
def test_files_are_put_aside_by_size_and_only_so_many_are_kept(tmp_path, rotations):
    path = tmp_path / "access.jsonl"
    log = AccessLog(path, 0.0003, rotations, lambda: 0.0)
    for number in range(40):
        log.note("anna", "gallery show", str(number))
    kept = [*(tmp_path / f"access.jsonl.{age}" for age in range(rotations, 0, -1)), path]
    told = [int(line["whom"]) for file in kept for line in lines(file)]
    assert told == list(range(40 - len(told), 40))
    assert len(told) >= 2 * rotations
    assert all(file.stat().st_size <= 300 for file in kept)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        ["access.jsonl.lock", *(file.name for file in kept)]
    )


def write_many(path, name):
    log = AccessLog(path, 0.002, 100, lambda: 0.0)
    for number in range(100):
        log.note(name, "page", str(number))


def test_processes_that_write_at_once_lose_no_line(tmp_path):
    path = tmp_path / "access.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, name)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    told = [
        (line["who"], line["whom"])
        for file in tmp_path.glob("access.jsonl*")
        if file.suffix != ".lock"
        for line in lines(file)
    ]
    assert sorted(told) == sorted((name, str(number)) for name in ("one", "two") for number in range(100))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_log_that_root_begins_belongs_to_whom_the_folder_belongs(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 12345, 23456)
    AccessLog(folder / "access.jsonl", 1, 1, lambda: 0.0).note("root@desk", "gallery list")
    assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(12345, 23456)}


def test_what_cannot_be_logged_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="so it is refused"):
        AccessLog(tmp_path / "file" / "access.jsonl", 1, 1, lambda: 0.0).note("anna", "gallery show")


def test_settings_make_the_log_or_none(tmp_path):
    assert access_log(LogSettings(access=""), lambda: 0.0) is None
    log = access_log(LogSettings(access=str(tmp_path / "a.jsonl")), lambda: 0.0)
    assert log is not None
    log.note(user(), "gallery list")
    assert "@" in lines(tmp_path / "a.jsonl")[0]["who"]
