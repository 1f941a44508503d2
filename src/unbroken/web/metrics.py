"""The metrics of a site in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from unbroken.pipeline.board import BUCKETS, BoardView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
_NAME = re.compile(r"[^a-zA-Z0-9_]")


def exposition(view: BoardView, figures: Mapping[str, float], *, ready: bool, watchers: int) -> str:
    """All metrics.

    Args:
        view: of the board.
        figures: more numbers by name, without the prefix.
        ready: whether the site does all of its work.
        watchers: pages and streams that are open.
    """
    return "".join([*_cameras(view), *_site(view, ready, watchers), *_times(view), *_more(figures)])


def _cameras(view: BoardView) -> Iterable[str]:
    by = [(camera, {"camera": camera.name}) for camera in view.cameras]
    yield _metric(
        "camera_online", "1 where the camera delivers.", [(label, float(c.state == "online")) for c, label in by]
    )
    yield _metric("camera_rate", "Pictures per second, of late.", [(label, c.rate) for c, label in by])
    yield _metric("camera_age_seconds", "Since the newest picture.", [(label, c.age) for c, label in by])
    yield _metric("camera_pictures_total", "Pictures.", [(label, c.pictures) for c, label in by], "counter")
    yield _metric("camera_people", "Decided people in the newest picture.", [(label, c.people) for c, label in by])
    yield _metric("camera_delay_seconds", "From picture to answer, of late.", [(label, c.delay) for c, label in by])


def _site(view: BoardView, ready: bool, watchers: int) -> Iterable[str]:  # noqa: FBT001
    yield _metric("ready", "1 where the site does all of its work.", [({}, float(ready))])
    yield _metric("uptime_seconds", "Since the start.", [({}, view.at - view.started)])
    yield _metric("people_here", "Decided people in view.", [({}, sum(person.here for person in view.people))])
    yield _metric("web_watchers", "Pages and event streams that are open.", [({}, watchers)])
    events = [({"event": name}, count) for name, count in sorted(view.counts.items())]
    yield _metric("events_total", "What happened.", events, "counter")
    work = [({"work": name}, count) for name, count in sorted(view.work.items())]
    yield _metric("work_total", "What the steps did and saved.", work, "counter")
    zones = [(zone, {"zone": zone.name}) for zone in view.zones]
    yield _metric("zone_inside", "People inside.", [(label, zone.inside) for zone, label in zones])
    yield _metric("zone_entered_total", "Entries.", [(label, zone.entered) for zone, label in zones], "counter")
    yield _metric("zone_left_total", "Exits.", [(label, zone.left) for zone, label in zones], "counter")
    crossed = [
        ({"line": line.name, "direction": way}, count)
        for line in view.lines
        for way, count in (("in", line.entered), ("out", line.left))
    ]
    yield _metric("line_crossed_total", "Crossings.", crossed, "counter")


def _times(view: BoardView) -> Iterable[str]:
    bounds = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
    yield "# HELP unbroken_busy_seconds Spent by the chain on a picture.\n# TYPE unbroken_busy_seconds histogram\n"
    for bound, count in zip(bounds, view.busy, strict=True):
        yield _line("busy_seconds_bucket", {"le": bound}, count)
    yield _line("busy_seconds_sum", {}, view.busy_seconds)
    yield _line("busy_seconds_count", {}, view.busy[-1])
    delays = [({"quantile": q}, value) for q, value in zip(("0.5", "0.95"), view.latency.delay, strict=True)]
    yield _metric("delay_seconds", "From picture to answer, of late.", delays)


def _more(figures: Mapping[str, float]) -> Iterable[str]:
    for name, value in sorted(figures.items()):
        clean = _NAME.sub("_", name)
        yield _metric(clean, name, [({}, value)], "counter" if clean.endswith("_total") else "gauge")


def _metric(name: str, help_: str, rows: Iterable[tuple[Labels, float]], kind: str = "gauge") -> str:
    lines = [_line(name, labels, value) for labels, value in rows]
    text = help_.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP unbroken_{name} {text}\n# TYPE unbroken_{name} {kind}\n{''.join(lines)}" if lines else ""


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"unbroken_{name}{{{inner}}} {_number(value)}\n" if inner else f"unbroken_{name} {_number(value)}\n"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
