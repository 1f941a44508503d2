"""What systemd wants to know of a service: sd_notify(3), in a few lines of sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(*states: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell systemd `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=...`; whether anybody was told.

    Nothing happens, and nothing is raised, where no systemd has started this process or it does not listen.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.connect(address)
            told.sendall("\n".join(states).encode())
    except OSError:
        return False
    return True
