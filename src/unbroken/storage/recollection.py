"""What the tables know of people, for an engine whose state is gone."""

from __future__ import annotations

import json

import numpy as np

from unbroken.core.errors import StoreError
from unbroken.identity.engine import number_of
from unbroken.identity.history import Tracklet
from unbroken.identity.recall import Remembered
from unbroken.storage.columns import blob, real, whole
from unbroken.storage.database import Database
from unbroken.storage.facts import highest_person
from unbroken.storage.sealing import Seal
from unbroken.storage.vectors import matrix_of

_LATEST, _LEAST = 64, 8
"""Tracks of a person, at most and of very many people; older ones teach a manager nothing that it keeps."""
_ALL = 400_000
"""Tracks of everybody together, so that a large gallery fits into memory twice."""

_TRACKS = """
SELECT camera, epoch, number, person, start_time, end_time, vector FROM (
  SELECT tracks.id AS id, camera, epoch, tracks.track AS number, person, start_time, end_time, vector,
    ROW_NUMBER() OVER (PARTITION BY person ORDER BY end_time DESC, tracks.id DESC) AS place
  FROM tracks JOIN people ON people.id = tracks.person LEFT JOIN features ON features.track = tracks.id
) AS known
WHERE place <= ? ORDER BY end_time, id
"""


def remembered(database: Database, seal: Seal) -> Remembered:
    """The last tracks of everybody who is known, with the best view of each.

    Raises:
        StoreError: a value is damaged, or the key is another.
    """
    people = whole(database.query("SELECT COUNT(*) FROM people")[0][0])
    rows = database.query(_TRACKS, (max(_LEAST, min(_LATEST, _ALL // max(people, 1))),))
    vectors = matrix_of([blob(row[6]) for row in rows if row[6] is not None], seal)
    nothing = np.zeros(vectors.shape[1], dtype=np.float32)
    looks = iter(vectors)
    tracks = tuple(
        Tracklet(
            str(camera),
            number_of(whole(epoch), whole(track)),
            real(start),
            real(end),
            nothing if vector is None else next(looks),
        )
        for camera, epoch, track, _, start, end, vector in rows
    )
    persons = np.array([whole(row[3]) for row in rows], dtype=np.int64)
    return Remembered(tracks, persons, highest_person(database), _told_apart(database))


def _told_apart(database: Database) -> tuple[tuple[int, int], ...]:
    """Pairs who were split by hand, by the Global IDs that they go by now: nothing was weighed for it."""
    now = {
        whole(one): whole(other) for one, other in database.query("SELECT id, COALESCE(merged_into, id) FROM people")
    }
    pairs = []
    for (body,) in database.query("SELECT body FROM events WHERE type = 'person_split' ORDER BY id"):
        person, separated, evidence = _split(str(body))
        one, other = now.get(person), now.get(separated)
        by_hand = all(evidence.get(name, 0) == 0 for name in ("score", "appearance", "time", "place"))
        if by_hand and one is not None and other is not None and one != other:
            pairs.append((one, other))
    return tuple(pairs)


def _split(body: str) -> tuple[int, int, dict[str, object]]:
    try:
        fields = json.loads(body)
        return int(fields["person"]), int(fields["separated"]), dict(fields["evidence"] or {"score": 1.0})
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"an event of the database cannot be read ({error}); restore a backup") from error
