"""Scores: HOTA, CLEAR and Identity metrics, per camera, across cameras and on the ground plane."""
