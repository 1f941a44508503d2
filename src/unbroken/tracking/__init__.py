"""Trackers: frozen parameters and stages on one engine. `by_name` makes one; `engine` says how to build another."""

from unbroken.tracking.fleet import Fleet as Fleet
from unbroken.tracking.registry import by_name as by_name
from unbroken.tracking.registry import names as names

__all__ = ["Fleet", "by_name", "names"]
