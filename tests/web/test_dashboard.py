"""The dashboard in a real browser: what somebody who looks at it sees and can do."""

from urllib.parse import quote

import numpy as np
import pytest

from browser import browsing
from scene import walk
from unbroken.core.batches import Forget, Merge
from unbroken.core.events import CameraLost, CameraOnline, PersonRecognised, StorageLost, StorageRestored
from unbroken.pipeline.board import Outline
from unbroken.render.colours import bgr
from unbroken.web.ports import Corrections
from web_made import wire
from web_site import TOKEN, ask, filled, people_met, served

DRAWN = "[...document.querySelectorAll('.tile canvas')].filter((one) => one.width > 300).length"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def board():
    """Two cameras and two people; its clock stands still, so nobody leaves while a test looks."""
    return filled(count=2)


@pytest.fixture
def shown(page, board):
    """A page that shows the board, in a window of 1280 x 800."""
    with served(board) as serving:
        page.size(1280, 800)
        page.open(serving.url)
        page.until(f"{DRAWN} == 2")
        yield page
        assert page.said == []


def near(image, colour):
    return int((np.abs(image.astype(int) - colour).max(axis=2) < 24).sum())


def test_everybody_is_seen_in_every_camera_in_one_colour(shown):
    picture = shown.picture()
    wall = picture[60:, :890]
    for person in (1, 2):
        assert near(wall, bgr(person)) > 400
        assert near(picture[60:, 900:], bgr(person)) > 200
    assert shown.text("#state") == "2 cameras, all well"
    assert shown.text("#f-people") == "2"
    assert "2 here, 0 left" in shown.text("#people")
    assert "hall, door" in shown.text("#people") or "door, hall" in shown.text("#people")


def test_who_was_where_is_drawn_as_lanes(shown):
    shown.size(1280, 900)
    shown.until("document.querySelectorAll('.lane').length == 2")
    assert shown.ask("[...document.querySelectorAll('.lane span')].map((one) => one.innerText)") == ["hall", "door"] * 2
    lane, piece = shown.boxes(".lane")[0], shown.boxes(".lane span")[0]
    assert lane[0] <= piece[0]
    assert piece[0] + piece[2] <= lane[0] + lane[2] + 1


def test_zones_lines_and_events_are_told_in_words(shown):
    assert "desk 1" in " ".join(shown.text("#zones").split())
    assert "in 1, out 0" in shown.text("#zones")
    events = " ".join(shown.text("#events").split())
    for words in (
        "1 recognised at door",
        "2 is new, at hall",
        "1 entered desk",
        "2 crossed gate, in",
        "hall is online",
    ):
        assert words in events
    assert "track 1 began" not in events
    shown.click("#events .filters button:last-child")
    assert "hall: track 1 began" in shown.text("#events")


def test_why_somebody_is_this_person_is_answered_on_a_click(shown):
    shown.click("#people button[data-person='1']")
    shown.until("document.querySelectorAll('#person .why').length == 2")
    assert len(shown.boxes("#person .p-shots canvas")) == 2
    why = " ".join(shown.text("#person").split())
    assert "Why is this 1?" in why
    assert "+6.3" in why
    assert "appearance +5.0, time +1.3, distance 0.120" in why
    assert "Nobody known was near enough" in why
    shown.click("#person .close")
    assert shown.ask("document.querySelector('#person').hidden")


def test_a_click_on_somebody_in_a_picture_opens_the_same(shown, board):
    x1, y1, x2, y2 = board.newest("hall").result.tracks.boxes[0] / [320, 240, 320, 240]
    left, top, wide, tall = shown.boxes("canvas")[0]
    shown.click_at(left + wide * (x1 + x2) / 2, top + tall * (y1 + y2) / 2)
    assert shown.until("document.querySelector('#person .title .chip')?.innerText") in ("1", "2")


def test_zones_and_lines_are_drawn_where_they_are(shown, board):
    before = shown.picture()
    board.outline([Outline("desk", "hall", ((10, 20), (100, 20), (100, 60))), Outline("gate", "", ((0, 0), (1, 1)))])
    board.hear([CameraOnline(0.0, "hall")])
    shown.until("state.site.outlines.length == 2")
    frame, result = next(walk("hall", 1, size=(320, 240)))
    number = board.newest("door").number
    board.write(frame, result, ())
    shown.until(f"state.tiles.get('hall').data.number > {number}")
    left, top, wide, tall = shown.boxes("canvas")[0]
    row = round(top + tall * 20 / 240)
    edge = np.s_[row - 3 : row + 4, round(left + wide * 40 / 320) : round(left + wide * 90 / 320)]
    assert np.abs(shown.picture()[edge].astype(int) - before[edge]).max() > 60


def test_a_camera_that_is_lost_says_what_is_wrong_and_comes_back(shown, board):
    board.hear([CameraLost(0.0, "door", "no route to host 10.0.0.8")])
    shown.until("document.querySelector('#state').innerText == '1 of 2 cameras well'")
    assert "camera door is lost: no route to host 10.0.0.8" in shown.text("#trouble")
    veils = shown.ask("[...document.querySelectorAll('.tile.bad .veil')].map((one) => one.innerText)")
    assert len(veils) == 1
    assert "lost for" in veils[0]
    assert "no route to host" in veils[0]
    board.hear([CameraOnline(1.0, "door")])
    shown.until("document.querySelector('#state').innerText == '2 cameras, all well'")
    assert shown.ask("document.querySelector('#trouble').hidden")


def test_news_come_while_one_looks(shown, board):
    evidence = people_met()[4].evidence
    board.hear([PersonRecognised(0.0, "hall", 8, 2, evidence)])
    shown.until("document.querySelector('#events li').innerText.includes('2 recognised at hall')")
    before = board.newest("hall").number
    for frame, result in walk("hall", 3, size=(320, 240), decided=0):
        board.write(frame, result, ())
    shown.until(f"state.tiles.get('hall').data.number > {before}")


def test_one_camera_can_be_seen_alone(shown):
    shown.click(".tile .name")
    assert shown.ask("[...document.querySelectorAll('.tile')].filter((one) => !one.hidden).length") == 1
    assert shown.ask("document.querySelector('.tile:not([hidden])').clientWidth") > 700
    shown.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    shown.until("[...document.querySelectorAll('.tile')].filter((one) => !one.hidden).length == 2")


def test_a_site_that_goes_away_and_comes_back_is_found_again(page, board):
    page.size(1280, 800)
    with served(board) as serving:
        page.open(serving.url)
        page.until(f"{DRAWN} == 2")
        port = serving.port
    page.until("document.querySelector('#state').innerText == 'no connection'")
    assert "does not answer" in page.text("#trouble")
    with served(board, web={"port": port}):
        page.until("document.querySelector('#state').innerText == '2 cameras, all well'")


def test_a_site_that_hangs_is_told_and_found_again(page, board):
    with served(board) as serving, wire(serving.port) as (port, flowing):
        page.size(1280, 800)
        page.open(f"http://127.0.0.1:{port}/")
        page.until(f"{DRAWN} == 2")
        flowing.clear()
        page.until("document.querySelector('#state').innerText == 'no connection'")
        assert "it has said nothing for 6 s" in page.text("#trouble")
        flowing.set()
        page.until("document.querySelector('#state').innerText == '2 cameras, all well'")


def test_events_are_there_once_after_the_connection_was_lost(shown, board):
    before = shown.ask("state.events.map((event) => event.seq)")
    shown.ask("(window.before = state.socket).close()")
    shown.until("state.socket && state.socket !== window.before && state.connected")
    board.hear([CameraLost(0.0, "door", "no route to host")])
    shown.until("document.querySelector('#events li').innerText.includes('no route to host')")
    assert shown.ask("state.events.map((event) => event.seq)") == [*before, before[-1] + 1]


def test_whoever_asks_while_the_site_is_away_is_told(page, board):
    with served(board, corrections=Corrections(lambda *_: 1)) as serving:
        page.size(1280, 800)
        page.open(serving.url)
        page.click("#people button[data-person='1']")
        page.until("document.querySelector('#person .actions .danger') !== null")
    page.until("!state.connected")
    page.click("#person .actions .danger")
    page.until("document.querySelector('#ask').open")
    page.ask("document.querySelector('#ask input').focus()")
    page.type("1")
    page.click("#ask menu .main")
    page.until("document.querySelector('.toast.bad')?.innerText.includes('the site does not answer')")
    page.click("#people button[data-person='2']")
    page.until("document.querySelector('#person').innerText.includes('the site does not answer')")


def test_a_store_that_cannot_be_written_is_told_though_all_cameras_are_well(shown, board):
    board.hear([StorageLost(0.0, "the disk is full")])
    shown.until("document.querySelector('#state').innerText == '2 cameras well, trouble below'")
    assert "storage: the disk is full" in shown.text("#trouble")
    board.hear([StorageRestored(1.0, 0, 0)])
    shown.until("document.querySelector('#state').innerText == '2 cameras, all well'")
    assert "storage is back" in shown.text("#events")


@pytest.mark.parametrize(("count", "size"), [(1, (1280, 800)), (3, (1280, 800)), (16, (1440, 900)), (5, (390, 844))])
def test_any_number_of_cameras_fits_the_window(page, count, size):
    board = filled([f"camera-{n}" for n in range(count)], count=1)
    with served(board) as serving:
        page.size(*size)
        page.open(serving.url)
        page.until(f"state.tiles.size == {count} && [...state.tiles.values()].every((one) => one.data)")
        boxes = [(left, top, left + wide, top + tall) for left, top, wide, tall in page.boxes(".tile")]
        for number, (left, top, right, bottom) in enumerate(boxes):
            assert left >= 0
            assert right <= size[0]
            assert right - left >= 100
            assert size[0] < 900 or (top >= 0 and bottom <= size[1])
            for other in boxes[:number]:
                assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
        assert page.ask("document.documentElement.scrollWidth") <= size[0]
        assert page.said == []


def test_names_are_never_taken_for_markup(page):
    evil = "<img src=x onerror=alert(1)>"
    board = filled((evil,), count=1)
    board.hear([CameraLost(0.0, evil, "<script>alert(2)</script>")])
    with served(board, corrections=Corrections(lambda *_: 1, names=lambda: {1: evil})) as serving:
        page.size(1280, 800)
        page.open(serving.url)
        page.until("document.querySelector('#trouble li') !== null")
        assert page.ask("document.querySelectorAll('main img, main script, #trouble script').length") == 0
        assert evil in page.text("#people")
        assert ask(serving, f"/api/cameras/{quote(evil)}/picture.jpg")[0] == 200
        assert page.said == []


def test_corrections_ask_back_and_are_queued(page, board):
    given = []

    def submit(command, who):
        given.append(command)
        return len(given)

    with served(board, corrections=Corrections(submit, lambda number: None)) as serving:
        page.size(1280, 800)
        page.open(serving.url)
        page.click("#people button[data-person='1']")
        page.until("document.querySelectorAll('#person .actions button').length == 4")
        page.click("#person .actions button")
        page.until("document.querySelector('#ask').open")
        page.ask("document.querySelector('#ask input').focus()")
        page.type("2")
        page.click("#ask menu .main")
        page.until("document.querySelector('.toast') !== null")
        page.click("#person .actions .danger")
        page.until("document.querySelector('#ask').open")
        page.click("#ask menu .main")
        assert page.ask("document.querySelector('#ask').open"), "nobody is forgotten by one click"
        page.ask("document.querySelector('#ask input').focus()")
        page.type("1")
        page.click("#ask menu .main")
        page.until("document.querySelector('#person').hidden")
    assert given == [Merge(1, 2), Forget(1, "asked for on the dashboard")]


def test_somebody_with_the_token_logs_in_and_a_stranger_sees_nothing(page, board):
    with served(board, TOKEN) as serving:
        page.size(1280, 800)
        page.open(f"http://127.0.0.1:{serving.port}/")
        assert page.ask("location.pathname") == "/login"
        assert page.text("#said") == ""
        give(page, TOKEN[::-1])
        page.until("document.querySelector('#said')?.innerText.includes('This token is wrong')")
        give(page, TOKEN)
        page.until(f"location.pathname == '/' && typeof state != 'undefined' && {DRAWN} == 2")
        assert page.ask("document.cookie") == ""
        port = serving.port
    page.until("!state.connected")
    with served(board, TOKEN, web={"port": port}):
        page.until("document.querySelector('#said')?.innerText.includes('The session has ended')")
        give(page, TOKEN)
        page.until(f"location.pathname == '/' && typeof state != 'undefined' && {DRAWN} == 2")


def give(page, token):
    page.until("document.querySelector('#token') !== null")
    page.ask("document.querySelector('#token').focus()")
    page.type(token)
    page.click("button.main")


def test_dark_and_light_differ_and_both_can_be_read(page, board):
    with served(board) as serving:
        grounds = []
        for scheme in ("light", "dark"):
            page.size(1280, 800, scheme)
            page.open(serving.url)
            page.until(f"{DRAWN} == 2")
            grounds.append(float(page.picture()[60:, 900:].mean()))
        assert grounds[0] > 190
        assert grounds[1] < 60
