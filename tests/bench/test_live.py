"""The bench of live cameras: its scenes, its streams, and a short run from a real server."""

import av
import numpy as np

from needs import data
from unbroken.bench.live import RATE, SIZE, Scene, prepared, scenes, watch
from unbroken.bench.outcome import Options
from walkers import write_walk


def test_any_folder_with_videos_makes_scenes(tmp_path):
    (tmp_path / "hall").mkdir()
    for number in range(4):
        write_walk(tmp_path / "hall" / f"view{number}.mp4", seconds=0.5)
    write_walk(tmp_path / "street.mp4", seconds=0.5)
    (tmp_path / "street_gt.txt").write_text("")
    found = {scene.name: scene for scene in scenes(tmp_path)}
    assert [video.stem for video in found["views"].videos] == ["view0", "view1", "view2", "view3"]
    assert {video.stem for video in found["crowd"].videos} == {"street"}
    assert found["crowd"].starts == (0.0, 0.25, 0.5, 0.75)


def test_streams_are_as_long_as_asked_and_begin_where_asked(tmp_path):
    video = write_walk(tmp_path / "walk.mp4", seconds=8.0)
    first, second = prepared(Scene("crowd", (video, video), (0.0, 0.5)), tmp_path, 20.0)
    with av.open(str(first)) as a, av.open(str(second)) as b:
        pictures = [[p.to_ndarray(format="gray") for p in one.decode(video=0)] for one in (a, b)]
    assert [len(one) for one in pictures] == [20 * RATE, 20 * RATE]
    assert pictures[0][0].shape == SIZE[::-1]
    np.testing.assert_array_equal(pictures[0][40], pictures[1][0])
    np.testing.assert_array_equal(pictures[0][80], pictures[0][0])


def test_a_short_run_answers_every_camera_and_times_it(tmp_path):
    models = data("models")
    video = write_walk(tmp_path / "walk.mp4", seconds=4.0)
    files = prepared(Scene("crowd", (video, video), (0.0, 0.5)), tmp_path, 30.0)
    watched = watch(files, tmp_path, Options(tmp_path, models), 2.0)
    assert set(watched.latencies) == {"camera0", "camera1"}
    assert all(len(values) and (values[:, 1] > 0).all() for values in watched.latencies.values())
    assert all(sum(one.waiting for one in sample.health.cameras.values()) <= 2 for sample in watched.samples)
    assert watched.cores[0] > 0
