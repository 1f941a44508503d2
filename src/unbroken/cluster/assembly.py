"""What nodes have sent, put together again: what they saw at one moment is one batch, whoever was faster."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from unbroken.core.batches import Batch, Verdict
from unbroken.core.events import Event


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """Something that a node has sent.

    Attributes:
        number: that the node has given to it.
        came: seconds, when it was here.
        content: what was seen, or what happened beside it.
    """

    number: int
    came: float
    content: Batch | tuple[Event, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """What is to be decided at once.

    Attributes:
        batch: of all nodes; `None` where only events are to be told.
        events: that a node has told.
        parts: node, number of its parcel, and its cameras.
    """

    batch: Batch | None
    events: tuple[Event, ...]
    parts: tuple[tuple[str, int, frozenset[str]], ...]

    def share(self, verdict: Verdict, cameras: frozenset[str]) -> Verdict:
        """What one node is answered."""
        own = tuple(who for who in verdict.identities if who.camera in cameras)
        return Verdict(own, verdict.events)


class Assembly:
    """Waits for nodes that are expected, a little. No clock of its own, no thread: whoever asks says what time it is.

    A node is expected while it delivers. One for which the others have waited once in vain is not waited for any more,
    until it delivers again.

    Args:
        nodes: all that there are.
        cameras: in the order in which they are decided.
        wait: seconds that a batch waits for those of other nodes.
        moment: seconds that two batches may lie apart and still be one moment.
    """

    def __init__(self, nodes: Sequence[str], cameras: Sequence[str], wait: float, moment: float = 0.05) -> None:
        self._queues: dict[str, deque[Parcel]] = {node: deque() for node in nodes}
        self._expected = set(nodes)
        self._order = {camera: place for place, camera in enumerate(cameras)}
        self._wait, self._moment = wait, moment

    def lay(self, node: str, parcel: Parcel) -> None:
        """A node has sent something; from here on the others wait for it."""
        self._queues[node].append(parcel)
        self._expected.add(node)

    def count(self, node: str) -> int:
        """How much of a node waits."""
        return len(self._queues[node])

    def clear(self, node: str) -> None:
        """What waits of a node goes: it sends everything again."""
        self._queues[node].clear()

    def leave(self, node: str) -> None:
        """A node has said that it ends: nobody waits for it."""
        self._expected.discard(node)

    def due(self, now: float) -> float:
        """Seconds until `take` has something, if nothing else comes; infinity where nothing waits."""
        heads = [queue[0] for queue in self._queues.values() if queue]
        if not heads:
            return math.inf
        if self._complete() or any(not isinstance(head.content, Batch) for head in heads):
            return 0.0
        return max(min(head.came for head in heads) + self._wait - now, 0.0)

    def take(self, now: float) -> Joint | None:
        """The next that is to be decided; `None` while it is better to wait."""
        if self.due(now) > 0:
            return None
        heads: dict[str, tuple[Parcel, Batch]] = {}
        for node, queue in self._queues.items():
            if queue and not isinstance(queue[0].content, Batch):
                parcel = queue.popleft()
                events = () if isinstance(parcel.content, Batch) else parcel.content
                return Joint(None, events, ((node, parcel.number, frozenset()),))
            if queue and isinstance(queue[0].content, Batch):
                heads[node] = (queue[0], queue[0].content)
        self._expected &= heads.keys()
        first = min(batch.time for _, batch in heads.values())
        chosen = {node: head for node, head in heads.items() if head[1].time <= first + self._moment}
        for node in chosen:
            self._queues[node].popleft()
        return self._joined(chosen)

    def _joined(self, chosen: dict[str, tuple[Parcel, Batch]]) -> Joint:
        reports = [report for _, batch in chosen.values() for report in batch.reports]
        reports.sort(key=lambda report: self._order.get(report.sightings.camera, len(self._order)))
        time = max(batch.time for _, batch in chosen.values())
        parts = tuple(
            (node, parcel.number, frozenset(report.sightings.camera for report in batch.reports))
            for node, (parcel, batch) in chosen.items()
        )
        return Joint(Batch(time, tuple(reports)), (), parts)

    def _complete(self) -> bool:
        return all(self._queues[node] for node in self._expected)
