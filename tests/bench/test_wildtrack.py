"""The ground-plane benchmark on an excerpt of the real set."""

import shutil
from pathlib import Path

from needs import data
from unbroken.bench.outcome import Options
from unbroken.bench.wildtrack import run


def excerpt(folder: Path) -> Path:
    source = data("data/wildtrack")
    shutil.copytree(source / "calibrations", folder / "calibrations")
    (folder / "annotations_positions").mkdir(parents=True)
    for path in sorted((source / "annotations_positions").glob("*.json"))[40:64]:
        shutil.copyfile(path, folder / "annotations_positions" / path.name)
    return folder


def test_people_are_followed_better_than_by_fusing_first(tmp_path: Path) -> None:
    outcome = run(Options(excerpt(tmp_path / "set"), tmp_path, tmp_path / "answers"))
    idf1 = {(row[0], row[1]): float(row[2]) for row in outcome.rows}
    for given in ("(b) noise 2 %, 20 % missed", "(b) noise 5 %, 30 % missed"):
        assert idf1["unbroken, at the end", given] > idf1["fuse, then track", given]
        assert idf1["unbroken, at the end", given] > 85
    scored = {row[0] for row in outcome.rows if row[1] == "(b) noise 5 %, 30 % missed"}
    assert {"fuse, then track", "unbroken, at arrival", "without second thoughts"} <= scored
    assert len(list((tmp_path / "answers").glob("b_*.txt"))) == 2 * len(scored)


def test_the_same_seed_gives_the_same_table(tmp_path: Path) -> None:
    folder = excerpt(tmp_path / "set")
    options = Options(folder, tmp_path, quick=True, seed=4)
    assert run(options).rows == run(options).rows
