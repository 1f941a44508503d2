"""How well the net tells people apart at this site: measured on the views that are kept, at each snapshot."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.plain import json_text
from unbroken.storage.columns import blob, whole
from unbroken.storage.database import Database
from unbroken.storage.sealing import Seal
from unbroken.storage.vectors import matrix_of

_VIEWS = 512
"""The latest views that are compared: enough for a quantile, and the same cost in a large gallery."""
_QUANTILES = (0.05, 0.5, 0.95)


def note_calibration(database: Database, seal: Seal, time: float, model: str) -> None:
    """Add a row: quantiles of the cosine distance between views of one person, and of two. Nothing below two people.

    Args:
        database: inside of a transaction.
        seal: of the database.
        time: seconds.
        model: the fingerprint of the net.
    """
    rows = database.query(
        "SELECT person, vector FROM features JOIN tracks ON tracks.id = features.track "
        "ORDER BY features.track DESC LIMIT ?",
        (_VIEWS,),
    )
    persons = np.array([whole(person) for person, _ in rows], dtype=np.int64)
    if len(np.unique(persons)) < 2:
        return
    vectors = matrix_of([blob(vector) for _, vector in rows], seal)
    one, other = np.triu_indices(len(vectors), 1)
    distances = 1.0 - (vectors @ vectors.T)[one, other].astype(np.float64)
    same = persons[one] == persons[other]
    facts = {"views": len(vectors), "same": _told(distances[same]), "different": _told(distances[~same])}
    database.execute("INSERT INTO calibration (time, model, body) VALUES (?, ?, ?)", (time, model, json_text(facts)))


def _told(distances: Floats) -> dict[str, float | int]:
    if not len(distances):
        return {"pairs": 0}
    found = np.quantile(distances, _QUANTILES)
    names = [f"{share:g}" for share in _QUANTILES]
    return {"pairs": len(distances), **{name: round(float(one), 4) for name, one in zip(names, found, strict=True)}}
