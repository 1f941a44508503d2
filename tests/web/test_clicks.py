"""Points that are clicked on a page become a calibration, as those of a file do."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from browser import browsing
from scene import picture
from unbroken.app.calibrate import PointPairs, read_points
from unbroken.cli.clicking import Clicks, job_of
from unbroken.core.errors import ConfigError
from unbroken.datasets.calibration import read_view
from unbroken.geometry.plane import GroundView, ground_from_image, image_from_ground
from unbroken.web.clicks import Job, Plan, clicking, meaning
from unbroken.web.keys import Keys
from unbroken.web.serving import Serving
from web_site import ask

ROOT = Path(__file__).parents[2]
VIEW = GroundView.from_pose(
    [[800, 0, 320], [0, 800, 240], [0, 0, 1]],
    [0.0] * 5,
    [[1, 0, 0, 0], [0, -0.3, -0.954, 2.862], [0, 0.954, -0.3, 0.9]],
    (640, 480),
)
GROUND = np.array([[-1.0, 6], [1, 6], [2, 9], [-2, 9], [0, 7]])
JSON = {"Content-Type": "application/json"}


def job(folder, **more):
    """A picture of 640 x 480 of which nothing is known yet."""
    nothing = PointPairs([], np.zeros((0, 2)), np.zeros((0, 2)), (640, 480))
    return Job(picture(), folder / "points.json", folder / "cam.json", folder / "grid.png", nothing, **more)


@contextmanager
def served(work):
    keys = Keys("", time.time)
    with Serving(clicking(work, keys), "127.0.0.1", 0) as serving:
        yield serving


def body(pixels, ground=GROUND):
    rows = [
        {"name": f"p{n}", "image": i, "ground": g}
        for n, (i, g) in enumerate(zip(pixels.tolist(), ground.tolist(), strict=True))
    ]
    return json.dumps({"points": rows})


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        opened.size(1300, 800)
        yield opened


def at(page, pixels):
    """Where points of the camera's picture are in the window."""
    left, top, wide, _ = page.boxes("#picture")[0]
    return [(left + x * wide / 640, top + y * wide / 640) for x, y in pixels]


def test_clicks_and_typed_metres_become_the_calibration_of_the_camera(page, tmp_path):
    work = job(tmp_path)
    with served(work) as serving:
        page.open(serving.url)
        page.until("state.found !== null")
        assert page.text("#verdict") == "4 more points are needed"
        assert page.ask("document.querySelector('#save').disabled")
        for number, (x, y) in enumerate(at(page, image_from_ground(VIEW, GROUND))):
            page.click_at(x, y)
            page.until(f"state.points.length == {number + 1}")
            page.type(str(GROUND[number][0]))
            page.ask("document.activeElement.closest('tr').querySelectorAll('input[type=number]')[1].focus()")
            page.type(str(GROUND[number][1]))
        page.until("document.querySelector('#verdict').className == 'good' && state.found.errors.length == 5")
        assert re.fullmatch(r"points are off by at most 0\.0\d m", page.text("#verdict"))
        assert len(page.ask("state.found.grid")) > 10
        page.click("#save")
        page.until("document.querySelector('#told').textContent.startsWith('written')")
        page.click("#done")
        page.until("document.querySelector('#told').textContent.startsWith('done')")
        assert page.said == []
    assert work.saved.is_set()
    assert work.done.is_set()
    view = read_view(work.output)
    probes = image_from_ground(VIEW, np.array([[0.5, 6.5], [1.0, 8.0]]))
    assert ground_from_image(view, probes) == pytest.approx(ground_from_image(VIEW, probes), abs=0.1)
    assert read_points(work.points).ground == pytest.approx(GROUND)
    assert cv2.imread(str(work.grid)).shape == (480, 640, 3)


def test_a_point_is_dragged_to_where_it_belongs(page, tmp_path):
    work = job(tmp_path)
    pixels = image_from_ground(VIEW, GROUND)
    wrong = pixels.copy()
    wrong[4] += [90, 40]
    work.known = PointPairs([str(n) for n in range(5)], wrong, GROUND, (640, 480))
    with served(work) as serving:
        page.open(serving.url)
        page.until("state.found && state.found.errors")
        assert page.text("#verdict") == "1 point does not fit the others and is left out"
        assert "px" in page.text("tr.out")
        (x, y), (to_x, to_y) = at(page, [wrong[4], pixels[4]])
        page.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=to_x, y=to_y, button="left", buttons=1)
        page.call("Input.dispatchMouseEvent", type="mouseReleased", x=to_x, y=to_y, button="left", clickCount=1)
        page.until("document.querySelector('#verdict').className == 'good'")
        assert page.said == []


def test_metres_are_clicked_on_a_floor_plan(page, tmp_path):
    plan = Plan(np.full((300, 400, 3), 220, np.uint8), 0.05)
    with served(job(tmp_path, plan=plan)) as serving:
        page.open(serving.url)
        page.until("state.found !== null && state.floor !== null")
        page.click_at(*at(page, [(320, 300)])[0])
        page.until("state.points.length == 1")
        left, top, wide, _ = page.boxes("#floor")[0]
        page.click_at(left + wide * 100 / 400, top + wide * 240 / 400)
        page.until("state.points[0].ground[0] !== null")
        assert page.ask("state.points[0].ground") == pytest.approx([100 * 0.05, 60 * 0.05], abs=0.1)
        assert page.said == []


def test_the_page_is_told_what_its_points_mean(tmp_path):
    pixels = image_from_ground(VIEW, GROUND)
    with served(job(tmp_path)) as serving:
        told = json.loads(ask(serving, "/api/fit", "POST", JSON, body(pixels))[2])
        assert max(one["metres"] for one in told["errors"]) < 1e-6
        assert told["matrix"][2][2] != 0
        for few, sentence in ((3, "1 more point is needed"), (0, "4 more points are needed")):
            said = json.loads(ask(serving, "/api/fit", "POST", JSON, body(pixels[:few], GROUND[:few]))[2])
            assert said == {"problem": sentence}
        mirrored = json.loads(ask(serving, "/api/fit", "POST", JSON, body(pixels, GROUND[:, ::-1]))[2])
        assert "mirrored" in mirrored["problem"]
        assert "problem" not in meaning(
            PointPairs([""] * 5, pixels, GROUND[:, ::-1], (640, 480)), job(tmp_path, y_down=True)
        )
        inline = json.loads(ask(serving, "/api/fit", "POST", JSON, body(pixels, np.full((5, 2), 3.0)))[2])
        assert "problem" in inline
        status, _, answer = ask(serving, "/api/save", "POST", JSON, body(pixels, GROUND[:, ::-1]))
        assert (status, "mirrored" in answer.decode()) == (409, True)
    assert not (tmp_path / "cam.json").exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"points": 1}', '{"points": [1]}', '{"points": [{}]}',
     '{"points": [{"image": [1], "ground": [1, 2]}]}',
     '{"points": [{"image": [1, NaN], "ground": [1, 2]}]}', '{"points": [{"image": [1, 2], "ground": [1e300, 2]}]}',
     '{"points": [{"image": [1, true], "ground": [1, 2]}]}', '{"points": [' + ",".join(["{}"] * 501) + "]}"],
)  # fmt: skip
def test_what_are_no_points_is_refused_in_one_sentence(tmp_path, text):
    with served(job(tmp_path)) as serving:
        for path in ("/api/fit", "/api/save"):
            status, _, answer = ask(serving, path, "POST", JSON, text)
            assert (status, list(json.loads(answer))) == (400, ["error"])


def test_a_page_of_another_origin_can_not_save(tmp_path):
    with served(job(tmp_path)) as serving:
        foreign = {**JSON, "Origin": "https://evil.example"}
        assert ask(serving, "/api/done", "POST", foreign, "{}")[0] == 403
        assert ask(serving, "/picture.jpg", headers={"Host": "evil.example"})[0] == 421
        assert ask(serving, "/plan.jpg")[0] == 404


def wanted(**more):
    some = {
        "pairs": None,
        "picture": "",
        "site": Path("site.toml"),
        "camera": "",
        "plan": None,
        "metres_per_pixel": 0.01,
    }
    return Clicks(
        **{**some, "output": Path("o"), "grid": Path("g"), "tolerance": 0.5, "y_down": False, "port": 0, **more}
    )


def test_the_picture_comes_from_a_file_or_from_a_camera_of_the_site(tmp_path):
    cv2.imwrite(str(tmp_path / "hall.png"), picture())
    (tmp_path / "site.toml").write_text(f'[[cameras]]\nname = "hall"\nsource = "{tmp_path / "hall.png"}"\n')
    by_camera = job_of(wanted(site=tmp_path / "site.toml", camera="hall", pairs=tmp_path / "mine.json"))
    assert by_camera.size == job_of(wanted(pairs=tmp_path / "hall.png")).size == (640, 480)
    assert by_camera.points == tmp_path / "mine.json"
    for wrong, sentence in (
        (wanted(), "--click needs a picture"),
        (wanted(site=tmp_path / "site.toml", camera="attic"), "has no camera 'attic'; it has hall"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            job_of(wrong)
    (tmp_path / "other.json").write_text('{"size": [10, 10], "points": []}')
    with pytest.raises(ConfigError, match="belong to a picture of 10 x 10"):
        job_of(wanted(pairs=tmp_path / "other.json", picture=str(tmp_path / "hall.png")))


def test_the_command_prints_where_to_click_and_ends_when_one_is_through(tmp_path):
    cv2.imwrite(str(tmp_path / "hall.png"), picture())
    command = [sys.executable, "-m", "unbroken", "calibrate", "points", "--click", str(tmp_path / "hall.png")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    for end in ("done", "ctrl-c"):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as run:
            port = int(re.fullmatch(r"click at http://127\.0\.0\.1:(\d+)/\n", run.stdout.readline())[1])
            serving = SimpleNamespace(port=port)
            assert ask(serving, "/picture.jpg")[0] == 200
            if end == "done":
                assert ask(serving, "/api/save", "POST", JSON, body(image_from_ground(VIEW, GROUND)))[0] == 200
                ask(serving, "/api/done", "POST", JSON, "{}")
            else:
                run.stdout.readline()
                run.send_signal(signal.SIGINT)
            rest = run.stdout.read()
        assert run.returncode == 0
        assert ("written: calibration.json" if end == "done" else "nothing was saved") in rest
    assert (tmp_path / "points.json").exists()
