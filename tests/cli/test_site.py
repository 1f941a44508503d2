"""`unbroken site` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from unbroken.cli.main import app
from unbroken.config.reading import read_site
from unbroken.core.errors import ConfigError, StoreError


def run(*arguments, typed=None):
    return CliRunner().invoke(app, ["site", *map(str, arguments)], input=typed)


def test_the_example_that_init_writes_passes_the_check(tmp_path):
    assert run("init", tmp_path / "monday").exit_code == 0
    checked = run("check", tmp_path / "monday" / "site.toml")
    assert checked.exit_code == 0
    assert "0 errors, 0 warnings" in checked.output


def test_init_takes_the_name_of_a_file_too(tmp_path):
    assert run("init", tmp_path / "monday" / "hall.toml", "--yes").exit_code == 0
    assert [path.name for path in (tmp_path / "monday").iterdir()] == ["hall.toml"]


def test_init_never_overwrites(tmp_path):
    (tmp_path / "site.toml").write_text("# mine\n")
    assert isinstance(run("init", tmp_path, "--yes").exception, StoreError)
    assert (tmp_path / "site.toml").read_text() == "# mine\n"


def test_init_asks_for_cameras_one_by_one_on_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr("unbroken.cli.site._on_terminal", lambda: True)
    typed = "hall\nhall.mp4\ntwo words\ndoor.mp4\ndoor\nrtsp://u:${DOOR}@192.0.2.9/live\n\n"
    asked = run("init", tmp_path, typed=typed)
    assert asked.exit_code == 0
    assert "cameras.1.name is 'two words'" in asked.output
    site = read_site(tmp_path / "site.toml")
    assert [camera.name for camera in site.cameras] == ["hall", "door"]
    assert site.cameras[1].source == "rtsp://u:${DOOR}@192.0.2.9/live"


def test_check_tells_everything_and_ends_with_2(tmp_path):
    (tmp_path / "site.toml").write_text('[[cameras]]\nname = "hall"\nsource = "no.mp4"\n[live]\nstall = 0\nfreze = 1\n')
    checked = run("check", tmp_path / "site.toml")
    assert checked.exit_code == 2
    assert "line 5: live.stall is 0" in checked.output
    assert "line 6: live.freze is not a known setting (did you mean freeze?)" in checked.output
    assert "2 errors" in checked.output
    content = json.loads(run("check", tmp_path / "site.toml", "--json").output)
    assert [problem["line"] for problem in content["problems"]] == [5, 6]


def test_check_of_a_file_that_is_not_there_is_one_sentence(tmp_path):
    assert isinstance(run("check", tmp_path / "site.toml").exception, ConfigError)


def test_the_schema_goes_to_the_screen_or_to_a_file(tmp_path):
    content = json.loads(run("schema").output)
    assert content["properties"]["cameras"]["minItems"] == 1
    assert run("schema", "-o", tmp_path / "site.schema.json").exit_code == 0
    assert json.loads((tmp_path / "site.schema.json").read_text()) == content


def test_settings_are_explained_with_units_and_bounds(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert "0.5 to 120" in run("explain", "live.stall").output
    assert "freeze" not in run("explain", "live.stall").output
    assert "freeze" in run("explain", "live").output
    assert "home_assistant" in run("explain", "outputs").output
    assert "did you mean live.stall?" in str(run("explain", "live.stal").exception)


@pytest.mark.parametrize("command", ["check", "init", "schema", "explain"])
def test_help_has_examples(command):
    assert f"unbroken site {command}" in run(command, "--help").output
