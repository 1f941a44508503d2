"""The clocks of a site's cameras, from recorded boxes to the site file and back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from identity.ground.test_clocks import walks
from unbroken.app.clocks import find_clocks
from unbroken.app.track import track
from unbroken.cli.calibrate import calibrate
from unbroken.config.reading import checked, read_site
from unbroken.core.errors import ConfigError
from unbroken.core.events import ClockCorrected

RATE, SCALE = 10, 50.0


def site_of(folder: Path, ahead: dict[str, float], *, given: float = 0.0) -> Path:
    """Cameras straight above a floor, 50 pixels a metre, with everybody's boxes; `given` is the clock of `east`."""
    paths, random = walks(5, 24, 1), np.random.default_rng(0)
    lead = round(max(ahead.values()) * RATE)
    lines = ['[reid]\nmodel = "none"']
    for name, seconds in ahead.items():
        rows = []
        for frame in range(1, paths.shape[1] - lead + 1):
            feet = paths[:, frame - 1 + round(seconds * RATE)] * SCALE + random.normal(0, 2, (5, 2)) + 100
            rows += [f"{frame},-1,{x - 20:.2f},{y - 90:.2f},40,90,0.9" for x, y in feet]
        place = folder / name
        place.mkdir(parents=True)
        (place / "det.txt").write_text("\n".join(rows))
        count = paths.shape[1] - lead
        (place / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nframeRate={RATE}\nseqLength={count}\nimWidth=1100\nimHeight=1100\n"
        )
        homography = [[1 / SCALE, 0, -2], [0, 1 / SCALE, -2], [0, 0, 1]]
        (folder / f"{name}.json").write_text(json.dumps({"homography": homography, "size": [1100, 1100]}))
        clock = f"clock = {given}\n" if name == "east" else ""
        lines.append(f'[[cameras]]\nname = "{name}"\nsource = "{place}"\ncalibration = "{folder / name}.json"\n{clock}')
    (folder / "site.toml").write_text("\n".join(lines))
    return folder / "site.toml"


def test_a_clock_is_found_told_and_right_once_it_is_in_the_site_file(tmp_path: Path) -> None:
    off = site_of(tmp_path / "off", {"north": 0.0, "east": 2.0, "south": 0.0})
    said = CliRunner().invoke(calibrate, ["clocks", str(off)])
    assert said.exit_code == 0, said.output
    assert said.output.count("leave it") == 2
    clock = float(re.findall(r"clock = (\S+)", said.output)[0])
    assert clock == pytest.approx(2.0, abs=0.21)
    mended = site_of(tmp_path / "mended", {"north": 0.0, "east": 2.0, "south": 0.0}, given=clock)
    assert find_clocks(read_site(mended)) == {"north": 0.0, "east": 0.0, "south": 0.0}


def test_tracking_tells_of_the_clock_and_corrects_it(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"north": 0.0, "east": 2.0, "south": 0.0})
    told = [event for _, _, events in track(site) for event in events if isinstance(event, ClockCorrected)]
    assert {event.camera for event in told} == {"east"}
    assert told[-1].ahead == pytest.approx(2.0, abs=0.3)


def test_one_calibrated_camera_has_nothing_to_be_compared_with() -> None:
    settings = checked({"cameras": [{"name": "hall", "source": "hall.mp4", "calibration": "hall.json"}]}, "test")
    with pytest.raises(ConfigError, match="two that overlap"):
        find_clocks(settings)
