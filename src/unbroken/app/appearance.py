"""Appearance thresholds from a site's own footage, without labels."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from unbroken.app.track import Answer
from unbroken.core.arrays import Features, Floats
from unbroken.core.errors import StoreError
from unbroken.identity.looks.thresholds import OperatingPoint, operating_point
from unbroken.render.appearance_page import write_appearance_page

APART = 1.0
"""Seconds between two views of a track that make a pair: neighbours in time are too alike to teach anything."""
_VIEWS = 30
"""Views of a track that are kept; a person who stands for an hour must not outvote the others."""


@dataclass(slots=True)
class Pairs:
    """Cosine distances of two kinds of pairs, gathered while a site runs."""

    strangers: list[float] = field(default_factory=list)
    _views: dict[tuple[str, int], list[tuple[float, Features]]] = field(default_factory=lambda: defaultdict(list))

    def note(self, answer: Answer) -> None:
        """Take in one frame: people seen together are strangers, views of one track are one person."""
        result = answer.result
        seen = result.tracks.rows >= 0
        features = result.detections.features[result.tracks.rows[seen]]
        known = features.any(axis=1) if features.shape[1] else np.zeros(len(features), dtype=np.bool_)
        rows, ids = features[known], result.tracks.ids[seen][known].tolist()
        self.strangers += [float(1 - rows[a] @ rows[b]) for a, b in combinations(range(len(rows)), 2)]
        for track, row in zip(ids, rows, strict=True):
            views = self._views[answer.frame.camera, track]
            if len(views) < _VIEWS and (not views or answer.frame.time - views[-1][0] >= APART):
                views.append((answer.frame.time, row))

    @property
    def own(self) -> Floats:
        """(N,) distances between views of one track."""
        pairs = (pair for views in self._views.values() for pair in combinations(views, 2))
        return np.array([float(1 - first[1] @ second[1]) for first, second in pairs])


def calibrate_appearance(answers: Iterable[Answer], rate: float, page: Path, parts: dict[str, str]) -> OperatingPoint:
    """Walk through footage, find the operating point, and write `page` (HTML) and, beside it, the same as JSON.

    Args:
        answers: of a site that computes a feature of every detection.
        rate: share of strangers that may be taken for one person.
        page: where the report goes.
        parts: what was at work, for the report.

    Raises:
        StoreError: the report cannot be written.
    """
    pairs = Pairs()
    for answer in answers:
        pairs.note(answer)
    own, strangers = pairs.own, np.array(pairs.strangers)
    point = operating_point(own, strangers, rate)
    facts = {name: _said(value) for name, value in asdict(point).items() if name != "warnings"}
    marks = {"same": point.same, "different": point.different} if np.isfinite(point.same) else {}
    samples = {"one person": own, "strangers": strangers}
    write_appearance_page(page, samples, marks, {**parts, "wanted rate": f"{rate:g}", **facts}, point.warnings)
    try:
        page.with_suffix(".json").write_text(json.dumps({**parts, "rate": rate, **asdict(point)}, indent=2) + "\n")
    except OSError as error:
        raise StoreError(f"{page.with_suffix('.json')}: cannot be written ({error.strerror})") from error
    return point


def _said(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
