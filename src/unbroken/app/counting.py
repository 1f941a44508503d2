"""Counts of zones, lines and people from the events that a run or a site has left."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Literal

from unbroken.config.reading import read_site
from unbroken.core.errors import ConfigError, ContractError, StoreError
from unbroken.outlets.envelope import Envelope
from unbroken.outlets.lines import Lines, LinesSettings
from unbroken.pipeline.counting import Book, LineCount, ZoneCount, line_counts, zone_counts

Period = Literal["hour", "day", "all"]
_EVENTS = "events.jsonl"
_SINCE_1970 = 1e8
_LAST_TIME = 250_000_000_000.0
"""Seconds since 1970: in the year 9892, beyond which calendars end."""
_HOUR, _DAY = 3600.0, 86400.0
_PERIODS = 100_000
"""Hours or days of a table at most: eleven years of hours."""
_TOLD_TWICE = 100_000
"""Events that are remembered, so that one that was delivered twice counts once."""
_Told = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted.

    Attributes:
        zones: per place and period; the place "" is the site.
        lines: per line and period.
        live: whether times are seconds since 1970; else they count from the start of the footage.
        damaged: lines that are no events.
    """

    zones: tuple[ZoneCount, ...]
    lines: tuple[LineCount, ...]
    live: bool
    damaged: int

    def rows(self) -> list[dict[str, object]]:
        """One flat row for each zone or line and period: `kind` says which; what is not a number is `None`."""
        zones = [{"kind": "zone" if count.place else "site", **asdict(count)} for count in self.zones]
        lines = [{"kind": "line", "place": count.line, **asdict(count)} for count in self.lines]
        for row in (*zones, *lines):
            row.pop("line", None)
        return [{name: _number(value) for name, value in row.items()} for row in (*zones, *lines)]


def count_events(source: Path, period: Period) -> Counts:
    """Count what lies in a file of events, in the folder of a run, or in what a site has written.

    Args:
        source: `events.jsonl`, the `--output` of `unbroken track`, or a `site.toml`.
        period: counts per hour or day of this machine's clock, or over all.

    Raises:
        ConfigError: there is no event.
        StoreError: a file cannot be read.
    """
    book, damaged, first, last = Book(), 0, math.inf, -math.inf
    for envelope in _envelopes(files_of(source)):
        if envelope is None or not 0 <= envelope.event.time <= _LAST_TIME:
            damaged += 1
            continue
        book.note(envelope.event, envelope.epoch)
        first, last = min(first, envelope.event.time), max(last, envelope.event.time)
    if first > last:
        raise ConfigError(f"{source}: holds no events of this version; give the events.jsonl of a run, or a site.toml")
    if period != "all" and (last - first) / _HOUR > _PERIODS:
        raise ConfigError(f"{source}: its events span {(last - first) / _DAY:.0f} days; count them all together")
    edges = edges_between(first, last, period)
    zones, lines = zone_counts(book.stays(), edges), line_counts(book.crossings(), edges)
    return Counts(tuple(zones), tuple(lines), first >= _SINCE_1970, damaged)


def files_of(source: Path) -> list[Path]:
    """The files of events, oldest first.

    Raises:
        ConfigError: there are none.
    """
    if source.suffix == ".toml":
        outputs = read_site(source).outputs
        found = Lines(Path(outputs.events), LinesSettings(rotations=outputs.rotations)).paths if outputs.events else []
        if not found:
            raise ConfigError(f"{source}: the site has written no events yet; run it with outputs.events set")
        return found
    path = source / _EVENTS if source.is_dir() else source
    if not path.exists():
        raise ConfigError(f"{path} is not there; give the events.jsonl of a run, its folder, or a site.toml")
    return [path]


def edges_between(first: float, last: float, period: Period) -> list[float]:
    """The limits of the periods that hold two times: full hours or days by this machine's clock."""
    if period == "all":
        return [first, math.nextafter(last, math.inf)]
    if first < _SINCE_1970:
        width = _HOUR if period == "hour" else _DAY
        return [width * row for row in range(math.floor(first / width), math.floor(last / width) + 2)]
    moment = datetime.fromtimestamp(first).astimezone()
    if period == "hour":
        start = moment.replace(minute=0, second=0, microsecond=0).timestamp()
        return [start + _HOUR * row for row in range(math.floor((last - start) / _HOUR) + 2)]
    edges: list[float] = []
    day = moment.date()
    while not edges or edges[-1] <= last:
        edges.append(datetime.combine(day, time.min).astimezone().timestamp())
        day += timedelta(days=1)
    return edges


def _envelopes(paths: Sequence[Path]) -> Iterator[Envelope | None]:
    """The events of files, each once; `None` for a line that is none."""
    known: set[_Told] = set()
    order: deque[_Told] = deque()
    for path in paths:
        try:
            with path.open("rb") as file:
                for line in file:
                    envelope = _read(line)
                    if envelope is None:
                        yield None
                        continue
                    told = (envelope.epoch, envelope.sequence, envelope.id)
                    if told not in known:
                        yield envelope
                        known.add(told)
                        order.append(told)
                        if len(order) > _TOLD_TWICE:
                            known.discard(order.popleft())
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _read(line: bytes) -> Envelope | None:
    try:
        return Envelope.read(line)
    except ContractError:
        return None


def _number(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
