"""`report.html`: what a run saw and what it cost, on one page that needs neither network nor script."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.errors import StoreError
from unbroken.render.colours import bgr, css, ink
from unbroken.render.draw import clock
from unbroken.render.floor import FloorPlan, draw_floor
from unbroken.render.gathering import CameraFacts, Gathered
from unbroken.render.html import Html, bar, data_uri, el, style, table
from unbroken.render.plots import Labels, line_plot
from unbroken.render.portraits import Portrait
from unbroken.render.spans import Seen, transitions
from unbroken.render.timeline_svg import timeline_svg

_MAIN = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "IDP", "IDR", "MOTA", "MOTP", "Recall", "Precision", "IDSW", "Frag")
"""The scores that are shown at once; the others fold out."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report tells besides what was gathered while running.

    Attributes:
        title: the heading.
        version: of this library.
        created: when the run took place, in words; left out where empty.
        elapsed: seconds that the run took; 0 where nobody measured.
        settings: what was used, in groups: {"Detector": {"net": "..", "every": "3"}}.
        scores: against ground truth, {"all cameras": {"HOTA": 0.61}}; none without.
        warnings: one sentence each.
        plan: areas for the picture of the floor.
        people: how many people get a card at most.
    """

    title: str = "Who was seen where"
    version: str = ""
    created: str = ""
    elapsed: float = 0.0
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    plan: FloorPlan | None = None
    people: int = 200


def write_report(path: Path, gathered: Gathered, facts: ReportFacts | None = None) -> None:
    """Write the page; a page that is there already is replaced in one step.

    Raises:
        StoreError: it cannot be written.
    """
    save_page(path, page(gathered, facts or ReportFacts()))


def save_page(path: Path, text: str) -> None:
    """Write a page; one that is there already is replaced in one step.

    Raises:
        StoreError: it cannot be written.
    """
    draft = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); choose another --output") from error


def page(gathered: Gathered, facts: ReportFacts) -> str:
    """The whole page as text."""
    sections = [
        ("warnings", "Warnings", _warnings((*facts.warnings, *gathered.warnings))),
        ("timeline", "Who was seen where and when", _timeline(gathered)),
        ("people", "People", _people(gathered, facts.people)),
        ("transitions", "From camera to camera", _transitions(gathered.seen)),
        ("floor", "Paths on the ground", _floor(gathered.paths, facts.plan)),
        ("scores", "Scores against ground truth", _scores(facts.scores)),
        ("cost", "Time and work", _cost(gathered)),
        ("cameras", "Cameras", _cameras(gathered)),
        ("events", "Events", _events(gathered.events)),
        ("settings", "Settings", _settings(facts.settings)),
    ]
    shown = [(name, title, content) for name, title, content in sections if content]
    links = el("nav", *(el("a", title, href=f"#{name}") for name, title, _ in shown), aria_label="Sections")
    names = ", ".join(camera.name for camera in gathered.cameras)
    subtitle = " | ".join(part for part in (names, facts.created) if part)
    top = el("header", el("h1", facts.title), el("p", subtitle, class_="soft"), links, _tiles(gathered, facts))
    blocks = [
        el("section", el("h2", title), content, id=name, class_="warnings" if name == "warnings" else None)
        for name, title, content in shown
    ]
    return document(facts.title, top, el("main", *blocks), _footer(gathered, facts))


def document(title: str, *content: Html) -> str:
    """A whole page with the style of the report; it may load nothing and run nothing."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        style(files("unbroken.render").joinpath("report.css").read_text(encoding="utf-8")),
    )
    return "<!doctype html>\n" + el("html", head, el("body", *content), lang="en") + "\n"


def _joined(*parts: Html) -> Html:
    return Html("".join(parts))


def _tiles(gathered: Gathered, facts: ReportFacts) -> Html:
    frames = sum(camera.frames for camera in gathered.cameras)
    longest = max((camera.end for camera in gathered.cameras), default=0.0) - min(
        (camera.start for camera in gathered.cameras), default=0.0
    )
    people = {one.person for one in gathered.seen}
    several = sum(len({one.camera for one in gathered.seen if one.person == person}) > 1 for person in people)
    tiles = [
        (f"{len(people)}", "people with a Global ID"),
        (f"{several}", "of them in several cameras"),
        (f"{len(gathered.cameras)}", "cameras"),
        (f"{len(transitions(gathered.seen))}", "changes of camera"),
        (clock(longest), "of video"),
        (f"{frames:,}", "pictures"),
    ]
    if facts.elapsed > 0:
        footage = sum(camera.end - camera.start for camera in gathered.cameras)
        tiles.append((f"{frames / facts.elapsed:.1f}", "pictures per second"))
        tiles.append((f"{footage / facts.elapsed:.2f}x", "real time, all cameras"))
    return el("ul", *(el("li", el("b", value), el("span", words)) for value, words in tiles), class_="tiles")


def _warnings(warnings: Sequence[str]) -> Html:
    if not warnings:
        return Html()
    return el("ul", *(el("li", warning) for warning in warnings))


def _timeline(gathered: Gathered) -> Html:
    if not gathered.seen:
        return el("p", "Nobody was given a Global ID.", class_="note")
    cameras = [camera.name for camera in gathered.cameras]
    legend = el(
        "ul",
        *(el("li", el("b", str(number)), name) for number, name in enumerate(cameras, start=1)),
        class_="legend",
        aria_label="Cameras by number",
    )
    words = "A row per person, a numbered lane per camera. Point at a bar for its times."
    picture = _plot(timeline_svg(gathered.seen, cameras))
    return _joined(el("p", words, class_="note"), legend, picture, _visits(gathered.seen))


def _plot(picture: Html) -> Html:
    """A picture that can be scrolled where the screen is narrow."""
    return el("div", picture, class_="plot")


def _visits(seen: Sequence[Seen], most: int = 1000) -> Html:
    """The same as words, for those who cannot see or point at the picture."""
    rows = [
        [f"Person {one.person}", one.camera, clock(one.start), clock(one.end), f"{one.end - one.start:.1f}"]
        for one in seen[:most]
    ]
    words = f"All {len(seen)} visits" if len(seen) <= most else f"The first {most} of {len(seen)} visits"
    return el("details", el("summary", words), table(["Person", "Camera", "From", "To", "Seconds"], rows))


def _people(gathered: Gathered, most: int) -> Html:
    by_person: defaultdict[int, list[Seen]] = defaultdict(list)
    for one in gathered.seen:
        by_person[one.person].append(one)
    persons = sorted(by_person)
    if not persons:
        return Html()
    cards = [_card(person, by_person[person], gathered.portraits.get(person, ())) for person in persons[:most]]
    words = "Pictures were not kept." if not gathered.pictures else "The best views of each person in each camera."
    if gathered.pictures and gathered.blurred:
        words += " Heads are blurred."
    if len(persons) > most:
        words += f" {most} of {len(persons)} people are shown."
    wide = max(len({one.camera for one in seen}) for seen in by_person.values()) > 1
    return _joined(el("p", words, class_="note"), el("div", *cards, class_="people" if wide else "people narrow"))


def _card(person: int, seen: Sequence[Seen], portraits: Sequence[Portrait]) -> Html:
    colour = bgr(person)
    blue, green, red = ink(colour)
    chip = el("span", str(person), class_="chip", style=f"background:{css(person)};color:rgb({red},{green},{blue})")
    first, last = min(seen, key=lambda one: one.start), max(seen, key=lambda one: one.end)
    places = len({one.camera for one in seen})
    total = sum(one.end - one.start for one in seen)
    summary = f"{total:.1f} s, {len(seen)} visit{_s(len(seen))}, {places} camera{_s(places)}"
    course = f"{clock(first.start)} {first.camera} to {clock(last.end)} {last.camera}"
    words = el("div", el("h3", f"Person {person}"), el("p", summary), el("p", course))
    shots = [
        el("div", el("h4", camera), el("div", *(_shot(person, one) for one in mine), class_="shots"))
        for camera in dict.fromkeys(one.camera for one in portraits)
        if (mine := [one for one in portraits if one.camera == camera])
    ]
    views = el("div", *shots, class_="views") if shots else Html()
    return el("article", el("header", chip, words), views, id=f"person-{person}", class_="person")


def _shot(person: int, portrait: Portrait) -> Html:
    time = clock(portrait.time)
    picture = el(
        "img",
        src=data_uri(portrait.jpeg),
        alt=f"Person {person} in {portrait.camera} at {time}",
        width=portrait.size[0],
        height=portrait.size[1],
        loading="lazy",
    )
    return el("figure", picture, el("figcaption", time))


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _transitions(seen: Sequence[Seen]) -> Html:
    steps = transitions(seen)
    if not steps:
        return Html()
    gaps: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    people: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for step in steps:
        gaps[step.origin, step.target].append(step.gap)
        people[step.origin, step.target].add(step.person)
    most = max(len(one) for one in gaps.values())
    rows = [
        [
            f"{origin} \N{RIGHTWARDS ARROW} {target}",
            bar(len(times) / most, str(len(times))),
            str(len(people[origin, target])),
            f"{np.median(times):+.1f} s",
            f"{min(times):+.1f} to {max(times):+.1f} s",
        ]
        for (origin, target), times in sorted(gaps.items(), key=lambda one: (-len(one[1]), one[0]))[:200]
    ]
    words = "The gap is the time out of view; it is below zero where both cameras saw the person for a while."
    head = ["From and to", "Changes", "People", "Median gap", "Range"]
    return _joined(el("p", words, class_="note"), table(head, rows))


def _floor(paths: Mapping[int, Floats], plan: FloorPlan | None) -> Html:
    if not paths:
        return Html()
    words = "Seen from above, in metres. A ring where a path begins, a dot with the Global ID where it ends."
    return _joined(el("p", words, class_="note"), el("div", draw_floor(paths, plan), class_="floor"))


def _scores(scores: Mapping[str, Mapping[str, float]]) -> Html:
    if not scores:
        return Html()
    names = list(dict.fromkeys(name for row in scores.values() for name in row))
    main = [name for name in _MAIN if name in names] or names[: len(_MAIN)]
    rest = [name for name in names if name not in main]
    more = el("details", el("summary", "More scores"), _score_table(scores, rest)) if rest else Html()
    return _joined(_score_table(scores, main), more)


def _score_table(scores: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> Html:
    rows = [[row, *(_score(values.get(name)) for name in names)] for row, values in scores.items()]
    return table(["", *names], rows)


def _score(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if isinstance(value, (int, np.integer)) else f"{value:.3f}"


def _cost(gathered: Gathered) -> Html:
    parts = []
    if gathered.steps:
        total = sum(step.total for step in gathered.steps.values()) or 1.0
        rows = [
            [name, bar(step.total / total, f"{100 * step.total / total:.0f} %"), f"{step.total:.2f} s"]
            + [f"{1000 * value:.2f} ms" for value in (step.mean, step.median, step.high)]
            for name, step in sorted(gathered.steps.items(), key=lambda one: -one[1].total)
        ]
        head = ["Step", "Share", "Total", "Mean", "Median", "95 % within"]
        parts.append(table(head, rows, "Time spent per picture, by step of the chain"))
    if len(gathered.latency) > 1:
        relative = gathered.latency - np.array([gathered.latency[0, 0], 0.0])
        labels = Labels("Milliseconds per picture, over the time of the video", "seconds of video", "ms per picture")
        parts.append(_plot(line_plot({"all steps": relative}, labels, (1080, 200))))
    if any(gathered.work.values()):
        parts.append(_work(gathered.work))
    return _joined(*parts)


def _work(work: Mapping[str, int]) -> Html:
    """What was done and what was saved; names that begin with the same word share a whole."""
    groups = Counter[str]()
    for name, count in work.items():
        groups[name.split(" ")[0]] += count
    rows = []
    for name, count in sorted(work.items()):
        whole = groups[name.split(" ")[0]] or 1
        rows.append([name, f"{count:,}", bar(count / whole, f"{100 * count / whole:.0f} %")])
    return table(["Work", "Count", "Share of its kind"], rows, "What was done and what was saved")


def _cameras(gathered: Gathered) -> Html:
    people: defaultdict[str, set[int]] = defaultdict(set)
    for one in gathered.seen:
        people[one.camera].add(one.person)
    rows = [[camera.name, *_camera(camera), str(len(people[camera.name]))] for camera in gathered.cameras]
    return table(["Camera", "Pictures", "Size", "From", "To", "Rate", "Tracks", "People"], rows) if rows else Html()


def _camera(camera: CameraFacts) -> list[str]:
    span = camera.end - camera.start
    rate = f"{(camera.frames - 1) / span:.1f}/s" if span > 0 else "-"
    size = f"{camera.size[0]} x {camera.size[1]}" if any(camera.size) else "no picture"
    return [f"{camera.frames:,}", size, clock(camera.start), clock(camera.end), rate, f"{camera.tracks:,}"]


def _events(events: Mapping[str, int]) -> Html:
    """How many of each kind, the most frequent first."""
    if not events:
        return Html()
    ordered = sorted(events.items(), key=lambda one: (-one[1], one[0]))
    return table(["Event", "Count"], [[name, f"{count:,}"] for name, count in ordered])


def _settings(settings: Mapping[str, Mapping[str, str]]) -> Html:
    if not settings:
        return Html()
    groups = [el("div", el("h3", group), _pairs(values)) for group, values in settings.items()]
    return el("div", *groups, class_="grid")


def _pairs(values: Mapping[str, str]) -> Html:
    return el("dl", *(_joined(el("dt", name), el("dd", value)) for name, value in values.items()))


def _footer(gathered: Gathered, facts: ReportFacts) -> Html:
    made = f"Made by unbroken {facts.version}".strip() + ". This page is one file and loads nothing from anywhere."
    private = " It holds pictures of people: keep and share it accordingly." if gathered.portraits else ""
    return el("footer", made + private)
