"""Recorded detections: what some detector has seen before, played back by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.detections import Detections
from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.frames import Frame
from unbroken.detection.selection import EVERYTHING, Candidates, DetectorSettings, kept
from unbroken.geometry.boxes import xyxy_from_xywh


class RecordedDetector:
    """Detections of files in MOTChallenge form. Implements the port `Detector`.

    Args:
        rows: by camera, (N, 7 or more) of frame (from 1), id, left, top, width, height, score. Ids are not looked at.
        settings: score, sizes and region apply; overlapping boxes are kept, since the recorder has chosen already.
        frame_offset: the frame number in the rows of the frame with index 0.
    """

    def __init__(
        self, rows: Mapping[str, Floats], settings: DetectorSettings = EVERYTHING, frame_offset: int = 1
    ) -> None:
        self._by_frame = {camera: _by_frame(table, camera) for camera, table in rows.items()}
        self._settings = settings
        self._offset = frame_offset

    @property
    def description(self) -> str:
        """What it is, for the report."""
        return f"recorded detections of {len(self._by_frame)} camera" + ("" if len(self._by_frame) == 1 else "s")

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """What was recorded for each frame; nothing where nothing was.

        Raises:
            ConfigError: nothing was recorded for a camera at all.
        """
        return [self._recorded(frame) for frame in frames]

    def _recorded(self, frame: Frame) -> Detections:
        if frame.camera not in self._by_frame:
            known = ", ".join(self._by_frame) or "none"
            raise ConfigError(f"camera {frame.camera}: no detections were recorded for it; there are some for: {known}")
        rows = self._by_frame[frame.camera].get(frame.index + self._offset)
        if rows is None:
            return Detections.empty()
        enough = rows[:, 6] >= self._settings.score
        boxes, scores = xyxy_from_xywh(rows[enough, 2:6]), rows[enough, 6]
        classes = np.zeros(len(boxes), dtype=np.int64)
        return kept(Candidates(boxes, scores, classes), (0, 0), self._settings)


def _by_frame(table: Floats, camera: str) -> dict[int, Floats]:
    """The rows of each frame, in the order in which they were recorded."""
    if len(table) == 0:
        return {}
    if table.ndim != 2 or table.shape[1] < 7:
        raise ContractError(
            f"recorded detections of {camera} have shape {table.shape}; "
            "give rows of frame, id, left, top, width, height, score"
        )
    numbers = table[:, 0].astype(np.int64)
    order = np.argsort(numbers, kind="stable")
    frames, starts = np.unique(numbers[order], return_index=True)
    return {int(frame): part for frame, part in zip(frames, np.split(table[order], starts[1:]), strict=True)}
