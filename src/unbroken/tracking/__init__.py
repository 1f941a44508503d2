"""Trackers: frozen parameters and stages on one engine."""
