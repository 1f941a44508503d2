"""WILDTRACK and its layout."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs import data
from unbroken.core.errors import SourceError
from unbroken.datasets.wildtrack import (
    read_cameras,
    read_detections,
    read_points,
    read_wildtrack,
    rotation_from_vector,
)
from unbroken.geometry.boxes import foot_points
from unbroken.geometry.plane import ground_from_image


def excerpt(folder: Path) -> Path:
    """The first two frames of the set."""
    source = data("data/wildtrack")
    shutil.copytree(source / "calibrations", folder / "calibrations")
    (folder / "annotations_positions").mkdir(parents=True)
    for path in sorted((source / "annotations_positions").glob("*.json"))[:2]:
        shutil.copyfile(path, folder / "annotations_positions" / path.name)
    return folder


def test_foot_points_of_all_views_lie_where_the_annotation_says(tmp_path: Path) -> None:
    read = read_wildtrack(excerpt(tmp_path / "set"))
    place = {(f, i): p for f, i, p in zip(*vars_of(read.positions), strict=True)}
    views = list(read.cameras.values())
    errors = [
        np.linalg.norm(ground_from_image(views[view], foot_points(box[None]))[0] - place[frame, person])
        for frame, view, person, box in zip(*vars_of(read.boxes), strict=True)
        if box[3] < 1075
    ]
    assert len(errors) > 100
    assert np.median(errors) < 0.25


def vars_of(value: object) -> list[np.ndarray]:
    return [getattr(value, name) for name in value.__slots__]  # type: ignore[attr-defined]


def test_detections_and_points_are_those_of_the_test_frames() -> None:
    folder = data("data/wildtrack")
    names = [path.stem for path in sorted((folder / "annotations_positions").glob("*.json"))]
    boxes = read_detections(folder, names)
    points = read_points(folder, names)
    assert sorted(set(boxes.frames)) == sorted(set(points.frames)) == list(range(360, 400))
    assert set(boxes.views) == set(range(7))


def test_detections_of_a_part_of_the_set_are_found_by_the_names_of_its_frames(tmp_path: Path) -> None:
    """Counted among the files that are there, they were scored against other frames, or none."""
    boxes = {str(frame): [[frame, 10, 20, 40, 1, 0]] for frame in range(360, 400)}
    (tmp_path / "MVDeTr_test.json").write_text(json.dumps(boxes))
    whole = [f"{5 * frame:08d}" for frame in range(400)]
    for names in (whole, whole[350:370], whole[360:]):
        found = read_detections(tmp_path, names)
        assert [int(names[frame]) // 5 for frame in found.frames] == found.boxes[:, 0].tolist()
        assert len(found.frames) == len(set(names) & set(whole[360:]))
    with pytest.raises(SourceError, match="no box of an annotated frame"):
        read_detections(tmp_path, whole[:300])


@given(vector=st.tuples(*[st.floats(-3, 3)] * 3))
def test_rotation_vectors_are_read_as_opencv_does(vector: tuple[float, float, float]) -> None:
    assert np.allclose(rotation_from_vector(np.array(vector)), cv2.Rodrigues(np.array(vector))[0], atol=1e-9)


def test_missing_annotations_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no \*.json"):
        read_wildtrack(tmp_path)


@pytest.mark.parametrize(("text", "sentence"), [("<a", "OpenCV's XML"), ("<a><rvec>1 2</rvec></a>", "rvec")])
def test_a_broken_calibration_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    folder = excerpt(tmp_path / "set")
    broken = folder / "calibrations" / "extrinsic" / "extr_CVLab1.xml"
    broken.unlink()
    broken.write_text(text)
    with pytest.raises(SourceError, match=sentence):
        read_cameras(folder)
