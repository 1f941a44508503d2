"""The metrics of a site in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from unbroken.pipeline.board import BUCKETS, BoardView, CameraView
from unbroken.web.ports import Figure

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(view: BoardView, figures: Sequence[Figure], *, ready: bool, watchers: int) -> str:
    """All metrics.

    Args:
        view: of the board.
        figures: more of them.
        ready: whether the site does all of its work.
        watchers: pages and streams that are open.
    """
    site = [
        Figure("ready", "1 where the site does all of its work.", (({}, float(ready)),)),
        Figure("web_watchers", "Pages and event streams that are open.", (({}, watchers),)),
    ]
    return "".join([*map(_metric, [*site, *_site(view), *_cameras(view), *_places(view), *figures]), _histogram(view)])


def _site(view: BoardView) -> Iterable[Figure]:
    here = sum(person.here for person in view.people)
    yield Figure("uptime_seconds", "Since the start.", (({}, view.at - view.started),))
    yield Figure("people_here", "Decided people in view.", (({}, here),))
    events = tuple(({"event": name}, count) for name, count in sorted(view.counts.items()))
    yield Figure("events_total", "What happened.", events)
    work = tuple(({"work": name}, count) for name, count in sorted(view.work.items()))
    yield Figure("work_total", "What the steps did and saved.", work)
    delays = zip(("0.5", "0.95"), view.latency.delay, strict=True)
    rows = tuple(({"quantile": share}, seconds) for share, seconds in delays)
    yield Figure("delay_seconds", "From the moment of a picture until its answer, of late.", rows)


def _cameras(view: BoardView) -> Iterable[Figure]:
    numbers: list[tuple[str, str, Callable[[CameraView], float]]] = [
        ("camera_online", "1 where the camera delivers.", lambda camera: float(camera.state == "online")),
        ("camera_rate", "Pictures per second, of late.", lambda camera: camera.rate),
        ("camera_age_seconds", "Since the newest picture.", lambda camera: camera.age),
        ("camera_pictures_total", "Pictures that were answered.", lambda camera: camera.pictures),
        ("camera_people", "Decided people in view.", lambda camera: camera.people),
        ("camera_delay_seconds", "From picture to answer, of late.", lambda camera: camera.delay),
    ]
    for name, meaning, number in numbers:
        yield Figure(name, meaning, tuple(({"camera": camera.name}, number(camera)) for camera in view.cameras))


def _places(view: BoardView) -> Iterable[Figure]:
    zones = [(zone, {"zone": zone.name}) for zone in view.zones]
    yield Figure("zone_inside", "People inside.", tuple((label, zone.inside) for zone, label in zones))
    yield Figure("zone_entered_total", "Entries.", tuple((label, zone.entered) for zone, label in zones))
    yield Figure("zone_left_total", "Exits.", tuple((label, zone.left) for zone, label in zones))
    crossed = [
        ({"line": line.name, "direction": way}, count)
        for line in view.lines
        for way, count in (("in", line.entered), ("out", line.left))
    ]
    yield Figure("line_crossed_total", "Crossings.", tuple(crossed))


def _histogram(view: BoardView) -> str:
    bounds = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
    lines = [_line("busy_seconds_bucket", {"le": le}, count) for le, count in zip(bounds, view.busy, strict=True)]
    head = "# HELP unbroken_busy_seconds Spent by the chain on a picture.\n# TYPE unbroken_busy_seconds histogram\n"
    tail = _line("busy_seconds_sum", {}, view.busy_seconds) + _line("busy_seconds_count", {}, view.busy[-1])
    return head + "".join(lines) + tail


def _metric(figure: Figure) -> str:
    """The lines of a metric; none where it has no value."""
    name = f"unbroken_{figure.name}"
    lines = [_line(figure.name, labels, value) for labels, value in figure.rows]
    return f"# HELP {name} {figure.meaning}\n# TYPE {name} {figure.kind}\n{''.join(lines)}" if lines else ""


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
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
