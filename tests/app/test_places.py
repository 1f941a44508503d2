"""Zones and lines of a site file, in a run over recorded boxes and in one that reloads its settings."""

import json

from unbroken.app.outputs import Outputs
from unbroken.app.places import lines_of, places_of, zones_of
from unbroken.app.track import track_site
from unbroken.config.reading import read_site

SITE = """
[[cameras]]
name = "door"
source = "door"
[detection]
model = "motion"
[reid]
model = "none"
[identity]
policy = "none"
[[zones]]
name = "hall"
camera = "door"
polygon = [[200, 0], [400, 0], [400, 480], [200, 480]]
stay = 0.2
[[lines]]
name = "gate"
camera = "door"
start = [300, 480]
end = [300, 0]
"""


def recorded(folder, frames=60):
    """One person who walks from left to right through the picture, as recorded boxes."""
    place = folder / "door" / "det"
    place.mkdir(parents=True)
    rows = [f"{frame},-1,{10 * frame - 20},200,40,120,0.9,-1,-1,-1" for frame in range(1, frames + 1)]
    (place / "det.txt").write_text("\n".join(rows) + "\n")
    (folder / "door" / "seqinfo.ini").write_text(
        f"[Sequence]\nname=door\nimDir=img1\nframeRate=10\nseqLength={frames}\nimWidth=640\nimHeight=480\nimExt=.jpg\n"
    )


def test_a_run_tells_entries_exits_and_crossings(tmp_path):
    recorded(tmp_path)
    (tmp_path / "site.toml").write_text(SITE)
    settings = read_site(tmp_path / "site.toml")
    track_site(settings, Outputs(tmp_path / "out", videos=False, report=False))
    events = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    told = {event["type"]: event for event in events}
    assert (told["zone_entered"]["zone"], told["zone_left"]["reason"]) == ("hall", "left")
    assert 1.5 < told["zone_left"]["dwell"] < 2.5
    assert (told["line_crossed"]["line"], told["line_crossed"]["direction"]) == ("gate", "in")
    assert [event["type"] for event in events].count("zone_entered") == 1
    assert told["zone_entered"]["at"] is None


def test_settings_become_zones_and_lines_with_their_bounds(tmp_path):
    (tmp_path / "site.toml").write_text(SITE)
    settings = read_site(tmp_path / "site.toml")
    zone, line = zones_of(settings)[0], lines_of(settings)[0]
    assert (zone.name, zone.camera, zone.polygon.shape, zone.stay) == ("hall", "door", (4, 2), 0.2)
    assert (line.name, line.camera, line.ends.tolist()) == ("gate", "door", [[300, 480], [300, 0]])
    places = places_of(settings, {})
    assert places.change(zones_of(settings), lines_of(settings)) == []
    assert places.occupants == {"hall": frozenset()}
