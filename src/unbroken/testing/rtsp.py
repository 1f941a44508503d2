"""A real RTSP camera on the loopback interface whose faults are switched on and off while it sends.

It sends H.264 as RTP (RFC 3550, RFC 6184) over TCP (interleaved, RFC 2326) or UDP, at the pace of a clip's times and
for ever, with sender reports. It serves the tests, the benchmarks and whoever wants to see how a site takes a fault.
"""

from __future__ import annotations

import base64
import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unbroken.core.arrays import Image
from unbroken.core.errors import SourceError

USUAL = "usual"
"""The scene that a camera shows unless told otherwise."""

_LONGEST_PAYLOAD = 1398
_STAMPS = 90_000
_SOURCE = 7
_FRAGMENT = 28
_HIGH_BYTE = 0xFF
_SINCE_1900 = 2_208_988_800
_REPORT_EVERY = 1.0
_LENGTH = 4


@dataclass
class Faults:
    """What is wrong with a camera just now.

    Attributes:
        silent: connections stay open and nothing is sent.
        mute: requests are accepted and not answered.
        lost: share of packets that are not sent.
        damaged: share of packets with some bytes changed.
        slowness: how many times slower than real time it sends.
        refusals: how many connections are still closed at once.
        jump: seconds added to the stamps, as by a clock that was set.
        delay: seconds between taking and sending a picture, as its sender reports say.
        garbled: share of the bytes of replies and packets, headers too, that are something else.
        scene: which clip it shows.
    """

    silent: bool = False
    mute: bool = False
    lost: float = 0.0
    damaged: float = 0.0
    slowness: float = 1.0
    refusals: int = 0
    jump: float = 0.0
    delay: float = 0.0
    garbled: float = 0.0
    scene: str = USUAL


@dataclass(frozen=True, slots=True)
class Clip:
    """A coded video: the units of each picture, the first one a key picture, and seconds per picture."""

    pictures: tuple[tuple[bytes, ...], ...]
    step: float
    sets: tuple[bytes, bytes]


def write_clip(path: Path, images: Iterable[Image], rate: int = 10, group: int = 10) -> Path:
    """Code (H, W, 3) BGR images of one size as H.264 without reordering, a key picture every `group`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"bf": "0", "preset": "veryfast"})
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", group
        stream.codec_context.time_base = Fraction(1, rate)
        for number, image in enumerate(images):
            if not number:
                stream.height, stream.width = image.shape[:2]
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def read_clip(path: Path) -> Clip:
    """Read an H.264 video in MP4.

    Raises:
        SourceError: it holds something else.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        extra = bytes(stream.codec_context.extradata or b"")
        if stream.codec_context.name != "h264" or extra[:1] != b"\x01":
            raise SourceError(f"{path}: holds {stream.codec_context.name}; give H.264 in MP4")
        sets = _parameter_sets(extra)
        pictures = [_units(packet, sets) for packet in container.demux(stream) if packet.pts is not None]
        rate = _rate(stream)
    return Clip(tuple(pictures), 1 / rate, sets)


@dataclass
class RtspCamera:
    """A camera at `rtsp://127.0.0.1:PORT/live`. Use it as a context, or `start` and `stop` it like a power switch.

    Attributes:
        path: what it shows.
        scenes: other clips by name, which `faults.scene` switches to: a black one, a still one, another size.
        port: where it listens; 0: any free one, kept from the first start on.
        faults: what is wrong with it; may be changed at any time.
        credentials: `user:password` that it wants (Basic, RFC 2617); empty: none.
        denied: how many requests came with wrong ones or without.
    """

    path: Path
    scenes: Mapping[str, Path] = field(default_factory=dict)
    port: int = 0
    faults: Faults = field(default_factory=Faults)
    credentials: str = ""
    denied: int = 0

    def __post_init__(self) -> None:
        """Read all scenes."""
        self._clips = {USUAL: read_clip(self.path), **{name: read_clip(path) for name, path in self.scenes.items()}}
        self._sessions: set[_Session] = set()
        self._listener: socket.socket | None = None

    @property
    def address(self) -> str:
        """Where its stream is, without name and password."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    def __enter__(self) -> RtspCamera:
        """Switch on."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Switch off."""
        self.stop()

    def start(self) -> None:
        """Switch on: listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), name="camera", daemon=True).start()

    def stop(self) -> None:
        """As if the power was cut: every connection is reset. May be called twice."""
        if self._listener is not None:
            # `close` alone leaves a thread that accepts alive, and with it the port.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for session in list(self._sessions):
            session.cut()

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
            threading.Thread(target=self._converse, args=(connection,), name="camera session", daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        session = _Session(connection, self.faults)
        self._sessions.add(session)
        try:
            while (request := session.request()) is not None:
                while self.faults.mute and not session.over:
                    time.sleep(0.02)
                method, headers = request[0], request[2]
                session.reply(headers, *self._answer(session, *request))
                if method == "PLAY":
                    threading.Thread(target=self._send, args=(session,), name="camera sender", daemon=True).start()
                if method == "TEARDOWN":
                    return
        except OSError:
            pass
        finally:
            self._sessions.discard(session)
            session.cut()

    def _answer(self, session: _Session, method: str, url: str, headers: dict[str, str]) -> tuple[str, str, str]:
        """Status, further headers and body."""
        if method == "OPTIONS":
            return "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n", ""
        if self.credentials and headers.get("authorization") != f"Basic {_base64(self.credentials.encode())}":
            self.denied += 1
            return "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n', ""
        if "/live" not in url:
            return "404 Not Found", "", ""
        if method == "DESCRIBE":
            return "200 OK", f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\n", self._description()
        if method == "SETUP":
            return "200 OK", f"Session: 1;timeout=60\r\nTransport: {session.transport(headers['transport'])}\r\n", ""
        return "200 OK", "Session: 1\r\n", ""

    def _description(self) -> str:
        sequence, picture = self._clips[self.faults.scene].sets
        sets = ",".join((_base64(sequence), _base64(picture)))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/{_STAMPS}\r\n"
            f"a=fmtp:96 packetization-mode=1;profile-level-id={sequence[1:4].hex()};"
            f"sprop-parameter-sets={sets}\r\n"
            "a=control:track0\r\n"
        )

    def _send(self, session: _Session) -> None:
        """Send pictures for ever, at the pace of their times; another scene begins at its first picture."""
        sender = _Sender(session, self.faults)
        try:
            while not session.over:
                scene = self.faults.scene
                clip = self._clips[scene]
                for units in clip.pictures:
                    if session.over or self.faults.scene != scene:
                        break
                    sender.picture(units, clip.step)
        except OSError:
            return


class _Sender:
    """Turns pictures into RTP packets for one client, with whatever is wrong."""

    def __init__(self, session: _Session, faults: Faults) -> None:
        self._session = session
        self._faults = faults
        self._chance = random.Random(1)
        self._number = 0
        self._sent = [0, 0]
        self._media = 0.0
        self._due = time.monotonic()
        self._reported = 0.0

    def picture(self, units: Sequence[bytes], step: float) -> None:
        """Wait for the time of the picture and send it."""
        self._due += step * self._faults.slowness
        self._media += step
        time.sleep(max(self._due - time.monotonic(), 0))
        while self._faults.silent and not self._session.over:
            time.sleep(0.02)
            # A camera's clock goes on while nothing is sent.
            passed = time.monotonic() - self._due
            self._due, self._media = self._due + passed, self._media + passed
        stamp = int((self._media + self._faults.jump) * _STAMPS) & 0xFFFFFFFF
        self._report(stamp)
        parts = [part for unit in units for part in payloads(unit)]
        for place, part in enumerate(parts):
            self._number = (self._number + 1) & 0xFFFF
            mark = 0x80 if place == len(parts) - 1 else 0
            head = struct.pack(">BBHII", 0x80, mark | 96, self._number, stamp, _SOURCE)
            if self._chance.random() >= self._faults.lost:
                self._session.send(head + self._spoilt(part))
            self._sent[0] += 1
            self._sent[1] += len(part)

    def _report(self, stamp: int) -> None:
        """Tell which calendar time belongs to the stamp (RFC 3550 6.4.1)."""
        now = time.time() + self._faults.jump - self._faults.delay
        if abs(now - self._reported) < _REPORT_EVERY:
            return
        self._reported = now
        calendar = (int(now) + _SINCE_1900, int((now % 1) * 2**32))
        self._session.send(
            struct.pack(">BBHIIIIII", 0x80, 200, 6, _SOURCE, *calendar, stamp, *self._sent), control=True
        )

    def _spoilt(self, part: bytes) -> bytes:
        if len(part) < 60 or self._chance.random() >= self._faults.damaged:
            return part
        spoilt = bytearray(part)
        for place in range(20, 40):
            spoilt[place] ^= self._chance.randrange(1, _HIGH_BYTE)
        return bytes(spoilt)


class _Session:
    """One client: requests in, replies and RTP packets out."""

    def __init__(self, connection: socket.socket, faults: Faults) -> None:
        self.over = False
        self._faults = faults
        self._chance = random.Random(2)
        self._connection = connection
        self._lock = threading.Lock()
        self._buffer = b""
        self._datagrams: tuple[socket.socket, ...] = ()
        self._port = 0

    def cut(self) -> None:
        """Reset the connection."""
        self.over = True
        with contextlib.suppress(OSError):
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Lets go the thread that reads, without the farewell that SHUT_RDWR would send.
            self._connection.shutdown(socket.SHUT_RD)
        self._connection.close()
        for sender in self._datagrams:
            sender.close()

    def request(self) -> tuple[str, str, dict[str, str]] | None:
        """Method, address and headers of the next request; `None` when the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if self._buffer[:1] == b"$" and len(self._buffer) >= _LENGTH:
                length = _LENGTH + int.from_bytes(self._buffer[2:4], "big")
                if len(self._buffer) >= length:
                    self._buffer = self._buffer[length:]
                    continue
            data = self._connection.recv(4096)
            if not data:
                return None
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        # Receiver reports may lie before the request.
        lines = text[text.rfind(b"\0") + 1 :].decode(errors="replace").split("\r\n")
        words = lines[0].split()
        if len(words) != 3:
            return None
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
        self._buffer = self._buffer[int(headers.get("content-length", 0)) :]
        return words[0], words[1], headers

    def reply(self, headers: dict[str, str], status: str, extra: str, body: str) -> None:
        """Answer a request."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        text = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}{length}\r\n{body}"
        with self._lock:
            self._connection.sendall(self._garbled(text.encode()))

    def transport(self, wanted: str) -> str:
        """Agree on how packets travel."""
        if "TCP" in wanted:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        port = int(wanted.split("client_port=")[1].split("-")[0].split(";")[0])
        pictures, reports = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        pictures.bind(("127.0.0.1", 0))
        reports.bind(("127.0.0.1", 0))
        self._datagrams, self._port = (pictures, reports), port
        own, other = pictures.getsockname()[1], reports.getsockname()[1]
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{other}"

    def send(self, packet: bytes, *, control: bool = False) -> None:
        """Send an RTP packet, or (`control`) a report."""
        packet = self._garbled(packet)
        if self._datagrams:
            self._datagrams[control].sendto(packet, ("127.0.0.1", self._port + control))
            return
        with self._lock:
            self._connection.sendall(b"$" + bytes([control]) + struct.pack(">H", len(packet)) + packet)

    def _garbled(self, data: bytes) -> bytes:
        share = self._faults.garbled
        if not share:
            return data
        return bytes(self._chance.randrange(256) if self._chance.random() < share else byte for byte in data)


def payloads(unit: bytes) -> list[bytes]:
    """A NAL unit as RTP payloads: whole where it fits, else in fragments of type FU-A (RFC 6184 5.8)."""
    if len(unit) <= _LONGEST_PAYLOAD:
        return [unit]
    pieces = [unit[start : start + _LONGEST_PAYLOAD] for start in range(1, len(unit), _LONGEST_PAYLOAD)]
    indicator = (unit[0] & 0xE0) | _FRAGMENT
    heads = [bytes([indicator, unit[0] & 0x1F]) for _ in pieces]
    heads[0] = bytes([indicator, 0x80 | unit[0] & 0x1F])
    heads[-1] = bytes([indicator, 0x40 | unit[0] & 0x1F])
    return [head + piece for head, piece in zip(heads, pieces, strict=True)]


def _units(packet: av.Packet[VideoStream], sets: tuple[bytes, bytes]) -> tuple[bytes, ...]:
    """The NAL units of a picture, which have their length (four bytes) in front; a key picture brings its sets."""
    data, units, place = bytes(packet), list(sets) if packet.is_keyframe else [], 0
    while place + _LENGTH <= len(data):
        length = int.from_bytes(data[place : place + _LENGTH], "big")
        units.append(data[place + _LENGTH : place + _LENGTH + length])
        place += _LENGTH + length
    return tuple(units)


def _parameter_sets(extradata: bytes) -> tuple[bytes, bytes]:
    """The first SPS and PPS of an `avcC` box (ISO/IEC 14496-15 5.3.3.1)."""
    found, place = [], 6
    for _ in range(2):
        length = int.from_bytes(extradata[place : place + 2], "big")
        found.append(extradata[place + 2 : place + 2 + length])
        place += length + 3
    return found[0], found[1]


def _rate(stream: VideoStream) -> float:
    return float(stream.average_rate or 25)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
