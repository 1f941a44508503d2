"""What a benchmark answers: one table, and how it came about."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from unbroken.core.files import writing

_LIBRARIES = ("numpy", "scipy", "opencv-python-headless", "onnxruntime", "openvino", "av", "pyxtrackers", "trackeval")


@dataclass(frozen=True, slots=True)
class Options:
    """What every benchmark is given.

    Attributes:
        data: the folder of the set, in the layout of the one that the benchmark is named after.
        models: the folder with nets.
        output: where the answers that were scored are kept; `None` keeps none.
        quick: a short form of the same, for a first look.
        seed: of whatever is random.
    """

    data: Path
    models: Path
    output: Path | None = None
    quick: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One table.

    Attributes:
        name: the benchmark.
        columns: what the columns are called, with units.
        rows: one per tracker, detector, setting; numbers or text. Published rows say so in their first column.
        settings: what was set, by name.
        seed: of whatever was random.
        notes: sentences under the table, losses too.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    notes: tuple[str, ...] = ()


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "versions": {name: version for name in _LIBRARIES if (version := _version(name))},
    }


def show(outcome: Outcome, console: Console) -> None:
    """Print the table."""
    table = Table(title=f"unbroken bench {outcome.name}", padding=(0, 1, 0, 0), box=SIMPLE_HEAD)
    for number, column in enumerate(outcome.columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for row in outcome.rows:
        table.add_row(*(_text(cell) for cell in row))
    console.print(table)
    for note in outcome.notes:
        console.print(note, style="dim")


def save(outcome: Outcome, path: Path) -> None:
    """Write the table as JSON with machine, versions, settings and seed.

    Raises:
        StoreError: the file cannot be written.
    """
    content = {
        "benchmark": outcome.name,
        "rows": [dict(zip(outcome.columns, row, strict=True)) for row in outcome.rows],
        "settings": dict(outcome.settings),
        "seed": outcome.seed,
        "notes": list(outcome.notes),
        "machine": machine(),
    }
    with writing(path):
        path.write_text(json.dumps(content, indent=2, default=str) + "\n")


def _text(cell: str | float | int) -> str:
    return (
        f"{cell:.4g}"
        if isinstance(cell, float) and abs(cell) < 1
        else f"{cell:.2f}"
        if isinstance(cell, float)
        else str(cell)
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
