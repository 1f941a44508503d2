"""The truth of a world is written in forms that the rest of the project reads."""

import json

import numpy as np

from unbroken.datasets.calibration import read_view
from unbroken.datasets.motchallenge import read_info, read_rows
from unbroken.datasets.synthetic import WorldSettings, make_world, truth_of, write_truth
from unbroken.geometry.boxes import clipped
from unbroken.geometry.plane import ground_from_image


def test_written_truth_reads_back(tmp_path):
    world = make_world(WorldSettings(people=6, seconds=20.0, arrivals=3.0), np.random.default_rng(5))
    write_truth(world, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        rows = read_rows(tmp_path / camera.name / "gt" / "gt.txt")
        order = np.lexsort((truth.frames, truth.persons))
        assert rows.frames.tolist() == (truth.frames[order] + 1).tolist()
        assert rows.ids.tolist() == truth.persons[order].tolist()
        assert np.abs(rows.boxes - clipped(truth.boxes, camera.size)[order]).max() < 0.02
        fair = truth.visibility[order] >= 0.2
        assert ((rows.scores == 1) == fair).all()
        assert ((rows.extras[:, 0] == 8) == ~fair).all()
        info = read_info(tmp_path / camera.name)
        assert (info.frame_rate, info.length, info.width, info.height) == (10.0, 200, 640, 360)
        mine = [line for line in lines if line["camera"] == camera.name]
        assert [line["person"] for line in mine] == truth.persons.tolist()


def test_the_calibration_file_puts_feet_where_people_stand(tmp_path):
    world = make_world(WorldSettings(people=3, seconds=10.0, arrivals=1.0), np.random.default_rng(5))
    write_truth(world, tmp_path)
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        view = read_view(tmp_path / f"{camera.name}.calibration.json")
        pixels, _ = camera.project(np.column_stack([truth.ground, np.zeros(len(truth.ground))]))
        assert np.allclose(ground_from_image(view, pixels), truth.ground, atol=1e-6)
    pairs = json.loads((tmp_path / "calibration.json").read_text())["overlapping"]
    assert pairs == [["cam1", "cam2"]]
