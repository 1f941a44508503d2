"""A real web server and a real proxy on this machine, whose faults tests can switch."""

import contextlib
import http.server
import re
import socket
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """What a server serves and how it misbehaves."""

    files: dict[str, bytes]
    breaks: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers breaks off."""
    ranges: bool = True
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of each request so far."""
    url: str = ""


@contextmanager
def serving(site):
    """Serve until the block ends; `site.url` is the address."""
    with _running(_handler(site)) as port:
        site.url = f"http://127.0.0.1:{port}"
        yield site


@contextmanager
def proxying(seen):
    """A forwarding proxy that notes the addresses it is asked for; yields its own address."""

    class Proxy(_Quiet):
        def do_GET(self):
            seen.append(self.path)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(self.path) as answer:
                body = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with _running(Proxy) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def wire(port):
    """A wire to a port of this machine, and the event that lets bytes through: cleared, nothing moves and nothing ends.

    Yields the wire's own port and the event.
    """
    flowing, ends = threading.Event(), []
    flowing.set()

    def carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                flowing.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                ends.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1], flowing
        finally:
            flowing.set()
            for end in (listener, *ends):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


def unused_port():
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class _Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


def _handler(site):
    class Handler(_Quiet):
        def do_GET(self):
            asked = self.headers.get("Range", "")
            site.requests.append((self.path, asked))
            if self.path not in site.files:
                self.send_error(404)
                return
            body = site.files[self.path]
            start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and site.ranges else 0
            if start and start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            count = site.breaks.pop(0) if site.breaks else len(body)
            self.wfile.write(body[start : start + count])

    return Handler


@contextmanager
def _running(handler):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
