"""Hand-offs are pairs of consecutive rows of one person in two cameras."""

import shutil
from dataclasses import replace

import pytest

from unbroken.bench.handoff import run
from unbroken.bench.outcome import Options
from unbroken.core.errors import ConfigError, SourceError
from unbroken.datasets.motchallenge import read_rows


def site(folder):
    """Three people walk from camera 1 to camera 2, one after another; the other system takes two of them for one."""
    for name, ids in (("gt", [1, 2, 3]), ("pred", [1, 2, 2])):
        (folder / name).mkdir(parents=True)
        for camera in (1, 2):
            rows = [
                f"{300 * order + 100 * camera + frame},{who},10,10,20,50,1,-1,-1,-1"
                for order, who in enumerate(ids)
                for frame in range(20)
            ]
            (folder / name / f"cam{camera}.txt").write_text("\n".join(rows) + "\n")
    return Options(folder, folder)


def test_the_next_to_arrive_is_right_where_people_pass_one_after_another(tmp_path):
    rows = {row[0]: row[1:] for row in run(site(tmp_path)).rows}
    precision, recall, f1, mcta = rows["the shipped result of another system"]
    assert recall == 1.0
    assert precision == pytest.approx(3 / 4)
    assert f1 == pytest.approx(2 * 0.75 / 1.75)
    assert mcta == 1.0
    assert rows["the next to arrive is the last to leave"][1] == 1.0


def test_a_folder_without_files_is_one_sentence(tmp_path):
    (tmp_path / "gt").mkdir()
    with pytest.raises(ConfigError, match=r"holds no \.txt file"):
        run(Options(tmp_path, tmp_path))


def test_a_file_that_holds_no_numbers_is_named(tmp_path):
    options = site(tmp_path)
    (tmp_path / "gt" / "cam1.txt").write_text("hello\n")
    with pytest.raises(SourceError, match=r"cam1\.txt"):
        run(options)


def test_the_answers_that_are_kept_are_those_that_were_scored(tmp_path):
    options = site(tmp_path / "site")
    rows = {row[0]: row[1:] for row in run(replace(options, output=tmp_path / "out")).rows}
    kept = {name: read_rows(tmp_path / "out" / f"{name}.txt") for name in ("cam1", "cam2")}
    assert [len(answer.ids) for answer in kept.values()] == [60, 60]
    who = [
        [int(answer.ids[answer.frames == 300 * order + start][0]) for order in range(3)]
        for answer, start in zip(kept.values(), (100, 200), strict=True)
    ]
    right = sum(first == second for first, second in zip(*who, strict=True))
    assert rows["default manager, at the end"][1] == pytest.approx(right / 3)


def test_names_of_cameras_and_the_other_answer_are_the_folders_own(tmp_path):
    options = site(tmp_path)
    for name in ("gt", "pred"):
        (tmp_path / name / "cam2.txt").rename(tmp_path / name / "yard.txt")
    shutil.rmtree(tmp_path / "pred")
    answers = [row[0] for row in run(replace(options, output=tmp_path / "out", quick=True)).rows]
    assert answers == [
        "default manager, at arrival",
        "default manager, at the end",
        "the next to arrive is the last to leave",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cam1.txt", "yard.txt"]
