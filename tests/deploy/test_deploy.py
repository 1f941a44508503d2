"""The unit and the container file name commands, extras and ports that are there."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unbroken.cli.main import app
from unbroken.config.service import WebSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "deploy" / "unbroken.service").read_text()
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text()


def test_the_unit_starts_a_command_that_is_there():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(UNIT)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "unbroken"
    assert CliRunner().invoke(app, [arguments[0], "--help"]).exit_code == 0
    for option in ("NoNewPrivileges", "DynamicUser", "ProtectHome"):
        assert unit["Service"][option] == "yes"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not here: the package systemd brings it")
    unit = tmp_path / "unbroken.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT))
    verdict = subprocess.run([analyse, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stderr
    assert "unbroken.service" not in verdict.stderr


def test_the_container_installs_extras_that_are_there_and_copies_files_that_are_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', CONTAINER)
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    copied = [name for line in re.findall(r"(?m)^COPY (?!--)(.*)$", CONTAINER) for name in line.split()[:-1]]
    kept = (ROOT / ".dockerignore").read_text().split()
    assert copied
    assert all((ROOT / name).exists() and f"!{name}" in kept for name in copied)


def test_the_container_is_not_root_and_asks_the_port_that_the_dashboard_has():
    assert re.findall(r"(?m)^USER (.*)$", CONTAINER) == ["10001:10001"]
    port = WebSettings().port
    assert f"http://127.0.0.1:{port}/healthz" in CONTAINER
    assert f"EXPOSE {port}" in CONTAINER
    assert f"{port}:{port}" in (ROOT / "deploy" / "compose.yaml").read_text()
