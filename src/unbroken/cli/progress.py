"""A progress bar over the frames of all cameras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from unbroken.core.events import CameraLost, CameraOnline, CameraStalled, ClockCorrected, Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Source
from unbroken.core.results import FrameResult


class FrameProgress:
    """Shows frames done, people so far and the time that is left. Use it as a context."""

    def __init__(self, console: Console) -> None:
        self._persons: set[int] = set()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[people]} people"),
            TimeRemainingColumn(),
            console=console,
        )

    def __enter__(self) -> FrameProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, sources: Sequence[Source]) -> Callable[[FrameResult], None]:
        """Start the bar for these sources; what is returned wants to be told of every result."""
        counts = [source.frame_count for source in sources]
        total = sum(counts) if all(counts) else None
        noun = "camera" if len(sources) == 1 else "cameras"
        self._task = self._progress.add_task(f"tracking {len(sources)} {noun}", total=total, people=0)
        return self._note

    def _note(self, result: FrameResult) -> None:
        self._persons.update(int(person) for person in result.identities.persons if person > 0)
        self._progress.update(self._task, advance=1, people=len(self._persons))


class CameraNews:
    """A sink that says on a console what becomes of cameras while they are tracked: gone, back, their clocks off."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._away: set[str] = set()

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Say what went with a picture."""
        self.hear(events)

    def hear(self, events: Sequence[Event]) -> None:
        """Say what went with none."""
        for event in events:
            if isinstance(event, (CameraLost, CameraStalled)):
                self._away.add(event.camera)
                self._say(f"camera {event.camera}: {event.reason}")
            elif isinstance(event, CameraOnline) and event.camera in self._away:
                self._away.remove(event.camera)
                self._say(f"camera {event.camera}: is back")
            elif isinstance(event, ClockCorrected):
                self._say(f"camera {event.camera}: {event.reason}")

    def close(self) -> None:
        """Nothing is held."""

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class FilmProgress:
    """Shows how much of the demo's films is painted. Use it as a context."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        )
        self._task: TaskID | None = None

    def __enter__(self) -> FilmProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def note(self, done: int, total: int) -> None:
        """So many pictures are painted."""
        if self._task is None:
            self._task = self._progress.add_task("filming the world", total=total)
        self._progress.update(self._task, completed=done)
        if done == total:
            self._progress.stop()
