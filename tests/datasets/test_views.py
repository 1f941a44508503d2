"""Where a camera stands is read from its own file, from a scene's, and from WILDTRACK's."""

import json

import numpy as np
import pytest

from needs import data
from unbroken.core.errors import SourceError
from unbroken.datasets.views import file_and_view, unit_is_told, view_of
from unbroken.datasets.wildtrack import read_cameras

MATRICES = [np.diag([view, view, 1]).tolist() for view in (1, 2, 3)]


def scene(folder, **more):
    path = folder / "calibration.json"
    path.write_text(json.dumps({"homography": MATRICES, "frame_width": 64, "frame_height": 48} | more))
    return path


def test_a_view_of_a_scene_is_named_by_its_number(tmp_path):
    path = scene(tmp_path)
    assert [view_of(f"{path}#{number}").ground_from_ray.tolist() for number in (1, 2, 3)] == MATRICES
    assert view_of(f"{path}#2").size == (64, 48)


def test_a_scene_may_tell_its_unit(tmp_path):
    assert not unit_is_told(f"{scene(tmp_path)}#1")
    path = scene(tmp_path, metres_per_unit=0.01)
    assert unit_is_told(f"{path}#1")
    assert view_of(f"{path}#3").ground_from_ray.tolist() == np.diag([0.03, 0.03, 1]).tolist()


def test_a_camera_with_a_file_of_its_own_needs_no_number(tmp_path):
    path = tmp_path / "hall#7b.json"
    path.write_text(json.dumps({"homography": MATRICES[1], "size": [64, 48]}))
    assert file_and_view(str(path)) == (path, 0)
    assert view_of(str(path)).ground_from_ray.tolist() == MATRICES[1]
    assert unit_is_told(str(path))


def test_a_scene_without_a_number_tells_how_to_name_one(tmp_path):
    with pytest.raises(SourceError, match="holds 4 homographies; name one of them: FILE#1 to FILE#4"):
        view_of(str(scene(tmp_path, homography=[*MATRICES, MATRICES[0]])))


@pytest.mark.parametrize("number", ["#4", ""])
def test_a_view_that_is_not_there_is_one_sentence(tmp_path, number):
    with pytest.raises(SourceError, match="give"):
        view_of(f"{scene(tmp_path)}{number}")


def test_a_camera_of_wildtrack_is_read_from_its_own_files():
    folder = data("data/wildtrack")
    view = view_of(str(folder / "calibrations/extrinsic/extr_IDIAP1.xml"))
    assert np.array_equal(view.ground_from_ray, read_cameras(folder)["IDIAP1"].ground_from_ray)
