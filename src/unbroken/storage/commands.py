"""The queue of commands: what people ask of the one writer, from whatever process, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from unbroken.core.batches import Command, Forget, Merge, Reply, Request, Split, Swap, Undo
from unbroken.core.errors import StoreError
from unbroken.storage.columns import real, whole
from unbroken.storage.database import Database

WAITING, ERASING, DONE, REFUSED = "waiting", "erasing", "done", "refused"


def ask(database: Database, command: Command, who: str, time: float) -> int:
    """Put a command into the queue; returns the number that its reply will have.

    Args:
        database: opened to ask or to write.
        command: what is asked for.
        who: who asks, for the log.
        time: seconds since 1970.
    """
    return database.insert(
        "INSERT INTO commands (time, who, body, state, answer) VALUES (?, ?, ?, ?, ?)",
        (time, who, encoded(command), WAITING, ""),
    )


def waiting(database: Database) -> tuple[tuple[Request, ...], tuple[Reply, ...]]:
    """The requests that nobody has answered, oldest first, and replies to those that are none: they are refused."""
    rows = database.query("SELECT id, time, who, body FROM commands WHERE state = ? ORDER BY id", (WAITING,))
    requests, refused = [], []
    for number, time, who, body in rows:
        try:
            requests.append(Request(whole(number), real(time), str(who), decoded(str(body))))
        except StoreError as error:
            refused.append(Reply(whole(number), done=False, text=str(error)))
    return tuple(requests), tuple(refused)


def answer(database: Database, replies: Sequence[Reply]) -> None:
    """Write down what became of requests. A command's text goes: it names a person who may be forgotten.

    Who has asked for a person to be forgotten has to wait until the traces are erased: see `answer_withheld`.
    """
    for reply in replies:
        rows = database.query("SELECT body FROM commands WHERE id = ?", (reply.number,)) if reply.done else []
        erasing = bool(rows) and isinstance(decoded(str(rows[0][0])), Forget)
        state = ERASING if erasing else DONE if reply.done else REFUSED
        database.execute(
            "UPDATE commands SET state = ?, answer = ?, body = '' WHERE id = ?", (state, reply.text, reply.number)
        )


def answer_withheld(database: Database, proof: str, *, done: bool) -> None:
    """Give the replies to those who asked for people to be forgotten, with the proof, or with what is left of them."""
    state = DONE if done else REFUSED
    database.execute(
        "UPDATE commands SET state = ?, answer = answer || ' (' || ? || ')' WHERE state = ?", (state, proof, ERASING)
    )


def reply_to(database: Database, number: int) -> Reply | None:
    """What became of a request; `None` while it waits.

    Raises:
        StoreError: there is no such request.
    """
    rows = database.query("SELECT state, answer FROM commands WHERE id = ?", (number,))
    if not rows:
        raise StoreError(f"{database.name}: has no request {number}; it was withdrawn")
    state, text = rows[0]
    return None if state in (WAITING, ERASING) else Reply(number, state == DONE, str(text))


def withdraw(database: Database, number: int) -> bool:
    """Take a request back; false where it has been answered meanwhile."""
    return database.execute("DELETE FROM commands WHERE id = ? AND state = ?", (number, WAITING)) > 0


def encoded(command: Command) -> str:
    """A command as JSON."""
    fields = {name: getattr(command, name) for name in command.__slots__}
    return json.dumps({"command": type(command).__name__.lower(), **fields}, separators=(",", ":"))


def decoded(text: str) -> Command:
    """A command from JSON.

    Raises:
        StoreError: it is none.
    """
    try:
        fields = json.loads(text)
        kind = fields["command"]
        if kind == "split":
            return Split(whole(fields["person"]), tuple(_track(track) for track in fields["tracks"]))
        if kind == "swap":
            return Swap(_track(fields["first"]), _track(fields["second"]))
        if kind == "merge":
            return Merge(whole(fields["person"]), whole(fields["absorbed"]))
        if kind == "undo":
            return Undo(whole(fields["person"]))
        if kind == "forget":
            return Forget(whole(fields["person"]), str(fields["reason"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, StoreError) as error:
        raise StoreError(f"the queue of commands holds {text[:80]!r}, which is no command; ask anew") from error
    raise StoreError(f"the queue of commands holds {text[:80]!r}, which is no command; ask anew")


def _track(value: Sequence[object]) -> tuple[str, int]:
    camera, number = value
    return str(camera), whole(number)
