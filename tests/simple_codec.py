"""The simplest codec of batches, for tests of the store alone."""

import io
import json

import numpy as np

from unbroken.core.batches import Batch, Report
from unbroken.core.sightings import Sightings
from unbroken.storage.commands import decoded, encoded

FIELDS = ("tracks", "boxes", "ground", "covariance", "features", "quality", "ended")


class ArrayCodec:
    """Numpy's archive of arrays, with JSON for what is no array."""

    def pack(self, batch: Batch) -> bytes:
        head = {
            "time": batch.time,
            "commands": [encoded(command) for command in batch.commands],
            "reports": [[r.epoch, r.number, r.sightings.camera, r.sightings.time] for r in batch.reports],
        }
        arrays = {f"{n}_{f}": getattr(r.sightings, f) for n, r in enumerate(batch.reports) for f in FIELDS}
        buffer = io.BytesIO()
        np.savez(buffer, head=np.array(json.dumps(head)), **arrays)
        return buffer.getvalue()

    def unpack(self, content: bytes) -> Batch:
        with np.load(io.BytesIO(content)) as archive:
            head = json.loads(str(archive["head"]))
            reports = tuple(
                Report(epoch, number, Sightings(camera, time, *(archive[f"{n}_{field}"] for field in FIELDS)))
                for n, (epoch, number, camera, time) in enumerate(head["reports"])
            )
        return Batch(head["time"], reports, tuple(decoded(one) for one in head["commands"]))
