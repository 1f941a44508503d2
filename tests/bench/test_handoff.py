"""Hand-offs are pairs of consecutive rows of one person in two cameras."""

import pytest

from unbroken.bench.handoff import run
from unbroken.bench.outcome import Options
from unbroken.core.errors import ConfigError


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
    with pytest.raises(ConfigError, match=r"cam1\.txt"):
        run(options)
