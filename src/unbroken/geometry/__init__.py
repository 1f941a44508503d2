"""Boxes, the ground plane and regions: pure functions of arrays."""
