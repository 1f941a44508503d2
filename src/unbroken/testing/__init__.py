"""Conformance suites: what a plug-in must pass."""
