"""`unbroken eval` on files, trees and sites."""

import json

import pytest
from typer.testing import CliRunner

from needs import data
from unbroken.cli.main import app
from unbroken.core.errors import ConfigError, SourceError, StoreError

GT = "".join(f"{frame},{person},{person * 100},50,40,90,1,1,1\n" for frame in range(1, 6) for person in (1, 2))


def run(*arguments):
    return CliRunner().invoke(app, ["eval", *map(str, arguments)], catch_exceptions=True)


def scores(tmp_path, *arguments):
    out = run(*arguments, "--json", tmp_path / "scores.json")
    assert out.exit_code == 0, out.exception
    return json.loads((tmp_path / "scores.json").read_text())


def tree(root, name, text):
    (root / name / "gt").mkdir(parents=True)
    (root / name / "gt" / "gt.txt").write_text(text)
    (root / name / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nframeRate=30\nseqLength=5\n")


def test_a_file_against_itself(tmp_path):
    (tmp_path / "gt.txt").write_text(GT)
    assert scores(tmp_path, "--gt", tmp_path / "gt.txt", "--result", tmp_path / "gt.txt")["gt"]["HOTA"] == 1


def test_a_tree_gives_a_row_per_sequence_and_a_combined_one(tmp_path):
    for name in ("a", "b"):
        tree(tmp_path / "gt", name, GT)
        (tmp_path / f"{name}.txt").write_text(GT)
    rows = scores(tmp_path, "--gt", tmp_path / "gt", "--result", tmp_path)
    assert sorted(rows) == ["a", "b", "combined"]
    assert rows["combined"]["people"] == 4


def test_cameras_of_a_site_are_scored_across(tmp_path):
    (tmp_path / "site" / "gt").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    for camera in (1, 2):
        (tmp_path / "site" / "gt" / f"view{camera}.txt").write_text(GT)
    (tmp_path / "out" / "view1.txt").write_text(GT)
    (tmp_path / "out" / "view2.txt").write_text(GT.replace(",1,100", ",8,100").replace(",2,200", ",9,200"))
    rows = scores(tmp_path, "--gt", tmp_path / "site", "--result", tmp_path / "out")
    assert rows["combined"]["IDF1"] == 1
    assert rows["across cameras: site"]["IDF1"] == pytest.approx(0.5)


def test_lost_rows_of_a_multi_view_set_do_not_count(tmp_path):
    (tmp_path / "gt.txt").write_text("0,1,10,10,20,40,0,0,1,0\n1,1,10,10,20,40,1,1,0,0\n")
    (tmp_path / "out.txt").write_text("0,1,10,10,20,40,1,-1,-1,-1\n")
    rows = scores(tmp_path, "--gt", tmp_path / "gt.txt", "--result", tmp_path / "out.txt")
    assert (rows["gt"]["TP"], rows["gt"]["FN"]) == (1, 0)


def test_places_in_metres_are_no_classes(tmp_path):
    """MOT15 puts a place on the floor where MOT16 puts the class: everybody became a distractor, and MOTA -51000."""
    rows = [
        f"{frame},{one},{100 * one},50,40,90,1,{4.4 + one / 10},{5.5 + frame / 10},0"
        for frame in (1, 2)
        for one in (1, 2)
    ]
    (tmp_path / "gt.txt").write_text("\n".join(rows))
    (tmp_path / "out.txt").write_text("\n".join(f"{row.rpartition(',1,')[0]},1,-1,-1,-1" for row in rows))
    found = scores(tmp_path, "--gt", tmp_path / "gt.txt", "--result", tmp_path / "out.txt")["gt"]
    assert (found["TP"], found["MOTA"]) == (4, 1)


@pytest.mark.parametrize(("name", "mota", "idf1"), [("TUD-Campus", 52.6, 55.8), ("TUD-Stadtmitte", 56.4, 64.5)])
def test_the_published_answers_of_one_camera(tmp_path, name, mota, idf1):
    folder = data("data/metric_reference") / name
    found = scores(tmp_path, "--gt", folder / "gt.txt", "--result", folder / "test.txt")["gt"]
    assert [round(100 * found[score], 1) for score in ("MOTA", "IDF1")] == pytest.approx([mota, idf1], abs=0.051)


def test_the_table_holds_every_score_that_the_field_compares_by(tmp_path):
    (tmp_path / "gt.txt").write_text(GT)
    out = run("--gt", tmp_path / "gt.txt", "--result", tmp_path / "gt.txt").output
    assert all(score in out for score in ["HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "IDSW", "Frag"])


def test_points_on_the_ground(tmp_path):
    (tmp_path / "gt.txt").write_text("0,1,0,0\n1,1,1,1\n")
    (tmp_path / "out.txt").write_text("0,5,0.5,0\n1,5,3,1\n")
    rows = scores(tmp_path, "--gt", tmp_path / "gt.txt", "--result", tmp_path / "out.txt", "--metric", "ground")
    assert (rows["gt"]["TP"], rows["gt"]["FP"]) == (1, 1)


def test_what_does_not_fit_is_said_in_one_sentence(tmp_path):
    tree(tmp_path / "gt", "a", GT)
    missing = run("--gt", tmp_path / "gt", "--result", tmp_path)
    assert isinstance(missing.exception, SourceError)
    assert "a.txt" in str(missing.exception)
    (tmp_path / "a.txt").write_text("9,1,1,1,1,1,1\n")
    late = run("--gt", tmp_path / "gt", "--result", tmp_path)
    assert isinstance(late.exception, StoreError)
    assert "frame 9" in str(late.exception)
    (tmp_path / "a.txt").write_text("1,1,1,1,1,1,1\n1,1,1,1,1,1,1\n")
    twice = run("--gt", tmp_path / "gt", "--result", tmp_path)
    assert isinstance(twice.exception, StoreError)
    assert "twice in frame 1" in str(twice.exception)
    tree(tmp_path / "gt", "b", GT)
    assert isinstance(run("--gt", tmp_path / "gt", "--result", tmp_path / "a.txt").exception, ConfigError)
    assert isinstance(run("--gt", tmp_path / "no", "--result", tmp_path).exception, SourceError)


@pytest.mark.parametrize(("scene", "known"), [("campus_garden1", 0.437), ("epfl_lab", 0.518), ("epfl_terrace", 0.198)])
def test_the_published_multi_view_answers(tmp_path, scene, known):
    folder = data("data/multiview") / scene
    rows = scores(tmp_path, "--gt", folder, "--result", folder / "mvmhat_result")
    assert rows[f"across cameras: {scene}"]["IDF1"] == pytest.approx(known, abs=5e-4)
