"""The report: one file, nothing loaded, nothing broken by names, and a real browser shows it."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from scene import walk
from unbroken.core.errors import StoreError
from unbroken.core.events import CameraLost
from unbroken.render.gathering import Gathering, GatherSettings
from unbroken.render.portraits import PortraitSettings
from unbroken.render.report import ReportFacts, page, write_report

EVIL = '"><script>alert(1)</script>'
FACTS = ReportFacts(
    version="1.2.3",
    elapsed=4.0,
    settings={"Detector": {"net": EVIL}},
    scores={"all cameras": {"HOTA": 0.6123, "IDSW": 3, "GT_Dets": 120}, "door": {"HOTA": float("nan")}},
    warnings=["one camera had no ground truth"],
)


class Reader(HTMLParser):
    """Reads a page as a browser would: which elements, what words, which addresses."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.addresses, self.pictures, self.open = [], "", [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.addresses += [named[name] for name in ("src", "href") if name in named]
        if tag == "img":
            self.pictures.append(named)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        before = list(self.open)
        self.handle_starttag(tag, attrs)
        self.open = before

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def told():
    sink = Gathering(GatherSettings(ground=lambda camera, boxes: boxes[:, 2:] / 100))
    for camera, start in (("door", 0.0), (EVIL, 4.0)):
        for frame, result in walk(camera, 30, start=start):
            sink.write(frame, result, [CameraLost(frame.time, camera, "gone")] if frame.index == 29 else ())
    return sink.gathered()


def test_every_element_is_closed_and_names_stay_words(told):
    read = Reader(page(told, FACTS))
    assert read.open == []
    assert "script" not in read.tags
    assert EVIL in read.words


def test_nothing_is_loaded_from_anywhere(told):
    text = page(told, FACTS)
    for address in Reader(text).addresses:
        assert address.startswith(("data:image/jpeg;base64,", "#"))
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)


def test_links_inside_of_the_page_have_a_target_and_pictures_have_words(told):
    text = page(told, FACTS)
    read = Reader(text)
    targets = set(re.findall(r' id="([^"]+)"', text))
    assert {address[1:] for address in read.addresses if address.startswith("#")} <= targets
    assert read.pictures
    assert all(re.match(r"Person \d+ in ", picture["alt"]) for picture in read.pictures)


def test_the_numbers_of_the_run_are_there(told):
    words = Reader(page(told, FACTS)).words
    for part in ("2people with a Global ID", "60pictures", "15.0pictures per second", "0.612", "Person 2", "1.2.3"):
        assert part in words
    assert "one camera had no ground truth" in words
    assert "All 4 visits" in words
    assert words.index("IDSW") < words.index("More scores") < words.index("GT_Dets")
    assert "camera lost2" in words
    assert "Camera door at 0:02.9: gone" in words


def test_a_report_without_people_pictures_or_facts_is_still_a_page():
    empty = Reader(page(Gathering().gathered(), ReportFacts()))
    assert empty.open == []
    assert "Nobody was given a Global ID." in empty.words
    sink = Gathering(GatherSettings(pictures=False))
    for frame, result in walk("door", 5, decided=0):
        sink.write(frame, result, ())
    read = Reader(page(sink.gathered(), ReportFacts()))
    assert "img" not in read.tags
    assert "Pictures were not kept." in read.words


def test_the_page_says_that_heads_are_blurred():
    sink = Gathering(GatherSettings(portraits=PortraitSettings(blur=True)))
    for frame, result in walk("door", 5, decided=0):
        sink.write(frame, result, ())
    assert "Heads are blurred." in page(sink.gathered(), ReportFacts())


def test_many_people_are_cut_off_and_said_so(told):
    read = Reader(page(told, ReportFacts(people=1)))
    assert read.tags.count("article") == 1
    assert "1 of 2 people are shown" in read.words


def test_a_report_takes_the_place_of_an_older_one_and_leaves_nothing_else(told, tmp_path):
    path = tmp_path / "out" / "report.html"
    for _ in range(2):
        write_report(path, told, FACTS)
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(StoreError, match="choose another"):
        write_report(path / "report.html", told)


def test_a_browser_shows_it(told, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is there to open the report with: install the package chromium")
    write_report(tmp_path / "report.html", told, FACTS)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--hide-scrollbars", "--window-size=1200,1600"]
    command += [f"--screenshot={tmp_path / 'page.png'}", (tmp_path / "report.html").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    image = cv2.imread(str(tmp_path / "page.png"))
    assert image.shape == (1600, 1200, 3)
    for colour in ((0xF0, 0x8C, 0x28), (190, 120, 30), (40, 60, 200)):
        assert (np.abs(image.astype(int) - colour).max(axis=2) < 30).sum() > 300
