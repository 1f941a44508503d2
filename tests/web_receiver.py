"""A real HTTP server that takes posts and misbehaves as it is told to."""

import http.server
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """What came, and what is answered next: a status, `hang`, `trickle`, `cut` or `silent close`; 204 by itself."""

    answers: list = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def bodies(self):
        return [body for _, body in self.got]


@contextmanager
def receiving(port=0, certificates=None):
    """A server on this machine, until the block ends; with certificates over HTTPS."""
    receiver = Receiver()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(receiver))
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.url = f"{'https' if certificates else 'http'}://127.0.0.1:{server.server_port}/events?key=1"
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _handler(receiver):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = receiver.answers.pop(0) if receiver.answers else 204
            if answer == "hang":
                receiver.released.wait(30)
                self.close_connection = True
                return
            if answer == "cut":
                self.close_connection = True
                return
            if answer == "trickle":
                self._trickle()
                return
            if answer == 204 or answer == "silent close":
                receiver.got.append((dict(self.headers), body))
            self.send_response(204 if answer == "silent close" else answer)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = self.close_connection or answer == "silent close"

        def _trickle(self):
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not receiver.released.wait(0.02):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *args):
            pass

    return Handler
