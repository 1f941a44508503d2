"""GStreamer's RTSP server as a camera of tests, run by the system's Python, whose GStreamer ours cannot import.

As a program, which needs nothing of this project, it serves `rtsp://127.0.0.1:PORT/live`, prints its port, and obeys
lines of its input: `ELEMENT PROPERTY VALUE` sets a property of its chain while it sends.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading

_CHAIN = (
    "( videotestsrc name=picture is-live=true pattern=ball"
    " ! capsfilter name=shape caps=video/x-raw,width=160,height=120,framerate=10/1,format=I420"
    " ! {} name=pay0 )"
)
_CODINGS = {
    "h264": "x264enc tune=zerolatency speed-preset=veryfast key-int-max=10 ! video/x-h264,profile=baseline"
    " ! valve name=valve ! rtph264pay pt=96",
    "jpeg": "jpegenc ! valve name=valve ! rtpjpegpay pt=26",
}
_PYTHON = "/usr/bin/python3"


def missing() -> str:
    """Why it cannot be used here; empty where it can."""
    look = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); "
    look += "assert all(map(Gst.ElementFactory.find, ('videotestsrc', 'x264enc', 'rtph264pay')))"
    try:
        done = subprocess.run([_PYTHON, "-c", look], capture_output=True, timeout=60, check=False)
    except OSError:
        return f"there is no {_PYTHON}"
    packages = "gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-base, -good, -bad and -ugly"
    return f"GStreamer's RTSP server is not installed: {packages}" if done.returncode else ""


class GstCamera:
    """The server in a process of its own. A context; `stop` kills it, `start` brings it back at the same port.

    Its chain has the elements `picture` (videotestsrc: `pattern`), `shape` (capsfilter: `caps`) and `valve` (`drop`).

    Args:
        credentials: `user:password` that it wants; empty: none.
        coding: "h264" or "jpeg".
    """

    def __init__(self, credentials: str = "", coding: str = "h264") -> None:
        self.port = 0
        self._coding = coding
        self._credentials = credentials
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """Where its stream is."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    def __enter__(self) -> GstCamera:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.stop()

    def start(self) -> None:
        """Serve; the port is known when this returns."""
        command = [_PYTHON, __file__, str(self.port), self._coding, self._credentials]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if self._process.stdout is not None:
            self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """Kill the process. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def set(self, element: str, name: str, value: str) -> None:
        """Set a property of an element of the chain while it sends."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{element} {name} {value}\n")
            self._process.stdin.flush()


def serve(port: str, coding: str, credentials: str) -> None:
    """Serve until the input ends: what the process does."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(_CHAIN.format(_CODINGS[coding]))
    factory.set_shared(True)
    chains = []
    factory.connect("media-configure", lambda _, media: chains.append(media.get_element()))
    if credentials:
        user, _, password = credentials.partition(":")
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", user)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
        rights = f"{user}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(rights))
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()

    def obey() -> None:
        for line in sys.stdin:
            element, name, value = line.split(" ", 2)
            for found in filter(None, (chain.get_by_name(element) for chain in chains)):
                Gst.util_set_object_arg(found, name, value.strip())
        loop.quit()

    threading.Thread(target=obey, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
