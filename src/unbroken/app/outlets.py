"""Where the events of a site go, from its settings."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from unbroken.config.service import MqttSettings
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError, ContractError, StoreError
from unbroken.core.events import Event
from unbroken.core.secrets import filled
from unbroken.outlets.courier import CourierSettings, Outlet
from unbroken.outlets.envelope import event_from
from unbroken.outlets.figures import Things
from unbroken.outlets.lines import Lines, LinesSettings
from unbroken.outlets.mqtt import Mqtt, MqttTarget
from unbroken.outlets.outlets import Outlets
from unbroken.outlets.spool import SpoolSettings
from unbroken.outlets.webhook import Webhook, WebhookTarget
from unbroken.storage.database import Database

LAST = 500
"""Events of the database that are looked at when a site starts."""


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
    outlets = _outlets(settings, environment)
    try:
        return Outlets(outputs.site, Path(outputs.spool), outlets, spool, clock=time.monotonic)
    except StoreError:
        for outlet, _ in outlets:
            outlet.close()
        raise


def last_events(database: Database, most: int = LAST) -> list[Event]:
    """The newest events of a database, oldest first: what a killed process may not have offered to its outlets."""
    rows = database.query("SELECT type, body FROM events ORDER BY id DESC LIMIT ?", (most,))
    found = []
    for kind, body in reversed(rows):
        # A row out of which a forgotten person was taken is no event any more, and was told before.
        with suppress(ContractError):
            found.append(event_from({**json.loads(str(body)), "type": kind}))
    return found


def _outlets(settings: SiteSettings, environment: Mapping[str, str]) -> list[tuple[Outlet, CourierSettings]]:
    outputs = settings.outputs
    made: list[tuple[Outlet, CourierSettings]] = []
    if outputs.events:
        rotation = LinesSettings(outputs.rotate_megabytes, outputs.rotations)
        made.append((Lines(Path(outputs.events), rotation), CourierSettings(longest_retry=5.0)))
    for webhook in outputs.webhooks:
        secret = _secret(webhook.secret, environment, f"webhook {webhook.url}").encode()
        target = WebhookTarget(filled(webhook.url, environment), secret, webhook.timeout, outputs.authority)
        made.append((Webhook(target, time.time), CourierSettings(types=webhook.events)))
    if outputs.mqtt is not None:
        made.append((_mqtt(outputs.mqtt, settings, environment), CourierSettings(longest_retry=5.0)))
    return made


def _mqtt(mqtt: MqttSettings, settings: SiteSettings, environment: Mapping[str, str]) -> Mqtt:
    target = MqttTarget(
        host=mqtt.host,
        port=mqtt.port,
        topic=mqtt.topic,
        user=mqtt.user,
        password=_secret(mqtt.password, environment, "outputs.mqtt"),
        tls=mqtt.tls,
        authority=settings.outputs.authority,
        home_assistant=mqtt.home_assistant,
        types=mqtt.events,
    )
    return Mqtt(target, settings.outputs.site, things_of(settings))


def things_of(settings: SiteSettings) -> Things:
    """What a site has, for those who announce it."""
    return Things(
        tuple(camera.name for camera in settings.cameras if camera.on),
        tuple(zone.name for zone in settings.zones),
        tuple(line.name for line in settings.lines),
    )


def _secret(name: str, environment: Mapping[str, str], of: str) -> str:
    if name and not environment.get(name):
        raise ConfigError(f"{of}: its secret is in the environment variable {name}, which is not set; set it")
    return environment[name] if name else ""
