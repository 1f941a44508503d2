"""Text files from outside, damaged at random: each is read, or ends in one sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damage import damaged, only_sentences
from unbroken.app.calibrate import fit, read_points
from unbroken.app.check import findings_of
from unbroken.app.recorded import read_boxes
from unbroken.config.example import example
from unbroken.config.problems import parsed
from unbroken.datasets import multiview, wildtrack
from unbroken.datasets.answers import find_cases
from unbroken.datasets.calibration import read_view
from unbroken.datasets.motchallenge import read_info, read_rows, read_warps
from unbroken.detection.darknet import sections_from_cfg
from unbroken.models.cards import cards_from_toml, manifest, toml_from_card
from unbroken.outlets.envelope import Envelope

EXAMPLES = settings(max_examples=60)

ROWS = b"1,-1,10.5,20,30,60,0.9,-1,-1,-1\n1,-1,50,20,30,60,0.8,-1,-1,-1\n2,-1,12,21,30,60,0.7,-1,-1,-1\n"
BLANKS = b"1 1 10 20 30 60 1 1 0.5\n2 1 11 20 30 60 1 1 0.5\n"
INFO = b"[Sequence]\nname=hall\nimDir=img1\nframeRate=25\nseqLength=2\nimWidth=640\nimHeight=480\nimExt=.jpg\n"
WARPS = b"1,1,0,0.5,0,1,-0.5\n2,1,0.01,0.5,-0.01,1,-0.5\n"
HOMOGRAPHY = json.dumps({"homography": [[0.01, 0, -1], [0, 0.02, -2], [0, 0.001, 1]], "size": [640, 480]}).encode()
POSE = json.dumps(
    {
        "K": [[600, 0, 320], [0, 600, 240], [0, 0, 1]],
        "distortion": [0.1, -0.05, 0, 0, 0],
        "R": [[1, 0, 0], [0, -0.5, -0.866], [0, 0.866, -0.5]],
        "t": [0, 1, 8],
        "size": [640, 480],
        "metres_per_unit": 1.0,
    }
).encode()
OPENCV = json.dumps(
    {
        "intrinsic": {"doubles": [600, 0, 320, 0, 600, 240, 0, 0, 1]},
        "distortion": {"doubles": [0, 0, 0, 0, 0]},
        "extrinsic": [{"tf": {"doubles": [1, 0, 0, 0, 0, -0.5, -0.866, 1, 0, 0.866, -0.5, 8, 0, 0, 0, 1]}}],
        "resolution": {"width": 640, "height": 480},
    }
).encode()
POINTS_CSV = b"name,x,y,X,Y\na,0,400,0,0\nb,600,400,4,0\nc,500,200,4,8\nd,100,200,0,8\ne,300,300,2,3\n"
POINTS_JSON = json.dumps(
    {"points": [{"image": [x, y], "ground": [x / 100, (400 - y) / 50]} for x, y in ((0, 400), (600, 400), (500, 200))]}
).encode()
POINTS_TOML = b'size = [640, 480]\n[[points]]\nimage = [0, 400]\nground = [0, 0]\nname = "a"\n'
CARDS = [toml_from_card(card).encode() for card in manifest().values()]
CFG = (
    b"[net]\nwidth=32\nheight=32\nchannels=3\n\n[convolutional]\nbatch_normalize=1\nfilters=18\nsize=1\nstride=1\npad=1\n"
    b"activation=leaky\n\n[yolo]\nmask=0,1,2\nanchors=10,14, 23,27, 37,58\nclasses=1\n"
)
EVENT = (
    b'{"schema": 2, "id": "00", "site": "site", "epoch": 1, "sequence": 1, "type": "camera_lost", "at": null, '
    b'"time": 1.5, "camera": "hall", "reason": "gone"}'
)
EXTRINSIC = (
    b'<?xml version="1.0"?>\n<opencv_storage>\n<rvec>1.6 0.5 -0.4</rvec>\n<tvec>-500 45 980</tvec>\n</opencv_storage>\n'
)
INTRINSIC = (
    b'<?xml version="1.0"?>\n<opencv_storage>\n<camera_matrix type_id="opencv-matrix"><rows>3</rows><cols>3</cols>'
    b"<dt>d</dt><data>1743 0 934 0 1735 444 0 0 1</data></camera_matrix>\n"
    b'<distortion_coefficients type_id="opencv-matrix"><data>0 0 0 0 0</data></distortion_coefficients>\n'
    b"</opencv_storage>\n"
)
PEOPLE = json.dumps(
    [{"personID": 3, "positionID": 700, "views": [{"viewNum": 0, "xmin": 5, "ymin": 6, "xmax": 30, "ymax": 90}]}]
).encode()
SITE = example().encode() + b'[[zones]]\nname = "till"\npolygon = [[0, 0], [9, 0], [9, 9]]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@given(damaged(SITE, b'cameras = [{ name = "hall", source = "0" }]\nlive.stall = 3\n'))
@EXAMPLES
def test_site_files(content):
    settings, problems = parsed(content.decode("utf-8", "replace"))
    assert settings is not None or problems
    assert all("\n" not in problem.text for problem in problems)
    if settings is not None:
        assert all("\n" not in finding.text for finding in findings_of(settings, {}))


@given(damaged(ROWS, BLANKS))
@EXAMPLES
def test_boxes(folder, content):
    (folder / "det.txt").write_bytes(content)
    with only_sentences():
        rows = read_rows(folder / "det.txt")
        rows.by_frame()


@given(damaged(ROWS), damaged(INFO), damaged(WARPS))
@EXAMPLES
def test_sequences_of_recorded_boxes(folder, rows, info, warps):
    (folder / "seq" / "det").mkdir(parents=True, exist_ok=True)
    (folder / "seq" / "det" / "det.txt").write_bytes(rows)
    (folder / "seq" / "seqinfo.ini").write_bytes(info)
    (folder / "seq" / "gmc.txt").write_bytes(warps)
    with only_sentences():
        read_info(folder / "seq")
    with only_sentences():
        read_warps(folder / "seq" / "gmc.txt")
    with only_sentences():
        read_boxes(folder / "seq")


@given(damaged(ROWS, BLANKS), damaged(ROWS))
@EXAMPLES
def test_truth_and_answers(folder, truth, answer):
    (folder / "truth.txt").write_bytes(truth)
    (folder / "answer.txt").write_bytes(answer)
    with only_sentences():
        find_cases(folder / "truth.txt", folder / "answer.txt")


@given(damaged(HOMOGRAPHY, POSE, OPENCV))
@EXAMPLES
def test_calibrations(folder, content):
    (folder / "view.json").write_bytes(content)
    with only_sentences():
        read_view(folder / "view.json")


@given(damaged(EXTRINSIC), damaged(INTRINSIC))
@EXAMPLES
def test_calibrations_as_xml(folder, extrinsic, intrinsic):
    for kind, name, content in (("extrinsic", "extr_C1", extrinsic), ("intrinsic_zero", "intr_C1", intrinsic)):
        (folder / "calibrations" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "calibrations" / kind / f"{name}.xml").write_bytes(content)
    with only_sentences():
        wildtrack.read_cameras(folder)


@given(damaged(PEOPLE), damaged(b'{"0": [[1, 2, 30, 40, 0.9, 0]]}'), damaged(b"0 10 20\n0 11 21\n"))
@EXAMPLES
def test_annotations_of_many_views(folder, people, boxes, points):
    for place, content in (
        ("annotations_positions/0.json", people),
        ("MVDeTr_test.json", boxes),
        ("mvdet/test-demo.txt", points),
        ("calibrations/extrinsic/extr_C1.xml", EXTRINSIC),
        ("calibrations/intrinsic_zero/intr_C1.xml", INTRINSIC),
    ):
        (folder / "many" / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / "many" / place).write_bytes(content)
    with only_sentences():
        wildtrack.read_wildtrack(folder / "many")
    with only_sentences():
        wildtrack.read_detections(folder / "many", ["0"])
    with only_sentences():
        wildtrack.read_points(folder / "many", ["0"])


@given(
    damaged(b'{"homography": [[[1, 0, 0], [0, 1, 0], [0, 0, 1]]], "frame_width": 64, "frame_height": 48}'),
    damaged(ROWS),
    damaged(ROWS),
)
@EXAMPLES
def test_scenes_of_many_views(folder, calibration, boxes, truth):
    for place, content in (("calibration.json", calibration), ("det/view1.txt", boxes), ("gt/view1.txt", truth)):
        (folder / "scene" / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / "scene" / place).write_bytes(content)
    with only_sentences():
        multiview.read_scene(folder / "scene")


@given(st.sampled_from([".csv", ".json", ".toml"]), damaged(POINTS_CSV, POINTS_JSON, POINTS_TOML))
@EXAMPLES
def test_points_to_calibrate_by(folder, suffix, content):
    (folder / f"points{suffix}").write_bytes(content)
    with only_sentences():
        fit(read_points(folder / f"points{suffix}"), 0.5, 0)


@given(damaged(*CARDS))
@EXAMPLES
def test_cards_of_nets(content):
    with only_sentences():
        cards_from_toml(content.decode("utf-8", "replace"), "a card")


@given(damaged(CFG))
@EXAMPLES
def test_darknet_cfg(content):
    with only_sentences():
        sections_from_cfg(content.decode("utf-8", "replace"))


@given(damaged(EVENT))
@EXAMPLES
def test_lines_of_events(content):
    with only_sentences():
        Envelope.read(content)
