"""The pages: each is one file that loads nothing, and a policy that forbids it to."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from unbroken.render.colours import COUNT, css

_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its Content-Security-Policy."""

    html: str
    policy: str


@lru_cache(maxsize=8)
def page(name: str) -> Page:
    """The page of that name with its style and its script put in."""
    style = _text("shared.css") + _text(f"{name}.css")
    script = _text(f"{name}.js").replace("/*PALETTE*/", ",".join(f'"{css(one)}"' for one in range(1, COUNT + 1)))
    html = _text(f"{name}.html").replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    return Page(html, _POLICY.format(script=_hash(script), style=_hash(style)))


def _text(name: str) -> str:
    path = files("unbroken.web") / "page" / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
