"""HTML and SVG from small functions: whatever is not `Html` already is escaped, so no name can break out."""

from __future__ import annotations

import base64
from html import escape
from typing import TypeAlias

Attribute: TypeAlias = str | int | float | None

_VOID = frozenset({"meta", "img", "br", "hr", "rect", "line", "path", "circle", "polyline", "polygon"})


class Html(str):
    """Text that is HTML already; plain `str` is escaped by `el`."""

    __slots__ = ()


def el(tag: str, *children: str, **attributes: Attribute) -> Html:
    """An element. `class_` becomes `class`, other underscores become dashes, attributes that are `None` are left out.

    >>> el("td", "a < b", class_="num", data_x=3)
    '<td class="num" data-x="3">a &lt; b</td>'
    """
    words = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_word(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(child if isinstance(child, Html) else escape(child) for child in children)
    if tag in _VOID and not inner:
        return Html(f"<{tag}{words}/>")
    return Html(f"<{tag}{words}>{inner}</{tag}>")


def _word(value: str | int | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def data_uri(content: bytes, kind: str = "image/jpeg") -> str:
    """Bytes as an address that needs no network."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def table(head: list[str], rows: list[list[str]], caption: str = "") -> Html:
    """A table with a row of heads; in each row the first cell is its head, the others are right-aligned numbers."""
    top = el("tr", *(el("th", word, scope="col", class_="num" if place else None) for place, word in enumerate(head)))
    body = [
        el("tr", el("th", row[0], scope="row"), *(el("td", cell, class_="num") for cell in row[1:])) for row in rows
    ]
    title = [el("caption", caption)] if caption else []
    return el("div", el("table", *title, el("thead", top), el("tbody", *body)), class_="scroll")


def bar(share: float, words: str) -> Html:
    """A small bar from 0 to 1 with words beside it."""
    width = 100 * min(max(share, 0.0), 1.0)
    fill = el("span", class_="fill", style=f"width:{width:.1f}%")
    return el("span", el("span", fill, class_="track"), el("span", words), class_="bar")


def style(text: str) -> Html:
    """A style sheet; it holds no `<`, so that it cannot end before its end."""
    return Html(f"<style>{text.replace('<', '')}</style>")
