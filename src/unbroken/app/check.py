"""What is wrong with a site beyond its syntax: files, nets, secrets, places, and cameras that do not answer."""

from __future__ import annotations

import importlib.util
import os
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from unbroken.app.build import BUILT_IN_DETECTOR, BUILT_IN_EMBEDDER, NONE
from unbroken.app.nets import READS
from unbroken.app.reach import Reached, database_fault, reach
from unbroken.app.sources import PATIENCE
from unbroken.config.hints import nearest
from unbroken.config.lines import Location, line_at, lines_of
from unbroken.config.problems import Problem, dotted, parsed
from unbroken.config.reading import anchored, text_of
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError, SourceError, UnbrokenError
from unbroken.core.names import LOOP
from unbroken.core.secrets import holds_password, masked, names_in
from unbroken.core.tls import client_context, server_context
from unbroken.datasets.views import view_of
from unbroken.detection.decode import DECODERS
from unbroken.geometry.plane import GroundView
from unbroken.identity.policies import POLICIES
from unbroken.identity.policies import by_name as identity_by_name
from unbroken.models.registry import NET_SUFFIXES, find, known_cards
from unbroken.storage.opening import is_postgres
from unbroken.tracking.registry import by_name as tracker_by_name
from unbroken.tracking.registry import names as tracker_names
from unbroken.video.files import VideoFile
from unbroken.video.opening import is_live

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that only this machine reaches."""


class Finding(NamedTuple):
    """Something that is wrong: the way to the setting, one sentence, and how bad it is."""

    place: Location
    text: str
    grade: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check has found.

    Attributes:
        settings: what the file says; `None` where it cannot be read as settings.
        problems: in the order of lines.
        reached: how each camera has answered, where they were asked.
    """

    settings: SiteSettings | None
    problems: tuple[Problem, ...]
    reached: tuple[Reached, ...] = ()

    @property
    def errors(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.grade == "error" for problem in self.problems)


def check_site(
    path: Path, environment: Mapping[str, str], *, connect: bool = False, patience: float = PATIENCE
) -> Report:
    """Look for everything that is wrong with a site file and what it names. Nothing is changed.

    Args:
        path: the file.
        environment: the variables that are set.
        connect: also ask every camera that is switched on for a picture, and the database whether it is there.
        patience: seconds for that.

    Raises:
        ConfigError: the file cannot be read at all.
    """
    text = text_of(path)
    read, problems = parsed(text)
    if read is None:
        return Report(None, tuple(problems))
    settings, lines = anchored(read, path.parent), lines_of(text)
    findings = list(findings_of(settings, environment))
    asked = [camera for camera in settings.cameras if camera.on and connect]
    reached = reach(asked, settings.live, patience)
    numbers = {camera.name: number for number, camera in enumerate(settings.cameras)}
    blamed = {finding.place[1] for finding in findings if finding.place[0] == "cameras" and finding.grade == "error"}
    for answer in reached:
        if answer.fault and numbers[answer.camera] not in blamed:
            place: Location = ("cameras", numbers[answer.camera], "source")
            findings.append(Finding(place, f"camera {answer.camera}: {answer.fault}"))
    blamed_database = any(finding.place == ("storage", "database") for finding in findings)
    if connect and not blamed_database and (fault := database_fault(settings, environment)):
        findings.append(Finding(("storage", "database"), f"storage.database: {fault}"))
    problems += [Problem(line_at(lines, one.place), dotted(one.place), masked(one.text), one.grade) for one in findings]
    return Report(settings, tuple(sorted(problems)), tuple(reached))


def findings_of(settings: SiteSettings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that can be told without asking a camera or a server. Paths are relative to where we are."""
    views, faults = _views(settings)
    yield from faults
    for look in _LOOKS:
        yield from look(settings)
    yield from _secrets(settings, environment)
    yield from _certificates(settings)
    yield from _places(settings, views)


def _views(settings: SiteSettings) -> tuple[dict[str, GroundView], list[Finding]]:
    views, faults = {}, []
    for number, camera in enumerate(settings.cameras):
        if camera.calibration:
            try:
                views[camera.name] = view_of(camera.calibration)
            except UnbrokenError as error:
                faults.append(Finding(("cameras", number, "calibration"), str(error)))
    return views, faults


def _sources(settings: SiteSettings) -> Iterator[Finding]:
    if not any(camera.on for camera in settings.cameras):
        yield Finding(("cameras", 0, "on"), "every camera is switched off; set on = true for one of them", "warning")
    for number, camera in enumerate(settings.cameras):
        place: Location = ("cameras", number, "source")
        if holds_password(camera.source):
            yield Finding(
                place,
                f"camera {camera.name} has a password in its address; write ${{NAME}} in its place and set NAME in the "
                "environment",
                "warning",
            )
        file = camera.source.removeprefix(LOOP)
        if not is_live(file) and not names_in(file) and not Path(file).exists():
            yield Finding(place, f"camera {camera.name}: {camera.source} is not there; mend the path")


def _nets(settings: SiteSettings) -> Iterator[Finding]:
    folder = settings.runtime.models
    if folder and not Path(folder).is_dir():
        yield Finding(("runtime", "models"), f"runtime.models is {folder}, which is no folder; mend the path")
    decoder = settings.detection.decoder
    if decoder and decoder not in DECODERS:
        known = ", ".join(DECODERS)
        hint = nearest(decoder, list(DECODERS))
        yield Finding(("detection", "decoder"), f"detection.decoder is {decoder!r}{hint}; choose one of {known}")
    wanted: list[tuple[Location, str, str]] = [(("reid", "model"), settings.reid.model, "reid")]
    wanted.append((("detection", "model"), settings.detection.model, "detection"))
    for number, camera in enumerate(settings.cameras):
        wanted.append((("cameras", number, "detector"), camera.detector, "detection"))
    built_in = {"", NONE, BUILT_IN_EMBEDDER, BUILT_IN_DETECTOR}
    yield from chain.from_iterable(
        _net(settings, place, name, task) for place, name, task in wanted if name not in built_in
    )


def _packages(settings: SiteSettings) -> Iterator[Finding]:
    """Packages that are extras, and that what is asked for needs."""
    needs: list[tuple[bool, Location, str, str]] = [
        (settings.runtime.runtime == "openvino", ("runtime", "runtime"), "openvino", "openvino"),
        (settings.outputs.mqtt is not None, ("outputs", "mqtt"), "paho", "mqtt"),
        (is_postgres(settings.storage.database), ("storage", "database"), "psycopg", "postgres"),
        (bool(settings.storage.key), ("storage", "key"), "cryptography", "encryption"),
    ]
    for needed, place, package, extra in needs:
        if needed and importlib.util.find_spec(package) is None:
            text = f"{dotted(place)} needs the package {package}, which is missing; pip install 'unbroken[{extra}]'"
            yield Finding(place, text)


def _net(settings: SiteSettings, place: Location, name: str, task: str) -> Iterator[Finding]:
    if Path(name).suffix in NET_SUFFIXES:
        if not Path(name).is_file():
            yield Finding(place, f"{dotted(place)} is {name}, which is not there; mend the path")
        return
    folders = [Path(settings.runtime.models)] if settings.runtime.models else []
    try:
        cards = known_cards(folders)
        if name not in cards:
            known = sorted(card for card, about in cards.items() if about.task == task)
            hint = nearest(name, known)
            yield Finding(place, f"{dotted(place)} is {name!r}, which nobody knows{hint}; known are {', '.join(known)}")
        elif cards[name].task != task:
            yield Finding(place, f"{dotted(place)} is {name!r}, which is a net for {cards[name].task}; choose another")
        else:
            find(name, folders, READS[settings.runtime.runtime])
    except UnbrokenError as error:
        yield Finding(place, str(error))


def _choices(settings: SiteSettings) -> Iterator[Finding]:
    """Trackers and policies with their options: made once, and thrown away."""
    tracking, identity = settings.tracking, settings.identity
    if tracking.tracker not in tracker_names():
        hint = nearest(tracking.tracker, tracker_names())
        known = ", ".join(tracker_names())
        yield Finding(("tracking", "tracker"), f"tracking.tracker is {tracking.tracker!r}{hint}; choose one of {known}")
    else:
        yield from _made(("tracking", "options"), lambda: tracker_by_name(tracking.tracker, **tracking.options))
    if identity.policy not in (*POLICIES, NONE):
        known = ", ".join((*POLICIES, NONE))
        hint = nearest(identity.policy, [*POLICIES, NONE])
        yield Finding(("identity", "policy"), f"identity.policy is {identity.policy!r}{hint}; choose one of {known}")
    elif identity.policy != NONE:
        yield from _made(("identity", "options"), lambda: identity_by_name(identity.policy, **identity.options))


def _made(place: Location, make: Callable[[], object]) -> Iterator[Finding]:
    try:
        make()
    except UnbrokenError as error:
        yield Finding(place, str(error))
    except (TypeError, ValueError) as error:
        yield Finding(place, f"{dotted(place)} cannot be used ({error}); mend the value")


def _stores(settings: SiteSettings) -> Iterator[Finding]:
    """Whether what is to be written can be written."""
    database = settings.storage.database
    if "://" in database:
        if not is_postgres(database):
            yield Finding(("storage", "database"), f"storage.database is {database}; give a file or postgresql://...")
        if holds_password(database):
            yield Finding(
                ("storage", "database"),
                "storage.database has a password in it; write ${NAME} in its place and set NAME in the environment",
                "warning",
            )
    elif database != NONE:
        yield from _sqlite(Path(database))
    yield from _folders(settings)


def _folders(settings: SiteSettings) -> Iterator[Finding]:
    folders: dict[Location, str] = {
        ("outputs", "events"): str(Path(settings.outputs.events).parent) if settings.outputs.events else "",
        ("outputs", "tracks"): str(Path(settings.outputs.tracks).parent) if settings.outputs.tracks else "",
        ("outputs", "spool"): settings.outputs.spool,
        ("storage", "pictures"): settings.storage.pictures,
        ("log", "access"): str(Path(settings.log.access).parent) if settings.log.access else "",
    }
    for place, folder in folders.items():
        if folder and (fault := unwritable(Path(folder))):
            yield Finding(place, f"{dotted(place)}: {fault}")


def _sqlite(path: Path) -> Iterator[Finding]:
    place: Location = ("storage", "database")
    if fault := unwritable(path.parent):
        yield Finding(place, f"storage.database: {fault}")
    elif path.is_dir():
        yield Finding(place, f"storage.database is {path}, which is a folder; give a file in it")
    elif path.exists():
        try:
            with path.open("rb") as file:
                head = file.read(16)
        except OSError as error:
            yield Finding(place, f"storage.database: {path} cannot be read ({error.strerror}); mend its permissions")
            return
        if head and head != b"SQLite format 3\0":
            yield Finding(place, f"storage.database: {path} is no SQLite file; give another name or remove it")


def unwritable(folder: Path) -> str:
    """Why nothing can be written into a folder that is there or can be made; empty where it can."""
    nearest_there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    if not nearest_there.is_dir():
        return f"{nearest_there} is no folder; choose another"
    return "" if os.access(nearest_there, os.W_OK | os.X_OK) else f"{nearest_there} is not writable; choose another"


def _secrets(settings: SiteSettings, environment: Mapping[str, str]) -> Iterator[Finding]:
    outputs = settings.outputs
    wanted: dict[Location, Sequence[str]] = {
        ("cameras", number, "source"): names_in(camera.source)
        for number, camera in enumerate(settings.cameras)
        if camera.on
    }
    wanted[("storage", "database")] = names_in(settings.storage.database)
    wanted[("storage", "key")] = (settings.storage.key,)
    wanted[("web", "token")] = (settings.web.token,)
    wanted[("bus", "secret")] = (settings.bus.secret,)
    wanted |= {
        ("outputs", "webhooks", number, "url"): names_in(hook.url) for number, hook in enumerate(outputs.webhooks)
    }
    wanted |= {
        ("outputs", "webhooks", number, "secret"): (hook.secret,) for number, hook in enumerate(outputs.webhooks)
    }
    if outputs.mqtt is not None:
        wanted[("outputs", "mqtt", "password")] = (outputs.mqtt.password,)
    for place, names in wanted.items():
        for name in names:
            if name and not environment.get(name):
                yield Finding(place, f"{dotted(place)} needs the environment variable {name}, which is not set; set it")
    key = environment.get(settings.storage.key, "") if settings.storage.key else ""
    if key and (len(key) != 64 or not set(key) <= set(string.hexdigits)):
        yield Finding(
            ("storage", "key"),
            f"the environment variable {settings.storage.key} is no key; give 64 hexadecimal digits, such as those of "
            "`openssl rand -hex 32`",
        )
    if settings.web.on and settings.web.host not in LOOPBACK and not settings.web.token:
        yield Finding(
            ("web", "host"),
            f"web.host is {settings.web.host}, so that other machines reach the dashboard, and web.token is empty; "
            "name a variable with a token",
        )


def _certificates(settings: SiteSettings) -> Iterator[Finding]:
    """Whether the certificates that are named can be used."""
    web, authority = settings.web, settings.outputs.authority
    try:
        if web.on and web.certificate:
            server_context(web.certificate, web.key)
    except ConfigError as error:
        yield Finding(("web", "certificate"), f"web.certificate: {error}")
    try:
        client_context(authority)
    except ConfigError as error:
        yield Finding(("outputs", "authority"), f"outputs.authority: {error}")


def _places(settings: SiteSettings, views: Mapping[str, GroundView]) -> Iterator[Finding]:
    """Whether zones, lines and regions lie in their pictures, as far as those are known."""
    sizes = {camera.name: _size(camera.source, views.get(camera.name)) for camera in settings.cameras}
    drawn: list[tuple[Location, str, str, Sequence[tuple[float, float]]]] = [
        (("cameras", number, "region"), f"the region of camera {camera.name}", camera.name, camera.region)
        for number, camera in enumerate(settings.cameras)
        if camera.region
    ]
    drawn += [
        (("zones", number, "polygon"), f"zone {zone.name}", zone.camera, zone.polygon)
        for number, zone in enumerate(settings.zones)
    ]
    for place, what, _, corners in drawn:
        if len(corners) < 3 or _area(corners) == 0:
            yield Finding(place, f"{what} has no area; give at least three corners that are not in one line")
    for number, line in enumerate(settings.lines):
        drawn.append((("lines", number, "start"), f"line {line.name}", line.camera, (line.start, line.end)))
        if line.start == line.end:
            yield Finding(("lines", number, "end"), f"line {line.name} ends where it starts; give two places")
    for place, what, camera, corners in drawn:
        if not camera and not views:
            yield Finding(
                place, f"{what} is on the ground, and no camera is calibrated; name its camera or calibrate one"
            )
        elif camera in sizes and sizes[camera][0]:
            yield from _outside(place, what, corners, sizes[camera])


def _outside(
    place: Location, what: str, corners: Sequence[tuple[float, float]], size: tuple[int, int]
) -> Iterator[Finding]:
    within = [0 <= x <= size[0] and 0 <= y <= size[1] for x, y in corners]
    if not all(within):
        x, y = corners[within.index(False)]
        grade: Literal["error", "warning"] = "warning" if any(within) else "error"
        text = f"{what} has a corner at {x:g}, {y:g}, outside the picture of {size[0]} x {size[1]} pixels; mend it"
        yield Finding(place, text, grade)


def _area(corners: Sequence[tuple[float, float]]) -> float:
    points = np.asarray(corners, dtype=np.float64)
    following = np.roll(points, -1, axis=0)
    return float(abs((points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum()))


def _size(source: str, view: GroundView | None) -> tuple[int, int]:
    """Width and height of a camera's picture where that can be told without connecting; (0, 0) where not."""
    if view is not None and view.size[0]:
        return view.size
    if is_live(source) or names_in(source) or not Path(source).is_file():
        return 0, 0
    try:
        video = VideoFile(Path(source), "check")
    except SourceError:
        return 0, 0
    try:
        return video.size
    finally:
        video.close()


_LOOKS: tuple[Callable[[SiteSettings], Iterator[Finding]], ...] = (
    _sources,
    _nets,
    _packages,
    _choices,
    _stores,
)
