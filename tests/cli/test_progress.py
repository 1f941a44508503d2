"""What a run says of its cameras while it goes on."""

from io import StringIO

from rich.console import Console

from unbroken.cli.progress import CameraNews
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled


def test_a_camera_that_goes_and_comes_is_two_lines_and_one_that_is_there_none():
    shown = StringIO()
    news = CameraNews(Console(file=shown, width=40))
    news.hear([CameraOnline(1.0, "hall"), CameraOnline(1.0, "door")])
    assert shown.getvalue() == ""
    news.hear([CameraStalled(2.0, "door", "no picture for 3.0 s [sic], and this line is longer than the console")])
    news.hear([CameraLost(3.0, "door", "rtsp://10.0.0.7/live: cannot be reached")])
    news.hear([CameraOnline(4.0, "door"), CameraOnline(5.0, "door")])
    assert shown.getvalue().splitlines() == [
        "camera door: no picture for 3.0 s [sic], and this line is longer than the console",
        "camera door: rtsp://10.0.0.7/live: cannot be reached",
        "camera door: is back",
    ]
