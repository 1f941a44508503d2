"""Small plots as SVG, for pages and files: no script, no font, no library; they follow the colour of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.render.colours import css
from unbroken.render.html import Html, el
from unbroken.render.svg import letters, places, rule, svg
from unbroken.render.timeline import nice_ticks

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 14, 40


@dataclass(frozen=True, slots=True)
class Labels:
    """The words of a plot: a title for those who cannot see it, and what the axes count."""

    title: str
    x: str = ""
    y: str = ""


@dataclass(frozen=True, slots=True)
class _Area:
    """Where values lie in the picture."""

    size: tuple[int, int]
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a value."""
        width, height = self.size
        across = (x - self.x[0]) / max(self.x[1] - self.x[0], 1e-12)
        up = (y - self.y[0]) / max(self.y[1] - self.y[0], 1e-12)
        return _LEFT + across * (width - _LEFT - _RIGHT), height - _BOTTOM - up * (height - _TOP - _BOTTOM)


def line_plot(series: Mapping[str, Floats], labels: Labels, size: tuple[int, int] = (720, 220)) -> Html:
    """Lines through (N, 2) points x, y by name; y begins at 0."""
    points = [one for one in series.values() if len(one)]
    joined = np.concatenate(points) if points else np.array([[0.0, 0.0], [1.0, 1.0]])
    area = _Area(size, (float(joined[:, 0].min()), float(joined[:, 0].max())), (0.0, float(joined[:, 1].max()) or 1.0))
    lines = []
    for number, (name, values) in enumerate(series.items(), start=1):
        places = " ".join("{:.1f},{:.1f}".format(*area.at(x, y)) for x, y in values)
        drawn = el(
            "polyline", points=places, fill="none", stroke=css(number), stroke_width=1.8, stroke_linejoin="round"
        )
        lines.append(el("g", el("title", name), drawn))
    return _framed(area, labels, [*lines, *_legend(list(series), size)])


def histogram(
    samples: Mapping[str, Floats],
    labels: Labels,
    *,
    bins: int = 40,
    marks: Mapping[str, float] | None = None,
    size: tuple[int, int] = (720, 240),
) -> Html:
    """Shares of each named sample per bin, over one axis; `marks` are named vertical lines, such as a threshold.

    Each sample is scaled to a sum of 1, so that a few pairs of one person and many pairs of two can be compared.
    """
    named = marks or {}
    values = {name: one[np.isfinite(one)] for name, one in samples.items()}
    joined = np.concatenate([*values.values(), np.array(list(named.values()), dtype=np.float64)])
    low, high = (float(joined.min()), float(joined.max())) if len(joined) else (0.0, 1.0)
    high = high if high > low else low + 1
    edges = np.linspace(low, high, bins + 1)
    shares = {name: np.histogram(one, edges)[0] / max(len(one), 1) for name, one in values.items()}
    top = max((float(one.max()) for one in shares.values()), default=1.0) or 1.0
    area = _Area(size, (low, high), (0.0, top))
    drawn = [_steps(area, edges, one, (name, number)) for number, (name, one) in enumerate(shares.items(), start=1)]
    return _framed(area, labels, [*drawn, *_marks(area, named), *_legend(list(samples), size)])


def _steps(area: _Area, edges: Floats, shares: Floats, who: tuple[str, int]) -> Html:
    """A filled outline of one sample's bins."""
    corners = [area.at(float(edges[0]), 0.0)]
    for left, right, share in zip(edges, edges[1:], shares, strict=False):
        corners += [area.at(float(left), float(share)), area.at(float(right), float(share))]
    corners.append(area.at(float(edges[-1]), 0.0))
    name, number = who
    shape = el(
        "polygon", points=places(corners), fill=css(number), fill_opacity=0.3, stroke=css(number), stroke_width=1.5
    )
    return el("g", el("title", name), shape)


def _marks(area: _Area, marks: Mapping[str, float]) -> list[Html]:
    drawn = []
    for name, value in marks.items():
        x, bottom = area.at(value, 0.0)
        words = letters(f"{name} {value:.3g}", x + 4, _TOP + 10)
        dashes = el(
            "line", x1=x, x2=x, y1=_TOP, y2=bottom, stroke="currentColor", stroke_dasharray="4 3", stroke_width=1.2
        )
        drawn.append(el("g", dashes, words))
    return drawn


def _legend(names: Sequence[str], size: tuple[int, int]) -> list[Html]:
    """Names with their colours in the lower right corner; none for a single one."""
    if len(names) < 2:
        return []
    drawn, x = [], float(size[0] - _RIGHT)
    for number, name in reversed(list(enumerate(names, start=1))):
        x -= 6.2 * len(name)
        drawn.append(letters(name, x, size[1] - 5))
        x -= 14
        drawn.append(el("rect", x=x, y=size[1] - 14, width=10, height=10, rx=2, fill=css(number)))
        x -= 12
    return drawn


def _framed(area: _Area, labels: Labels, content: Sequence[Html]) -> Html:
    """Axes, ticks and words around what is plotted."""
    width, height = area.size
    parts: list[Html] = [el("title", labels.title)]
    for tick in nice_ticks(*area.y, 4):
        x, y = area.at(area.x[0], tick)
        parts += [rule((x, y), (width - _RIGHT, y)), letters(f"{tick:g}", x - 6, y + 4, "end")]
    for tick in nice_ticks(*area.x, 8):
        x, y = area.at(tick, 0.0)
        parts.append(letters(f"{tick:g}", x, y + 16, "middle"))
    parts.append(rule(area.at(area.x[0], 0.0), area.at(area.x[1], 0.0), 0.5))
    parts.append(letters(labels.x, _LEFT, height - 5, opacity=0.75))
    parts.append(letters(labels.y, 12, height / 2, "middle", transform=f"rotate(-90 12 {height / 2:.0f})"))
    return svg(area.size, labels.title, [*parts, *content])
