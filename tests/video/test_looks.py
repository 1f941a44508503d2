"""The same picture again, or only a quiet scene? Black, or only night? Judged on pictures that were coded."""

import itertools
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from needs import data
from unbroken.testing.rtsp import write_clip
from unbroken.video.capture import Picture
from unbroken.video.looks import Eye


def looked(path: Path, count: int) -> list[tuple[bool, bool]]:
    eye = Eye()
    with av.open(str(path)) as container:
        return [eye.look(Picture(one).luma()) for one in itertools.islice(container.decode(video=0), count)]


def longest_run(flags: list[bool]) -> int:
    return max((len(list(run)) for same, run in itertools.groupby(flags) if same), default=0)


@pytest.fixture(scope="module")
def scene():
    """A still scene with edges and surfaces, (240, 320, 3)."""
    noise = np.random.default_rng(3).integers(40, 220, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC)


def noisy(scene, sigma, count):
    rng = np.random.default_rng(1)
    for _ in range(count):
        yield np.clip(scene + rng.normal(0, sigma, scene.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("group", [5, 10, 50])
def test_one_picture_coded_again_and_again_is_the_same_picture(tmp_path, scene, group):
    looks = looked(write_clip(tmp_path / "still.mp4", [scene] * 60, group=group), 60)
    assert longest_run([same for same, _ in looks]) >= 50


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_a_still_scene_behind_a_sensor_is_not(tmp_path, scene, sigma):
    looks = looked(write_clip(tmp_path / "quiet.mp4", noisy(scene, sigma, 60)), 60)
    assert longest_run([same for same, _ in looks]) < 20


def test_somebody_who_moves_ends_it_at_once(tmp_path, scene):
    walker = scene.copy()
    walker[100:140, 150:165] = 20
    looks = looked(write_clip(tmp_path / "walker.mp4", [*[scene] * 40, walker, walker]), 42)
    assert looks[39][0]
    assert not looks[40][0]


def test_black_is_black_with_a_clock_in_it_and_night_is_not(tmp_path, scene):
    black = np.zeros_like(scene)
    cv2.putText(black, "2026-11-22 03:00:00", (5, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    night = (scene * 0.15).astype(np.uint8)
    assert all(dark for _, dark in looked(write_clip(tmp_path / "black.mp4", [black] * 10), 10))
    assert not any(dark for _, dark in looked(write_clip(tmp_path / "night.mp4", [night] * 10), 10))


@pytest.mark.parametrize("name", ["vtest_pets09_s2l1_480x360.mp4", "people-detection_intel.mp4"])
def test_real_footage_is_neither_frozen_nor_black(name):
    looks = looked(data("data/video") / name, 200)
    assert longest_run([same for same, _ in looks]) < 10
    assert not any(dark for _, dark in looks)
