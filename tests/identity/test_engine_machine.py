"""Whatever cameras send and people ask, in whatever order, with kills in between: what must always hold, holds."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from identity.views import see
from unbroken.core.batches import Batch, Forget, Merge, Report, Split, Swap, Undo
from unbroken.core.events import (
    PersonEnrolled,
    PersonForgotten,
    PersonMerged,
    PersonRecognised,
    PersonSplit,
)
from unbroken.core.sightings import IdentityState
from unbroken.identity.engine import Engine
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.storage.state import bytes_of_engine, engine_of_bytes

QUICK = ManagerSettings(enough=1.0, first_fit=12, memory=64)
WIDTH = 24
LOOKS = np.random.default_rng(5).normal(size=(6, WIDTH))


class Site(RuleBasedStateMachine):
    """Two cameras, six people, a client who only reads events, and a twin that is never killed."""

    def __init__(self):
        super().__init__()
        self.engine, self.twin = Engine(CalibratedManager(QUICK)), Engine(CalibratedManager(QUICK))
        self.time, self.epochs, self.numbers = 0.0, {"a": 1, "b": 1}, {"a": 0, "b": 0}
        self.sent, self.known = [], {}

    def apply(self, batch):
        verdict, wanted = self.engine.apply(batch), self.twin.apply(batch)
        assert repr(verdict.events) == repr(wanted.events)
        assert verdict.refusals == wanted.refusals
        for one, other in zip(verdict.identities, wanted.identities, strict=True):
            assert one.persons.tobytes() == other.persons.tobytes()
            assert one.confidence.tobytes() == other.confidence.tobytes()
        for event in verdict.events:
            self.follow(event)
        return verdict

    def follow(self, event):
        if isinstance(event, PersonEnrolled | PersonRecognised):
            self.known[event.camera, self.engine.epochs[event.camera], event.track] = event.person
        elif isinstance(event, PersonMerged | PersonForgotten):
            gone = event.absorbed if isinstance(event, PersonMerged) else event.person
            name = event.person if isinstance(event, PersonMerged) else -1
            self.known = {key: name if person == gone else person for key, person in self.known.items()}
        elif isinstance(event, PersonSplit):
            now = [(camera, self.engine.epochs[camera], track) for camera, track in event.tracks]
            self.known.update(dict.fromkeys([*now, *event.earlier], event.separated))

    @rule(camera=st.sampled_from("ab"), people=st.lists(st.integers(0, 5), unique=True, max_size=4), late=st.booleans())
    def a_camera_reports(self, camera, people, late):
        self.time += 0.4
        rng = np.random.default_rng(len(self.sent))
        features = LOOKS[people] + 0.2 * rng.normal(size=(len(people), WIDTH))
        features = (features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-9)).astype(np.float32)
        seen = see(camera, self.time - 0.7 * late, [one + 1 for one in people], features)
        report = Report(self.epochs[camera], self.numbers[camera], seen)
        self.numbers[camera] += 1
        self.sent.append(report)
        (answer,) = self.apply(Batch(self.time, (report,))).identities
        given = answer.persons[answer.persons > 0].tolist()
        assert len(given) == len(set(given)), "nobody is twice in a view"
        for track, person, state in zip(
            answer.tracks.tolist(), answer.persons.tolist(), answer.state.tolist(), strict=True
        ):
            key = camera, self.epochs[camera], track
            assert person == self.known.get(key, -1), "ids change by events alone"
            assert state != IdentityState.PENDING or person < 0

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_report_comes_again(self, data):
        report = data.draw(st.sampled_from(self.sent[-20:]))
        before = bytes_of_engine(self.engine)
        verdict = self.apply(Batch(self.engine.time, (report,)))
        assert verdict.events == ()
        assert bytes_of_engine(self.engine) == before, "what was applied changes nothing"

    @rule(camera=st.sampled_from("ab"))
    def a_tracker_begins_anew(self, camera):
        if self.numbers[camera]:
            self.epochs[camera], self.numbers[camera] = self.epochs[camera] + 1, 0

    @rule(
        person=st.integers(1, 8),
        other=st.integers(1, 8),
        track=st.tuples(st.sampled_from("ab"), st.integers(1, 6)),
        second=st.tuples(st.sampled_from("ab"), st.integers(1, 6)),
        kind=st.sampled_from(["merge", "split", "swap", "undo", "forget"]),
    )
    def somebody_asks(self, person, other, track, second, kind):
        commands = {
            "merge": Merge(person, other),
            "split": Split(person, (track,)),
            "swap": Swap(track, second),
            "undo": Undo(person),
            "forget": Forget(person, "asked"),
        }
        self.apply(Batch(self.time, (), (commands[kind],)))

    @rule(person=st.integers(1, 8), other=st.integers(1, 8))
    def a_merge_is_undone(self, person, other):
        before = dict(self.known)
        verdict = self.apply(Batch(self.time, (), (Merge(person, other),)))
        if not verdict.refusals[0]:
            assert self.apply(Batch(self.time, (), (Undo(other),))).refusals == ("",)
            assert self.known == before, "undo restores"

    @rule()
    def the_process_is_killed_and_started_again(self):
        self.engine = engine_of_bytes(bytes_of_engine(self.engine), Engine(CalibratedManager(QUICK)))

    @invariant()
    def nothing_grows(self):
        manager = self.engine.manager
        assert manager.open_tracks <= 12
        assert manager.people <= len(self.sent) * 4


TestSite = Site.TestCase
TestSite.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
