"""Corrections of a gallery from beside the one writer: asked for, answered, named, remembered."""

import pytest

from batches_made import look, said, seen, step
from unbroken.app.corrections import GalleryDesk, gallery_desk
from unbroken.config.reading import checked
from unbroken.core.batches import Merge, Reply
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.events import Evidence, PersonEnrolled, PersonMerged
from unbroken.storage.keeper import StoreSettings, open_store


@pytest.fixture
def store(tmp_path):
    made = open_store(str(tmp_path / "site.db"), StoreSettings("net"))
    for person in (1, 2):
        event = PersonEnrolled(float(person), "hall", person, person, (Evidence(1, -0.5),) if person == 2 else ())
        made.keep(*step(seen("hall", float(person), [person], [look(person)]), [person], [event]))
    yield made
    made.close()


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def desk(store, tmp_path):
    return GalleryDesk(str(tmp_path / "site.db"), Clock())


def test_a_request_waits_for_the_one_writer_and_gets_its_reply(store, desk):
    number = desk.submit(Merge(1, 2), "10.0.0.7:5")
    assert desk.reply(number) is None
    request = store.pending_commands()[0]
    assert (request.number, request.who, request.command, request.time) == (number, "10.0.0.7:5", Merge(1, 2), 100.0)
    batch, verdict = said(3.0, [Merge(1, 2)], [PersonMerged(3.0, 1, 2, Evidence(1, 0.0))])
    store.keep(batch, verdict, [Reply(number, True, "person 2 is person 1 from here")])
    assert desk.reply(number) == Reply(number, True, "person 2 is person 1 from here")
    with pytest.raises(StoreError, match="no request 99"):
        desk.reply(99)


def test_names_are_given_at_once_and_others_names_are_seen_a_little_later(store, desk, tmp_path):
    assert desk.names() == {}
    desk.rename(2, "Ada")
    assert desk.names() == {2: "Ada"}
    GalleryDesk(str(tmp_path / "site.db"), Clock()).rename(1, "Bob")
    assert desk.names() == {2: "Ada"}
    desk._clock.now += 3
    assert desk.names() == {1: "Bob", 2: "Ada"}
    with pytest.raises(ConfigError, match="is a number"):
        desk.rename(1, "12")


def test_what_happened_is_remembered_with_its_evidence(store, desk):
    history = desk.history(2)
    assert [(event["type"], event["time"], event["camera"]) for event in history] == [("person_enrolled", 2.0, "hall")]
    assert history[0]["alternatives"][0]["score"] == -0.5
    assert [event["person"] for event in desk.history(1)] == [1], "the decision for which 1 was weighed is not about 1"
    assert desk.history(9) == []


def test_a_site_without_a_database_has_no_gallery():
    content = {"cameras": [{"name": "hall", "source": "hall.mp4"}], "storage": {"database": "none"}}
    assert gallery_desk(checked(content, "site.toml"), {}, Clock()) is None
