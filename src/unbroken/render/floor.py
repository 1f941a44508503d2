"""Paths of people on the ground plane, in metres, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.render.colours import css
from unbroken.render.html import Attribute, Html, el
from unbroken.render.svg import curve, letters, places, rule, svg
from unbroken.render.timeline import nice_ticks

_MARGIN = 44


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """What is known of the ground besides the people.

    Attributes:
        areas: outlines by name, (K, 2) metres: a camera's footprint, a room, a zone.
        longest_jump: metres; where two points of a path lie farther apart, the line is broken.
        longest_pause: seconds; the same in time.
        size: pixels at most, width and height.
    """

    areas: Mapping[str, Floats] = field(default_factory=dict)
    longest_jump: float = 3.0
    longest_pause: float = 5.0
    size: tuple[int, int] = (760, 560)


def draw_floor(paths: Mapping[int, Floats], plan: FloorPlan | None = None) -> Html:
    """The way of each person, seen from above, y up; a ring where it begins, a dot with the Global ID where it ends.

    Args:
        paths: by Global ID, (N, 3): seconds, x and y in metres, in the order of time; rows with NaN are left out.
        plan: areas and limits.
    """
    chosen = plan or FloorPlan()
    known = {person: path[np.isfinite(path).all(axis=1)] for person, path in paths.items()}
    spots = [path[:, 1:] for path in known.values() if len(path)] + [np.asarray(one) for one in chosen.areas.values()]
    everything = np.concatenate(spots) if spots else np.array([[0.0, 0.0], [1.0, 1.0]])
    low, high = everything.min(axis=0), everything.max(axis=0)
    reach = np.maximum(high - low, 1.0)
    scale = float(((np.array(chosen.size) - 2 * _MARGIN) / reach).min())
    width, height = (round(side * scale + 2 * _MARGIN) for side in reach.tolist())

    def at(points: Floats) -> Floats:
        moved = (points - low) * scale
        return np.column_stack([moved[:, 0] + _MARGIN, height - _MARGIN - moved[:, 1]])

    parts = [_grid(low, low + reach, at), *(_area(name, at(one)) for name, one in chosen.areas.items())]
    parts += [_path(person, path, at(path[:, 1:]), chosen) for person, path in known.items() if len(path)]
    title = f"Paths of {len(known)} people on the ground, {reach[0]:.1f} by {reach[1]:.1f} metres"
    return svg((width, height), title, parts, width=width, height=height)


def _grid(low: Floats, high: Floats, at: Callable[[Floats], Floats]) -> Html:
    """Lines at round metres, with their numbers at the left and lower edge."""
    parts = []
    for axis in (0, 1):
        for tick in nice_ticks(float(low[axis]), float(high[axis]), 8):
            ends = np.array([low, high])
            ends[:, axis] = tick
            (x1, y1), (x2, y2) = at(ends).tolist()
            parts.append(rule((x1, y1), (x2, y2), 0.13))
            words = f"{tick:g} m"
            parts.append(letters(words, x1, y1 + 18, "middle") if axis == 0 else letters(words, x1 - 8, y1 + 4, "end"))
    return el("g", *parts)


def _area(name: str, outline: Floats) -> Html:
    look: dict[str, Attribute] = {"fill": "currentColor", "fill_opacity": 0.05}
    shape = el("polygon", points=places(outline), stroke="currentColor", stroke_opacity=0.4, **look)
    x, y = outline.mean(axis=0).tolist()
    return el("g", el("title", name), shape, letters(name, x, y, "middle", opacity=0.6))


def _path(person: int, path: Floats, points: Floats, plan: FloorPlan) -> Html:
    steps = np.diff(path, axis=0)
    breaks = (np.hypot(steps[:, 1], steps[:, 2]) > plan.longest_jump) | (steps[:, 0] > plan.longest_pause)
    colour = css(person)
    pieces = np.split(points, np.flatnonzero(breaks) + 1)
    first, last = points[0].tolist(), points[-1].tolist()
    ring = el("circle", cx=first[0], cy=first[1], r=4, fill="none", stroke=colour, stroke_width=2)
    dot = el("circle", cx=last[0], cy=last[1], r=5, fill=colour)
    name = letters(str(person), last[0] + 8, last[1] + 4, font_size=12, font_weight=600)
    return el("g", el("title", f"Person {person}"), *(curve(piece, colour, 2.2) for piece in pieces), ring, dot, name)
