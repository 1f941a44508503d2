"""How the answers of detectors are read: one pure function per layout, and the table of their names.

Each decoder takes the outputs of a net for a batch, the width and height of its input and the classes that are wanted,
and returns the candidates of each picture in pixels of the input. Where a layout scores every class for every box, a
candidate carries the best of the wanted classes, so a person on a bicycle is still a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ConfigError, ModelUnsupportedError
from unbroken.detection.selection import Candidates
from unbroken.geometry.boxes import xyxy_from_cxcywh

Outputs: TypeAlias = Sequence[NDArray[np.generic]]
Size: TypeAlias = tuple[int, int]
Decoder: TypeAlias = Callable[[Outputs, Size, tuple[int, ...]], list[Candidates]]

YOLOX_STRIDES = (8, 16, 32)
_ABSENT_COCO_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def decode_yolox(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """YOLOX (arXiv 2107.08430), exported without decoding: (B, A, 5 + C) with centres and log sizes in cells.

    Centre = (xy + cell) * stride, size = exp(wh) * stride, score = objectness * class.

    Raises:
        ModelUnsupportedError: the net answers another number of boxes than its input has cells.
    """
    rows = _shaped(outputs, 0, 3, "yolox")
    cells, strides = yolox_grid(size)
    if rows.shape[1] != len(cells):
        raise ModelUnsupportedError(
            f"decoder yolox: the net answers {rows.shape[1]} boxes where an input of {size[0]} x {size[1]} has "
            f"{len(cells)}; choose another decoder"
        )
    found = []
    for row in rows:
        boxes = np.concatenate([(row[:, :2] + cells) * strides, np.exp(np.minimum(row[:, 2:4], 30)) * strides], axis=1)
        found.append(_best(xyxy_from_cxcywh(boxes), row[:, 5:] * row[:, 4:5], wanted))
    return found


def decode_yolov5(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """YOLOv5 and v7: (B, A, 5 + C): centre and size in pixels, objectness, classes; score = objectness * class."""
    rows = _shaped(outputs, 0, 3, "yolov5")
    return [_best(xyxy_from_cxcywh(row[:, :4]), row[:, 5:] * row[:, 4:5], wanted) for row in rows]


def decode_yolov8(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """YOLOv8, v9, v11, v12: (B, 4 + C, A): centre and size in pixels, then classes; there is no objectness."""
    rows = _shaped(outputs, 0, 3, "yolov8").transpose(0, 2, 1)
    return [_best(xyxy_from_cxcywh(row[:, :4]), row[:, 4:], wanted) for row in rows]


def decode_yolov10(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """YOLOv10 (arXiv 2405.14458) and exports with built-in NMS: (B, K, 6): corners in pixels, score, class."""
    rows = _shaped(outputs, 0, 3, "yolov10", last=6)
    return [Candidates(row[:, :4], row[:, 4], row[:, 5].astype(np.int64)) for row in rows]


def decode_rtmdet(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """RTMDet (arXiv 2212.07784) as OpenMMLab exports it: (B, K, 5) corners in pixels and score, and (B, K) labels.

    NMS is in the net. Short rows are filled up with score 0.
    """
    rows = _shaped(outputs, 0, 3, "rtmdet", last=5)
    labels = _shaped(outputs, 1, 2, "rtmdet").astype(np.int64)
    return [Candidates(row[:, :4], row[:, 4], label) for row, label in zip(rows, labels, strict=True)]


def decode_ssd(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """SSD as OpenVINO exports it: (1, 1, N, 7): picture, label, score, corners in 0..1; the list ends at picture -1."""
    rows = _shaped(outputs, 0, 4, "ssd", last=7)[0, 0]
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if len(ends) else rows
    corners = rows[:, 3:] * np.tile(size, 2)
    pictures = int(rows[:, 0].max()) + 1 if len(rows) else 1
    whole = Candidates(corners, rows[:, 2], rows[:, 1].astype(np.int64))
    return [whole.select(rows[:, 0] == picture) for picture in range(pictures)]


def decode_detr(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """DETR (arXiv 2005.12872): logits (B, Q, C + 1), the last is "nothing", and boxes (B, Q, 4) cxcywh in 0..1.

    Scores are a softmax. Classes of 91 are the ids of COCO and are counted anew from 0.
    """
    boxes, logits = _boxes_and_logits(outputs, "detr")
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    scores = (weights / weights.sum(axis=2, keepdims=True))[:, :, :-1]
    return _queries(boxes, scores, size, wanted)


def decode_rtdetr(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """RT-DETR, D-FINE, RF-DETR: logits (B, Q, C), each class a sigmoid, and boxes (B, Q, 4) cxcywh in 0..1.

    RT-DETR (arXiv 2304.08069). Classes of 91 (RF-DETR) are the ids of COCO and are counted anew from 0.
    """
    boxes, logits = _boxes_and_logits(outputs, "rtdetr")
    return _queries(boxes, _sigmoid(logits), size, wanted)


def decode_darknet(outputs: Outputs, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    """Darknet's yolo layers: each (B, A, 5 + C) or, of a batch of one, (A, 5 + C).

    Centre and size are fractions of the input; the objectness is there, and the classes are multiplied by it already.
    So answer `cv2.dnn` and the nets that `detection.darknet` converts.

    Raises:
        ModelUnsupportedError: the outputs have other shapes.
    """
    layers = [_numbers(output, "darknet") for output in outputs]
    layers = [layer[None] if layer.ndim == 2 else layer for layer in layers]
    if not layers or any(layer.ndim != 3 or layer.shape[2] < 6 for layer in layers):
        raise _unlike("darknet", outputs)
    rows = np.concatenate(layers, axis=1)
    return [_best(xyxy_from_cxcywh(row[:, :4] * np.tile(size, 2)), row[:, 5:], wanted) for row in rows]


DECODERS: dict[str, Decoder] = {
    "yolox": decode_yolox,
    "yolov5": decode_yolov5,
    "yolov8": decode_yolov8,
    "yolo11": decode_yolov8,
    "yolov10": decode_yolov10,
    "rtmdet": decode_rtmdet,
    "ssd": decode_ssd,
    "detr": decode_detr,
    "rtdetr": decode_rtdetr,
    "darknet": decode_darknet,
}
"""The decoders by the name that a card gives."""


def decoder(name: str) -> Decoder:
    """The decoder of a name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in DECODERS:
        raise ConfigError(f"decoder {name!r} is not known; choose one of {', '.join(DECODERS)}")
    return DECODERS[name]


@lru_cache(maxsize=32)
def yolox_grid(size: Size) -> tuple[Floats, Floats]:
    """The cells of YOLOX for an input of a width and height: (A, 2) columns and rows, and (A, 1) strides in pixels."""
    cells, strides = [], []
    for stride in YOLOX_STRIDES:
        columns, rows = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride))
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
        strides.append(np.full((columns.size, 1), float(stride)))
    return np.concatenate(cells), np.concatenate(strides)


def _best(boxes: Floats, scores: Floats, wanted: tuple[int, ...]) -> Candidates:
    """Each box with the best of the wanted classes. (A, 4), (A, C) -> A candidates."""
    known = np.array([number for number in wanted if number < scores.shape[1]], dtype=np.int64)
    if not len(known):
        return Candidates(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))
    mine = scores[:, known]
    top = mine.argmax(axis=1)
    return Candidates(boxes, mine[np.arange(len(mine)), top], known[top])


def _queries(boxes: Floats, scores: Floats, size: Size, wanted: tuple[int, ...]) -> list[Candidates]:
    if scores.shape[2] in (90, 91):
        scores = scores[:, :, _coco_columns(scores.shape[2])]
    scaled = boxes * np.tile(size, 2)
    return [_best(xyxy_from_cxcywh(box), score, wanted) for box, score in zip(scaled, scores, strict=True)]


def _coco_columns(count: int) -> Ints:
    """The columns of COCO's 80 classes among its ids, 1 to 90 with gaps; 91 columns start with id 0."""
    ids = np.array([number for number in range(1, 91) if number not in _ABSENT_COCO_IDS], dtype=np.int64)
    return ids if count == 91 else ids - 1


def _boxes_and_logits(outputs: Outputs, name: str) -> tuple[Floats, Floats]:
    """The two outputs of a DETR in either order: boxes have four columns and no logit row adds up like them."""
    if len(outputs) < 2:
        raise _unlike(name, outputs)
    first, second = _shaped(outputs, 0, 3, name), _shaped(outputs, 1, 3, name)
    boxes, logits = (first, second) if first.shape[2] == 4 and second.shape[2] != 4 else (second, first)
    if boxes.shape[2] != 4 or boxes.shape[1] != logits.shape[1]:
        raise _unlike(name, outputs)
    return boxes, logits


def _sigmoid(values: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))


def _shaped(outputs: Outputs, number: int, dimensions: int, name: str, last: int = 0) -> Floats:
    """Output `number` as float64, if it has so many dimensions (and `last` columns)."""
    if len(outputs) <= number:
        raise _unlike(name, outputs)
    output = outputs[number]
    if output.ndim != dimensions or (last and output.shape[-1] != last):
        raise _unlike(name, outputs)
    return _numbers(output, name)


def _numbers(output: NDArray[np.generic], name: str) -> Floats:
    if not np.issubdtype(output.dtype, np.number):
        raise ModelUnsupportedError(f"decoder {name}: the net answers {output.dtype}; choose another decoder")
    return output.astype(np.float64)


def _unlike(name: str, outputs: Outputs) -> ModelUnsupportedError:
    shapes = ", ".join(str(output.shape) for output in outputs)
    return ModelUnsupportedError(
        f"decoder {name}: the net answers {shapes}, which it cannot read; choose another decoder"
    )
