"""`unbroken`: the door. Commands live in files of their own and load what they need when they run."""

from __future__ import annotations

import sys

import typer

from unbroken import __version__
from unbroken.cli.bench import bench
from unbroken.cli.calibrate import calibrate
from unbroken.cli.count import count
from unbroken.cli.demo import demo
from unbroken.cli.doctor import doctor
from unbroken.cli.eval import evaluate
from unbroken.cli.examples import show_examples
from unbroken.cli.gallery import gallery
from unbroken.cli.identify import identify
from unbroken.cli.models import models
from unbroken.cli.replay import replay
from unbroken.cli.run import run
from unbroken.cli.site import site
from unbroken.cli.track import track
from unbroken.cli.tune import tune
from unbroken.core.errors import StoreError, UnbrokenError

app = typer.Typer(
    name="unbroken",
    help="One person, one ID, unbroken: through occlusions, crossings and from camera to camera.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.command()(demo)
app.command()(track)
app.command()(run)
app.command()(identify)
app.command()(count)
app.command()(replay)
app.command()(bench)
app.command("eval")(evaluate)
app.command()(tune)
app.add_typer(models, name="models")
app.add_typer(gallery, name="gallery")
app.add_typer(calibrate, name="calibrate")
app.add_typer(site, name="site")
app.command()(doctor)
show_examples(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unbroken {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    """One person, one ID, unbroken: through occlusions, crossings and from camera to camera."""


def main() -> None:
    """Run a command; an `UnbrokenError` becomes one sentence on stderr and its own exit code.

    So does what the system refuses where nobody expected it: a disk that fills up in the middle of a benchmark.
    """
    try:
        app()
    except UnbrokenError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or type(error).__name__
        typer.echo(f"error: {where}the system refuses ({reason}); check the name, its rights and the disk", err=True)
        sys.exit(StoreError.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
