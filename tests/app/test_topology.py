"""What a site file says of ways and memory reaches the identity manager."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from unbroken.app.identify import identify
from unbroken.app.tables import TrackTable, placed
from unbroken.app.topology import manager_of, options_of, topology_of
from unbroken.cli.main import app
from unbroken.config.reading import read_site
from unbroken.core.errors import ConfigError
from unbroken.identity.fixed import FixedManager
from unbroken.identity.looks.densities import DensitySettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.whereabouts.topology import Topology

SITE = """
[[cameras]]
name = "hall"
source = "hall.mp4"
calibration = "hall.json"

[[cameras]]
name = "yard"
source = "yard.mp4"

[topology]
apart = [["hall", "yard"]]

[[topology.links]]
cameras = ["hall", "yard"]
fastest = 20
usual = 60

[storage]
people = 50
days = 2
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "hall.json").write_text('{"homography": [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 1]]}')
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def test_links_hold_in_both_directions(site: Path) -> None:
    topology = topology_of(read_site(site).topology)
    assert topology.fastest == {("hall", "yard"): 20.0, ("yard", "hall"): 20.0}
    assert topology.usual == {("hall", "yard"): 60.0, ("yard", "hall"): 60.0}
    assert topology.apart == {frozenset(("hall", "yard"))}


def test_the_usual_time_is_expected_before_anybody_has_gone_the_way(site: Path) -> None:
    topology = Topology(topology_of(read_site(site).topology))
    here, there = np.array([topology.number("hall")]), np.array([topology.number("yard")])
    said = {gap: float(topology.log_intensity(here, there, np.array([gap]))[0]) for gap in (10.0, 60.0, 300.0)}
    assert said[10.0] == -np.inf
    assert said[60.0] > said[300.0] + 2


def test_what_is_kept_is_what_the_site_says_and_options_win(site: Path) -> None:
    settings = read_site(site)
    gallery = options_of(settings)["gallery"]
    assert (gallery.capacity, gallery.lifetime) == (50, 2 * 86400.0)  # type: ignore[attr-defined]
    manager, views = manager_of(site)
    assert isinstance(manager, CalibratedManager)
    assert manager.settings.topology.fastest["yard", "hall"] == 20.0
    assert list(views) == ["hall"]


def test_another_policy_than_the_sites(site: Path) -> None:
    assert isinstance(manager_of(site, "fixed")[0], FixedManager)
    with pytest.raises(ConfigError, match="identity policy 'guess' is not known"):
        manager_of(site, "guess")


def test_boxes_become_ground_points_where_a_camera_is_calibrated(site: Path) -> None:
    boxes = np.array([[80.0, 0, 120, 300], [80, 0, 120, 300]])
    nothing = np.zeros((2, 0), dtype=np.float32)
    table = TrackTable(np.array(["hall", "yard"]), np.array([1, 1]), np.array([0.0, 1.0]), nothing, boxes)
    ground = placed(table, manager_of(site)[1]).ground
    assert ground[0] == pytest.approx([1.0, 3.0])
    assert np.isnan(ground[1]).all()


def test_identify_does_not_link_what_the_site_forbids(site: Path) -> None:
    look = np.eye(8, dtype=np.float32)[[0, 0]]
    table = TrackTable(np.array(["hall", "yard"]), np.array([1, 1]), np.array([0.0, 5.0]), look)
    free, bound = identify(table, CalibratedManager()), identify(table, manager_of(site)[0])
    assert free.final[0] == free.final[1]
    assert bound.final[0] != bound.final[1]


def test_the_command_takes_a_site(site: Path, tmp_path: Path) -> None:
    file, answer = tmp_path / "tracks.npz", tmp_path / "ids.npz"
    look = np.eye(8, dtype=np.float32)[[0, 0]]
    boxes = np.array([[80.0, 0, 120, 300], [np.nan] * 4])
    np.savez(file, camera=["hall", "yard"], track=[1, 1], time=[0.0, 5.0], features=look, box=boxes)
    result = CliRunner().invoke(app, ["identify", str(file), "--site", str(site), "--output", str(answer)])
    assert result.exit_code == 0, result.output
    assert "2 people" in result.output
    assert len(set(np.load(answer)["final"].tolist())) == 2


def test_the_card_of_the_net_says_where_the_calibration_of_looks_begins(site: Path, tmp_path: Path) -> None:
    card = '[{}]\ntask = "reid"\nfiles = ["x.onnx"]\n{}input = {{ width = 128, height = 256 }}\n'
    (tmp_path / "ours.card.toml").write_text(card.format("ours", "separation = 2.25\n"))
    (tmp_path / "other.card.toml").write_text(card.format("other", ""))
    known = {name: site.with_name(f"{name}.toml") for name in ("ours", "other")}
    for name, path in known.items():
        path.write_text(f'[reid]\nmodel = "{name}"\n[runtime]\nmodels = "{tmp_path}"\n{SITE}')
    separations = {name: manager_of(path)[0].settings.calibration.densities.separation for name, path in known.items()}
    assert separations == {"ours": 2.25, "other": DensitySettings().separation}
