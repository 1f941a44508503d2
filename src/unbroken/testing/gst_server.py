"""GStreamer's RTSP server over H.264 files, as a program of the system's Python, whose GStreamer others cannot import.

`/usr/bin/python3 gst_server.py FILE...` serves `rtsp://127.0.0.1:PORT/0`, `/1` and so on, each from its beginning when
the first client plays it and at the pace of its stamps, and prints the port.
"""

from __future__ import annotations

import sys


def serve(files: list[str]) -> None:
    """Serve until the input ends."""
    import gi

    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    for number, file in enumerate(files):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            f"( filesrc location={file} ! qtdemux ! h264parse config-interval=-1"
            " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )
        factory.set_shared(True)
        server.get_mount_points().add_factory(f"/{number}", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()
    channel = GLib.IOChannel.unix_new(sys.stdin.fileno())
    GLib.io_add_watch(
        channel, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, lambda *_: loop.quit()
    )
    loop.run()


if __name__ == "__main__":
    serve(sys.argv[1:])
