"""What is learnt of transits survives a restart to the bit."""

from __future__ import annotations

from identity.passers import tracklets, walked
from unbroken.identity.engine import Engine
from unbroken.identity.manager import CalibratedManager
from unbroken.storage.state import bytes_of_engine, engine_of_bytes


def test_a_manager_without_features_goes_on_as_if_it_had_never_stopped() -> None:
    passages, _ = walked(2, people=30)
    tracks = tracklets(passages)
    manager = CalibratedManager()
    manager.take(tracks[:60])
    state = bytes_of_engine(Engine(manager))
    restored = engine_of_bytes(state, Engine(CalibratedManager())).manager
    assert isinstance(restored, CalibratedManager)
    for track in tracks[60:]:
        first, then = manager.take([track]), restored.take([track])
        assert first[0].tolist() == then[0].tolist()
        assert first[1] == then[1]
    assert len(tracks) > 70
