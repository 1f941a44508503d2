"""The report says what was used, and keeps passwords to itself."""

import pytest

from scene import walk
from unbroken import __version__
from unbroken.app.report import report_facts, without_password
from unbroken.config.site import CameraSettings, SiteSettings, TrackingSettings
from unbroken.render.sinks import ReportPage

SITE = SiteSettings(
    cameras=(CameraSettings(name="door", source="rtsp://me:p@ss/word@10.0.0.7/live"),),
    tracking=TrackingSettings(options={"max_age": 2.5}),
)


def test_settings_are_told_in_groups_with_versions():
    facts = report_facts(SITE, {"detector": "motion, built in"})
    assert facts.settings["Used"] == {"detector": "motion, built in"}
    assert facts.settings["Detection"]["every"] == "1"
    assert "calibration" not in facts.settings["Detection"]
    assert facts.settings["Tracking"]["max age"] == "2.5"
    assert facts.settings["Versions"]["unbroken"] == facts.version == __version__
    assert "numpy" in facts.settings["Versions"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://me:secret@10.0.0.7:554/live", "rtsp://***@10.0.0.7:554/live"),
        ("http://me:p@ss@host/a@b", "http://***@b"),
        ("rtsp://host/live", "rtsp://host/live"),
        ("videos/me@home.mp4", "videos/me@home.mp4"),
    ],
)
def test_passwords_are_not_told(source, shown):
    assert without_password(source) == shown


def test_a_run_ends_with_a_page_that_says_how_fast_and_how_good_it_was(tmp_path):
    ticks, told = iter([100.0, 102.0]), {"all cameras": {"HOTA": 0.4321}}
    sink = ReportPage(tmp_path / "report.html", report_facts(SITE), lambda: next(ticks), scores=lambda: told)
    for frame, result in walk("door", 20):
        sink.write(frame, result, ())
    sink.close()
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>10.0</b><span>pictures per second</span>" in text
    assert "0.432" in text
    assert "word" not in text.split("</style>")[1].replace("password", "")
