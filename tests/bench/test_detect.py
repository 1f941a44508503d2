"""`bench detect` takes any folder of videos with truth files beside them."""

import av
import numpy as np
import pytest

from unbroken.bench.detect import pairs, run
from unbroken.bench.outcome import Options
from unbroken.core.errors import ConfigError


def film(path, frames=40):
    """A dark body that walks before a grey wall, and its truth file."""
    random = np.random.default_rng(2)
    wall = random.integers(120, 140, (120, 160, 3))
    lines = []
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(frames):
            picture = wall + random.integers(-2, 3, wall.shape)
            x = 10 + 3 * number
            picture[40:100, x : x + 20] = (30, 40, 20)
            lines.append(f"{number + 1},1,{x},40,20,60,1,1,1\n")
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="bgr24")))
        out.mux(stream.encode())
    path.with_name(path.stem.split("_")[0] + "_gt.txt").write_text("".join(lines))


def test_every_detector_is_scored_on_every_video_and_its_answers_are_kept(tmp_path):
    film(tmp_path / "yard_160x120.avi")
    film(tmp_path / "hall.avi")
    (tmp_path / "alone.avi").write_bytes(b"")
    outcome = run(Options(tmp_path, tmp_path / "no_models", tmp_path / "out", quick=True))
    measured = [row for row in outcome.rows if "published" not in str(row[0])]
    assert {row[1] for row in measured} == {"yard_160x120", "hall"}
    assert {row[0] for row in measured} >= {"built-in", "plain background subtraction"}
    assert all(0 <= row[2] <= 1 and row[6] > 0 for row in measured)
    assert (tmp_path / "out" / "built-in" / "hall.txt").read_text()


def test_a_truth_file_belongs_to_the_video_whose_name_it_begins(tmp_path):
    for name in ("a.mp4", "a_long_name.mp4", "b.mp4", "a_gt.txt", "a_long_gt.txt"):
        (tmp_path / name).write_bytes(b"")
    found = [(video.name, truth.name) for video, truth in pairs(tmp_path)]
    assert found == [("a.mp4", "a_gt.txt"), ("a_long_name.mp4", "a_long_gt.txt")]


def test_a_folder_without_pairs_is_refused_with_the_mend(tmp_path):
    with pytest.raises(ConfigError, match=r"put NAME_gt\.txt beside NAME\.mp4"):
        pairs(tmp_path)
