"""Conformance suites: what a plug-in must pass."""

from unbroken.testing.check_tracker import check_tracker as check_tracker

__all__ = ["check_tracker"]
