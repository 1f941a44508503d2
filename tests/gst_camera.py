"""GStreamer's RTSP server as a camera of the tests, run by the system's Python, whose GStreamer this one cannot import.

As a program it serves `rtsp://127.0.0.1:PORT/live`, prints its port, and obeys lines of its input: `ELEMENT PROPERTY
VALUE` sets a property of its chain while it sends.
"""

import contextlib
import subprocess
import sys
import threading

CHAIN = (
    "( videotestsrc name=picture is-live=true pattern=ball"
    " ! capsfilter name=shape caps=video/x-raw,width=160,height=120,framerate=10/1"
    " ! x264enc tune=zerolatency speed-preset=veryfast key-int-max=10 ! video/x-h264,profile=baseline"
    " ! valve name=valve ! rtph264pay name=pay0 pt=96 )"
)
PYTHON = "/usr/bin/python3"


def missing() -> str:
    """Why it cannot be used here; empty where it can."""
    look = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); "
    look += "assert all(map(Gst.ElementFactory.find, ('videotestsrc', 'x264enc', 'rtph264pay')))"
    try:
        done = subprocess.run([PYTHON, "-c", look], capture_output=True, timeout=60, check=False)
    except OSError:
        return f"there is no {PYTHON}"
    packages = "gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-base, -good, -bad and -ugly"
    return f"GStreamer's RTSP server is not installed: {packages}" if done.returncode else ""


class GstCamera:
    """The server in a process of its own. A context; `stop` kills it, `start` brings it back at the same port."""

    def __init__(self, credentials: str = ""):
        self.port = 0
        self._credentials = credentials
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self) -> None:
        command = [PYTHON, __file__, str(self.port), self._credentials]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def set(self, element: str, name: str, value: str) -> None:
        self._process.stdin.write(f"{element} {name} {value}\n")
        self._process.stdin.flush()


def serve(port: str, credentials: str) -> None:
    import gi

    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(CHAIN)
    factory.set_shared(True)
    chains = []
    factory.connect("media-configure", lambda _, media: chains.append(media.get_element()))
    if credentials:
        user, _, password = credentials.partition(":")
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", user)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
        factory.add_role_from_structure(
            Gst.Structure.new_from_string(
                f"{user}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            )[0]
        )
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()

    def obey() -> None:
        for line in sys.stdin:
            element, name, value = line.split(" ", 2)
            for chain in chains:
                found = chain.get_by_name(element)
                if found is not None:
                    Gst.util_set_object_arg(found, name, value.strip())
        loop.quit()

    threading.Thread(target=obey, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
