"""Evidence becomes people: groups are taken apart, ghosts are told from people."""

import numpy as np
import pytest

from unbroken.detection.background import SOLID
from unbroken.detection.perspective import Perspective
from unbroken.detection.silhouettes import people_in, presence, silhouettes
from unbroken.geometry.boxes import iou

PERSPECTIVE = Perspective(slope=0.25, offset=10.0, aspect=0.36)


def body(evidence, x, foot):
    """Draw head, trunk and legs of a person of the expected size; return the box."""
    tall = PERSPECTIVE.height(foot)
    half = tall * PERSPECTIVE.aspect / 2
    for start, end, part in ((0.0, 0.16, 0.4), (0.14, 0.6, 0.8), (0.55, 1.0, 0.65)):
        rows = slice(round(foot - tall * (1 - start)), round(foot - tall * (1 - end)))
        evidence[rows, round(x - part * half) : round(x + part * half)] = SOLID
    return [x - half, foot - tall, x + half, foot]


@pytest.mark.parametrize(
    "places",
    [
        [(100, 200)],
        [(100, 200), (118, 203)],
        [(100, 200), (116, 196), (131, 204)],
        [(100, 200), (108, 225)],
    ],
)
def test_a_group_is_explained_by_as_many_people_as_it_is_made_of(places):
    evidence = np.zeros((300, 300), np.uint8)
    truth = np.array([body(evidence, x, foot) for x, foot in places])
    pieces = list(silhouettes(evidence, least_height=12.0))
    assert len(pieces) == 1
    found = people_in(pieces[0], PERSPECTIVE)
    sure = found[found[:, 4] > 0.25]
    overlaps = iou(truth, sure[:, :4])
    assert len(sure) == len(places)
    assert (overlaps.max(axis=1) > 0.6).all()


def test_specks_are_no_silhouettes_and_nothing_has_none():
    evidence = np.zeros((200, 200), np.uint8)
    assert list(silhouettes(evidence, 12.0)) == []
    evidence[50:53, 50:53] = SOLID
    assert list(silhouettes(evidence, 12.0)) == []


def test_a_silhouette_knows_whether_the_picture_cuts_it():
    evidence = np.zeros((300, 300), np.uint8)
    body(evidence, 60, 150)
    evidence[200:260, 0:20] = SOLID
    assert sorted(piece.whole for piece in silhouettes(evidence, 12.0)) == [False, True]


def test_who_is_there_has_edges_in_the_picture_and_a_ghost_has_them_in_the_background():
    evidence = np.zeros((300, 300), np.uint8)
    body(evidence, 100, 200)
    empty = np.full((300, 300), 120, np.uint8)
    with_person = np.where(evidence > 0, 40, empty).astype(np.uint8)
    (piece,) = silhouettes(evidence, 12.0)
    assert presence(piece, with_person, empty) > 0.9
    assert presence(piece, empty, with_person) < 0.1
