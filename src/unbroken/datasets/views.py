"""Where a camera stands, from whatever file tells it: a camera's own, a scene's with all its views, or WILDTRACK's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unbroken.core.errors import SourceError
from unbroken.datasets.calibration import read_json, read_view
from unbroken.datasets.multiview import scene_views
from unbroken.datasets.wildtrack import read_camera
from unbroken.geometry.plane import GroundView


def view_of(written: str) -> GroundView:
    """The view that a setting names.

    Args:
        written: `hall.json` (`calibration.read_view`), `scene.json#3` for the third of a scene's homographies, or
            `extr_NAME.xml` with `intr_NAME.xml` beside its folder, as WILDTRACK has them.

    Raises:
        SourceError: the file cannot be read, has no such view, or its numbers make none.
    """
    path, number = file_and_view(written)
    if path.suffix == ".xml":
        return read_camera(path)
    if not number:
        return read_view(path)
    views = scene_views(path)
    if number > len(views):
        raise SourceError(f"{path}: has {len(views)} views; give #1 to #{len(views)}")
    return views[number - 1]


def file_and_view(written: str) -> tuple[Path, int]:
    """The file that a setting names, and which of its views, from 1; 0 where it names none."""
    file, _, number = written.rpartition("#")
    return (Path(file), int(number)) if file and number.isdecimal() and int(number) else (Path(written), 0)


def unit_is_told(written: str) -> bool:
    """Whether the file says how long its unit is; a scene's may be anything where it does not."""
    path, number = file_and_view(written)
    content = read_json(path) if number else None
    return not isinstance(content, Mapping) or "metres_per_unit" in content
