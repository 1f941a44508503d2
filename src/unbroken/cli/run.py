"""`unbroken run`: a site as a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from unbroken.app.run import Course, Service
    from unbroken.config.site import SiteSettings
    from unbroken.pipeline.board import Board
    from unbroken.web.serving import Serving


def run(
    site: Path = typer.Argument(..., help="A `site.toml`; `unbroken site init` writes one."),
    seconds: float = typer.Option(0.0, min=0, help="Stop after so many seconds; 0 runs until it is stopped."),
    node: str = typer.Option("", help="Run the cameras of this node of `bus.nodes`, and send to the site's writer."),
    record: Path | None = typer.Option(None, help="A folder for a recording that `unbroken replay` runs again."),
    record_pictures: bool = typer.Option(False, "--record-pictures", help="The recording keeps every picture."),
) -> None:
    """Run a site for months: live cameras in, one Global ID per person and events out.

    Cameras that cannot be reached are tried again and again, and never hold the others up. Changes of the file take
    effect while the site runs. Ctrl-C or SIGTERM stop it within 5 seconds; nothing that was answered is lost.

    A step that hangs is named, and the site begins anew by itself. Ends with code 0 when it was stopped, 2 where a
    setting is wrong, 4 where a net is, 5 where nothing can be stored, 7 where the bus of several
    machines cannot be used, and 70 where it hangs again and again.

    Examples:
        unbroken run site.toml

        unbroken run site.toml --seconds 3600

        unbroken run site.toml --record monday.recording

        unbroken run site.toml --node edge1
    """
    import os
    import time
    from functools import partial

    from unbroken.app.logs import secrets_of, set_up
    from unbroken.app.nodes import part_of
    from unbroken.app.run import Course, Service, outlines_of
    from unbroken.config.changes import SiteFile, running
    from unbroken.config.reading import read_site
    from unbroken.pipeline.board import Board

    part = partial(part_of, node=node)
    settings = part(read_site(site))
    set_up(settings.log, secrets_of(settings, os.environ))
    board = Board(list(running(settings)), time.time)
    board.outline(outlines_of(settings))
    service = Service(settings, [board], node=node)
    if record is not None:
        service.record(record, pictures=record_pictures)
    leave(run_to_the_end(service, web_of(settings, service, board), Course(seconds, SiteFile(site, settings, part))))


def run_to_the_end(service: Service, serving: Serving | None, course: Course) -> int:
    """Run a site with its dashboard until it is stopped; the code to exit with."""
    from dataclasses import replace

    from unbroken.app.run import run_site
    from unbroken.app.telling import LOG
    from unbroken.core.errors import UnbrokenError

    def ready(service: Service) -> None:
        stop_on_signals(service)
        if serving is not None:
            serving.start()
            LOG.info("the dashboard is at %s", serving.url)
            invite(serving)

    try:
        run_site(service, replace(course, ready=ready))
        LOG.info("stopped; everything that was answered has been handed on")
    except UnbrokenError as error:
        LOG.error("%s", error)
        return error.exit_code
    finally:
        if serving is not None:
            serving.stop()
    return 0


def invite(serving: Serving) -> None:
    """Show whoever sits at a terminal a way in that is good once; it never comes into a log."""
    import sys

    if sys.stdout.isatty() and serving.door() != serving.url:
        typer.echo(f"log in, once, at {serving.door()}")


def web_of(settings: SiteSettings, service: Service, board: Board) -> Serving | None:
    """The dashboard of a site; `None` where it is switched off.

    Raises:
        ConfigError: the token is missing where one is needed.
    """
    if not settings.web.on:
        return None
    import os
    import time

    from unbroken.app.access import access_log
    from unbroken.app.corrections import gallery_desk
    from unbroken.web.ports import Access, Corrections, Neighbours
    from unbroken.web.serving import serving_of
    from unbroken.web.wellness import Wellness

    log = access_log(settings.log, time.time)

    def accessed(access: Access) -> None:
        if log is not None:
            log.note(access.client, access.action, access.subject)

    wellness = Wellness(service.health, settings.budget.hang / 2, lambda: service.outlets.status)
    gallery = gallery_desk(settings, os.environ, time.time)
    if gallery is None:
        return serving_of(settings.web, board, Neighbours(wellness, accessed=accessed))
    corrections = Corrections(gallery.submit, gallery.reply, gallery.rename, gallery.names)
    return serving_of(settings.web, board, Neighbours(wellness, corrections, accessed, gallery.history))


def stop_on_signals(service: Service) -> None:
    """SIGTERM and Ctrl-C end the site in good order; a second Ctrl-C ends it at once."""
    import signal

    def stop(*_: object) -> None:
        service.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def leave(code: int) -> None:
    """End the process, also where a thread hangs in a decoder or a net: nobody waits for it, all files are closed.

    A site that hangs replaces its process by a fresh one, at most a few times an hour.
    """
    import logging
    import os
    import sys
    import time

    from unbroken.app.restart import VARIABLE, next_restart
    from unbroken.app.telling import LOG
    from unbroken.core.errors import HaltError

    times = next_restart(os.environ.get(VARIABLE, ""), time.time()) if code == HaltError.exit_code else None
    if times is not None:
        LOG.warning("the site begins anew")
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    if times is not None:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, VARIABLE: times})
    os._exit(code)
