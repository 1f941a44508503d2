"""A real RTSP camera on the loopback interface whose faults can be switched on and off while it sends.

It loops a video's H.264 packets as RTP (RFC 6184) over TCP (interleaved, RFC 2326) or UDP.
"""

import base64
import contextlib
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import av

LONGEST_PAYLOAD = 1398
CLOCK = 90_000
HIGH_BYTE = 0xFF


@dataclass
class Faults:
    """What is wrong with the camera just now.

    Attributes:
        frozen: the connection stays open and nothing is sent.
        lost: share of packets that are not sent.
        damaged: share of packets with some bytes changed.
        slowness: how many times slower than real time it sends.
        refusals: how many connections are still refused.
    """

    frozen: bool = False
    lost: float = 0.0
    damaged: float = 0.0
    slowness: float = 1.0
    refusals: int = 0


@dataclass
class Packet:
    """One coded picture."""

    time: float
    units: list[bytes]


def read_packets(path: Path) -> tuple[list[Packet], bytes, bytes]:
    """The coded pictures of an H.264 file, with its sequence and picture parameter sets."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        sequence, picture = _parameter_sets(bytes(stream.codec_context.extradata))
        packets = []
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            units = _split(bytes(packet))
            if packet.is_keyframe:
                units = [sequence, picture, *units]
            packets.append(Packet(float(packet.pts * stream.time_base), units))
    return packets, sequence, picture


def _parameter_sets(extradata: bytes) -> tuple[bytes, bytes]:
    """The first SPS and PPS of an `avcC` box."""
    found, place = [], 6
    for _ in range(2):
        length = int.from_bytes(extradata[place : place + 2], "big")
        found.append(extradata[place + 2 : place + 2 + length])
        place += length + 3
    return found[0], found[1]


def _split(data: bytes) -> list[bytes]:
    """NAL units from four-byte lengths."""
    units, place = [], 0
    while place + 4 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        units.append(data[place + 4 : place + 4 + length])
        place += 4 + length
    return units


def payloads(unit: bytes) -> list[bytes]:
    """A NAL unit as RTP payloads: whole where it fits, else in fragments of type FU-A."""
    if len(unit) <= LONGEST_PAYLOAD:
        return [unit]
    pieces = [unit[start : start + LONGEST_PAYLOAD] for start in range(1, len(unit), LONGEST_PAYLOAD)]
    indicator = (unit[0] & 0xE0) | 28
    heads = [bytes([indicator, unit[0] & 0x1F]) for _ in pieces]
    heads[0] = bytes([indicator, 0x80 | unit[0] & 0x1F])
    heads[-1] = bytes([indicator, 0x40 | unit[0] & 0x1F])
    return [head + piece for head, piece in zip(heads, pieces, strict=True)]


@dataclass
class RtspCamera:
    """A camera at `rtsp://127.0.0.1:PORT/live`. Use it as a context, or `start` and `stop` it like a power switch."""

    path: Path
    port: int = 0
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self._packets, self._sequence, self._picture = read_packets(self.path)
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def __enter__(self) -> "RtspCamera":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """As if the power was cut: every connection is reset. May be called twice."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if self.faults.refusals > 0:
                self.faults.refusals -= 1
                connection.close()
                continue
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        session = _Session(connection)
        try:
            while (request := session.request()) is not None:
                method, url, headers = request
                session.reply(headers, *self._answer(session, method, url, headers))
                if method == "PLAY":
                    threading.Thread(target=self._send, args=(session,), daemon=True).start()
                if method == "TEARDOWN":
                    return
        except OSError:
            pass
        finally:
            self._connections.discard(connection)
            connection.close()

    def _answer(self, session: "_Session", method: str, url: str, headers: dict[str, str]) -> tuple[str, str]:
        if method == "OPTIONS":
            return "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n", ""
        if method == "DESCRIBE":
            return f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\n", self._description()
        if method == "SETUP":
            return f"Session: 1;timeout=60\r\nTransport: {session.transport(headers['transport'])}\r\n", ""
        return "Session: 1\r\n", ""

    def _description(self) -> str:
        sets = ",".join(base64.b64encode(part).decode() for part in (self._sequence, self._picture))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/{CLOCK}\r\n"
            f"a=fmtp:96 packetization-mode=1;profile-level-id={self._sequence[1:4].hex()};"
            f"sprop-parameter-sets={sets}\r\n"
            "a=control:track0\r\n"
        )

    def _send(self, session: "_Session") -> None:
        """Send the packets again and again, at the pace of their times."""
        step = self._packets[1].time - self._packets[0].time
        duration = self._packets[-1].time - self._packets[0].time + step
        chance, number, due, loop = random.Random(1), 0, time.monotonic(), 0
        try:
            while True:
                for packet in self._packets:
                    due += step * self.faults.slowness
                    time.sleep(max(due - time.monotonic(), 0))
                    while self.faults.frozen:
                        time.sleep(0.02)
                        due = time.monotonic()
                    stamp = int((packet.time + loop * duration) * CLOCK) & 0xFFFFFFFF
                    parts = [part for unit in packet.units for part in payloads(unit)]
                    for place, part in enumerate(parts):
                        number = (number + 1) & 0xFFFF
                        mark = 0x80 if place == len(parts) - 1 else 0
                        head = struct.pack(">BBHII", 0x80, mark | 96, number, stamp, 7)
                        if chance.random() >= self.faults.lost:
                            session.send(head + self._spoilt(part, chance))
                loop += 1
        except OSError:
            return

    def _spoilt(self, part: bytes, chance: random.Random) -> bytes:
        if len(part) < 60 or chance.random() >= self.faults.damaged:
            return part
        spoilt = bytearray(part)
        for place in range(20, 40):
            spoilt[place] ^= chance.randrange(1, HIGH_BYTE)
        return bytes(spoilt)


class _Session:
    """One client: requests in, replies and RTP packets out."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._buffer = b""
        self._datagrams: tuple[socket.socket, tuple[str, int]] | None = None

    def request(self) -> tuple[str, str, dict[str, str]] | None:
        while b"\r\n\r\n" not in self._buffer:
            if self._buffer[:1] == b"$" and len(self._buffer) >= 4:
                length = 4 + int.from_bytes(self._buffer[2:4], "big")
                if len(self._buffer) >= length:
                    self._buffer = self._buffer[length:]
                    continue
            data = self._connection.recv(4096)
            if not data:
                return None
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        lines = text.decode().split("\r\n")
        method, url, _ = lines[0].split()
        headers = {key.lower(): value.strip() for key, value in (line.split(":", 1) for line in lines[1:])}
        self._buffer = self._buffer[int(headers.get("content-length", 0)) :]
        return method, url, headers

    def reply(self, headers: dict[str, str], extra: str, body: str) -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        text = f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}{length}\r\n{body}"
        with self._lock:
            self._connection.sendall(text.encode())

    def transport(self, wanted: str) -> str:
        if "TCP" in wanted:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        port = int(wanted.split("client_port=")[1].split("-")[0].split(";")[0])
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind(("127.0.0.1", 0))
        self._datagrams = (sender, ("127.0.0.1", port))
        own = sender.getsockname()[1]
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{own + 1}"

    def send(self, packet: bytes) -> None:
        if self._datagrams is not None:
            self._datagrams[0].sendto(packet, self._datagrams[1])
            return
        with self._lock:
            self._connection.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
