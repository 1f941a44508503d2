"""Boxes that are written in a net's layout are read back as they were, in every layout that is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ConfigError, ModelUnsupportedError
from unbroken.detection.decode import DECODERS, decoder, yolox_grid
from unbroken.geometry.boxes import cxcywh_from_xyxy

SIZE = (160, 96)
CLASSES = 80
ANCHORS = len(yolox_grid(SIZE)[0])


def _logit(scores):
    return np.log(scores / (1 - scores))


def _filled(boxes, scores, columns):
    """A (A, columns) table whose last rows are people and whose first say nothing."""
    table = np.zeros((ANCHORS, columns))
    table[:, 2:4] = 1.0
    rows = np.arange(ANCHORS - len(boxes), ANCHORS)
    return table, rows


def write_yolox(boxes, scores):
    cells, strides = yolox_grid(SIZE)
    table, rows = _filled(boxes, scores, 5 + CLASSES)
    centred = cxcywh_from_xyxy(boxes)
    table[rows, :2] = centred[:, :2] / strides[rows] - cells[rows]
    table[rows, 2:4] = np.log(centred[:, 2:] / strides[rows])
    table[rows, 4], table[rows, 5] = np.sqrt(scores), np.sqrt(scores)
    table[rows, 9] = 0.99 * np.sqrt(scores)
    return [table[None].astype(np.float32)]


def write_yolov5(boxes, scores):
    table, rows = _filled(boxes, scores, 5 + CLASSES)
    table[rows, :4] = cxcywh_from_xyxy(boxes)
    table[rows, 4], table[rows, 5] = np.sqrt(scores), np.sqrt(scores)
    return [table[None].astype(np.float32)]


def write_yolov8(boxes, scores):
    table, rows = _filled(boxes, scores, 4 + CLASSES)
    table[rows, :4], table[rows, 4] = cxcywh_from_xyxy(boxes), scores
    return [table.T[None].astype(np.float32)]


def write_yolov10(boxes, scores):
    return [np.column_stack([boxes, scores, np.zeros(len(boxes))])[None].astype(np.float32)]


def write_rtmdet(boxes, scores):
    rows = np.column_stack([boxes, scores])[None].astype(np.float32)
    return [rows, np.zeros((1, len(boxes)), dtype=np.int64)]


def write_ssd(boxes, scores):
    rows = np.column_stack([np.zeros(len(boxes)), np.zeros(len(boxes)), scores, boxes / np.tile(SIZE, 2)])
    end = np.array([[-1.0, 0, 0, 0, 0, 0, 0]])
    rubbish = np.full((3, 7), 5.0)
    return [np.concatenate([rows, end, rubbish])[None, None].astype(np.float32)]


def write_detr(boxes, scores, classes=92, person=1):
    logits = np.full((1, len(boxes), classes), -np.inf)
    logits[0, :, person], logits[0, :, -1] = np.log(scores), np.log(1 - scores)
    return [logits, (cxcywh_from_xyxy(boxes) / np.tile(SIZE, 2))[None]]


def write_rtdetr(boxes, scores):
    logits = np.full((1, len(boxes), CLASSES), -50.0)
    logits[0, :, 0] = _logit(scores)
    return [logits, (cxcywh_from_xyxy(boxes) / np.tile(SIZE, 2))[None]]


def write_darknet(boxes, scores):
    table, rows = _filled(boxes, scores, 5 + CLASSES)
    table[rows, :4], table[rows, 4], table[rows, 5] = cxcywh_from_xyxy(boxes) / np.tile(SIZE, 2), scores, scores
    half = len(table) - len(boxes) // 2
    return [table[:half].astype(np.float32), table[half:].astype(np.float32)]


WRITERS = {
    "yolox": write_yolox,
    "yolov5": write_yolov5,
    "yolov8": write_yolov8,
    "yolo11": write_yolov8,
    "yolov10": write_yolov10,
    "rtmdet": write_rtmdet,
    "ssd": write_ssd,
    "detr": write_detr,
    "rtdetr": write_rtdetr,
    "darknet": write_darknet,
}


def people(seed, count):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(2, 36, (count, 2))], axis=1)
    return boxes, rng.uniform(0.05, 0.95, count)


def read(name, outputs, wanted=(0,)):
    (found,) = decoder(name)(outputs, SIZE, wanted)
    alive = found.scores > 0.01
    order = np.argsort(found.scores[alive])
    return found.boxes[alive][order], found.scores[alive][order], found.classes[alive][order]


def test_every_decoder_is_tested_here():
    assert WRITERS.keys() == DECODERS.keys()


@pytest.mark.parametrize("name", WRITERS)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 12))
def test_what_is_written_is_read(name, seed, count):
    boxes, scores = people(seed, count)
    found, read_scores, classes = read(name, WRITERS[name](boxes, scores))
    order = np.argsort(scores)
    np.testing.assert_allclose(found, boxes[order], atol=2e-3)
    np.testing.assert_allclose(read_scores, scores[order], atol=1e-4)
    assert (classes == 0).all()


@pytest.mark.parametrize("name", ["yolox", "yolov5", "yolov8", "rtdetr", "detr", "darknet"])
def test_a_class_that_the_net_does_not_have_is_never_found(name):
    boxes, scores = people(0, 4)
    assert len(read(name, WRITERS[name](boxes, scores), wanted=(500,))[0]) == 0


def test_a_person_who_looks_more_like_a_bicycle_is_still_a_person():
    boxes, scores = people(1, 3)
    outputs = write_yolov8(boxes, scores)
    outputs[0][:, 5] = 0.99
    assert (read("yolov8", outputs)[2] == 0).all()


def test_coco_ids_with_gaps_become_classes_without():
    boxes, scores = people(2, 2)
    _, _, classes = read("detr", write_detr(boxes, scores, person=90), wanted=(0, 79))
    assert classes.tolist() == [79, 79]


def test_the_outputs_of_a_detr_may_come_in_either_order():
    boxes, scores = people(3, 5)
    first = read("rtdetr", write_rtdetr(boxes, scores))
    second = read("rtdetr", write_rtdetr(boxes, scores)[::-1])
    np.testing.assert_array_equal(first[0], second[0])


def test_each_picture_of_a_batch_gets_its_own():
    first, second = people(4, 3), people(5, 6)
    rows = [write_yolov8(*part)[0] for part in (first, second)]
    found = decoder("yolov8")([np.concatenate(rows)], SIZE, (0,))
    assert [int((part.scores > 0.01).sum()) for part in found] == [3, 6]


def test_an_ssd_says_itself_which_picture_a_row_belongs_to():
    rows = np.zeros((1, 1, 3, 7), dtype=np.float32)
    rows[0, 0, :, 0] = [0, 1, 1]
    rows[0, 0, :, 2:] = [0.9, 0.1, 0.1, 0.2, 0.2]
    assert [len(part.scores) for part in decoder("ssd")([rows], SIZE, (0,))] == [1, 2]


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("shape", [(1,), (1, 3), (2, 3, 4, 5, 6)])
def test_an_answer_of_another_layout_is_refused_by_name(name, shape):
    with pytest.raises(ModelUnsupportedError, match=r"decoder \w+.*another decoder"):
        decoder(name)([np.zeros(shape, dtype=np.float32)], SIZE, (0,))


def test_yolox_on_an_input_of_another_size_says_how_many_boxes_there_should_be():
    with pytest.raises(ModelUnsupportedError, match="160 x 96 has 315"):
        decoder("yolox")([np.zeros((1, 100, 85), dtype=np.float32)], SIZE, (0,))


def test_an_unknown_decoder_is_named():
    with pytest.raises(ConfigError, match=r"decoder 'yolo99'.*yolox"):
        decoder("yolo99")
