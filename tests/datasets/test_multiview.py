"""Scenes of several views."""

import json
from pathlib import Path

import numpy as np
import pytest

from needs import data
from unbroken.core.errors import SourceError
from unbroken.datasets.multiview import read_boxes, read_scene, scenes

HOMOGRAPHIES = [np.diag([view, view, 1]).tolist() for view in range(1, 10)]


def scene(folder: Path, views: int = 3) -> Path:
    (folder / "det").mkdir(parents=True)
    (folder / "gt").mkdir()
    calibration = {"homography": HOMOGRAPHIES[:views], "frame_width": 640, "frame_height": 480}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    for view in range(1, views + 1):
        (folder / "det" / f"view{view}.txt").write_text("5,-1,10,20,30,40,0.5,-1,-1,-1\n")
        (folder / "gt" / f"view{view}.txt").write_text("5,7,10,20,30,40,0,0,0,0\n5,8,10,20,30,40,1,0,0,0\n")
    return folder


def test_any_number_of_views_is_read(tmp_path: Path) -> None:
    read = read_scene(scene(tmp_path / "yard"))
    assert (read.name, len(read.views), len(read.detections), len(read.truth), read.published) == ("yard", 3, 3, 3, [])
    assert read.detections[0].boxes.tolist() == [[10, 20, 40, 60]]
    assert read.detections[0].scores.tolist() == [0.5]


def test_lost_rows_of_the_truth_do_not_count(tmp_path: Path) -> None:
    assert read_scene(scene(tmp_path / "yard")).truth[0].ids.tolist() == [7]


def test_a_folder_of_scenes_and_a_scene_are_both_accepted(tmp_path: Path) -> None:
    yard = scene(tmp_path / "yard")
    assert scenes(tmp_path) == scenes(yard) == [yard]


def test_a_folder_without_scenes_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no scene"):
        scenes(tmp_path)


def test_a_missing_view_is_one_sentence(tmp_path: Path) -> None:
    folder = scene(tmp_path / "yard")
    (folder / "det" / "view2.txt").unlink()
    with pytest.raises(SourceError, match="has views 1, 3, gt 1, 2, 3"):
        read_scene(folder)


def test_a_view_that_nobody_has_files_of_is_left_out(tmp_path: Path) -> None:
    folder = scene(tmp_path / "yard")
    for file in folder.glob("*/view2.txt"):
        file.unlink()
    found = read_scene(folder)
    assert found.numbers == [1, 3]
    assert found.views[1].ground_from_ray.tolist() == np.diag([3, 3, 1]).tolist()
    assert len(found.detections) == len(found.truth) == 2


@pytest.mark.parametrize("line", ["1,2,3", "a,b,c,d,e,f,g", "1,1,5,5,-3,4,1", "1,1,nan,5,3,4,1"])
def test_a_broken_row_is_one_sentence(tmp_path: Path, line: str) -> None:
    path = tmp_path / "view1.txt"
    path.write_text(line + "\n")
    with pytest.raises(SourceError, match="give"):
        read_boxes(path)


def test_the_shipped_scenes_hold_what_their_description_says() -> None:
    read = [read_scene(folder) for folder in scenes(data("data/multiview"))]
    assert all(len(one.views) == len(one.detections) == len(one.truth) == 4 for one in read)
    for one in read:
        for answer, boxes in zip(one.published, one.detections, strict=True):
            assert len(answer.ids) == len(boxes.ids)
