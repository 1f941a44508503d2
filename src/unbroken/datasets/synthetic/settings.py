"""What a synthetic world is made of: how many cameras, people, seconds, and how hard it is to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from unbroken.core.errors import ConfigError

Layout = Literal["mixed", "overlapping", "separate"]


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """The settings of a world. The same settings and the same generator give the same world to the bit.

    Attributes:
        cameras: how many.
        people: how many in all; not all of them are inside at any time.
        seconds: how long people are followed.
        rate: pictures per second of every camera; all cameras look at the same instants.
        layout: "mixed": halls with two cameras and with one in turn, so that overlapping and separate pairs are there;
            "overlapping": up to four cameras to a hall; "separate": a hall to each camera.
        size: width and height of the pictures in pixels.
        arrivals: seconds during which people come in first; before that the halls are empty.
        grouped: share of the people who walk in groups of two or three.
        pause: shortest and longest stay at a place in seconds.
        noise: standard deviation of the pixel noise, grey levels.
        cast: standard deviation of the gain of a camera's colour channels: 0.1 is a visible cast.
        shadow: how dark the soft shadows under people are, 0..1.
    """

    cameras: int = 3
    people: int = 8
    seconds: float = 30.0
    rate: float = 10.0
    layout: Layout = "mixed"
    size: tuple[int, int] = (640, 360)
    arrivals: float = 9.0
    grouped: float = 0.15
    pause: tuple[float, float] = (1.5, 6.0)
    noise: float = 3.0
    cast: float = 0.05
    shadow: float = 0.28

    def __post_init__(self) -> None:
        """Refuse what no world can be made of."""
        ranges = {"cameras": (1, 256), "people": (1, 10_000), "seconds": (0.1, 86_400.0), "rate": (0.5, 60.0)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} of the synthetic world is {value}; give a number from {low} to {high}")
        if self.layout not in get_args(Layout):
            raise ConfigError(f"layout is {self.layout!r}; choose one of {', '.join(get_args(Layout))}")
        if min(self.size) < 64:
            raise ConfigError(f"pictures of {self.size[0]} x {self.size[1]} are too small; give at least 64 x 64")
        if not 0 <= self.pause[0] <= self.pause[1]:
            raise ConfigError(f"pause is {self.pause}; give the shortest and the longest stay in seconds")

    @property
    def frames(self) -> int:
        """How many pictures each camera takes."""
        return max(1, round(self.seconds * self.rate))
