"""The few SVG elements that plots are made of; lines and letters follow the colour of the page's text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.render.html import Attribute, Html, el


def svg(size: tuple[int, int], title: str, content: Sequence[Html], **attributes: Attribute) -> Html:
    """A picture of the given size that shrinks with the page and has a name for those who cannot see it."""
    return el(
        "svg",
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {size[0]} {size[1]}",
        role="img",
        aria_label=title,
        font_family="system-ui, sans-serif",
        **attributes,
    )


def letters(
    text: str, x: float, y: float, anchor: Literal["start", "middle", "end"] = "start", **attributes: Attribute
) -> Html:
    """Words at a point, 11 pixels high unless `font_size` says otherwise."""
    shown = {"fill": "currentColor", "font_size": 11, **attributes}
    return el("text", text, x=float(x), y=float(y), text_anchor=anchor if anchor != "start" else None, **shown)


def rule(start: tuple[float, float], end: tuple[float, float], strength: float = 0.18) -> Html:
    """A faint straight line."""
    return el(
        "line",
        x1=float(start[0]),
        y1=float(start[1]),
        x2=float(end[0]),
        y2=float(end[1]),
        stroke="currentColor",
        stroke_opacity=strength,
    )


def curve(points: Floats, colour: str, width: float = 2.0) -> Html:
    """A line through (N, 2) points."""
    look: dict[str, Attribute] = {"fill": "none", "stroke": colour, "stroke_width": width, "stroke_linejoin": "round"}
    return el("polyline", points=places(points), **look)


def places(points: Floats | Iterable[tuple[float, float]]) -> str:
    """(N, 2) points as the `points` of a polygon."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in np.asarray(points, dtype=np.float64))
