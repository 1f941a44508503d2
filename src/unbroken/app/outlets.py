"""Where the events of a site go, from its settings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from unbroken.config.service import OutputSettings
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError
from unbroken.core.secrets import filled
from unbroken.outlets.courier import CourierSettings, Outlet
from unbroken.outlets.lines import Lines, LinesSettings
from unbroken.outlets.outlets import Outlets
from unbroken.outlets.spool import SpoolSettings
from unbroken.outlets.webhook import Webhook, WebhookTarget


def outlets_of(settings: SiteSettings, environment: Mapping[str, str]) -> Outlets:
    """JSON Lines, webhooks and MQTT as the site asks for them, at work until they are closed.

    Args:
        settings: of the site; paths are relative to the working folder.
        environment: where secrets are.

    Raises:
        ConfigError: a secret is not set, or an address is none.
        StoreError: the spool cannot be used, or another process uses it.
    """
    outputs = settings.outputs
    spool = SpoolSettings(outputs.spool_megabytes)
    return Outlets(outputs.site, Path(outputs.spool), _outlets(outputs, environment), spool, clock=time.monotonic)


def _outlets(outputs: OutputSettings, environment: Mapping[str, str]) -> list[tuple[Outlet, CourierSettings]]:
    made: list[tuple[Outlet, CourierSettings]] = []
    if outputs.events:
        rotation = LinesSettings(outputs.rotate_megabytes, outputs.rotations)
        made.append((Lines(Path(outputs.events), rotation), CourierSettings(longest_retry=5.0)))
    for webhook in outputs.webhooks:
        secret = _secret(webhook.secret, environment, f"webhook {webhook.url}").encode()
        target = WebhookTarget(filled(webhook.url, environment), secret, webhook.timeout)
        made.append((Webhook(target, time.time), CourierSettings(types=webhook.events)))
    return made


def _secret(name: str, environment: Mapping[str, str], of: str) -> str:
    if name and not environment.get(name):
        raise ConfigError(f"{of}: its secret is in the environment variable {name}, which is not set; set it")
    return environment[name] if name else ""
