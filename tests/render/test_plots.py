"""Plots: well-formed SVG whose shapes lie where the numbers say."""

import re
import xml.etree.ElementTree as ET

import numpy as np

from unbroken.render.floor import FloorPlan, draw_floor
from unbroken.render.plots import Labels, histogram, line_plot
from unbroken.render.spans import Seen
from unbroken.render.timeline_svg import tick_words, timeline_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


def shapes(picture, tag):
    return list(ET.fromstring(picture).iter(NAMESPACE + tag))


def points(shape):
    return np.array([[float(value) for value in pair.split(",")] for pair in shape.get("points").split()])


def titles(picture):
    return [title.text for title in shapes(picture, "title")]


def test_a_line_runs_from_left_to_right_with_its_highest_value_on_top():
    picture = line_plot({"ms": np.array([[0.0, 1.0], [1.0, 5.0], [2.0, 0.0]])}, Labels("latency"))
    (line,) = (points(shape) for shape in shapes(picture, "polyline"))
    assert np.all(np.diff(line[:, 0]) > 0)
    assert line[1, 1] < line[0, 1] < line[2, 1]


def test_histograms_of_different_counts_have_the_same_area():
    rng = np.random.default_rng(0)
    samples = {"same person": rng.normal(0.2, 0.05, 50), "others": rng.normal(0.8, 0.05, 5000)}
    picture = histogram(samples, Labels("distances"), marks={"threshold": 0.5})

    def area(outline):
        x, y = outline[:, 0], outline[:, 1].max() - outline[:, 1]
        return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())

    first, second = (area(points(shape)) for shape in shapes(picture, "polygon"))
    np.testing.assert_allclose(first, second, rtol=0.03)
    assert {"same person", "others"} <= set(titles(picture))
    assert "threshold 0.5" in picture


def test_nothing_to_plot_and_values_that_are_no_numbers_are_no_error():
    shapes(line_plot({}, Labels("nothing")), "line")
    shapes(histogram({"none": np.zeros(0)}, Labels("nothing")), "line")
    shapes(histogram({"one": np.array([0.5, np.nan])}, Labels("one <value>")), "line")


def test_bars_of_the_timeline_say_who_where_and_when():
    seen = [Seen(1, "a <b>", 0.0, 5.0), Seen(2, "c", 5.0, 10.0)]
    picture = timeline_svg(seen, ["a <b>", "c"])
    assert "Person 1 in a <b>: 0:00.0 to 0:05.0 (5.0 s)" in titles(picture)
    bars = [shape for shape in shapes(picture, "rect") if list(shape)]
    first, second = ((float(bar.get("x")), float(bar.get("width"))) for bar in bars)
    np.testing.assert_allclose(first[1], second[1], atol=0.1)
    np.testing.assert_allclose(second[0], first[0] + first[1], atol=0.1)


def test_a_timeline_of_very_many_visits_is_cut_off():
    seen = [Seen(person, "a", visit * 3.0, visit * 3.0 + 1) for person in range(1, 300) for visit in range(10)]
    picture = timeline_svg(seen, ["a"], rows=50, bars=200)
    assert sum(bool(list(shape)) for shape in shapes(picture, "rect")) == 200


def test_long_times_are_read_as_minutes_and_hours():
    assert [tick_words(time) for time in (0.5, 90, 150, 7265)] == ["0.5 s", "90 s", "2:30", "2:01:05"]


def test_paths_on_the_floor_keep_their_shape_and_break_where_nobody_was_seen():
    square = np.array([[0, 0, 0], [1, 2, 0], [2, 2, 2], [3, 0, 2], [60, 0, 0.5]], dtype=float)
    picture = draw_floor({7: square}, FloorPlan(areas={"hall": np.array([[0, 0], [4, 0], [4, 3], [0, 3]], float)}))
    way, after = (points(shape) for shape in shapes(picture, "polyline"))
    assert (len(way), len(after)) == (4, 1)
    sides = np.linalg.norm(np.diff(way, axis=0), axis=1)
    np.testing.assert_allclose(sides, sides[0], rtol=0.01)
    assert way[1, 0] > way[0, 0]
    assert way[2, 1] < way[1, 1]
    assert {"Person 7", "hall"} <= set(titles(picture))


def test_a_floor_without_anybody_and_with_unknown_points_is_no_error():
    shapes(draw_floor({}), "line")
    assert not shapes(draw_floor({1: np.full((3, 3), np.nan)}), "polyline")
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', draw_floor({1: np.array([[0.0, 1.0, 1.0], [1.0, 2.0, 9.0]])}))
    assert int(size[1]) < int(size[2]) == FloorPlan().size[1]
