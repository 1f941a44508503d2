"""A site file is read strictly: each mistake is one sentence with line, key, value and mend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.config.reading import checked, read_site
from unbroken.core.errors import ConfigError

GOOD = """
[detection]
model = "rtmdet_nano"
every = 3

[[cameras]]
name = "hall"
source = "hall.mp4"

[[cameras]]
name = "door"
source = "rtsp://10.0.0.7/live"
calibration = "door.json"
"""


def test_paths_are_relative_to_the_file_and_addresses_are_not_touched(tmp_path):
    (tmp_path / "site.toml").write_text(GOOD)
    site = read_site(tmp_path / "site.toml")
    assert site.cameras[0].source == str(tmp_path / "hall.mp4")
    assert site.cameras[1].source == "rtsp://10.0.0.7/live"
    assert site.cameras[1].calibration == str(tmp_path / "door.json")
    assert site.detection.every == 3
    assert site.storage.database == str(tmp_path / "unbroken.db")
    assert site.log.access == str(tmp_path / "access.jsonl")
    assert site.outputs.tracks == ""


def test_a_video_without_end_is_a_path_too(tmp_path):
    (tmp_path / "site.toml").write_text(GOOD.replace('"hall.mp4"', '"loop://hall.mp4"'))
    assert read_site(tmp_path / "site.toml").cameras[0].source == f"loop://{tmp_path / 'hall.mp4'}"
    (tmp_path / "site.toml").write_text(GOOD.replace('"hall.mp4"', '"loop:///videos/hall.mp4"'))
    assert read_site(tmp_path / "site.toml").cameras[0].source == "loop:///videos/hall.mp4"


def test_a_database_server_and_no_database_are_no_paths(tmp_path):
    for written in ("postgresql://site@db.example/people", "none"):
        (tmp_path / "site.toml").write_text(GOOD + f'[storage]\ndatabase = "{written}"\n')
        assert read_site(tmp_path / "site.toml").storage.database == written


def test_of_several_mistakes_the_first_is_told_and_where_the_others_are(tmp_path):
    (tmp_path / "site.toml").write_text(GOOD.replace("every = 3", "every = 0").replace("hall.mp4", ""))
    with pytest.raises(ConfigError, match=r"line 4: .* \(and 1 more; `unbroken site check .*` lists them\)"):
        read_site(tmp_path / "site.toml")


def test_no_message_shows_a_password(tmp_path):
    (tmp_path / "site.toml").write_text(GOOD + '[web]\nhost = ["rtsp://u:s3cret@h/"]\n[live]\nstall = "//u:s3cret@h"\n')
    with pytest.raises(ConfigError) as caught:
        read_site(tmp_path / "site.toml")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("every = 3", "every = 0", r"line 4: detection\.every is 0: .*greater than or equal to 1"),
        (
            "every = 3",
            "evry = 3",
            r"line 4: detection\.evry is not a known setting \(did you mean every\?\); known here .*",
        ),
        ('name = "door"', 'nam = "door"', r"cameras\.1\.name is missing"),
        ('name = "door"', 'name = "hall"', r"two cameras have the name hall"),
        ('source = "hall.mp4"', "source = 7.5", r"line 8: cameras\.0\.source is 7\.5"),
        ("every = 3", "every = ", r"is no TOML .*line 4"),
        (
            "[detection]",
            "[detektion]",
            r"detektion is not a known setting \(did you mean detection\?\); .* budget, bus, cameras",
        ),
    ],
)
def test_each_mistake_is_one_sentence(tmp_path, old, new, sentence):
    (tmp_path / "site.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_site(tmp_path / "site.toml")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_site(tmp_path / "site.toml")


@given(st.text(max_size=200))
def test_no_text_ends_in_anything_but_settings_or_a_sentence(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("fuzz") / "site.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError):
        read_site(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["cameras", "detection", "reid", "tracking", "other"]), json_values))
def test_no_values_end_in_anything_but_settings_or_a_sentence(values):
    with pytest.raises(ConfigError):
        checked({**values, "surely unknown": 1}, "command line")
