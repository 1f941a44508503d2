"""What a run leaves behind is what was asked for."""

import pytest

from scene import walk
from unbroken.app.outputs import Outputs, sinks_for
from unbroken.config.site import CameraSettings, SiteSettings
from unbroken.core.errors import StoreError
from unbroken.pipeline.sinks import Sinks

SITE = SiteSettings(cameras=(CameraSettings(name="door", source="door.mp4"),))


def left_behind(outputs):
    sinks = Sinks(sinks_for(outputs, SITE, {"detector": "motion", "reid": "colour"}, {}))
    for frame, result in walk("door", 6, decided=4):
        sinks.write(frame, result, ())
    sinks.close()
    return {path.name for path in outputs.folder.iterdir()}


def test_everything_is_written_where_it_is_asked_for(tmp_path):
    files = {"door.txt", "door.local.txt", "tracks.jsonl", "events.jsonl"}
    assert left_behind(Outputs(tmp_path / "few", videos=False, report=False)) == files
    more = {"door.annotated.mp4", "mosaic.mp4", "report.html"}
    assert left_behind(Outputs(tmp_path / "all", mosaic=True)) == files | more


def test_pictures_of_people_are_kept_only_where_asked(tmp_path):
    pages = []
    for name, pictures in (("with", True), ("without", False)):
        left_behind(Outputs(tmp_path / name, videos=False, pictures=pictures))
        pages.append((tmp_path / name / "report.html").read_text(encoding="utf-8"))
    assert "<img" in pages[0]
    assert "<img" not in pages[1]


def test_scores_are_asked_for_once_the_files_are_complete(tmp_path):
    def scores():
        return {"door": {"rows": len((tmp_path / "door.txt").read_text().splitlines())}}

    left_behind(Outputs(tmp_path, videos=False, scores=scores))
    # Live answers are 4 rows: those after the decision. The complete file has all 12.
    assert '<td class="num">12</td>' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another --output"):
        sinks_for(Outputs(tmp_path / "file" / "out"), SITE, {}, {})
