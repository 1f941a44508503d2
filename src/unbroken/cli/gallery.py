"""`unbroken gallery`: who is known, and what is to be done about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unbroken.app.gallery import Place, Shown
    from unbroken.core.batches import Command
    from unbroken.storage.queries import Person

gallery = typer.Typer(
    help="Who is known: look, search by picture, correct, forget, carry away. The site may run meanwhile.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Site = Annotated[Path | None, typer.Option("--site", help="A site file; left out: site.toml here.")]
Database = Annotated[
    str, typer.Option("--database", help="A SQLite file or postgresql://..., in place of a site file.")
]
Key = Annotated[str, typer.Option("--key", help="With --database: the environment variable with its key.")]
Json = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
Who = Annotated[str, typer.Argument(help="A Global ID, or a name that was given.")]
Wait = Annotated[float, typer.Option("--wait", min=0, max=3600, help="Seconds for a running site to answer.")]


@gallery.command("list")
def list_(
    limit: int = typer.Option(50, min=1, help="How many, those last seen first."),
    merged: bool = typer.Option(False, "--merged", help="Also those who were merged into others."),
    site: Site = None,
    database: Database = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """List who is known.

    Examples:
        unbroken gallery list

        unbroken gallery list --database unbroken.db --limit 500 --json
    """
    from dataclasses import asdict

    from rich.table import Table

    from unbroken.app.gallery import listed
    from unbroken.cli.wide import wide_console

    found, total = listed(_place(site, database, key), limit, merged=merged)
    if as_json:
        _print_json({"known": total, "people": [asdict(person) for person in found]})
        return
    table = Table(title=f"{len(found)} of {total} people" if total > len(found) else f"{total} people")
    for column in ("person", "name", "state", "first seen", "last seen", "cameras", "tracks", "views"):
        table.add_column(column, justify="right" if column in ("person", "tracks", "views") else "left")
    for person in found:
        table.add_row(*_columns(person))
    wide_console().print(table)


@gallery.command()
def show(
    person: Who,
    limit: int = typer.Option(20, min=1, help="How many tracks and events, the latest first."),
    site: Site = None,
    database: Database = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Show all that is known of somebody: where he was, what happened, and why.

    Examples:
        unbroken gallery show 17

        unbroken gallery show "the courier" --json
    """
    from dataclasses import asdict

    from unbroken.app.gallery import shown

    found = shown(_place(site, database, key), person, limit)
    if as_json:
        _print_json(asdict(found))
        return
    _show(found)


@gallery.command()
def find(
    image: Path = typer.Option(..., "--image", help="A picture of the person, or one in which the person is."),
    crop: bool = typer.Option(False, "--crop", help="The picture shows one person and nothing else."),
    limit: int = typer.Option(5, min=1, help="How many people."),
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Find people who look like a picture, by the site's own Re-ID net; nearest first.

    A distance is 1 - cosine similarity: what is near depends on the net, so compare the first with the others.

    Examples:
        unbroken gallery find --image visitor.jpg

        unbroken gallery find --image crop.png --crop --limit 10 --json
    """
    from dataclasses import asdict

    from rich.table import Table

    from unbroken.app.gallery import found
    from unbroken.cli.wide import wide_console

    answer = found(_place(site, "", ""), image, limit, crop=crop)
    if as_json:
        rows = [{"distance": match.distance, **asdict(person)} for match, person in answer.matches]
        _print_json({"looked_at": answer.looked_at, "people": rows})
        return
    table = Table(title=f"looked at {answer.looked_at}")
    for column in ("distance", "person", "name", "last seen", "cameras", "views"):
        table.add_column(column, justify="right" if column in ("distance", "person", "views") else "left")
    for match, person in answer.matches:
        columns = _columns(person)
        table.add_row(f"{match.distance:.3f}", columns[0], columns[1], columns[4], columns[5], columns[7])
    wide_console().print(table)


@gallery.command()
def name(
    person: Who,
    called: str = typer.Argument("", help="The name; left out: none from here."),
    site: Site = None,
    database: Database = "",
    key: Key = "",
) -> None:
    """Call somebody by a name.

    Examples:
        unbroken gallery name 17 "the courier"

        unbroken gallery name 17
    """
    from unbroken.app.gallery import named

    typer.echo(named(_place(site, database, key), person, called))


@gallery.command()
def merge(
    person: Who,
    absorbed: Annotated[str, typer.Argument(help="Who is the same person: a Global ID or a name.")],
    site: Site = None,
    database: Database = "",
    key: Key = "",
    wait: Wait = 30.0,
) -> None:
    """Say that two people are one. Everybody who follows the second follows the first from here.

    Examples:
        unbroken gallery merge 17 23
    """
    from unbroken.app.gallery import number_of
    from unbroken.core.batches import Merge

    place = _place(site, database, key)
    _carry_out(place, Merge(number_of(place, person), number_of(place, absorbed)), wait)


@gallery.command()
def split(
    person: Who,
    tracks: Annotated[list[str], typer.Argument(help="Tracks that are somebody else, as CAMERA:TRACK.")],
    site: Site = None,
    database: Database = "",
    key: Key = "",
    wait: Wait = 30.0,
) -> None:
    """Say that some tracks are not this person, but somebody of their own. `show` lists the tracks.

    Examples:
        unbroken gallery split 17 hall:4 door:9
    """
    from unbroken.app.gallery import number_of
    from unbroken.core.batches import Split

    place = _place(site, database, key)
    _carry_out(place, Split(number_of(place, person), tuple(map(_track, tracks))), wait)


@gallery.command()
def swap(
    first: Annotated[str, typer.Argument(help="A track, as CAMERA:TRACK, of one person.")],
    second: Annotated[str, typer.Argument(help="A track of another person: each belongs to the other's.")],
    site: Site = None,
    database: Database = "",
    key: Key = "",
    wait: Wait = 30.0,
) -> None:
    """Say that two tracks have each other's person, as after a crossing. `show` lists the tracks.

    Examples:
        unbroken gallery swap hall:4 hall:5
    """
    from unbroken.core.batches import Swap

    _carry_out(_place(site, database, key), Swap(_track(first), _track(second)), wait)


@gallery.command()
def undo(
    person: Who,
    site: Site = None,
    database: Database = "",
    key: Key = "",
    wait: Wait = 30.0,
) -> None:
    """Take the last correction of a person back.

    Examples:
        unbroken gallery undo 17
    """
    from unbroken.app.gallery import number_of
    from unbroken.core.batches import Undo

    place = _place(site, database, key)
    _carry_out(place, Undo(number_of(place, person)), wait)


@gallery.command()
def forget(
    person: Who,
    reason: str = typer.Option("asked by hand", help="Why, for the event that says so; name nobody in it."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    site: Site = None,
    database: Database = "",
    key: Key = "",
    wait: Wait = 120.0,
) -> None:
    """Erase a person everywhere, and search every file for what was known: the answer says what was searched.

    It cannot be taken back. Copies that you made (backups, exports, recordings) are yours to erase.

    Examples:
        unbroken gallery forget 17

        unbroken gallery forget 17 --reason "request of May 3" --yes
    """
    from unbroken.app.gallery import number_of
    from unbroken.core.batches import Forget

    place = _place(site, database, key)
    number = number_of(place, person)
    if not yes and not typer.confirm(f"Forget person {number} for good?"):
        raise typer.Exit(1)
    _carry_out(place, Forget(number, reason), wait)


@gallery.command()
def export(
    target: Annotated[Path, typer.Argument(help="A new file, such as gallery.zip.")],
    person: str = typer.Option("", "--person", help="All that is known of one person, for that person."),
    site: Site = None,
    database: Database = "",
    key: Key = "",
) -> None:
    """Write everything, or one person, to a ZIP file of JSON Lines and vectors. The file is not encrypted.

    Examples:
        unbroken gallery export gallery.zip

        unbroken gallery export person-17.zip --person 17
    """
    from unbroken.app.gallery import exported

    written = exported(_place(site, database, key), target, person)
    rows = ", ".join(f"{count} {table}" for table, count in written.rows.items())
    typer.echo(f"{target}: {rows}, {written.vectors} vectors, {written.size} bytes, not encrypted")


@gallery.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A file that `unbroken gallery export` has written.")],
    site: Site = None,
    database: Database = "",
    key: Key = "",
) -> None:
    """Fill a new database with an export: to move a site to another machine, to PostgreSQL, or under a key.

    Examples:
        unbroken gallery import gallery.zip --database postgresql://unbroken@localhost/site
    """
    from unbroken.app.gallery import imported

    written = imported(_place(site, database, key), source)
    typer.echo(", ".join(f"{count} {table}" for table, count in written.rows.items()))


@gallery.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new file.")],
    site: Site = None,
    database: Database = "",
    key: Key = "",
) -> None:
    """Copy a SQLite database while the site runs. What is encrypted stays so.

    Examples:
        unbroken gallery backup backups/monday.db
    """
    from unbroken.app.gallery import backed_up

    typer.echo(f"{target}: {backed_up(_place(site, database, key), target)} bytes")


@gallery.command()
def rebuild(site: Site = None) -> None:
    """Make the engine of a site that stands still anew from its tables: everybody who is known keeps his Global ID.

    For a database whose snapshot is damaged while its tables are not. What is lost: what has been learnt of ways
    between cameras that nobody takes any more, and corrections that could be undone. A backup that is whole is better.

    Examples:
        unbroken gallery rebuild --site site.toml
    """
    from unbroken.app.gallery import rebuilt_gallery

    typer.echo(rebuilt_gallery(_place(site, "", "")))


def _place(site: Path | None, database: str, key: str) -> Place:
    import os

    from unbroken.app.gallery import place_of

    return place_of(site, database, key, os.environ)


def _carry_out(place: Place, command: Command, wait: float) -> None:
    from unbroken.app.gallery import carried_out

    typer.echo(carried_out(place, command, wait))


def _track(written: str) -> tuple[str, int]:
    from unbroken.core.errors import ConfigError

    camera, _, number = written.rpartition(":")
    if not camera or not number.isdigit():
        raise ConfigError(f"track {written!r} is not CAMERA:TRACK; give one such as hall:4")
    return camera, int(number)


def _show(found: Shown) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    about = Table(show_header=False, title=f"person {found.person.id}")
    names = ("person", "name", "state", "first seen", "last seen", "cameras", "tracks", "views")
    for label, value in zip(names, _columns(found.person), strict=True):
        if value:
            about.add_row(label, value)
    if found.person.merged_into:
        about.add_row("is now", str(found.person.merged_into))
    console.print(about)
    tracks = Table("camera", "epoch", "track", "from", "to", title="tracks")
    for stay in found.stays:
        tracks.add_row(escape(stay.camera), str(stay.epoch), str(stay.track), _when(stay.start), _when(stay.end))
    console.print(tracks)
    events = Table("when", "what", "where", "why", title="events")
    for event in found.events:
        where = escape(f"{event.get('camera', '')}:{event['track']}") if "track" in event else ""
        events.add_row(_when(event["time"]), str(event["type"]), where, _why(event))
    console.print(events)


def _why(event: dict[str, object]) -> str:
    """The evidence of an event in short: what spoke for who was chosen, and who else was weighed."""
    evidence, others = event.get("evidence"), event.get("alternatives")
    parts = [_evidence(evidence)] if isinstance(evidence, dict) else []
    parts += [f"not {_evidence(one)}" for one in others[:3]] if isinstance(others, list) else []
    if event.get("absorbed"):
        parts.append(f"was {event['absorbed']}")
    if event.get("separated"):
        parts.append(f"now {event['separated']}")
    return "\n".join(parts)


def _evidence(one: dict[str, object]) -> str:
    """Such as `17: score 4.0 = looks 6.6 + time -2.6, distance 0.31`; scores are in nats."""
    names = {"appearance": "looks", "time": "time", "place": "place"}
    parts = [f"{label} {value:.1f}" for name, label in names.items() if (value := _number(one, name))]
    score, far = _number(one, "score"), one.get("distance")
    if not parts and not score and far is None:
        return f"{one['person']}: by hand"
    who = one["person"] or "somebody new"
    told = f"{who}: score {score:.1f}" + (f" = {' + '.join(parts)}" if parts else "")
    return told if far is None else f"{told}, distance {_number(one, 'distance'):.2f}"


def _number(one: dict[str, object], name: str) -> float:
    """A number of an event, rounded as it is shown."""
    value = one.get(name)
    return round(float(value), 2 if name == "distance" else 1) if isinstance(value, (int, float)) else 0.0


def _columns(person: Person) -> tuple[str, ...]:
    from rich.markup import escape

    state = f"is {person.merged_into}" if person.merged_into else person.state
    cameras = ", ".join(person.cameras)
    seen = (_when(person.first_seen), _when(person.last_seen))
    return str(person.id), escape(person.name), state, *seen, escape(cameras), str(person.tracks), str(person.views)


def _when(seconds: object) -> str:
    """Seconds since 1970 as date and time here; the seconds of a recording as they are."""
    from datetime import datetime

    if not isinstance(seconds, (int, float)):
        return ""
    if seconds < 1e8:
        return f"{seconds:.1f} s"
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _print_json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
