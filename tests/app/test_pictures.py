"""Pictures of people are kept where a site asks for it: one per track, the best, heads blurred."""

import logging
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from unbroken.app.pictures import HEIGHT, KeptPictures
from unbroken.core.detections import Detections
from unbroken.core.events import PersonForgotten
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities, IdentityState
from unbroken.core.tracks import Tracks, TrackState
from unbroken.storage.pictures import Album
from unbroken.storage.sealing import Plain

NOTHING: Mapping[str, float] = {}


def shown(box: tuple[float, float, float, float], *, person: int = 1, seen: bool = True) -> tuple[Frame, FrameResult]:
    """A noisy picture with one track in it."""
    image = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    tracks = Tracks(
        np.array([4]),
        np.array([box]),
        np.array([0.9]),
        np.array([0]),
        np.array([int(TrackState.CONFIRMED)]),
        np.array([0.0]),
        np.array([0 if seen else -1]),
    )
    state = IdentityState.CONFIRMED if person > 0 else IdentityState.PENDING
    who = Identities("hall", 1.0, tracks.ids, np.array([person]), np.array([int(state)]), np.ones(1))
    frame = Frame("hall", 0, 1.0, image)
    return frame, FrameResult("hall", 0, 1.0, (1280, 720), Detections.empty(), tracks, who, NOTHING, {})


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "pictures", Plain())


def test_the_best_picture_of_a_track_is_kept(album: Album) -> None:
    sink = KeptPictures(album, lambda camera: 3, blur=False)
    sink.write(*shown((100, 100, 140, 180)), [])
    first = album.get("hall", 3, 4)
    sink.write(*shown((100, 100, 141, 182)), [])
    assert album.get("hall", 3, 4) == first
    sink.write(*shown((100, 100, 260, 500)), [])
    best = cv2.imdecode(np.frombuffer(album.get("hall", 3, 4), dtype=np.uint8), cv2.IMREAD_COLOR)
    assert best.shape[0] == HEIGHT
    sink.write(*shown((100, 100, 140, 180)), [PersonForgotten(1.0, 1, "asked")])
    smaller = cv2.imdecode(np.frombuffer(album.get("hall", 3, 4), dtype=np.uint8), cv2.IMREAD_COLOR)
    assert smaller.shape[0] == 80


def test_nobody_is_kept_who_is_undecided_or_not_seen(album: Album) -> None:
    sink = KeptPictures(album, lambda camera: 1, blur=False)
    sink.write(*shown((100, 100, 260, 500), person=-1), [])
    sink.write(*shown((100, 100, 260, 500), seen=False), [])
    assert album.get("hall", 1, 4) == b""


def test_heads_are_blurred_and_the_rest_is_not(album: Album) -> None:
    sharp, blurred = KeptPictures(album, lambda camera: 1, blur=False), KeptPictures(album, lambda camera: 2, blur=True)
    for sink in (sharp, blurred):
        sink.write(*shown((100, 100, 200, 350)), [])
    pictures = [
        cv2.imdecode(np.frombuffer(album.get("hall", epoch, 4), dtype=np.uint8), cv2.IMREAD_GRAYSCALE).astype(float)
        for epoch in (1, 2)
    ]
    assert pictures[1][10:30, 40:60].std() < 0.5 * pictures[0][10:30, 40:60].std()
    assert pictures[1][150:, :].std() > 0.9 * pictures[0][150:, :].std()


def test_a_folder_that_cannot_be_written_is_told_once_and_the_site_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    sink = KeptPictures(Album(tmp_path / "file", Plain()), lambda camera: 1, blur=False)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            sink.write(*shown((100, 100, 260, 500)), [])
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "storage.pictures" in caplog.text
