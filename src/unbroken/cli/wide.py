"""A console for tables: as wide as the terminal, and wide enough for any table where there is none."""

from __future__ import annotations

import os
import sys

from rich.console import Console

_WIDTH = 200


def wide_console() -> Console:
    """Rich takes 80 columns for a file or a pipe, which breaks names inside words."""
    measured = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console() if measured else Console(width=_WIDTH)
