"""`unbroken doctor` from the command line."""

import json

from typer.testing import CliRunner

from unbroken.cli.main import app


def test_the_exit_code_tells_whether_something_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    well = CliRunner().invoke(app, ["doctor"])
    assert well.exit_code == 0
    assert "ok    python" in well.output
    (tmp_path / "site.toml").write_text("cameras = 3\n")
    ill = CliRunner().invoke(app, ["doctor", "site.toml", "--json"])
    assert ill.exit_code == 1
    content = json.loads(ill.output)
    assert content["failed"] == 1
    assert [line["topic"] for line in content["lines"] if line["grade"] == "fail"] == ["site"]
