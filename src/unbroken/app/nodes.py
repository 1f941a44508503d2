"""A site on many machines: which of them runs what, from its settings, and what joins them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence

from unbroken.app.telling import LOG
from unbroken.cluster.frames import Credentials
from unbroken.cluster.hub import Hub, HubSettings
from unbroken.cluster.link import Link, LinkSettings
from unbroken.config.hints import nearest
from unbroken.config.service import OutputSettings, StorageSettings, WebSettings
from unbroken.config.site import SiteSettings
from unbroken.core.errors import BusError, ConfigError
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Embedder
from unbroken.core.results import FrameResult
from unbroken.pipeline.recorder import DECIDED
from unbroken.video.opening import is_live

LATE = 1.0
"""Seconds that the writer's last answer names the tracks of a node's pictures."""
_GRACE = 2.0
"""Seconds that a node waits at its end for its last answers."""
_FILES = 60.0
"""Seconds that recordings wait for a slow writer; live cameras a second."""


class SitePlacement:
    """A `Placement` that is written in the site file: `node` of each camera, and `bus.nodes`."""

    def __init__(self, settings: SiteSettings) -> None:
        self.nodes: tuple[str, ...] = settings.bus.nodes
        self._cameras = {
            node: tuple(camera.name for camera in settings.cameras if camera.node == node) for node in self.nodes
        }

    def cameras_of(self, node: str) -> tuple[str, ...]:
        """The cameras that a machine runs, in the order in which they are listed."""
        return self._cameras.get(node, ())


def part_of(settings: SiteSettings, node: str) -> SiteSettings:
    """The settings of one node: its cameras, and nothing that the writer does for all of them.

    Args:
        settings: of the whole site.
        node: its name; empty: the writer, or the one process of a site without nodes.

    Raises:
        ConfigError: there is no such node, or it has no camera.
    """
    if not node:
        return settings
    placement = SitePlacement(settings)
    if node not in placement.nodes:
        listed = ", ".join(placement.nodes) or "none; list them in bus.nodes"
        raise ConfigError(f"there is no node {node!r}; the nodes are {listed}{nearest(node, list(placement.nodes))}")
    own = placement.cameras_of(node)
    if not own:
        raise ConfigError(f'no camera runs on node {node}; write node = "{node}" to those that shall')
    outputs = OutputSettings(site=settings.outputs.site, events="", spool=f"{settings.outputs.spool}-{node}")
    return settings.model_copy(
        update={
            "cameras": tuple(camera for camera in settings.cameras if camera.name in own),
            "zones": (),
            "lines": (),
            "storage": StorageSettings(database="none"),
            "outputs": outputs,
            "web": WebSettings(on=False),
        }
    )


def is_writer(settings: SiteSettings, node: str) -> bool:
    """Whether a process runs no camera but decides for those of the nodes."""
    return bool(settings.bus.nodes) and not node


def link_of(settings: SiteSettings, node: str, embedder: Embedder | None, environment: Mapping[str, str]) -> Link:
    """A node's way to the writer; it is looked for from here on.

    Raises:
        ConfigError: the secret is not set.
    """
    bus = settings.bus
    model = embedder.fingerprint if embedder is not None else ""
    who = Credentials(node, _secret(settings, environment), model, bus.secret)
    live = any(is_live(camera.source) for camera in settings.cameras)
    wanted = LinkSettings(bus.held, patience=LinkSettings().patience if live else _FILES)
    return Link(_address(bus.writer), who, wanted, LOG.info)


def hub_of(settings: SiteSettings, model: str, environment: Mapping[str, str]) -> Hub:
    """The writer's end of the bus, bound to its address.

    Raises:
        ConfigError: the secret is not set.
        BusError: the address cannot be used.
    """
    bus = settings.bus
    wanted = HubSettings(_secret(settings, environment), bus.secret, model, bus.wait)
    host, port = _address(bus.listen)
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise BusError(
            f"bus.listen {bus.listen}: cannot be used ({error.strerror or error}); choose another"
        ) from error
    return Hub(listener, SitePlacement(settings), wanted, time.monotonic, LOG.info)


class Reporter:
    """A sink that sends what happens beside identities to the writer: to cameras, tracks, and the node itself.

    Args:
        link: to the writer.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Send what goes with a picture; what is seen in it has been sent already."""
        self.hear(events)

    def hear(self, events: Sequence[Event]) -> None:
        """Send what goes with none."""
        self._link.hear([event for event in events if not isinstance(event, DECIDED)])

    def close(self) -> None:
        """Wait a moment for the last answers."""
        left = self._link.close(_GRACE)
        if left:
            LOG.warning("%d steps were sent to the writer and never answered", left)


def reporters_of(link: Link | None) -> tuple[Reporter, ...]:
    """What tells the writer of a node's events; nothing elsewhere."""
    return () if link is None else (Reporter(link),)


def _secret(settings: SiteSettings, environment: Mapping[str, str] = os.environ) -> bytes:
    name = settings.bus.secret
    if not environment.get(name):
        raise ConfigError(
            f"the secret of nodes and writer is in the environment variable {name}, which is not set; set it"
        )
    return environment[name].encode()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
