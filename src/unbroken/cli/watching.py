"""The live page beside a run: `--web` of `unbroken track` and `unbroken demo`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.core.ports import Sink


@contextmanager
def watched(console: Console, cameras: Sequence[str], port: int | None) -> Iterator[list[Sink]]:
    """The sinks that show a run on a page of this machine while the block lasts; none without a port.

    Args:
        console: is told the address.
        cameras: by name, in the order in which they are shown.
        port: 0 for any free one; `None` for no page.

    Raises:
        ConfigError: the port is in use.
    """
    if port is None:
        yield []
        return
    import time

    from unbroken.config.service import WebSettings
    from unbroken.pipeline.board import Board
    from unbroken.web.serving import serving_of

    board = Board(cameras, time.time)
    with serving_of(WebSettings(port=port), board) as serving:
        console.print(f"live at {serving.url}", highlight=False, soft_wrap=True)
        yield [board]


def stay(console: Console) -> None:
    """Keep the page until the user has seen enough."""
    import threading

    console.print("the page stays until Ctrl-C", highlight=False)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
