"""`unbroken models`: the nets that are known, and those that are here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from unbroken.core.cards import ModelCard
    from unbroken.models.fetch import Wanted

models = typer.Typer(
    help="Nets: list them, fetch them, look at them. Nothing else touches the network.", no_args_is_help=True
)

_FOLDERS = typer.Option(
    None, "--models", help="A folder with nets, searched before UNBROKEN_MODELS and the cache; may be given again."
)
_NAME = typer.Argument(help="A name that `unbroken models list` shows.")


@models.command("list")
def list_(folders: list[Path] = _FOLDERS) -> None:
    """Show the nets that are known by name, and which are here.

    Examples:
        unbroken models list

        unbroken models list --models ../nets
    """
    from rich.console import Console
    from rich.table import Table

    from unbroken.models.registry import existing, known_cards, located

    folders = existing(folders or ())
    table = Table()
    for column in ("name", "for", "licence", "here", "what it is"):
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for name, card in sorted(known_cards(folders).items(), key=lambda item: (item[1].task, item[0])):
        path = located(card, folders)
        table.add_row(name, card.task, card.licence, str(path.parent) if path else "-", card.summary)
    Console().print(table)


@models.command()
def show(name: str = _NAME, folders: list[Path] = _FOLDERS) -> None:
    """Show all that is known of a net, and, where it is here, the shapes of its inputs and outputs.

    Examples:
        unbroken models show rtmdet_nano
    """
    from rich.console import Console
    from rich.table import Table

    from unbroken.models.registry import located, way_to

    card = _card(name, folders)
    table = Table(show_header=False, title=name)
    table.add_column()
    table.add_column(overflow="fold")
    for label, value in _described(card):
        if value:
            table.add_row(label, value)
    path = located(card, folders or ())
    table.add_row("here", str(path) if path else f"no: {way_to(card)}")
    if path and path.suffix != ".weights":
        from unbroken.inference.loading import load

        net = load(path)
        table.add_row("takes", str(net.input_shape))
        table.add_row("answers", ", ".join(str(shape) for shape in net.output_shapes))
        table.add_row("runs on", net.description)
    Console().print(table)


@models.command(hidden=True)
def inspect(name: str = _NAME, folders: list[Path] = _FOLDERS) -> None:
    """Another word for `show`.

    Examples:
        unbroken models inspect rtmdet_nano
    """
    show(name, folders)


@models.command()
def fetch(
    name: str = _NAME,
    folder: Path | None = typer.Option(None, "--to", help="Where it goes; the cache where left out."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Agree to the licence without being asked."),
    folders: list[Path] = _FOLDERS,
) -> None:
    """Fetch a net from its official address: shows the licence, resumes, verifies, and is put in place in one step.

    Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

    Examples:
        unbroken models fetch rtmdet_nano

        unbroken models fetch yolov4-tiny --to nets --yes
    """
    from rich.console import Console

    from unbroken.models.fetch import wanted_files
    from unbroken.models.registry import cache_folder

    console, card = Console(), _card(name, folders)
    files = wanted_files(card, folder or cache_folder())
    console.print(f"[bold]{name}[/bold]: {card.summary}")
    console.print(f"licence: {card.licence}\ndata:    {card.data_terms}")
    for wanted in files:
        console.print(f"from:    {wanted.url}", soft_wrap=True)
    if not yes and not typer.confirm("Fetch it under these terms?", default=True):
        raise typer.Exit(1)
    _fetch_all(files, console)
    for wanted in files:
        verdict = "verified" if wanted.sha256 else "no checksum is published for it: not verified"
        console.print(f"{wanted.target}: {verdict}", soft_wrap=True)


def _fetch_all(files: Sequence[Wanted], console: Console) -> None:
    """Fetch files one after another, with a bar each."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from unbroken.models.fetch import fetch as fetch_file

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as progress:
        for wanted in files:
            task = progress.add_task(wanted.target.name, total=wanted.size or None)

            def report(_: str, done: int, total: int, task: object = task) -> None:
                progress.update(task, completed=done, total=total or None)  # type: ignore[arg-type]

            fetch_file(wanted, report)


@models.command()
def verify(
    names: list[str] = typer.Argument(None, help="Which nets; all that are here where left out."),
    folders: list[Path] = _FOLDERS,
) -> None:
    """Compare files with the published sizes and checksums. The exit code is 4 where one differs.

    Examples:
        unbroken models verify

        unbroken models verify rtmdet_nano --models ../nets
    """
    from rich.console import Console
    from rich.table import Table

    from unbroken.core.errors import ModelCorruptError
    from unbroken.models.registry import existing, find, known_cards, located
    from unbroken.models.verify import verify as verify_net

    folders = existing(folders or ())
    cards = known_cards(folders)
    places = {name: find(name, folders).path for name in names or ()}
    if not names:
        places = {name: path for name, card in sorted(cards.items()) if (path := located(card, folders))}
    table = Table()
    for column in ("net", "file", "state", "sha256"):
        table.add_column(column, overflow="fold")
    wrong = []
    for name, path in places.items():
        for checked in verify_net(cards[name], path):
            table.add_row(name, checked.path.name, checked.reason or _STATES[checked.state], checked.digest[:16])
            wrong += [checked] if checked.state == "differs" else []
    Console().print(table)
    if wrong:
        first = wrong[0]
        raise ModelCorruptError(f"{first.path} differs from what its card says: {first.reason}; fetch it again")


_STATES = {
    "official": "the official file",
    "known": "another export, known to be good",
    "unpublished": "no checksum is published",
}


@models.command("test")
def examine(name: str = _NAME, folders: list[Path] = _FOLDERS) -> None:
    """Examine a Re-ID net's card with drawn people: is it fed with the colours and numbers that it was trained on?

    The higher d', the further apart the net keeps different people. The exit code is 4 where another way of feeding
    it is clearly better than its card's. Takes seconds to a minute.

    Examples:
        unbroken models test osnet_x0_25_msmt17 --models ../nets
    """
    from rich.console import Console
    from rich.table import Table

    from unbroken.app.cards import self_tested
    from unbroken.appearance.selftest import convict
    from unbroken.models.registry import existing, find

    found = find(name, existing(folders or ()), (".onnx", ".xml"))
    verdict = self_tested(found.card, found.path)
    table = Table("fed", "d'", title=name)
    for number, (way, value) in enumerate(verdict.separation.items()):
        table.add_row(f"{way} (its card)" if number == 0 else way, f"{value:.2f}")
    Console().print(table)
    convict(verdict, found.card)


@models.command()
def convert(
    weights: Path = typer.Argument(help="A Darknet .weights file with its .cfg beside it."),
    cfg: Path | None = typer.Option(None, help="The .cfg, where it is called otherwise."),
    output: Path | None = typer.Option(None, "--output", "-o", help="The .onnx file; beside the weights if left out."),
) -> None:
    """Convert a Darknet net to ONNX, which every runtime reads.

    Examples:
        unbroken models convert yolov4-tiny.weights
    """
    from unbroken.detection.darknet import convert as convert_net

    target = convert_net(cfg or weights.with_suffix(".cfg"), weights, output or weights.with_suffix(".onnx"))
    typer.echo(f"{target}")


@models.command()
def add(
    file: Path = typer.Argument(help="An .onnx or .xml file, or .weights with its .cfg."),
    task: str = typer.Option("detection", help="detection or reid."),
    name: str = typer.Option("", help="What to call it; the file's name where left out."),
    decoder: str = typer.Option("", help="How to read a detector; guessed from its outputs where left out."),
    order: str = typer.Option("", help="The colour order that it wants: BGR or RGB."),
    scale: float = typer.Option(0.0, help="What pixels are divided by first: 255 or 1."),
    mean: tuple[float, float, float] = typer.Option((-1.0, -1.0, -1.0), help="After the scale, per channel."),
    std: tuple[float, float, float] = typer.Option((-1.0, -1.0, -1.0), help="After the scale, per channel."),
    size: tuple[int, int] = typer.Option((0, 0), help="Width and height, where the file leaves them free."),
    letterbox: str = typer.Option("", help="none, top_left or centre."),
    trust: bool = typer.Option(False, "--trust", help="Leave out the self-test of a Re-ID net's card."),
    licence: str = typer.Option("unknown", help="Of code and weights."),
    folder: Path | None = typer.Option(None, "--to", help="The folder of nets that it joins; the cache if left out."),
) -> None:
    """Try a net of your own, and write a card for it so that it can be called by name.

    The card of a Re-ID net is examined with drawn people first, see `unbroken models test`.
    What is left out is guessed from the outputs of the net; `unbroken models show` tells what was guessed.

    Examples:
        unbroken models add my/yolo11n.onnx --decoder yolov8

        unbroken models add my/reid.onnx --task reid --order BGR --scale 1 --size 128 256
    """
    from dataclasses import replace

    from unbroken.app.cards import add_net, card_for, self_tested
    from unbroken.appearance.selftest import convict
    from unbroken.models.registry import cache_folder

    given = {"order": order, "scale": scale, "letterbox": letterbox, "width": size[0], "height": size[1]}
    given |= {key: value for key, value in (("mean", mean), ("std", std)) if value != (-1.0, -1.0, -1.0)}
    card = card_for(file, task, decoder, {key: value for key, value in given.items() if value})
    card = replace(card, name=name or card.name, licence=licence, files=(f"{name or file.stem}{file.suffix}",))
    if card.task == "reid" and not trust:
        convict(self_tested(card, file), card)
    typer.echo(f"{add_net(card, file, folder or cache_folder())}")


def _card(name: str, folders: list[Path] | None) -> ModelCard:
    from unbroken.core.errors import ConfigError
    from unbroken.models.registry import existing, known_cards

    cards = known_cards(existing(folders or ()))
    if name not in cards:
        raise ConfigError(f"net {name!r} is not known; choose one of {', '.join(sorted(cards))}")
    return cards[name]


def _described(card: ModelCard) -> list[tuple[str, str]]:
    spec = card.input
    size = f"{spec.width} x {spec.height}" if spec.width else "any size"
    colours = f"{spec.order} / {spec.scale:g}, mean {list(spec.mean)}, std {list(spec.std)}"
    return [
        ("for", card.task),
        ("what it is", card.summary),
        ("licence", card.licence),
        ("data", card.data_terms),
        ("paper", card.paper),
        ("input", f"{size}, {colours}, letterbox {spec.letterbox}"),
        ("decoder", card.decoder),
        ("dimension", str(card.dimension or "") if card.task == "reid" else ""),
        ("files", "\n".join(card.files)),
        ("addresses", "\n".join(url for url in card.urls if url)),
        ("sha256", "\n".join(digest for digest in card.sha256 if digest)),
        ("other exports", "\n".join(card.also)),
    ]
