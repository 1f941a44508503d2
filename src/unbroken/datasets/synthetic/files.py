"""The truth as files: MOTChallenge, JSON Lines, calibration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.datasets.calibration import save_view
from unbroken.datasets.motchallenge import SequenceInfo, write_info
from unbroken.datasets.synthetic.cameras import Camera
from unbroken.datasets.synthetic.world import CameraTruth, World, truth_of
from unbroken.geometry.boxes import clipped, xywh_from_xyxy

BARELY = 0.2
"""Share of a figure below which it is no fair demand to find it: such rows are distractors, as in MOTChallenge."""
_PEDESTRIAN, _DISTRACTOR = 1, 8


def write_truth(world: World, folder: Path) -> None:
    """Write `truth.jsonl`, `calibration.json`; per camera `CAM/gt/gt.txt`, `CAM/seqinfo.ini`, `CAM.calibration.json`.

    `gt.txt` has `frame,id,x,y,w,h,considered,class,visibility`: whole figures cut at the picture's edges, ids the same
    in all cameras. People of whom less than a fifth is to be seen have class 8 (distractor) and are not considered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "truth.jsonl").open("w") as lines:
        for camera in world.cameras:
            truth = truth_of(world, camera.name)
            (folder / camera.name / "gt").mkdir(parents=True, exist_ok=True)
            (folder / camera.name / "gt" / "gt.txt").write_text(motchallenge(truth, camera.size))
            save_view(folder / f"{camera.name}.calibration.json", camera.ground_from_image, camera.size)
            write_info(folder / camera.name, _sequence(world, camera))
            lines.writelines(_json_lines(truth, world))
    (folder / "calibration.json").write_text(json.dumps(calibration(world), indent=1) + "\n")


def motchallenge(truth: CameraTruth, size: tuple[int, int]) -> str:
    """The rows of `gt.txt`, people in the order of their numbers, frames from 1."""
    boxes = xywh_from_xyxy(clipped(truth.boxes, size))
    lines = []
    for row in np.lexsort((truth.frames, truth.persons)):
        fair = truth.visibility[row] >= BARELY
        box = ",".join(f"{value:.2f}" for value in boxes[row])
        kind = f"1,{_PEDESTRIAN}" if fair else f"0,{_DISTRACTOR}"
        lines.append(f"{truth.frames[row] + 1},{truth.persons[row]},{box},{kind},{truth.visibility[row]:.3f}\n")
    return "".join(lines)


def calibration(world: World) -> dict[str, object]:
    """Name, hall, size, intrinsics, pose and homography (image foot point to floor, metres) of each camera."""
    return {
        "cameras": [
            {
                "name": camera.name,
                "area": camera.area,
                "size": list(camera.size),
                "intrinsics": _rounded(camera.intrinsics),
                "rotation": _rounded(camera.rotation),
                "position": _rounded(camera.position),
            }
            for camera in world.cameras
        ],
        "homography": [_rounded(camera.ground_from_image) for camera in world.cameras],
        "overlapping": [
            [first.name, second.name]
            for place, first in enumerate(world.cameras)
            for second in world.cameras[place + 1 :]
            if first.area == second.area
        ],
    }


def _rounded(values: Floats) -> list[object]:
    return [list(map(float, row)) if np.ndim(row) else float(row) for row in np.round(values, 12)]


def _sequence(world: World, camera: Camera) -> SequenceInfo:
    return SequenceInfo(camera.name, world.settings.rate, world.settings.frames, *camera.size)


def _json_lines(truth: CameraTruth, world: World) -> list[str]:
    times = world.walks.times
    return [
        json.dumps(
            {
                "camera": truth.camera,
                "frame": int(truth.frames[row]),
                "time": round(float(times[truth.frames[row]]), 4),
                "person": int(truth.persons[row]),
                "box": [round(float(value), 2) for value in truth.boxes[row]],
                "visible_box": [round(float(value), 2) for value in truth.visible[row]],
                "visibility": round(float(truth.visibility[row]), 3),
                "ground": [round(float(value), 3) for value in truth.ground[row]],
            }
        )
        + "\n"
        for row in range(len(truth.frames))
    ]
