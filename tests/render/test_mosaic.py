"""One picture of all cameras, whatever their sizes, rates and ends."""

import heapq

import av
import numpy as np
import pytest

from scene import walk
from unbroken.core.errors import ConfigError
from unbroken.core.events import Evidence, PersonForgotten, PersonMerged
from unbroken.render.colours import bgr
from unbroken.render.mosaic import Mosaic, MosaicSettings, Presence, draw_panel, layout
from unbroken.render.sinks import AnnotatedVideos, MosaicVideo


def together(*walks):
    return heapq.merge(*walks, key=lambda step: step[0].time)


def test_tiles_show_their_cameras_and_a_camera_that_ends_goes_dark():
    mosaic = Mosaic(["a", "b"], MosaicSettings(width=640, stale=1.0))
    for frame, result in together(walk("a", 30), walk("b", 5)):
        mosaic.put(frame, result)
    image = mosaic.picture(2.9)
    left, right = image[100:220, 20:300].mean(), image[100:220, 340:620].mean()
    assert right < 0.6 * left


def test_the_size_stays_whatever_comes():
    mosaic = Mosaic(["a", "b", "c"], MosaicSettings(width=640))
    sizes = set()
    for frame, result in together(walk("a", 5, size=(321, 241)), walk("b", 5, size=(1280, 720)), walk("stranger", 3)):
        mosaic.put(frame, result)
        sizes.add(mosaic.picture(frame.time).shape)
    assert len(sizes) == 1


def test_a_tile_that_no_camera_needs_says_who_is_where():
    mosaic = Mosaic(["a", "b", "c"], MosaicSettings(width=640))
    empty = mosaic.picture(0.0)
    for frame, result in together(walk("a", 10, decided=0), walk("c", 10, decided=0, shift=4)):
        mosaic.put(frame, result)
    panel = mosaic.picture(0.9)[-260:-30, 330:]
    for person in (1, 2, 5, 6):
        assert (np.abs(panel.astype(int) - bgr(person)).max(axis=2) < 10).sum() > 30
    assert empty.shape[1] == 640


def test_more_people_than_a_panel_has_room_for_are_counted():
    presence = Presence(["a"])
    for shift in range(0, 60, 2):
        for _, result in walk("a", 1, decided=0, shift=shift):
            presence.note(result)
    tile = np.zeros((120, 200, 3), np.uint8)
    draw_panel(tile, presence, 0.0)
    assert tile.any()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2), (6, 3), (9, 3)])
def test_grids_come_close_to_a_screen(count, columns):
    assert layout(count, (16, 9), 1280)[0] == columns


def test_a_mosaic_needs_a_camera_and_room():
    with pytest.raises(ConfigError, match="no camera"):
        Mosaic([])
    with pytest.raises(ConfigError, match="160"):
        MosaicSettings(width=10)


def test_the_strip_knows_who_is_in_view_who_was_and_follows_corrections():
    presence = Presence(["a", "b"])
    for _, result in together(walk("a", 10, decided=0), walk("b", 40, decided=0)):
        presence.note(result)
    assert presence.people(3.9) == [(1, {"a": False, "b": True}), (2, {"a": False, "b": True})]
    (_, nobody), *_ = walk("a", 1, start=4.0)
    presence.note(nobody, [PersonMerged(4.0, 9, 1, Evidence(9, 1.0)), PersonForgotten(4.0, 2, "asked")])
    assert presence.people(4.0) == [(9, {"a": False, "b": True})]
    presence.forget_before(5.0)
    assert presence.people(5.0) == []


def test_the_video_runs_in_the_order_of_time_at_no_more_than_its_rate(tmp_path):
    sink = MosaicVideo(tmp_path / "m.mp4", ["a", "b"], rate=5, mosaic=MosaicSettings(width=320))
    for frame, result in together(walk("a", 21, rate=10), walk("b", 60, rate=20)):
        sink.write(frame, result, ())
    sink.close()
    sink.close()
    with av.open(str(tmp_path / "m.mp4")) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    np.testing.assert_allclose(np.diff(times)[:-1], 0.2, atol=1e-3)
    assert times[-1] == pytest.approx(2.95, abs=1e-3)


def test_cameras_in_step_cost_one_mosaic_per_step_and_a_clock_that_is_set_back_does_not_end_the_video(tmp_path):
    sink = MosaicVideo(tmp_path / "m.mp4", ["a", "b"], mosaic=MosaicSettings(width=320))
    for frame, result in [*together(walk("a", 10, start=100), walk("b", 10, start=100)), *walk("a", 10)]:
        sink.write(frame, result, ())
    sink.close()
    with av.open(str(tmp_path / "m.mp4")) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    assert len(times) == 20
    assert np.all(np.diff(times) > 0)


def test_each_camera_has_a_video_of_its_own_and_frames_without_a_picture_have_none(tmp_path):
    sink, mosaic = AnnotatedVideos(tmp_path), MosaicVideo(tmp_path / "blind.mp4", ["blind"])
    for frame, result in together(walk("../a", 6), walk("A", 3), walk("blind", 3, size=(640, 480))):
        if frame.camera == "blind":
            frame = type(frame)(frame.camera, frame.index, frame.time, frame.image[:0, :0])
            mosaic.write(frame, result, ())
        sink.write(frame, result, ())
    sink.close()
    mosaic.close()
    assert not (tmp_path / "blind.mp4").exists()
    assert {camera: path.name for camera, path in sink.paths.items()} == {
        "../a": "a.annotated.mp4",
        "A": "A-2.annotated.mp4",
    }
    with av.open(str(sink.paths["../a"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
