"""What a user asks for on the command line becomes settings of a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from unbroken.app.sources import is_sequence
from unbroken.config.reading import checked, read_site
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError
from unbroken.video.opening import camera_names, expanded

WISHES = {
    "detector": "detection.model",
    "every": "detection.every",
    "budget": "detection.budget",
    "size": "detection.size",
    "score": "detection.score",
    "reid": "reid.model",
    "early_rejection": "reid.early_rejection",
    "tracker": "tracking.tracker",
    "camera_motion": "tracking.camera_motion",
    "identity": "identity.policy",
    "models": "runtime.models",
    "runtime": "runtime.runtime",
    "device": "runtime.device",
    "threads": "runtime.threads",
}
"""What an option of the command line is called in `site.toml`."""


def settings_from(sources: Sequence[str], wishes: Mapping[str, str | int | float | None]) -> SiteSettings:
    """The site that a list of sources, or one `site.toml`, describes, with the user's wishes laid over it.

    Args:
        sources: what the user wrote.
        wishes: by the names of `WISHES`; empty ones and `None` leave the setting as it is.

    Raises:
        ConfigError: there is no source, a wish is not known or out of its bounds, or a site file is mixed with others.
        SourceError: a folder holds nothing to track.
    """
    if not sources:
        raise ConfigError("nothing to track; give videos, cameras or a site.toml (unbroken track --help has examples)")
    files = [source for source in sources if source.endswith(".toml")]
    if files and len(sources) > 1:
        raise ConfigError(f"{files[0]} describes a whole site; give it alone, and add other cameras to it")
    if files:
        content = read_site(Path(files[0])).model_dump()
    else:
        addresses = expanded(sources, is_sequence)
        names = camera_names(addresses)
        content = {"cameras": [{"name": n, "source": a} for n, a in zip(names, addresses, strict=True)]}
    for wish, value in wishes.items():
        if wish not in WISHES:
            raise ConfigError(f"option {wish!r} is not known; choose from {', '.join(WISHES)}")
        table, _, name = WISHES[wish].partition(".")
        if value not in (None, ""):
            content.setdefault(table, {})[name] = value
    return checked(content, files[0] if files else "command line")
