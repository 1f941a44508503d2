"""The synthetic world keeps the rules of the real one."""

from itertools import pairwise

import numpy as np
import pytest

from unbroken.core.errors import ConfigError
from unbroken.datasets.synthetic import World, WorldSettings, make_world, truth_of
from unbroken.datasets.synthetic.plans import CORRIDOR, OUTSIDE


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(WorldSettings(cameras=4, people=24, seconds=60.0, arrivals=8.0), np.random.default_rng(3))


def crossings(starts, ends, wall):
    """Which of the steps cross a wall segment: an orientation test that knows nothing of areas and doors."""
    a, b = wall[:2], wall[2:]

    def side(p, q, r):
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])

    return (side(starts, ends, a) * side(starts, ends, b) < 0) & (side(a, b, starts) * side(a, b, ends) < 0)


def test_the_same_seed_gives_the_same_world_to_the_bit():
    settings = WorldSettings(people=5, seconds=6.0)
    one, two, other = (make_world(settings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.people == two.people
    assert one.plan == two.plan
    for name in ("positions", "headings", "phases", "swings", "areas"):
        assert getattr(one.walks, name).tobytes() == getattr(two.walks, name).tobytes()
    for camera in one.cameras:
        assert truth_of(one, camera.name).boxes.tobytes() == truth_of(two, camera.name).boxes.tobytes()
    assert one.walks.positions.tobytes() != other.walks.positions.tobytes()


def test_nobody_walks_through_a_wall(world):
    positions = world.walks.positions
    steps = [crossings(positions[:-1], positions[1:], wall) for wall in world.plan.walls()]
    assert not np.any(steps)


def test_nobody_stands_in_furniture(world):
    for item in world.plan.furniture:
        assert not item.base.grown(0.1).holds(world.walks.positions).any(), item


def test_people_change_areas_only_through_doors(world):
    doors = {frozenset((door.first, door.second)) for door in world.plan.doors}
    areas = world.walks.areas
    for person in range(areas.shape[1]):
        for before, after in pairwise(areas[:, person]):
            assert before == after or frozenset((int(before), int(after))) in doors


def test_nobody_moves_faster_than_people_do(world):
    steps = np.diff(world.walks.positions, axis=0)
    speeds = np.hypot(steps[..., 0], steps[..., 1]) * world.settings.rate
    assert np.nanmax(speeds) < 3.0
    assert np.nanmedian(speeds[speeds > 0.3]) == pytest.approx(1.25, abs=0.25)


def test_people_keep_to_their_own_space(world):
    positions = world.walks.positions
    gaps = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    rows, columns = np.triu_indices(gaps.shape[1], 1)
    near = gaps[:, rows, columns]
    assert np.nanmean(near[np.isfinite(near)] < 0.2) < 0.002


def test_cameras_of_one_hall_see_the_same_people_at_the_same_time_and_others_never(world):
    seen = {camera.name: truth_of(world, camera.name) for camera in world.cameras}
    together = dict.fromkeys([(a, b) for a in seen for b in seen if a < b], 0)
    for first, second in together:
        one, two = ({*zip(seen[n].frames.tolist(), seen[n].persons.tolist(), strict=True)} for n in (first, second))
        together[first, second] = len(one & two)
    for (first, second), count in together.items():
        assert (count > 100) == world.overlapping(first, second), (first, second, count)


def test_nobody_is_in_two_places(world):
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        assert len({*zip(truth.frames.tolist(), truth.persons.tolist(), strict=True)}) == len(truth.frames)


def test_two_calibrated_cameras_put_a_person_on_the_same_spot(world):
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        pixels, _ = camera.project(np.column_stack([truth.ground, np.zeros(len(truth.ground))]))
        mapped = np.column_stack([pixels, np.ones(len(pixels))]) @ camera.ground_from_image.T
        assert mapped[:, :2] / mapped[:, 2:] == pytest.approx(truth.ground, abs=1e-6)


def test_feet_lie_at_the_lower_edge_of_the_box(world):
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        far = truth.distances > 5.5
        feet, _ = camera.project(np.column_stack([truth.ground, np.zeros(len(truth.ground))]))
        height = truth.boxes[:, 3] - truth.boxes[:, 1]
        assert (np.abs(feet[far, 1] - truth.boxes[far, 3]) < 0.2 * height[far]).all()
        inside = (feet[:, 0] > truth.boxes[:, 0]) & (feet[:, 0] < truth.boxes[:, 2])
        assert inside[far].all()


def test_visible_parts_lie_in_whole_boxes_and_in_the_picture(world):
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        some = truth.visibility > 0
        assert (truth.visible[some, :2] >= np.maximum(truth.boxes[some, :2], 0) - 1e-9).all()
        assert (truth.visible[some, 2:] <= truth.boxes[some, 2:] + 1e-9).all()
        assert truth.visible[:, 2].max() <= camera.size[0]
        assert truth.visibility.min() >= 0
        assert truth.visibility.max() <= 1 + 1e-12
    assert any((truth_of(world, camera.name).visibility < 0.5).any() for camera in world.cameras)


def test_layouts_give_overlapping_and_separate_pairs():
    def pairs(layout: str, cameras: int) -> list[bool]:
        world = make_world(WorldSettings(cameras, 1, 0.1, layout=layout), np.random.default_rng(0))
        names = [camera.name for camera in world.cameras]
        return [world.overlapping(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]

    assert sorted(pairs("mixed", 3)) == [False, False, True]
    assert all(pairs("overlapping", 4))
    assert not any(pairs("separate", 4))


def test_people_leave_the_building_and_come_back(world):
    areas = world.walks.areas
    assert (areas == OUTSIDE).any()
    assert (areas == CORRIDOR).any()
    long = make_world(WorldSettings(1, 6, 600.0, rate=2.0), np.random.default_rng(0)).walks.areas
    gone = (long == OUTSIDE).astype(int)
    assert (np.diff(gone, axis=0) == 1).any()
    assert (np.diff(gone, axis=0) == -1).sum() > 6


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"cameras": 0}, "cameras of the synthetic world is 0"),
        ({"layout": "round"}, "choose one of mixed"),
        ({"size": (10, 10)}, "at least 64 x 64"),
        ({"pause": (5.0, 1.0)}, "shortest and the longest"),
    ],
)
def test_settings_that_make_no_world_are_refused_in_one_sentence(setting, sentence):
    with pytest.raises(ConfigError, match=sentence):
        WorldSettings(**setting)
