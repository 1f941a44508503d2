"""Calibration files in their three forms."""

import json
from pathlib import Path

import numpy as np
import pytest

from needs import data
from unbroken.core.errors import SourceError
from unbroken.datasets.calibration import read_view, save_view
from unbroken.geometry.plane import ground_from_image, image_from_ground

MATRIX = np.array([[0.01, 0.002, -3.0], [0.0, 0.03, -8.0], [0.0, 0.003, -0.4]])


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    save_view(tmp_path / "sub" / "cam.json", MATRIX, (640, 480))
    view = read_view(tmp_path / "sub" / "cam.json")
    assert view.size == (640, 480)
    pixels = np.array([[100.0, 400.0], [500.0, 300.0]])
    lifted = np.column_stack([pixels, np.ones(2)]) @ MATRIX.T
    assert np.allclose(ground_from_image(view, pixels), lifted[:, :2] / lifted[:, 2:])


def test_centimetres_become_metres(tmp_path: Path) -> None:
    metres = read_view(write(tmp_path / "m.json", {"homography": MATRIX.tolist()}))
    hundredths = read_view(write(tmp_path / "cm.json", {"homography": MATRIX.tolist(), "metres_per_unit": 0.01}))
    pixels = np.array([[100.0, 400.0]])
    assert np.allclose(ground_from_image(hundredths, pixels), ground_from_image(metres, pixels) / 100)


def test_a_full_calibration_sees_a_point_where_the_camera_model_puts_it(tmp_path: Path) -> None:
    camera = {
        "K": [[800, 0, 320], [0, 800, 240], [0, 0, 1]],
        "distortion": [0, 0, 0, 0, 0],
        "R": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        "t": [0, 2, 0],
        "size": [640, 480],
    }
    view = read_view(write(tmp_path / "full.json", camera))
    assert np.allclose(image_from_ground(view, np.array([[1.0, 8.0]])), [[320 + 100, 240 + 200]])


def test_the_four_cameras_agree_about_the_ground() -> None:
    views = [read_view(data(f"data/video/four_cameras/config_camera/{number}.json")) for number in range(4)]
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    for view in views:
        assert view.size == (1288, 728)
        pixels = image_from_ground(view, points)
        assert ((pixels > 0) & (pixels < 1288)).all()
        assert np.allclose(ground_from_image(view, pixels), points)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"homography": [[1, 2], [3, 4]]}, "3 x 3"),
        ({"homography": np.zeros((3, 3)).tolist()}, "no inverse"),
        ({"homography": MATRIX.tolist(), "metres_per_unit": 0}, "metres_per_unit"),
        ({"K": np.eye(3).tolist()}, "`R` is missing"),
        ({"intrinsic": {}}, "doubles"),
        ({"matrix": 1}, "give `homography`"),
        ([1, 2], "is an object"),
        ({"homography": "north"}, "numbers"),
    ],
)
def test_a_broken_calibration_is_one_sentence_with_the_file(tmp_path: Path, content: object, sentence: str) -> None:
    path = write(tmp_path / "broken.json", content)
    with pytest.raises(SourceError, match=sentence) as caught:
        read_view(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_file_that_is_no_json_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_view(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("hello")
    with pytest.raises(SourceError, match="is not JSON"):
        read_view(tmp_path / "text.json")
