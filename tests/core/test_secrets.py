"""Secrets are filled in where an address is opened, and masked wherever it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ConfigError
from unbroken.core.secrets import filled, holds_password, masked, names_in

words = st.text("abcXYZ019._~!$&'()*+,;=-%:", min_size=4, max_size=12).filter(lambda word: "'" not in word)


def test_variables_are_filled_in():
    address = "rtsp://$USER_1:${CAM}@10.0.0.7/live"
    assert names_in(address) == ("USER_1", "CAM")
    assert filled(address, {"USER_1": "guest", "CAM": "p$w"}) == "rtsp://guest:p$w@10.0.0.7/live"
    assert filled("hall.mp4", {}) == "hall.mp4"


@pytest.mark.parametrize("environment", [{}, {"CAM": ""}])
def test_a_variable_that_is_not_set_is_named_and_nothing_else_is_told(environment):
    with pytest.raises(ConfigError, match="environment variable CAM is not set") as caught:
        filled("rtsp://admin:1234${CAM}@10.0.0.7/live", environment)
    assert "1234" not in str(caught.value)


@given(words, words, st.sampled_from(["rtsp", "http", "postgresql", "mqtts"]))
def test_no_name_and_no_password_of_an_address_survives(user, password, scheme):
    sentence = f"camera hall: {scheme}://{user}#:{password}@10.0.0.7:554/live: cannot be reached"
    assert masked(sentence) == f"camera hall: {scheme}://***@10.0.0.7:554/live: cannot be reached"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://10.0.0.7/video?user=me&password=abc&x=1", "http://10.0.0.7/video?user=me&password=***&x=1"),
        ("http://10.0.0.7/video?access_token=abc", "http://10.0.0.7/video?access_token=***"),
        ("rtsp://a:b@one/ and rtsp://c:d@two/", "rtsp://***@one/ and rtsp://***@two/"),
        ("rtsp://10.0.0.7/live, write to me@example.org", "rtsp://10.0.0.7/live, write to me@example.org"),
        ("rtsp://10.0.0.7/a@b", "rtsp://10.0.0.7/a@b"),
        ("rtsp://10.0.0.7:554/a@b", "rtsp://10.0.0.7:554/a@b"),
        ("rtsp://admin:x12/34'56@10.0.0.7/live", "rtsp://***@10.0.0.7/live"),
    ],
)
def test_what_is_shown_of_a_text(text, shown):
    assert masked(text) == shown


def test_a_password_that_is_written_down_is_told_from_the_name_of_a_variable():
    assert holds_password("rtsp://admin:1234@10.0.0.7/live")
    assert not holds_password("rtsp://admin:$CAM@10.0.0.7/live")
    assert not holds_password("rtsp://10.0.0.7:554/live")
