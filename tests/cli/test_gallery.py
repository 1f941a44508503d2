"""`unbroken gallery` from the command line, on a site that stands still and on one that runs."""

import json
import multiprocessing
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from batches_made import look
from gallery_made import MODEL, lived, stopped_site, view_of
from needs import data
from state_made import of_another_version
from unbroken.app.gallery import Place, place_of, rebuilt_gallery
from unbroken.appearance.colour import ColourEmbedder
from unbroken.appearance.mannequins import crops_of_mannequins
from unbroken.cli.main import app
from unbroken.core.batches import Batch, Merge, Reply, Report
from unbroken.core.errors import ConfigError, StoreError, UnbrokenError
from unbroken.identity.engine import Engine
from unbroken.identity.manager import CalibratedManager
from unbroken.storage.database import WriterBusyError
from unbroken.storage.keeper import StoreSettings, open_store
from unbroken.storage.pictures import Album
from unbroken.storage.sealing import Plain
from unbroken.storage.state import engine_of_bytes


def run(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["gallery", *map(str, arguments)], input=typed)


def listed(*arguments: object) -> dict[int, dict[str, object]]:
    out = run("list", "--json", *arguments)
    assert out.exit_code == 0, out.output
    return {person["id"]: person for person in json.loads(out.output)["people"]}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return stopped_site(tmp_path)


def test_the_people_of_a_site_are_listed_and_shown(site: Path) -> None:
    people = listed("--site", site)
    assert sorted(people) == [1, 2, 3]
    assert people[1]["cameras"] == ["hall"]
    table = run("list").output
    assert "3 people" in table
    shown = run("show", 1).output
    assert "person_enrolled" in shown
    assert "hall" in shown
    content = json.loads(run("show", 1, "--json").output)
    assert content["person"]["tracks"] == 1
    assert content["stays"][0]["camera"] == "hall"


def test_why_somebody_is_who_he_is_is_told_with_distances_and_alternatives(site: Path) -> None:
    """The distance was told by the fixed rule alone, and the parts of a score by nobody."""
    store = open_store(str(site.parent / "site.db"), StoreSettings(MODEL))
    engine = engine_of_bytes(store.recover().state, Engine(CalibratedManager()), MODEL)
    again = {7: look(5, ColourEmbedder().dimension)}
    for number in range(8):
        seen = Batch(20 + number / 2, (Report(1, number, view_of("door", 20 + number / 2, again)),))
        store.keep(seen, engine.apply(seen))
    store.close()
    (why,) = [one for one in json.loads(run("show", 2, "--json").output)["events"] if "evidence" in one]
    assert (why["type"], why["camera"], why["evidence"]["person"]) == ("person_recognised", "door", 2)
    assert why["evidence"]["distance"] == pytest.approx(0, abs=1e-5)
    assert [one["distance"] > 0.5 for one in why["alternatives"]] == [True, True]
    for one in [why["evidence"], *why["alternatives"]]:
        assert one["score"] == pytest.approx(one["appearance"] + one["time"] + one["place"])
    shown = run("show", 2).output
    assert re.search(r"2: score \S+ = looks \S+ \+ time \S+, distance 0.00", shown)
    assert len(re.findall(r"not [13]: score .* distance [\d.]+", shown)) == 2


def test_a_damaged_snapshot_is_made_anew_by_hand_and_commands_work_again(site: Path) -> None:
    store = open_store(str(site.parent / "site.db"), StoreSettings(MODEL))
    state = store.recover().state
    store.snapshot(state[:-1] + bytes([state[-1] ^ 1]))
    store.close()
    refused = run("merge", 1, 2)
    assert refused.exit_code
    assert "is damaged" in str(refused.exception)
    assert "unbroken gallery rebuild" in str(refused.exception)
    assert "3 people were made anew from 3 tracks" in run("rebuild", "--site", site).output
    assert "person 2 is person 1 from here" in run("merge", 1, 2).output
    assert sorted(listed()) == [1, 3]
    assert '"gallery rebuild"' in (site.parent / "access.jsonl").read_text()


def test_a_database_without_its_site_or_one_that_is_written_is_not_rebuilt(site: Path) -> None:
    assert "give --site FILE" in str(raised(rebuilt_gallery, place_of(None, str(site.parent / "site.db"), "", {})))
    store = open_store(str(site.parent / "site.db"), StoreSettings(MODEL))
    assert isinstance(raised(rebuilt_gallery, place_of(site, "", "", {})), WriterBusyError)
    store.close()


def test_a_gallery_of_another_version_takes_a_command_and_is_of_this_one_then(site: Path) -> None:
    store = open_store(str(site.parent / "site.db"), StoreSettings(MODEL))
    store.snapshot(of_another_version(store.recover().state))
    store.close()
    alone = run("forget", 3, "--yes", "--database", site.parent / "site.db")
    assert "give --site FILE in place of --database" in str(alone.exception)
    assert "person 3 is forgotten" in run("forget", 3, "--yes").output
    assert sorted(listed()) == [1, 2]
    store = open_store(str(site.parent / "site.db"), StoreSettings(MODEL))
    assert engine_of_bytes(store.recover().state, Engine(CalibratedManager()), MODEL).manager.people == 2
    store.close()


def raised(function: Callable[[Place], object], place: Place) -> UnbrokenError:
    with pytest.raises(UnbrokenError) as caught:
        function(place)
    return caught.value


def test_every_look_is_in_the_access_log(site: Path) -> None:
    run("list")
    run("show", 2)
    lines = [json.loads(line) for line in (site.parent / "access.jsonl").read_text().splitlines()]
    assert [(line["what"], line["whom"]) for line in lines] == [("gallery list", ""), ("gallery show", "2")]


def test_a_name_stays_with_its_person(site: Path) -> None:
    assert "is called 'the courier'" in run("name", 2, "the courier").output
    assert listed()[2]["name"] == "the courier"
    assert json.loads(run("show", "the courier", "--json").output)["person"]["id"] == 2
    run("name", "the courier")
    assert listed()[2]["name"] == ""


def test_a_name_is_shown_as_it_is_whatever_it_holds(site: Path) -> None:
    run("name", 2, "[/bold] anna [red]")
    assert "[/bold] anna [red]" in run("list").output
    assert "[/bold] anna [red]" in run("show", 2).output


def test_corrections_of_a_site_at_rest_are_kept_by_its_engine(site: Path) -> None:
    run("name", 3, "anna")
    first = run("merge", 1, 2)
    assert first.output == "person 2 is person 1 from here\n", first.exception
    assert sorted(listed()) == [1, 3]
    assert listed()[1]["tracks"] == 2
    assert "person 2 goes by 1 since they were merged" in str(run("forget", 2, "--yes").exception)
    assert run("undo", 1).exit_code == 0
    assert sorted(listed()) == [1, 2, 3]
    merged = run("merge", "anna", 1)
    assert merged.exit_code == 0, merged.exception
    moved = {stay["track"] for stay in json.loads(run("show", "anna", "--json").output)["stays"]}
    split = run("split", "anna", f"hall:{max(moved)}")
    assert split.exit_code == 0, split.exception
    assert listed()[3]["tracks"] == 1
    kinds = [json.loads(line)["type"] for line in (site.parent / "events.jsonl").read_text().splitlines()]
    assert kinds[:2] == ["person_merged", "person_split"]


def test_two_tracks_change_persons_and_back(site: Path) -> None:
    """The engine knew how to swap, and no command asked it to."""

    def tracks() -> dict[int, list[int]]:
        shown = {who: json.loads(run("show", who, "--json").output)["stays"] for who in (1, 2)}
        return {who: [stay["track"] for stay in stays] for who, stays in shown.items()}

    before = tracks()
    swapped = run("swap", f"hall:{before[1][0]}", f"hall:{before[2][0]}")
    assert swapped.exit_code == 0, swapped.exception
    assert tracks() == {1: before[2], 2: before[1]}
    assert run("undo", 1).exit_code == 0
    assert tracks() == before
    assert "track 99 of camera hall is not remembered" in str(run("swap", "hall:99", "hall:98").exception)


def test_what_cannot_be_done_is_told_in_a_sentence(site: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("merge", 1, 1), "itself|two"),
        (("undo", 1), "no correction to undo"),
        (("show", 99), "person 99 is not known"),
        (("show", "bob"), "nobody is called 'bob'"),
        (("split", 1, "hall"), "is not CAMERA:TRACK"),
        (("list", "--site", "site.toml", "--database", "site.db"), "give one of them"),
    ):
        out = run(*arguments)
        assert isinstance(out.exception, ConfigError), (arguments, out.output)
        assert out.exception.args[0].count("\n") == 0
        assert any(part in str(out.exception) for part in said.split("|")), out.exception
    out = run("list", "--database", tmp_path / "nothing.db")
    assert isinstance(out.exception, StoreError)
    assert "is not there" in str(out.exception)
    assert not (tmp_path / "nothing.db").exists()


def test_forget_leaves_no_byte_of_a_vector_in_the_folder_of_the_site(site: Path, tmp_path: Path) -> None:
    vector = look(5, ColourEmbedder().dimension)
    person = next(iter(_who_looks_like(site, 5)))

    def traces() -> list[str]:
        content = vector.tobytes()
        windows = [content[at : at + 16] for at in range(0, len(content) - 16, 16)]
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return [path.name for path in files if any(window in path.read_bytes() for window in windows)]

    assert traces()
    assert run("forget", person, typed="n\n").exit_code == 1
    assert traces()
    out = run("forget", person, "--yes")
    assert out.exit_code == 0, out.exception
    assert f"person {person} is forgotten" in out.output
    assert "none is left" in out.output
    assert traces() == []
    assert sorted(listed()) == sorted({1, 2, 3} - {person})
    assert "person 2" not in run("list").output
    events = [json.loads(line) for line in (site.parent / "events.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["person_forgotten"]


def _who_looks_like(site: Path, track: int) -> list[int]:
    return [
        number
        for number in listed("--site", site)
        if json.loads(run("show", number, "--json").output)["stays"][0]["track"] == track
    ]


def test_export_import_and_backup_carry_a_site_away(site: Path, tmp_path: Path) -> None:
    site.write_text(site.read_text().replace("[storage]", '[storage]\npictures = "pictures"'))
    track = json.loads(run("show", 2, "--json").output)["stays"][0]["track"]
    Album(tmp_path / "pictures", Plain()).put("hall", 1, track, b"a picture")
    assert "3 people, 3 tracks" in run("export", tmp_path / "all.zip").output
    assert "1 people, 1 tracks" in run("export", tmp_path / "one.zip", "--person", 2).output
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.read(f"pictures/hall-1-{track}.jpg") == b"a picture"
    assert "3 people" in run("import", tmp_path / "all.zip", "--database", tmp_path / "new.db").output
    assert listed("--database", tmp_path / "new.db") == listed()
    assert run("merge", 1, 2, "--database", tmp_path / "new.db").exit_code == 0
    assert sorted(listed("--database", tmp_path / "new.db")) == [1, 3]
    assert "bytes" in run("backup", tmp_path / "copy.db").output
    assert listed("--database", tmp_path / "copy.db") == listed()


def test_somebody_is_found_by_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    crops, _ = crops_of_mannequins(3, 1, np.random.default_rng(3))
    features = ColourEmbedder().embed(crops)
    stopped_site(tmp_path, dict(zip((4, 5, 6), features, strict=True)))
    cv2.imwrite(str(tmp_path / "who.png"), crops[1])
    out = run("find", "--image", tmp_path / "who.png", "--json")
    assert out.exit_code == 0, out.exception
    people = json.loads(out.output)["people"]
    assert people[0]["distance"] < 0.01 < people[1]["distance"]
    assert json.loads(run("show", people[0]["id"], "--json").output)["stays"][0]["track"] == 5
    assert "looked at the whole picture" in run("find", "--image", tmp_path / "who.png").output
    (tmp_path / "text.png").write_text("no picture")
    assert "cannot be read as a picture" in str(run("find", "--image", tmp_path / "text.png").exception)


def _running(path: str, ready: "multiprocessing.synchronize.Event", over: "multiprocessing.synchronize.Event") -> None:
    """A site that runs: it takes what waits, one at a time, until it is told to stop."""
    store = open_store(path, StoreSettings(MODEL))
    engine = lived(store, {track: look(track, ColourEmbedder().dimension) for track in (4, 5, 6)})
    ready.set()
    while not over.wait(0.02):
        for request in store.pending_commands():
            if request.number < 0 or not isinstance(request.command, Merge):
                continue
            batch = Batch(9.0, (), (request.command,))
            verdict = engine.apply(batch)
            refused = verdict.refusals[0]
            store.keep(batch, verdict, [Reply(request.number, not refused, refused or "merged while running")])
    store.close()


def test_a_running_site_carries_commands_out_and_one_that_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    context = multiprocessing.get_context("forkserver")
    ready, over = context.Event(), context.Event()
    process = context.Process(target=_running, args=(str(tmp_path / "site.db"), ready, over))
    process.start()
    try:
        assert ready.wait(60)
        where = ("--database", tmp_path / "site.db")
        assert run("merge", 1, 2, *where).output == "merged while running\n"
        assert sorted(listed(*where)) == [1, 3]
        refused = run("merge", 1, 2, *where)
        assert isinstance(refused.exception, ConfigError)
        silent = run("undo", 1, "--wait", 0.3, *where)
        assert f"process {process.pid} writes to this database, and has not answered" in str(silent.exception)
        assert "withdrawn" in str(silent.exception)
    finally:
        over.set()
        process.join(60)


def test_somebody_whom_only_the_tables_know_can_be_forgotten_all_the_same(site: Path, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "site.db"))
    store.snapshot(b"")
    store.close()
    out = run("forget", 2, "--yes")
    assert out.exit_code == 0, out.exception
    assert sorted(listed()) == [1, 3]


def test_in_a_whole_picture_the_largest_person_is_looked_at(site: Path, tmp_path: Path) -> None:
    models, video = data("models"), data("data/video/vtest_pets09_s2l1_480x360.mp4")
    found, frame = cv2.VideoCapture(str(video)).read()
    assert found
    cv2.imwrite(str(tmp_path / "yard.png"), frame)
    settings = f'[detection]\nmodel = "rtmdet_nano"\n[runtime]\nmodels = "{models}"\n'
    site.write_text(site.read_text() + settings)
    answer = json.loads(run("find", "--image", tmp_path / "yard.png", "--json").output)
    assert "the largest of" in answer["looked_at"]
    assert len(answer["people"]) == 3
    x1, y1, x2, y2 = (int(number) for number in re.findall(r"\d+", answer["looked_at"])[:4])
    assert y2 - y1 > 1.5 * (x2 - x1)
    whole = json.loads(run("find", "--image", tmp_path / "yard.png", "--crop", "--json").output)
    assert whole["looked_at"] == f"the whole picture ({frame.shape[1]} x {frame.shape[0]} pixels)"
