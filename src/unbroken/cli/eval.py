"""`unbroken eval`: score tracks against the truth."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.datasets.answers import Case

_SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "IDSW", "Frag")
_WHOLE = ("IDSW", "Frag", "MT", "PT", "ML", "TP", "FP", "FN", "people", "ids")


class MetricName(str, Enum):
    """How alike two rows are: by their boxes or by their distance on the ground."""

    iou = "iou"
    ground = "ground"


def evaluate(
    gt: Path = typer.Option(..., help="Truth: a file, a MOTChallenge tree, a folder with gt/CAM.txt, or WILDTRACK."),
    result: Path = typer.Option(..., help="Tracks: a file, or a folder with NAME.txt or SITE/CAM.txt."),
    metric: MetricName = typer.Option(MetricName.iou, help="Compare boxes (iou) or points in metres (ground)."),
    gate: float = typer.Option(1.0, min=1e-6, help="Metres within which points match, for --metric ground."),
    across: bool = typer.Option(False, "--across", help="Score all files as cameras of one site with global ids."),
    json: Path | None = typer.Option(None, help="Write all scores to this file."),
) -> None:
    """Score tracks as TrackEval does: HOTA, CLEAR and Identity; per sequence, together and across cameras.

    Examples:
        unbroken eval --gt MOT17/train --result out/

        unbroken eval --gt gt.txt --result tracks.txt --json scores.json

        unbroken eval --gt campus_garden1 --result campus_garden1/mvmhat_result

        unbroken eval --gt ground_truth.txt --result ground.txt --metric ground
    """
    from unbroken.cli.wide import wide_console
    from unbroken.datasets.answers import find_cases

    cases = find_cases(gt, result, "ground" if metric is MetricName.ground else "iou")
    rows = _rows(cases, gate, across)
    _show(rows, wide_console())
    if json:
        _write(rows, json)


def _rows(cases: list[Case], gate: float, across: bool) -> dict[str, dict[str, float | int]]:
    """The scores of each sequence, of all of them, and of each site across its cameras."""
    from unbroken.datasets.answers import across as joined
    from unbroken.evaluation.report import combined, score

    sites: dict[str, list[Case]] = {}
    for case in cases:
        sites.setdefault("all" if across else case.site, []).append(case)
    many = len({case.site for case in cases}) > 1
    scores = {f"{case.site}/{case.name}" if many else case.name: score(case.pairing(gate)) for case in cases}
    rows = {name: scored.summary() for name, scored in scores.items()}
    if len(cases) > 1:
        rows["combined"] = combined(list(scores.values())).summary()
    for site, members in sites.items():
        if site and len(members) > 1:
            rows[f"across cameras: {site}"] = score(joined(members, gate)).summary()
    return rows


def _show(rows: dict[str, dict[str, float | int]], console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    caption = "accuracies in percent; --json has LocA, mostly tracked, false positives and negatives too"
    table = Table(title="unbroken eval", caption=caption, padding=(0, 1, 0, 0), box=SIMPLE_HEAD)
    table.add_column("sequence", overflow="fold")
    for name in _SHOWN:
        table.add_column(name, justify="right", no_wrap=True)
    for label, scores in rows.items():
        cells = [str(scores[name]) if name in _WHOLE else f"{100 * scores[name]:.2f}" for name in _SHOWN]
        table.add_row(label, *cells)
    console.print(table)


def _write(rows: dict[str, dict[str, float | int]], path: Path) -> None:
    from json import dumps

    from unbroken.core.files import writing

    with writing(path):
        path.write_text(dumps(rows, indent=2) + "\n")
