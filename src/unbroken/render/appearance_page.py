"""`appearance.html`: how alike one person is to himself and to others, and where the fixed rule should cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from unbroken.core.arrays import Floats
from unbroken.render.html import Html, el, table
from unbroken.render.plots import Labels, histogram
from unbroken.render.report import document, save_page

_TITLE = "Appearance on this site"


def write_appearance_page(
    path: Path,
    samples: Mapping[str, Floats],
    marks: Mapping[str, float],
    facts: Mapping[str, str],
    warnings: Sequence[str],
) -> None:
    """Write the page.

    Args:
        path: of the page.
        samples: cosine distances by name.
        marks: named thresholds.
        facts: what the table says, by name.
        warnings: one sentence each.

    Raises:
        StoreError: it cannot be written.
    """
    labels = Labels("Cosine distances of two kinds of pairs", "cosine distance", "share of pairs")
    told = [el("section", el("ul", *(el("li", one) for one in warnings)), class_="warnings")] if warnings else []
    plot = el("section", el("h2", "Two kinds of pairs"), histogram(samples, labels, marks=marks))
    rows = [[name, value] for name, value in facts.items()]
    numbers = el("section", el("h2", "Operating point"), table(["what", "value"], rows))
    note = Html(
        "Pairs of one person are views of one track at least a second apart; strangers are people seen together in "
        "one view. No label was used. The same person in another camera is less alike than in one track, so the "
        "threshold says what strangers allow, not what every camera reaches."
    )
    top = el("header", el("h1", _TITLE), el("p", note, class_="soft"))
    save_page(path, document(_TITLE, top, el("main", *told, plot, numbers)))
