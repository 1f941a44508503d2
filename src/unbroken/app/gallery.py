"""The gallery of a site by hand: who is known, who looks like this, who is whom, who is to be forgotten.

It works on a site that stands still, whose engine it then opens itself, and on one that runs: there the command goes
into the queue of the database, which the one writer empties. Every look at personal data is logged before it happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from unbroken.app.access import access_log, user
from unbroken.app.build import BUILT_IN_DETECTOR, Workshop, embedder_of, service_identity
from unbroken.app.outlets import outlets_of
from unbroken.app.rebuilding import engine_of, read_engine, rebuilt
from unbroken.app.storage import NONE, album_of, keeper_of
from unbroken.config.reading import checked, read_site
from unbroken.config.service import LogSettings
from unbroken.config.site import SiteSettings
from unbroken.core.arrays import Features, Image
from unbroken.core.batches import Batch, Command, Forget, Reply, Verdict
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.events import Event, PersonForgotten
from unbroken.core.frames import Frame
from unbroken.core.ports import IdentityManager
from unbroken.core.secrets import filled
from unbroken.geometry.boxes import clipped
from unbroken.identity.engine import Engine
from unbroken.storage import archive, commands, migrations, queries
from unbroken.storage.copies import BACKUP, EXPORT, note_copy
from unbroken.storage.database import Database, WriterBusyError
from unbroken.storage.facts import check_seal, fact
from unbroken.storage.keeper import Store
from unbroken.storage.opening import connect
from unbroken.storage.sealing import Seal, seal_from
from unbroken.storage.state import bytes_of_engine

PATIENCE = 30.0
"""Seconds that a running site has to answer."""
_PAUSE = 0.1
_WHOLE = 0.6
"""Share of a picture that a person covers in one that is a crop already."""

_SURE = 0.5
"""Score from which a detection counts as somebody; where none has it, the best one."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Place:
    """Which gallery is meant.

    Attributes:
        settings: of the site; those of the command line where no site was given.
        environment: where secrets are.
        known: whether the settings are those of a site file: only then are net, policy and outputs known.
    """

    settings: SiteSettings
    environment: Mapping[str, str]
    known: bool

    @property
    def address(self) -> str:
        """Of the database, with its secrets."""
        return filled(self.settings.storage.database, self.environment)

    @property
    def seal(self) -> Seal:
        """Of the database."""
        return seal_from(self.settings.storage.key, self.environment)

    def note(self, what: str, whom: str = "") -> None:
        """Log an access, before it happens.

        Raises:
            StoreError: it cannot be logged, so it must not happen.
        """
        log = access_log(self.settings.log, time.time)
        if log is not None:
            log.note(user(), f"gallery {what}", whom)


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of somebody: himself, where he was, what happened to him; the latest first."""

    person: queries.Person
    stays: tuple[queries.Stay, ...]
    events: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Who looks like a picture, the nearest first, and what was looked at: one sentence."""

    matches: tuple[tuple[queries.Match, queries.Person], ...]
    looked_at: str


def place_of(site: Path | None, database: str, key: str, environment: Mapping[str, str]) -> Place:
    """The gallery of a site file, or of a database; without either, of `site.toml` here.

    Args:
        site: a site file.
        database: a SQLite file or an address.
        key: the environment variable with the key of that database.
        environment: where secrets are.

    Raises:
        ConfigError: neither is given and there is no site.toml, both are, or the site keeps nothing.
    """
    if site and database:
        raise ConfigError("--site and --database are both given; give one of them")
    if database:
        log = LogSettings().access if "://" in database else str(Path(database).parent / LogSettings().access)
        content = {
            "cameras": [{"name": "none", "source": "none"}],
            "storage": {"database": database, "key": key},
            "log": {"access": log},
        }
        return Place(checked(content, "the command line"), environment, known=False)
    path = site or Path("site.toml")
    if site is None and not path.is_file():
        raise ConfigError("there is no site.toml here; give --site FILE or --database FILE")
    settings = read_site(path)
    if settings.storage.database == NONE:
        raise ConfigError(f"{path}: storage.database is {NONE!r}, so nobody is remembered; name a database")
    return Place(settings, environment, known=True)


def listed(place: Place, limit: int, *, merged: bool = False) -> tuple[list[queries.Person], int]:
    """The people who were seen last, and how many are known."""
    with _reading(place) as database:
        place.note("list")
        return queries.people(database, limit, merged=merged), queries.count(database)


def shown(place: Place, who: str, limit: int) -> Shown:
    """All that is known of somebody."""
    with _reading(place) as database:
        number = queries.number_of(database, who)
        place.note("show", str(number))
        stays, events = queries.stays(database, number, limit), queries.events_of(database, number, limit)
        return Shown(queries.person(database, number), tuple(stays), tuple(events))


def found(place: Place, image: Path, limit: int, *, crop: bool = False) -> Found:
    """Who looks like a picture.

    Args:
        place: of a site file: its Re-ID net and detector are used.
        image: a picture of one person, or one in which somebody is to be found.
        limit: how many people are told.
        crop: the picture is of one person as it is; nobody is looked for in it.

    Raises:
        ConfigError: the site has no Re-ID net, the picture cannot be read, or nobody is in it.
        StoreError: the features in the database are another net's.
    """
    embedder = embedder_of(place.settings) if place.known else None
    if embedder is None:
        raise ConfigError("to find somebody by a picture takes a Re-ID net; give --site FILE with a reid.model")
    picture, looked_at = _person_in(place.settings, _read(image), crop=crop)
    feature: Features = embedder.embed([picture])[0]
    with _reading(place) as database:
        made_by = fact(database, "model")
        if made_by != embedder.fingerprint:
            raise StoreError(
                f"{database.name}: its features were made by {made_by or 'no net'}, the site has "
                f"{embedder.fingerprint}; take back the net of the database"
            )
        place.note("find", str(image))
        matches = queries.nearest(database, place.seal, feature, limit)
        return Found(tuple((match, queries.person(database, match.person)) for match in matches), looked_at)


def named(place: Place, who: str, name: str) -> str:
    """Call somebody by a name; says so."""
    with _reading(place) as database:
        number = queries.number_of(database, who)
    place.note("name", str(number))
    with _opened(place, "ask") as database:
        queries.rename(database, number, name)
    return f"person {number} is called {name!r}" if name else f"person {number} has no name"


def number_of(place: Place, who: str) -> int:
    """The Global ID of somebody by number or name.

    Raises:
        ConfigError: nobody is called so, or he goes by another Global ID by now.
    """
    with _reading(place) as database:
        number = queries.number_of(database, who)
        now = queries.person(database, number).merged_into
        if now:
            raise ConfigError(f"person {number} goes by {now} since they were merged; give {now}")
        return number


def carried_out(place: Place, command: Command, patience: float = PATIENCE) -> str:
    """Have a command carried out, by the running site or, where none runs, here; says what became of it.

    Raises:
        ConfigError: it was refused.
        StoreError: the running site does not answer.
    """
    place.note(type(command).__name__.lower(), ", ".join(map(str, _persons(command))))
    with _reading(place):
        pass
    try:
        store = keeper_of(place.settings, None, place.environment)
    except WriterBusyError as busy:
        return _told(_asked(place, command, patience, str(busy)))
    if store is None:
        raise ConfigError("the site keeps nothing; name a database")
    try:
        return _told(at_rest(place, store, command))
    finally:
        store.close()


def at_rest(place: Place, store: Store, command: Command) -> Reply:
    """Carry a command out where no site runs: its engine is opened here, and left as it is after the command.

    Raises:
        ConfigError: the site has no identity policy.
        StoreError: what is stored does not fit the site's settings, or cannot be written.
    """
    engine = opened_engine(place, store)
    number = commands.ask(store.database, command, user(), time.time())
    batch = Batch(store.latest, (), (command,))
    verdict = engine.apply(batch)
    if isinstance(command, Forget) and verdict.refusals[0]:
        # The tables may know somebody whom the engine has lost, after an import or a restored backup.
        verdict = Verdict((), (PersonForgotten(batch.time, command.person, command.reason),), ("",))
    refused = verdict.refusals[0]
    store.keep(batch, verdict, [Reply(number, not refused, refused or said_of(command))])
    store.snapshot(bytes_of_engine(engine, store.model))
    store.finish()
    if place.known and not refused:
        _announce(place, verdict.events)
    reply = commands.reply_to(store.database, number)
    if reply is None:
        raise StoreError(f"{store.database.name}: request {number} was carried out and has no reply; look with list")
    return reply


def rebuilt_gallery(place: Place) -> str:
    """Make the engine of a site that stands still anew from the tables, whatever became of its state; says so.

    Raises:
        ConfigError: no site file is given: only there it says which policy decides; or it has none.
        StoreError: the site runs, or the tables are damaged too.
    """
    if not place.known:
        raise ConfigError("to rebuild a gallery takes the policy of its site; give --site FILE in place of --database")
    place.note("rebuild")
    store = keeper_of(place.settings, None, place.environment)
    if store is None:
        raise ConfigError("the site keeps nothing; name a database")
    try:
        engine, said = rebuilt(store, _manager_of(place))
        store.snapshot(bytes_of_engine(engine, store.model))
    finally:
        store.close()
    return said


def opened_engine(place: Place, store: Store) -> Engine:
    """The engine of a site as it was when it stopped, or made anew from the tables where another version stored it.

    Without a site file it is not known by which policy, so there it is not made anew.

    Raises:
        ConfigError: the site has no identity policy.
        StoreError: what is stored does not fit the site's settings.
    """
    manager = _manager_of(place)
    if place.known:
        return engine_of(store, manager, store.model)
    try:
        return read_engine(store, manager, store.model)
    except StoreError as error:
        raise StoreError(f"{error}; give --site FILE in place of --database") from error


def _manager_of(place: Place) -> IdentityManager:
    manager = service_identity(place.settings)
    if manager is None:
        raise ConfigError('identity.policy is "none": nobody has a Global ID; choose a policy')
    return manager


def exported(place: Place, target: Path, who: str = "") -> archive.Written:
    """Write everything, or all that is known of one person, pictures too, to a file."""
    with _reading(place) as database:
        number = queries.number_of(database, who) if who else 0
        place.note("export", str(number) if number else "")
        _note_copy(place, target, EXPORT)
        written = archive.write_archive(database, place.seal, target, number)
        album = album_of(place.settings.storage, place.seal)
        if number and album is not None:
            where = [(stay.camera, stay.epoch, stay.track) for stay in queries.stays(database, number, limit=1_000_000)]
            kept = (
                (f"{camera}-{epoch}-{track}.jpg", album.get(camera, epoch, track)) for camera, epoch, track in where
            )
            archive.add_pictures(target, ((name, jpeg) for name, jpeg in kept if jpeg))
        return written


def imported(place: Place, source: Path) -> archive.Written:
    """Fill a new database with what was exported.

    Raises:
        StoreError: the database holds people already, or the file is no export.
    """
    place.note("import", str(source))
    store = keeper_of(place.settings, None, place.environment)
    if store is None:
        raise ConfigError("the site keeps nothing; name a database")
    try:
        return archive.read_archive(store.database, store.seal, source)
    finally:
        store.close()


def backed_up(place: Place, target: Path) -> int:
    """Copy the database to a file while the site runs; returns its bytes."""
    with _reading(place) as database:
        place.note("backup", str(target))
        _note_copy(place, target, BACKUP)
        database.backup(target)
    return target.stat().st_size


def _note_copy(place: Place, target: Path, kind: str) -> None:
    """Write down where a copy will be, so that whoever is forgotten later is taken out of it."""
    with _opened(place, "ask") as database:
        note_copy(database, target, kind, time.time())


def said_of(command: Command) -> str:
    """What is said of a command that was carried out."""
    persons = _persons(command)
    name = type(command).__name__.lower()
    if name == "merge":
        return f"person {persons[1]} is person {persons[0]} from here"
    if name == "split":
        return f"the tracks are not person {persons[0]} any more"
    if name == "swap":
        return "the two tracks have each other's person"
    if name == "undo":
        return f"the last correction of person {persons[0]} is taken back"
    return f"person {persons[0]} is forgotten"


def _persons(command: Command) -> tuple[int, ...]:
    return tuple(int(getattr(command, field)) for field in ("person", "absorbed") if hasattr(command, field))


def _told(reply: Reply) -> str:
    if not reply.done:
        raise ConfigError(reply.text)
    return reply.text


def _asked(place: Place, command: Command, patience: float, busy: str) -> Reply:
    """Put a command into the queue of the running site and wait for its answer."""
    with _opened(place, "ask") as database:
        number = commands.ask(database, command, user(), time.time())
        answer = _until(lambda: commands.reply_to(database, number), patience)
        if answer is None and commands.withdraw(database, number):
            raise StoreError(
                f"{busy.partition(';')[0]}, and has not answered within {patience:g} s; the command was withdrawn: "
                "see whether that process is well"
            )
        return answer or Reply(number, done=True, text=f"{said_of(command)}; its traces are still being erased")


def _until(look: Callable[[], _T | None], patience: float) -> _T | None:
    deadline = time.monotonic() + patience
    while (answer := look()) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return answer


def _announce(place: Place, events: Sequence[Event]) -> None:
    """Send what happened out, as the running site would have: webhooks, MQTT, JSON Lines."""
    outlets = outlets_of(place.settings, place.environment)
    try:
        outlets.hear(events)
        outlets.finish_erasing()
    finally:
        outlets.close()


@contextmanager
def _reading(place: Place) -> Iterator[Database]:
    with _opened(place, "read") as database:
        check_seal(database, place.seal)
        yield database


@contextmanager
def _opened(place: Place, access: str) -> Iterator[Database]:
    database = connect(place.address, "ask" if access == "ask" else "read")
    try:
        migrations.check(database)
        yield database
    finally:
        database.close()


def _read(path: Path) -> Image:
    import cv2

    data = np.frombuffer(path.read_bytes(), dtype=np.uint8) if path.is_file() else np.zeros(0, dtype=np.uint8)
    image: Image | None = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise ConfigError(f"{path}: cannot be read as a picture; give a JPEG or PNG file")
    return image


def _person_in(settings: SiteSettings, image: Image, *, crop: bool) -> tuple[Image, str]:
    """The part of a picture that shows one person: the largest who is found in it."""
    height, width = image.shape[:2]
    camera = settings.cameras[0].model_copy(update={"region": (), "detector": ""})
    if crop or settings.detection.model == BUILT_IN_DETECTOR:
        return image, f"the whole picture ({width} x {height} pixels)"
    found = Workshop(settings).detector(camera).detect([Frame(camera.name, 0, 0.0, image)])[0]
    if not len(found.boxes):
        raise ConfigError("nobody is found in the picture; give one of a single person with --crop")
    sure = found.scores >= min(_SURE, float(found.scores.max()))
    boxes = clipped(found.boxes[sure], (width, height))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    best = int(np.argmax(areas))
    if areas[best] >= _WHOLE * width * height:
        return image, f"the whole picture ({width} x {height} pixels)"
    x1, y1, x2, y2 = np.rint(boxes[best]).astype(int).tolist()
    others = f", the largest of {len(boxes)} people" if len(boxes) > 1 else ""
    return image[y1:y2, x1:x2], f"the person at {x1}, {y1} to {x2}, {y2}{others}"
