"""What systemd is told, by a real socket such as it listens at."""

import socket

from unbroken.app.systemd import notify


def test_states_reach_the_socket_that_the_environment_names(tmp_path):
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        assert notify("READY=1", "STATUS=4 cameras", environment={"NOTIFY_SOCKET": str(address)})
        assert systemd.recv(1000) == b"READY=1\nSTATUS=4 cameras"


def test_an_abstract_address_is_one_too():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("")
        name = systemd.getsockname()
        assert notify("WATCHDOG=1", environment={"NOTIFY_SOCKET": "@" + name[1:].decode()})
        assert systemd.recv(1000) == b"WATCHDOG=1"


def test_where_nobody_listens_nothing_happens(tmp_path):
    assert not notify("READY=1", environment={})
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": str(tmp_path / "gone")})
