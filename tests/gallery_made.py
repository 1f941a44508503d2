"""A small site for tests of the gallery: real engine, real store, people with looks of their own."""

from pathlib import Path

import numpy as np

from batches_made import look
from unbroken.appearance.colour import ColourEmbedder
from unbroken.core.arrays import Features
from unbroken.core.batches import Batch, Report
from unbroken.core.sightings import Sightings
from unbroken.identity.engine import Engine
from unbroken.identity.manager import CalibratedManager
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.state import bytes_of_engine

MODEL = ColourEmbedder().fingerprint


def view_of(camera: str, time: float, people: dict[int, Features], *, ended: tuple[int, ...] = ()) -> Sightings:
    """What a camera reports: tracks with features, far apart in the picture."""
    count = len(people)
    boxes = np.array([[100.0 * row, 10.0, 100.0 * row + 40, 130.0] for row in range(count)]).reshape(count, 4)
    features = np.array(list(people.values()), dtype=np.float32).reshape(count, -1 if count else 0)
    nowhere = np.full((count, 2), np.nan), np.full((count, 2, 2), np.nan)
    return Sightings(
        camera, time, np.array(list(people)), boxes, *nowhere, features, np.full(count, 0.8), np.array(ended)
    )


def lived(store: Store, features: dict[int, Features], seconds: float = 8.0) -> Engine:
    """A site that has seen some people in one camera for some seconds."""
    engine = Engine(CalibratedManager())
    for number in range(int(seconds * 2)):
        batch = Batch(number / 2, (Report(1, number, view_of("hall", number / 2, features)),))
        store.keep(batch, engine.apply(batch))
    gone = Batch(seconds, (Report(1, int(seconds * 2), view_of("hall", seconds, {}, ended=tuple(features))),))
    store.keep(gone, engine.apply(gone))
    return engine


def stopped_site(folder: Path, features: dict[int, Features] | None = None) -> Path:
    """A site file whose site has run and stands still: three people, tracks 4, 5 and 6 in the hall."""
    site = folder / "site.toml"
    site.write_text(
        '[[cameras]]\nname = "hall"\nsource = "hall.mp4"\n[storage]\ndatabase = "site.db"\n'
        '[outputs]\nevents = "events.jsonl"\nspool = "spool"\n'
    )
    store = open_store(str(folder / "site.db"), StoreSettings(MODEL))
    dimension = ColourEmbedder().dimension
    engine = lived(store, features or {track: look(track, dimension) for track in (4, 5, 6)})
    store.snapshot(bytes_of_engine(engine, MODEL))
    store.close()
    return site
