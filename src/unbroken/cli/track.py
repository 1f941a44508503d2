"""`unbroken track`: the main job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.app.track import Summary


def track(
    sources: list[str] = typer.Argument(
        None, help="Videos, folders of pictures, `rtsp://...`, webcams (`0`), MOTChallenge sequences; or a `site.toml`."
    ),
    output: Path = typer.Option(Path("unbroken-tracks"), "--output", "-o", help="The folder for results."),
    detections: Path | None = typer.Option(
        None, help="In place of sources: a tree of recorded boxes, `SEQ/det/det.txt`; writes `SEQ.txt` per sequence."
    ),
    detector: str = typer.Option("", help="`motion` (built in, fixed cameras; the default), a model or a file."),
    reid: str = typer.Option("", help="`colour` (built in; the default), `none`, a model or a file."),
    tracker: str = typer.Option("", help="unbroken (the default), sort, deepsort, bytetrack, ocsort, botsort."),
    identity: str = typer.Option("", help="calibrated (the default), fixed, none."),
    every: int | None = typer.Option(None, help="Run the detector on every n-th frame; the default is 1."),
    budget: float | None = typer.Option(
        None, help="Milliseconds of detection per frame and camera: when the detector runs follows from it, by need."
    ),
    score: float | None = typer.Option(None, help="Least score of a detection; the default is 0.1."),
    size: int | None = typer.Option(None, help="Pixels of the net's longer side, where it takes any size."),
    camera_motion: str = typer.Option("", help="none (the default), file (`gmc.txt`), auto (from the pictures)."),
    models: Path | None = typer.Option(None, envvar="UNBROKEN_MODELS", help="A folder with nets, searched first."),
    runtime: str = typer.Option("", help="auto (the default), onnxruntime, openvino, opencv."),
    device: str = typer.Option("", help="cpu (the default) or cuda."),
    threads: int | None = typer.Option(None, help="Threads per net; the default is 1."),
    video: bool = typer.Option(True, "--video/--no-video", help="Write annotated videos."),
    mosaic: bool = typer.Option(False, "--mosaic", help="Write one video of all cameras."),
    report: bool = typer.Option(True, "--report/--no-report", help="Write `report.html`."),
    pictures: bool = typer.Option(True, "--pictures/--no-pictures", help="Keep pictures of people in the report."),
    blur: bool = typer.Option(False, "--blur", help="Blur heads in all pictures that are kept."),
    record: Path | None = typer.Option(None, help="A folder for a recording that `unbroken replay` runs again."),
    record_pictures: bool = typer.Option(False, "--record-pictures", help="The recording keeps every picture."),
    seconds: float = typer.Option(0.0, min=0, help="Stop after so many seconds of video; 0 runs to the end."),
    web: bool = typer.Option(False, "--web", help="Show a live page on this machine while it runs."),
    port: int = typer.Option(0, min=0, max=65535, help="Of the live page; 0 takes a free one."),
) -> None:
    """Follow people through all cameras and give each one Global ID.

    Writes per camera `CAM.txt` (MOTChallenge, Global IDs), `CAM.local.txt` (the camera's own track ids) and
    `CAM.annotated.mp4`; for all cameras `tracks.jsonl`, `events.jsonl` and `report.html`. Ctrl-C ends a run early and
    leaves valid files. A live camera that goes away is told, and connected again; it runs until Ctrl-C or `--seconds`.

    With `--detections` there are no pictures: each sequence of a MOTChallenge tree is tracked on its own, and `SEQ.txt`
    holds its track ids. `--tracker`, `--score` and `--camera-motion` (none; file, `SEQ/gmc.txt`; auto, from the boxes)
    apply.

    Examples:
        unbroken track hall.mp4 door.mp4

        unbroken track videos/ --detector rtmdet_nano --reid person-reidentification-retail-0288

        unbroken track rtsp://10.0.0.7/live rtsp://10.0.0.8/live --every 3 --seconds 60

        unbroken track hall.mp4 --detector rtmdet_nano --budget 5

        unbroken track site.toml --output monday

        unbroken track hall.mp4 door.mp4 --record monday.recording

        unbroken track hall.mp4 door.mp4 --web

        unbroken track --detections MOT17/train --camera-motion file --output answers
    """
    from rich.console import Console

    from unbroken.app.outputs import Outputs
    from unbroken.app.track import track_site
    from unbroken.app.wishes import settings_from
    from unbroken.cli.progress import CameraNews, FrameProgress
    from unbroken.cli.watching import watched

    wishes: dict[str, str | int | float | None] = {
        "detector": detector,
        "every": every,
        "budget": budget,
        "size": size,
        "score": score,
        "reid": reid,
        "tracker": tracker,
        "camera_motion": camera_motion,
        "identity": identity,
        "models": str(models) if models else None,
        "runtime": runtime,
        "device": device,
        "threads": threads,
    }
    if detections is not None:
        follow_recorded(detections, output, sources or [], wishes)
        return
    settings = settings_from(sources or (), wishes)
    outputs = Outputs(
        output,
        videos=video,
        mosaic=mosaic,
        report=report,
        pictures=pictures,
        blur=blur,
        record=record,
        record_pictures=record_pictures,
    )
    console = Console()
    cameras = [camera.name for camera in settings.cameras]
    with watched(console, cameras, port if web else None) as sinks, FrameProgress(console) as progress:
        summary = track_site(settings, outputs, seconds, progress.begin, [*sinks, CameraNews(console)])
    tell(console, summary, output)


def follow_recorded(
    root: Path, output: Path, sources: Sequence[str], wishes: Mapping[str, str | int | float | None]
) -> None:
    """Track recorded boxes: `unbroken track --detections`.

    Raises:
        ConfigError: an option needs pictures, and here are none.
    """
    from rich.console import Console
    from rich.progress import track as with_progress

    from unbroken.app.recorded import LEAST_SCORE, RecordedJob, track_recorded
    from unbroken.core.errors import ConfigError
    from unbroken.tracking.registry import DEFAULT

    if sources:
        raise ConfigError(f"--detections is given beside {sources[0]}; give either recorded boxes or sources")
    given = {name: wish for name, wish in wishes.items() if wish is not None and wish != "" and name != "models"}
    unfit = sorted(given.keys() - {"tracker", "camera_motion", "score"})
    if unfit:
        raise ConfigError(f"--{unfit[0]} does not go with --detections, which runs without pictures; leave it out")
    job = RecordedJob(
        root,
        output,
        str(given.get("tracker", DEFAULT)),
        str(given.get("camera_motion", "none")),
        float(given.get("score", LEAST_SCORE)),
    )
    count, done = track_recorded(job)
    console = Console()
    rows = [rows for _, rows in with_progress(done, "tracking", total=count, console=console)]
    people = sum(len(set(tracks.ids.tolist())) for tracks in rows)
    boxes = sum(map(len, rows))
    noun = "sequence" if count == 1 else "sequences"
    console.print(f"{count} {noun}, {people} tracks, {boxes} boxes; results are in {output}", highlight=False)


def tell(console: Console, summary: Summary, folder: Path) -> None:
    """Say what was done, what broke, and where to look.

    Raises:
        typer.Exit: with a code other than 0 where a camera broke or the user stopped the run.
    """
    frames = sum(summary.frames.values())
    spent = sum(summary.seconds.values())
    console.print(
        f"{frames} frames of {len(summary.frames)} cameras, {len(summary.persons)} Global IDs", highlight=False
    )
    for part, description in summary.parts.items():
        console.print(f"{part}: {description}", highlight=False, soft_wrap=True)
    if spent:
        steps = ", ".join(f"{step} {1000 * seconds / frames:.1f}" for step, seconds in summary.seconds.items())
        console.print(f"milliseconds a frame: {steps}", highlight=False)
    for name, count in sorted(summary.work.items()):
        if count:
            console.print(f"  {name}: {count}", highlight=False)
    console.print(f"results are in {folder}", highlight=False, soft_wrap=True)
    for camera, reason in summary.failures.items():
        typer.echo(f"error: camera {camera}: {reason}", err=True)
    if summary.interrupted:
        typer.echo("interrupted: the results up to here are complete", err=True)
        raise typer.Exit(130)
    if summary.failures:
        raise typer.Exit(3)
