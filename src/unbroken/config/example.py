"""A `site.toml` to start from: every setting with its default, unit and bounds, made from the models themselves."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from unbroken.config.reference import Setting, Table, tables

CAMERAS = (("hall", "rtsp://192.0.2.10:554/stream1"), ("door", "rtsp://192.0.2.11:554/stream1"))
"""Cameras of the example, with addresses that belong to nobody (RFC 5737)."""

_HEAD = """\
# A site of unbroken: its cameras, and what is done with their pictures.
#
# A line that starts with `#name = ...` shows a setting at its default; remove the `#` to change it. Paths are relative
# to this file. Passwords belong into the environment: write ${NAME} in an address, or the NAME where a setting asks
# for a variable.
#
#   unbroken site check site.toml            what is wrong, and how to mend it
#   unbroken site check site.toml --connect  also whether every camera answers
#   unbroken run site.toml                   start
"""

_SHOWN = {
    "topology.links.cameras": '["hall", "door"]',
    "topology.links.fastest": "8",
    "zones.name": '"till"',
    "zones.camera": '"hall"',
    "zones.polygon": "[[100, 200], [400, 200], [400, 460], [100, 460]]",
    "lines.name": '"entrance"',
    "lines.camera": '"door"',
    "lines.start": "[100, 300]",
    "lines.end": "[500, 300]",
    "outputs.webhooks.url": '"https://example.org/events"',
    "outputs.mqtt.host": '"127.0.0.1"',
}
"""What tables that are optional show for settings that have no default."""


_WRITTEN = ("storage.database", "outputs.events", "outputs.spool", "log.access")
"""What a running site writes where nothing else is said."""


def example(cameras: Sequence[tuple[str, str]] = CAMERAS, state: str = "") -> str:
    """The text of a site file.

    Args:
        cameras: name and source of each.
        state: the folder for what a running site writes; empty: beside the file.
    """
    known = {table.name: table for table in tables()}
    parts = [_HEAD, *(_camera(known["cameras"], camera, full=number == 0) for number, camera in enumerate(cameras))]
    parts += [_table(table, state) for name, table in known.items() if name != "cameras"]
    return "\n".join(parts)


def _camera(table: Table, camera: tuple[str, str], *, full: bool) -> str:
    """A camera; the first one explains all settings."""
    given = dict(zip(("name", "source"), camera, strict=True))
    lines = ["[[cameras]]"]
    for setting in table.settings:
        if setting.name in given:
            lines += _comment(setting) if full else []
            lines.append(f"{setting.name} = {json.dumps(given[setting.name], ensure_ascii=False)}")
        elif full:
            lines += [*_comment(setting), f"#{setting.name} = {setting.default}"]
    return "\n".join([*lines, ""])


def _table(table: Table, state: str) -> str:
    """A table at its defaults; one that may be left out, or be there several times, is commented out as a whole."""
    needed = table.listed or not all(setting.default for setting in table.settings)
    header = f"[[{table.name}]]" if table.listed else f"[{table.name}]"
    again = " Again for each further one." if table.listed else ""
    lines = [*_wrapped(f"{table.description}{again}"), f"#{header}" if needed else header]
    for setting in table.settings:
        shown = _SHOWN.get(f"{table.name}.{setting.name}", setting.default)
        if state and f"{table.name}.{setting.name}" in _WRITTEN:
            path = f"{state.rstrip('/')}/{json.loads(setting.default)}"
            lines += [*_comment(setting), f"{setting.name} = {json.dumps(path, ensure_ascii=False)}"]
        else:
            lines += [*_comment(setting), f"#{setting.name} = {shown}"]
    return "\n".join([*lines, ""])


def _comment(setting: Setting) -> list[str]:
    limits = f" ({setting.limits})" if setting.limits else ""
    return _wrapped(f"{setting.description}{limits}")


def _wrapped(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 116)]
