"""The timeline of all people for a page: the same rows and lanes as the picture, with words under the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unbroken.render.colours import css
from unbroken.render.draw import clock
from unbroken.render.html import Html, el
from unbroken.render.spans import Seen
from unbroken.render.svg import letters, rule, svg
from unbroken.render.timeline import time_ticks

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1080, 96, 16, 6, 34


@dataclass(frozen=True, slots=True)
class _Axis:
    start: float
    end: float

    def x(self, time: float) -> float:
        return _LEFT + (time - self.start) / max(self.end - self.start, 1e-9) * (_WIDTH - _LEFT - _RIGHT)


def timeline_svg(seen: Sequence[Seen], cameras: Sequence[str], *, rows: int = 150, bars: int = 20_000) -> Html:
    """A row per person, in it a lane per camera in the order given (numbered from 1), a bar while in view.

    Args:
        seen: from `Spans.seen`.
        cameras: the lanes.
        rows: people shown at most.
        bars: visits shown at most.
    """
    persons = sorted({one.person for one in seen})[:rows]
    lane = 11 if len(cameras) <= 6 else 7
    row = max(lane * len(cameras), 16) + 9
    height = _TOP + row * len(persons) + _BOTTOM
    axis = _Axis(min((one.start for one in seen), default=0.0), max((one.end for one in seen), default=1.0))
    parts = [_axis(axis, height)]
    for place, person in enumerate(persons):
        mine = [one for one in seen if one.person == person][:bars]
        bars -= len(mine)
        parts.append(_row(axis, _TOP + place * row, lane, cameras, mine))
    return svg((_WIDTH, height), f"When each of {len(persons)} people was in view of which camera", parts)


def tick_words(seconds: float) -> str:
    """Seconds from the start, as hours and minutes where they are many."""
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _axis(axis: _Axis, height: int) -> Html:
    parts = []
    for tick in time_ticks(0.0, axis.end - axis.start, 10):
        x = axis.x(axis.start + tick)
        parts += [rule((x, _TOP), (x, height - _BOTTOM + 4), 0.14)]
        parts += [letters(tick_words(tick), x, height - _BOTTOM + 20, "middle", opacity=0.75)]
    return el("g", *parts)


def _row(axis: _Axis, top: float, lane: int, cameras: Sequence[str], visits: Sequence[Seen]) -> Html:
    person = visits[0].person if visits else 0
    name = letters(str(person), 26, top + 12, font_size=13, font_weight=600)
    dot = el("rect", x=6, y=top + 1, width=13, height=13, rx=3, fill=css(person))
    parts = [el("a", dot, name, href=f"#person-{person}")]
    for number, camera in enumerate(cameras):
        y = top + number * lane
        here = [one for one in visits if one.camera == camera]
        parts.append(el("rect", x=_LEFT, y=y, width=_WIDTH - _LEFT - _RIGHT, height=lane - 2, rx=2, class_="lane"))
        faint = 0.85 if here else 0.3
        parts.append(letters(str(number + 1), _LEFT - 8, y + lane - 3, "end", font_size=9, opacity=faint))
        parts += [_bar(axis, y, lane, one) for one in here]
    return el("g", *parts)


def _bar(axis: _Axis, y: float, lane: int, visit: Seen) -> Html:
    x = axis.x(visit.start)
    words = f"Person {visit.person} in {visit.camera}: {clock(visit.start)} to {clock(visit.end)}"
    title = el("title", f"{words} ({visit.end - visit.start:.1f} s)")
    width = max(axis.x(visit.end) - x, 2.5)
    return el("rect", title, x=x, y=y, width=width, height=lane - 2, rx=2, fill=css(visit.person))
