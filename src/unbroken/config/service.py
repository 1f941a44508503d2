"""What a user may write in `site.toml` for a site that runs for months: zones, storage, outputs, web and the like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from unbroken.config.hints import nearest
from unbroken.config.strict import Line, Name, Place, Point, Strict
from unbroken.outlets.envelope import TYPES

_ADDRESS = r"^\S+:[0-9]{1,5}$"
Secret = Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$")]


def _known(name: str) -> str:
    if name not in TYPES:
        raise ValueError(f"is no type of events; known are {', '.join(TYPES)}{nearest(name, list(TYPES))}")
    return name


EventType = Annotated[Line, AfterValidator(_known)]


class ZoneSettings(Strict):
    """An area that people enter, stay in and leave."""

    name: Name = Field(description="Short, without spaces: it names events.")
    camera: str = Field("", description="The camera in whose picture the polygon is drawn; empty: on the ground.")
    polygon: tuple[Point, ...] = Field(min_length=3, description="Corners in pixels of the camera, or metres.")
    stay: float = Field(0.5, ge=0, le=3600, description="Seconds inside before somebody has entered; outside: left.")
    margin: float = Field(0.15, ge=0, le=10, description="Metres beyond the border that still count as inside.")
    lost: float = Field(10.0, ge=0, le=3600, description="Seconds unseen after which somebody inside has left.")


class LineSettings(Strict):
    """A line that people cross, in or out: in is from left to right for somebody who looks from start to end.

    In a picture y goes down, on the ground up as on a map.
    """

    name: Name = Field(description="Short, without spaces: it names events.")
    camera: str = Field("", description="The camera in whose picture the line is drawn; empty: on the ground.")
    start: Point = Field(description="Pixels of the camera, or metres.")
    end: Point = Field(description="Pixels of the camera, or metres.")
    margin: float = Field(0.15, ge=0, le=10, description="Metres from the line where nobody is on either side yet.")


class LinkSettings(Strict):
    """How people get from one camera to another."""

    cameras: tuple[str, str] = Field(description="Two cameras; the same one twice: people who come back.")
    fastest: float = Field(0.0, ge=0, le=86400, description="Seconds: nobody is quicker.")
    usual: float = Field(0.0, ge=0, le=86400, description="Seconds that people usually take; 0: learnt.")


class TopologySettings(Strict):
    """What is known of where the cameras are; the rest is learnt while running."""

    overlapping: tuple[tuple[str, str], ...] = Field((), description="Pairs of cameras that see the same floor.")
    apart: tuple[tuple[str, str], ...] = Field((), description="Pairs of cameras that never see the same floor.")
    links: tuple[LinkSettings, ...] = Field((), description="Known ways between cameras.")


class LiveSettings(Strict):
    """How live cameras are kept alive."""

    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP pictures travel.")
    trust_clock: bool = Field(
        default=False, description="Cameras tell the exact time (RTCP): they and this machine follow NTP."
    )
    connect_timeout: float = Field(5.0, ge=0.5, le=120, description="Seconds until a connection counts as failed.")
    stall: float = Field(3.0, ge=0.5, le=120, description="Seconds without a picture: stalled, and reconnected.")
    freeze: float = Field(3.0, ge=1, le=3600, description="Seconds of the very same picture: frozen, and left out.")
    black: float = Field(3.0, ge=1, le=3600, description="Seconds of black pictures: black, and left out.")
    first_retry: float = Field(0.5, gt=0, le=60, description="Seconds before the first reconnection, then doubled.")
    longest_retry: float = Field(5.0, gt=0, le=3600, description="Seconds between reconnections, at most.")
    denied_retry: float = Field(
        60.0, ge=10, le=3600, description="Seconds before another try where the password is wrong, then doubled."
    )
    renew: float = Field(
        10.0, ge=5, le=3600, description="Seconds after which a frozen, black or slow camera is connected anew."
    )


class BudgetSettings(Strict):
    """What happens when the machine is too slow for its cameras."""

    latency: float = Field(300.0, ge=10, le=60000, description="Milliseconds from picture to event to stay below.")
    most_every: int = Field(
        6, ge=1, le=100, description="Frames, under overload, from one run of the detector to the next."
    )
    least_size: int = Field(224, ge=64, le=4096, description="Pixels, under overload: the net's input shrinks to this.")
    rate: float = Field(0.0, ge=0, le=240, description="Pictures per second and camera that are looked at; 0: all.")
    hang: float = Field(
        60.0, ge=5, le=3600, description="Seconds: a step that takes longer hangs, and the site begins anew."
    )


class StorageSettings(Strict):
    """Where identities live."""

    database: Place = Field(
        "unbroken.db", min_length=1, description="A SQLite file, or `postgresql://user@host/name`; `none`: no storage."
    )
    pictures: Place = Field("", description="A folder for one picture per view of a person; empty: none are kept.")
    blur: bool = Field(default=True, description="Blur heads in pictures that are kept.")
    days: float = Field(30.0, gt=0, le=3650, description="Days: people not seen for so long are forgotten.")
    megabytes: float = Field(2000.0, ge=1, le=1e6, description="Megabytes: the oldest go when the database is larger.")
    people: int = Field(100_000, ge=1, le=10_000_000, description="Number of people that are known at most.")
    snapshot: float = Field(300.0, ge=1, le=86400, description="Seconds between snapshots, which shorten a restart.")
    key: Secret = Field("", description="The environment variable with the key (hex, 32 bytes) for encryption at rest.")


class WebhookSettings(Strict):
    """Events as HTTP POST requests."""

    url: Line = Field(pattern=r"^https?://", description="Where events are sent.")
    secret: Secret = Field("", description="The environment variable with the secret for the signature (HMAC-SHA256).")
    timeout: float = Field(5.0, gt=0, le=120, description="Seconds for one request.")
    events: tuple[EventType, ...] = Field((), description="Types of events that are sent; empty: all.")


class MqttSettings(Strict):
    """Events to an MQTT broker."""

    host: Line = Field(min_length=1, description="Name or address of the broker.")
    port: int = Field(1883, ge=1, le=65535, description="Number of the broker's port; 8883 is usual with tls.")
    topic: Line = Field("unbroken", min_length=1, description="What topics begin with.")
    user: Line = Field("", max_length=256, description="The name to log in with; empty: none.")
    password: Secret = Field("", description="The environment variable with the password.")
    tls: bool = Field(default=False, description="Encrypt, and check the broker's certificate.")
    home_assistant: bool = Field(default=True, description="Announce cameras, zones and counts to Home Assistant.")
    events: tuple[EventType, ...] = Field((), description="Types of events that are sent; empty: all.")


class OutputSettings(Strict):
    """Where events go."""

    site: Name = Field("site", description="The name of the site: it is part of every event and MQTT topic.")
    unseen: float = Field(30.0, ge=1, le=86400, description="Seconds unseen after which somebody has left the site.")
    events: Place = Field("events.jsonl", description="JSON Lines of events; empty: none.")
    tracks: Place = Field("", description="JSON Lines of every track in every picture; empty: none.")
    spool: Place = Field("spool", description="A folder for events that could not be delivered yet.")
    spool_megabytes: float = Field(
        100.0, gt=0, le=1e6, description="Megabytes: the oldest undelivered events go beyond this."
    )
    authority: Place = Field(
        "", description="A PEM file with authorities that webhooks and MQTT trust beside those of the system."
    )
    rotate_megabytes: float = Field(
        100.0, gt=0, le=1e6, description="Megabytes: a JSON Lines file is put aside at this size."
    )
    rotations: int = Field(5, ge=0, le=1000, description="Number of files put aside that are kept.")
    webhooks: tuple[WebhookSettings, ...] = Field((), description="Receivers of events as HTTP POST requests.")
    mqtt: MqttSettings | None = Field(None, description="The MQTT broker that gets events; left out: none.")


class WebSettings(Strict):
    """The dashboard."""

    on: bool = Field(default=True, description="Without it nothing listens.")
    host: Line = Field("127.0.0.1", min_length=1, description="Reachable from this machine only, unless changed.")
    port: int = Field(8642, ge=0, le=65535, description="Number of the port; 0: any free one.")
    token: Secret = Field("", description="The environment variable with the access token; needed beyond 127.0.0.1.")
    certificate: Place = Field("", description="A PEM file: serve over HTTPS with this certificate; empty: over HTTP.")
    key: Place = Field("", description="A PEM file with its private key; empty: it is in the certificate's file.")
    pictures: bool = Field(default=True, description="Show live pictures.")
    blur: bool = Field(default=False, description="Blur heads in live pictures.")
    rate: float = Field(5.0, gt=0, le=60, description="Live pictures per second and camera.")

    @field_validator("host")
    @classmethod
    def _no_blank(cls, host: str) -> str:
        if host != host.strip():
            raise ValueError("has blanks around it; remove them")
        return host

    @model_validator(mode="after")
    def _no_key_alone(self) -> WebSettings:
        if self.key and not self.certificate:
            raise ValueError("key is given without a certificate; give both, or neither")
        return self


class BusSettings(Strict):
    """Cameras on several machines: nodes follow people and send what they see to the one writer of Global IDs.

    Every machine has the same file. `unbroken run site.toml --node NAME` runs the cameras of a node; without `--node`
    it is the writer: database, events, zones and dashboard of the whole site.
    """

    nodes: tuple[Name, ...] = Field((), max_length=100, description="Names of the nodes; none: one process does all.")
    listen: Line = Field(
        "127.0.0.1:8643", pattern=_ADDRESS, description="Address and port at which the writer waits for nodes."
    )
    writer: Line = Field(
        "127.0.0.1:8643", pattern=_ADDRESS, description="Address and port of the writer, as the nodes reach it."
    )
    secret: Secret = Field("", description="The environment variable with the secret that nodes and writer share.")
    wait: float = Field(
        0.1, ge=0, le=60, description="Seconds that what one node sees waits for what others see at the same moment."
    )
    held: int = Field(
        3000, ge=1, le=100_000, description="Number of steps that a node keeps while the writer cannot be reached."
    )


class LogSettings(Strict):
    """What is written for whoever operates the site."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lesser messages are left out.")
    form: Literal["text", "json"] = Field("text", description="`json`: one object per line, for log collectors.")
    access: Place = Field("access.jsonl", description="Every access to personal data, as JSON Lines; empty: none.")
    access_megabytes: float = Field(10.0, gt=0, le=1e6, description="Megabytes: that file is put aside at this size.")
    access_rotations: int = Field(10, ge=0, le=1000, description="Number of such files put aside that are kept.")
