"""Nets from their official addresses: the only part of the project that touches the network by itself.

Downloads go to a `.part` file beside the target, are resumed where they broke off, checked for size and checksum, and
only then put in place in one step. Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urldefrag

from unbroken.core.cards import ModelCard
from unbroken.core.errors import ModelCorruptError, ModelError, ModelMissingError, StoreError

Report: TypeAlias = Callable[[str, int, int], None]
"""Told the file's name, the bytes that are there, and the bytes in all (0 where the server does not say)."""

_CHUNK = 1 << 16
_TIMEOUT = 30.0
_ATTEMPTS = 5
_RANGE_PAST_END = 416
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch.

    Attributes:
        url: its address; `archive.zip#member` names a file inside an archive.
        target: where it goes.
        sha256: its checksum; "" where none is published.
        size: its bytes; 0 where it is not known.
    """

    url: str
    target: Path
    sha256: str = ""
    size: int = 0


def wanted_files(card: ModelCard, folder: Path) -> list[Wanted]:
    """The files of a net with an address.

    Raises:
        ModelMissingError: the net has none.
    """
    sums = card.sha256 or ("",) * len(card.files)
    sizes = card.bytes or (0,) * len(card.files)
    files = [
        Wanted(url, folder / name, digest, size)
        for name, url, digest, size in zip(card.files, card.urls, sums, sizes, strict=True)
        if url
    ]
    if not files:
        raise ModelMissingError(
            f"net {card.name} has no official address to fetch it from; "
            f"get {card.files[0]} yourself and give its folder with --models"
        )
    return files


def fetch(wanted: Wanted, report: Report | None = None) -> Path:
    """Fetch one file, unless it is there already and right.

    Args:
        wanted: what and where to.
        report: told of the progress.

    Returns:
        Where it is now.

    Raises:
        ModelError: the address cannot be reached, or the connection breaks again and again.
        ModelCorruptError: what arrived is not what was wanted; nothing is left behind.
        StoreError: the folder cannot be written.
    """
    if wanted.target.is_file() and (not wanted.sha256 or sha256_of(wanted.target) == wanted.sha256):
        return wanted.target
    url, member = urldefrag(wanted.url)
    part = wanted.target.with_name(wanted.target.name + (".zip.part" if member else ".part"))
    try:
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.is_file() and part.stat().st_size > 0
        _download(url, part, report)
        try:
            return _placed(wanted, part, member)
        except ModelCorruptError:
            if not resumed:
                raise
        _download(url, part, report)
        return _placed(wanted, part, member)
    except OSError as error:
        raise StoreError(f"{wanted.target} cannot be written ({error}); free space or give another folder") from error


def sha256_of(path: Path) -> str:
    """The checksum of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _download(url: str, part: Path, report: Report | None) -> None:
    """Bring `part` to its full length, resuming after each break as long as every attempt brings something."""
    for attempt in range(1, _ATTEMPTS + 1):
        before = part.stat().st_size if part.is_file() else 0
        try:
            if _append(url, part, report):
                return
            reason = "the connection broke off"
        except urllib.error.HTTPError as error:
            raise ModelError(
                f"{url} cannot be fetched: the server answers {error.code} {error.reason}; "
                "try later, or get the file yourself and give its folder with --models"
            ) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        after = part.stat().st_size if part.is_file() else 0
        if attempt == _ATTEMPTS or after == before:
            break
    kept = f"; {after} bytes are kept and the next try resumes" if after else ""
    raise ModelError(
        f"{url} cannot be fetched ({reason}); check the connection, or set HTTPS_PROXY if there is a proxy{kept}"
    )


def _append(url: str, part: Path, report: Report | None) -> bool:
    """Ask for what is missing and write it. Whether the file is whole now, as far as the server says."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(_checked(url), headers={"User-Agent": "unbroken", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        # An opener of its own, since the shared one keeps the proxies that it saw first.
        response = urllib.request.build_opener().open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_PAST_END and have:
            return _whole_or_anew(error, part, have)
        raise
    with response:
        resumes = response.status == _PARTIAL and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        length = response.headers.get("Content-Length")
        start = have if resumes else 0
        total = start + int(length) if length else 0
        with part.open("ab" if resumes else "wb") as stream:
            done = start
            while chunk := response.read(_CHUNK):
                stream.write(chunk)
                done += len(chunk)
                if report:
                    report(part.name.removesuffix(".part"), done, total)
    return total in (0, done)


def _whole_or_anew(error: urllib.error.HTTPError, part: Path, have: int) -> bool:
    """The server has nothing beyond what is here: either all is here, or `part` is another file and goes."""
    if error.headers.get("Content-Range", "") == f"bytes */{have}":
        return True
    part.unlink()
    return False


def _checked(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ModelError(f"{url} is no web address; give one that begins with https://")
    return url


def _placed(wanted: Wanted, part: Path, member: str) -> Path:
    """Check what was downloaded and put it in place in one step; what is wrong is removed."""
    ready = _extracted(part, member) if member else part
    size = ready.stat().st_size
    fault = ""
    if wanted.size and size != wanted.size:
        fault = f"it has {size} bytes and not {wanted.size}"
    elif wanted.sha256 and (digest := sha256_of(ready)) != wanted.sha256:
        fault = f"its sha256 is {digest[:16]}... and not {wanted.sha256[:16]}..."
    if fault:
        ready.unlink()
        part.unlink(missing_ok=True)
        raise ModelCorruptError(
            f"{wanted.url} is not the file that the card describes: {fault}; nothing was kept, try again later"
        )
    with ready.open("rb+") as stream:
        os.fsync(stream.fileno())
    ready.replace(wanted.target)
    part.unlink(missing_ok=True)
    return wanted.target


def _extracted(part: Path, member: str) -> Path:
    """The file of an archive whose name ends with `member`, beside the archive."""
    ready = part.with_name(part.name.removesuffix(".zip.part") + ".part")
    try:
        with zipfile.ZipFile(part) as archive:
            names = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == member]
            if not names:
                raise zipfile.BadZipFile(f"there is no {member} in it")
            ready.write_bytes(archive.read(names[0]))
    except (zipfile.BadZipFile, EOFError) as error:
        part.unlink()
        raise ModelCorruptError(f"{part.name}: the archive cannot be read ({error}); try again later") from error
    return ready
