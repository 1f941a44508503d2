"""`unbroken calibrate` as a user meets it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from needs import data
from unbroken.app.calibrate import draw_grid, read_points, visible_ground
from unbroken.cli.calibrate import calibrate
from unbroken.core.errors import ConfigError, ContractError, SourceError, StoreError
from unbroken.datasets.calibration import read_view
from unbroken.geometry.plane import GroundView, ground_from_image, image_from_ground

VIEW = GroundView.from_pose(
    [[800, 0, 320], [0, 800, 240], [0, 0, 1]],
    [0.0] * 5,
    [[1, 0, 0, 0], [0, -0.3, -0.954, 2.862], [0, 0.954, -0.3, 0.9]],
    (640, 480),
)
GROUND = np.array([[-1.0, 6], [1, 6], [2, 9], [-2, 9], [0, 7], [1, 12], [-1, 12], [0.5, 10]])


def rows(ground: np.ndarray = GROUND) -> list[str]:
    return [f"{u:.3f},{v:.3f},{x},{y}" for (u, v), (x, y) in zip(image_from_ground(VIEW, GROUND), ground, strict=True)]


def call(*words: object) -> str:
    result = CliRunner().invoke(calibrate, [str(word) for word in words])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_points_become_a_calibration_that_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("x,y,X,Y\n" + "\n".join(rows()))
    output = call("points", tmp_path / "points.csv", "-o", tmp_path / "cam.json")
    assert "median 0.0 pixels" in output
    assert np.allclose(
        ground_from_image(read_view(tmp_path / "cam.json"), image_from_ground(VIEW, GROUND)), GROUND, atol=1e-2
    )


def test_an_outlier_is_named(tmp_path: Path) -> None:
    wrong = GROUND.copy()
    wrong[4] += [2.0, 2.0]
    lines = [f"{row},p{number}" for number, row in enumerate(rows(wrong))]
    (tmp_path / "points.csv").write_text("x,y,X,Y,name\n" + "\n".join(lines))
    output = call("points", tmp_path / "points.csv", "-o", tmp_path / "cam.json")
    marked = [line for line in output.splitlines() if "left out" in line]
    assert len(marked) == 1
    assert "p4" in marked[0]


def test_wrong_units_fit_well_and_are_doubted(tmp_path: Path) -> None:
    """Millimetres for metres gave errors of 0.000 m, since only the four points closest to a fit were kept."""
    for name, ground in (("metres", GROUND), ("mm", 1000 * GROUND)):
        (tmp_path / f"{name}.csv").write_text("x,y,X,Y\n" + "\n".join(rows(ground)))
    assert "doubtful" not in call("points", tmp_path / "metres.csv", "-o", tmp_path / "cam.json")
    assert "pixels tall" in call("points", tmp_path / "mm.csv", "-o", tmp_path / "cam.json", "--tolerance", 500)


def test_four_points_are_told_to_prove_nothing(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("x,y,X,Y\n" + "\n".join(rows()[:4]))
    assert "nothing checks" in call("points", tmp_path / "points.csv", "-o", tmp_path / "cam.json")


@pytest.mark.parametrize("form", ["json", "toml"])
def test_json_and_toml_say_the_same_as_csv(tmp_path: Path, form: str) -> None:
    given = [tuple(map(float, row.split(","))) for row in rows()]
    points = [{"image": row[:2], "ground": row[2:], "name": f"p{n}"} for n, row in enumerate(given)]
    text = json.dumps({"points": points, "size": [640, 480]})
    if form == "toml":
        text = "size = [640, 480]\n" + "".join(
            f'[[points]]\nimage = {list(p["image"])}\nground = {list(p["ground"])}\nname = "{p["name"]}"\n'
            for p in points
        )
    (tmp_path / f"points.{form}").write_text(text)
    (tmp_path / "points.csv").write_text("\n".join(rows()))
    read, plain = read_points(tmp_path / f"points.{form}"), read_points(tmp_path / "points.csv")
    assert read.size == (640, 480)
    assert np.allclose(read.image, plain.image)
    assert np.allclose(read.ground, plain.ground)


def test_the_grid_is_drawn_where_the_ground_is(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "view.png"), np.zeros((480, 640, 3), np.uint8))
    (tmp_path / "points.csv").write_text("\n".join(rows()))
    call(
        "points",
        tmp_path / "points.csv",
        "-o",
        tmp_path / "c.json",
        "--picture",
        tmp_path / "view.png",
        "--grid",
        tmp_path / "g.png",
    )
    drawn = cv2.imread(str(tmp_path / "g.png"))
    u, v = image_from_ground(VIEW, np.array([[1.0, 8.0]]))[0].round().astype(int)
    assert drawn[v - 3 : v + 4, u - 3 : u + 4].any()
    low, high = visible_ground(VIEW, (640, 480))
    assert (low < high).all()
    assert draw_grid(np.zeros((480, 640, 3), np.uint8), VIEW).any()


def test_the_grid_is_drawn_over_the_first_frame_of_a_video(tmp_path: Path) -> None:
    folder = data("data/video/four_cameras")
    output = call(
        "check", folder / "config_camera/0.json", "--picture", folder / "videos/cam0.mp4", "--grid", tmp_path / "g.png"
    )
    assert "1288 x 728" in output
    assert cv2.imread(str(tmp_path / "g.png")).shape == (728, 1288, 3)


def test_check_measures_a_calibration_by_points(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("\n".join(rows()))
    call("points", tmp_path / "points.csv", "-o", tmp_path / "cam.json")
    (tmp_path / "shifted.csv").write_text("\n".join(rows(GROUND + np.array([0.5, 0.0]))))
    assert "0.500" in call("check", tmp_path / "cam.json", "--points", tmp_path / "shifted.csv")


@pytest.mark.parametrize(
    ("lines", "kind", "sentence"),
    [
        (rows()[:3], ContractError, "3 pairs are too few"),
        ([f"{n * 10},{n * 20 + 5},{n},{n * n}" for n in range(6)], ContractError, "one line of the picture"),
        (rows(GROUND * [-1, 1]), ConfigError, "mirrored"),
        (["1,2,3"], SourceError, "too short"),
        (["1,2,3,north"], SourceError, "no point pairs"),
        (["1,2,3,nan"], SourceError, "not a number"),
        ([], SourceError, "empty"),
    ],
)
def test_bad_points_are_one_sentence(tmp_path: Path, lines: list[str], kind: type[Exception], sentence: str) -> None:
    (tmp_path / "points.csv").write_text("\n".join(lines))
    with pytest.raises(kind, match=sentence) as caught:
        call("points", tmp_path / "points.csv", "-o", tmp_path / "cam.json")
    assert "\n" not in str(caught.value)


def test_a_floor_plan_with_y_down_is_accepted_when_said(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("\n".join(rows(GROUND * [1, -1])))
    call("points", tmp_path / "points.csv", "-o", tmp_path / "cam.json", "--y-down")
    assert (tmp_path / "cam.json").exists()


def test_missing_files_and_bad_names_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        call("points", tmp_path / "none.csv")
    (tmp_path / "points.csv").write_text("\n".join(rows()))
    with pytest.raises(SourceError, match="cannot be read as a picture"):
        call("points", tmp_path / "points.csv", "-o", tmp_path / "c.json", "--picture", tmp_path / "none.png")
    cv2.imwrite(str(tmp_path / "view.png"), np.zeros((480, 640, 3), np.uint8))
    with pytest.raises(StoreError, match=r"\.png"):
        call(
            "points",
            tmp_path / "points.csv",
            "-o",
            tmp_path / "c.json",
            "--picture",
            tmp_path / "view.png",
            "--grid",
            tmp_path / "g.txt",
        )
