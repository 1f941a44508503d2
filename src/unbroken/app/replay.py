"""A recording is run again: the same events to the bit under the same settings, and others under others."""

from __future__ import annotations

import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unbroken.app.build import identity_of
from unbroken.app.places import observers_of
from unbroken.config.reading import checked, read_site
from unbroken.config.site import SiteSettings
from unbroken.core.batches import Batch
from unbroken.core.errors import ConfigError, ContractError, StoreError
from unbroken.core.events import Event
from unbroken.core.ports import IdentityManager
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.geometry.plane import GroundView
from unbroken.identity.engine import Engine
from unbroken.outlets.lines import EventFile
from unbroken.pipeline.leaving import numbers_forgotten
from unbroken.pipeline.names import Names
from unbroken.pipeline.recorder import STATE, RecordedStep, about, entries
from unbroken.pipeline.renumbering import Renumbering
from unbroken.storage.state import engine_of_bytes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SECTIONS = ("identity", "topology", "zones", "lines")
"""Sections of a site that take effect in a replay."""

_VIEW = ("ground_from_ray", "camera_matrix", "distortion", "size")


@dataclass(slots=True)
class Replayed:
    """What a replay did.

    Attributes:
        steps: that were recorded.
        events: that were written.
        refused: batches that the engine refused, as it did when they were recorded.
        recorded: seconds from the first to the last picture.
        taken: seconds that the replay took.
        persons: Global IDs that were given.
    """

    steps: int = 0
    events: int = 0
    refused: int = 0
    recorded: float = 0.0
    taken: float = 0.0
    persons: int = 0

    @property
    def speed(self) -> float:
        """How many times faster than it was recorded."""
        return self.recorded / max(self.taken, 1e-9)


def site_of(settings: SiteSettings, views: Mapping[str, GroundView], model: str, highest: int = 0) -> dict[str, object]:
    """What a recording says of its site: enough to run it again, and no address, path or secret.

    Args:
        settings: of the site.
        views: of the cameras that are calibrated.
        model: the fingerprint of the Re-ID net; empty without one.
        highest: the highest Global ID that was ever given before it.
    """
    sections = {name: settings.model_dump(mode="json", include={name})[name] for name in _SECTIONS}
    cameras = [{"name": camera.name, "source": "recorded"} for camera in settings.cameras]
    plain = {
        name: {field: np.asarray(getattr(view, field)).tolist() for field in _VIEW} for name, view in views.items()
    }
    site = {
        "cameras": cameras,
        **sections,
        "outputs": {"site": settings.outputs.site, "unseen": settings.outputs.unseen},
    }
    return {"site": site, "views": plain, "model": model, "highest": highest}


def settings_of(folder: Path, site: Path | None, wishes: Sequence[str]) -> SiteSettings:
    """The settings for a replay.

    Args:
        folder: of the recording.
        site: a site file whose sections for identities, topology, zones and lines hold; `None`: as it was recorded.
        wishes: single settings, `section.name=value` with the value as in a site file; they come last.

    Raises:
        StoreError: the recording cannot be read.
        ConfigError: a setting is unknown or out of its bounds.
    """
    content = about(folder).get("site")
    if not isinstance(content, dict):
        raise StoreError(f"{folder}: the recording does not say of which site it is; restore it from a copy")
    if site is not None:
        other = read_site(site).model_dump(mode="json", include=set(_SECTIONS))
        content = {**content, **other}
    for wish in wishes:
        content = _with_wish(content, wish)
    return checked(content, "the settings of the replay")


def _with_wish(content: Mapping[str, object], wish: str) -> dict[str, object]:
    """The content of a site file with one setting changed; what `identity` does not know is its policy's."""
    key, sign, text = wish.partition("=")
    section, dot, name = key.strip().partition(".")
    if not sign or not dot or section not in ("identity", "topology"):
        raise ConfigError(f"--set {wish}: is no setting of a replay; write identity.NAME=VALUE or topology.NAME=VALUE")
    value = _value(text.strip())
    own = content.get(section)
    before: dict[str, object] = dict(own) if isinstance(own, dict) else {}
    if section == "identity" and name not in ("policy", "options"):
        options = before.get("options")
        before["options"] = {**(options if isinstance(options, dict) else {}), name: value}
    else:
        before[name] = value
    return {**content, section: before}


def _value(text: str) -> object:
    """A value as it is written in a site file; words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def replay(folder: Path, settings: SiteSettings, output: Path, watch: Callable[[float], None]) -> Replayed:
    """Run a recording again and write its events.

    Args:
        folder: of the recording.
        settings: of `settings_of`.
        output: JSON Lines of events, as `unbroken track` writes them.
        watch: is told the seconds of the recording that are done, for a progress bar.

    Raises:
        StoreError: the recording is damaged, or the output cannot be written.
        ConfigError: an option of the policy is not known.
    """
    views = views_of(folder)
    numbers = Renumbering(numbers_forgotten(folder))
    run = _Run(engine_of_recording(folder, identity_of(settings, len(views))), numbers)
    observer = observers_of(settings, views)
    done, start, began = Replayed(), time.perf_counter(), None
    sink = EventFile(output, settings.outputs.site)
    try:
        for entry in entries(folder):
            if isinstance(entry, Batch):
                run.take(entry)
                continue
            results, told = run.answer(entry)
            told += observer.observe(results, told)
            sink.hear(told)
            done.steps, done.events = done.steps + 1, done.events + len(told)
            if results:
                began = results[0].time if began is None else began
                done.recorded = max(done.recorded, results[0].time - began)
                watch(done.recorded)
        last = observer.close()
        sink.hear(last)
    finally:
        sink.close()
    done.events += len(last)
    done.taken, done.refused, done.persons = time.perf_counter() - start, run.refused, len(run.persons)
    return done


def engine_of_recording(folder: Path, manager: IdentityManager | None) -> Engine | None:
    """The engine as it was when the recording began, under the settings of now; `None` without a manager.

    Raises:
        StoreError: its state is damaged, from another version, or of another policy.
    """
    if manager is None:
        return None
    path = folder / STATE
    if not path.exists():
        return Engine(manager)
    try:
        return engine_of_bytes(path.read_bytes(), Engine(manager), str(about(folder).get("model", "")))
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check its rights") from error


class _Run:
    """The engine of a replay, and what it has decided since the last step."""

    def __init__(self, engine: Engine | None, numbers: Renumbering) -> None:
        self.refused = 0
        self._numbers = numbers
        self.persons: set[int] = set()
        self._engine = engine
        self._names: defaultdict[str, Names] = defaultdict(Names)
        self._epochs: dict[str, int] = {}
        self._answers: dict[str, Identities] = {}
        self._decided: deque[Event] = deque()

    def take(self, batch: Batch) -> None:
        """Apply a batch; one that was refused when it was recorded is refused again."""
        if self._engine is None:
            return
        try:
            verdict = self._numbers.verdict(self._engine.apply(self._numbers.batch(batch)))
        except ContractError:
            self.refused += 1
            return
        self._decided += verdict.events
        for report, answer in zip(batch.reports, verdict.identities, strict=True):
            camera = report.sightings.camera
            if self._epochs.setdefault(camera, report.epoch) != report.epoch:
                self._epochs[camera], self._names[camera] = report.epoch, Names()
            self._names[camera].forget(report.sightings.ended)
            self._answers[camera] = answer
            self.persons.update(answer.persons[answer.persons > 0].tolist())

    def answer(self, step: RecordedStep) -> tuple[list[FrameResult], list[Event]]:
        """The step with the Global IDs that are given now, and what happened.

        Where as many events were decided as when it was recorded, each has its old place; else they come last.
        """
        results = [replace(one, identities=self._named(one)) for one in step.results]
        self._answers.clear()
        outer = [event for event in step.told if event is not None]
        if len(self._decided) == len(step.told) - len(outer):
            told = [self._decided.popleft() if event is None else event for event in step.told]
        else:
            told = [*outer, *self._decided]
            self._decided.clear()
        return results, told

    def _named(self, result: FrameResult) -> Identities:
        answer = self._answers.get(result.camera, Identities.undecided(result.camera, result.time, _NO_TRACKS))
        return self._names[result.camera].named(result.tracks, answer)


_NO_TRACKS = np.zeros(0, dtype=np.int64)


def views_of(folder: Path) -> dict[str, GroundView]:
    """The calibrated cameras of a recording.

    Raises:
        StoreError: they are damaged.
    """
    found = about(folder).get("views")
    try:
        if not isinstance(found, dict):
            raise TypeError("views are missing")
        return {
            name: GroundView(view["ground_from_ray"], view["camera_matrix"], view["distortion"], tuple(view["size"]))
            for name, view in found.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder}: the views of its cameras are damaged ({error}); restore it from a copy") from error
