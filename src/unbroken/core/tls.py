"""Certificates: what a server shows, and whom a client trusts. What is wrong with a file is said with its name."""

from __future__ import annotations

import ssl
from pathlib import Path

from unbroken.core.errors import ConfigError


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """What a server needs that shows a certificate.

    Args:
        certificate: a PEM file with its certificate, and those that lead from it to an authority behind it.
        key: a PEM file with its private key; empty: it is in the same file.

    Raises:
        ConfigError: a file cannot be read, holds no certificate or key, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in filter(None, (certificate, key)):
        _check_readable(path)
    try:
        # Without a password given here, OpenSSL would ask for one on the terminal and wait.
        context.load_cert_chain(certificate, key or None, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{key or certificate}: is not the key of {certificate}; give those made together"
            ) from error
        raise ConfigError(
            f"{certificate}: holds no certificate with its key ({error.reason or 'unreadable'}); give PEM files, the "
            "key without a password"
        ) from error
    return context


def client_context(authority: str = "") -> ssl.SSLContext:
    """What a client needs that checks the certificate of whom it calls.

    Args:
        authority: a PEM file with certificates of authorities that are trusted beside those of the system.

    Raises:
        ConfigError: the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if authority:
        _check_readable(authority)
        try:
            context.load_verify_locations(authority)
        except ssl.SSLError as error:
            raise ConfigError(f"{authority}: holds no certificate of an authority; give a PEM file") from error
    return context


def _check_readable(path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); correct the path or its permissions") from error
