"""Encryption at rest: what is biometric goes to disk sealed where there is a key, as it is where there is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from unbroken.core.errors import ConfigError, StoreError

KEY_BYTES = 32
"""AES-256."""
_NONCE_BYTES = 12


class Seal(Protocol):
    """Closes and opens values. `purpose` says what a value is: sealed as one thing, it opens as no other."""

    @property
    def name(self) -> str:
        """`none` or `aes-256-gcm`."""

    def close(self, content: bytes, purpose: str) -> bytes:
        """What goes to disk."""

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """What came from disk.

        Raises:
            StoreError: it was sealed with another key, for another purpose, or is damaged.
        """


class Plain:
    """No encryption."""

    name = "none"

    def close(self, content: bytes, purpose: str) -> bytes:
        """The content as it is."""
        return content

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The content as it is."""
        return sealed


class AesGcm:
    """AES-256 in Galois/Counter Mode with a random nonce before each value (NIST SP 800-38D)."""

    name = "aes-256-gcm"

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes.

        Raises:
            StoreError: the package `cryptography` is missing.
        """
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise StoreError(
                "encryption at rest needs the package cryptography; pip install 'unbroken[encryption]'"
            ) from error
        self._cipher = AESGCM(key)

    def close(self, content: bytes, purpose: str) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The content.

        Raises:
            StoreError: it was sealed with another key, for another purpose, or is damaged.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise StoreError(
                f"{purpose}: cannot be decrypted; it was sealed with another key or is damaged, so give the key that "
                "it was made with"
            ) from error


def seal_from(variable: str, environment: Mapping[str, str]) -> Seal:
    """The seal whose key is in an environment variable; none where no variable is named.

    Raises:
        ConfigError: the variable is missing, or does not hold 64 hexadecimal digits.
    """
    if not variable:
        return Plain()
    written = environment.get(variable, "")
    if not written:
        raise ConfigError(
            f"storage.key: the environment variable {variable} is not set; put a key of 64 hexadecimal digits there "
            "(make one with: openssl rand -hex 32)"
        )
    try:
        key = bytes.fromhex(written.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"storage.key: the environment variable {variable} does not hold 64 hexadecimal digits; make a key with: "
            "openssl rand -hex 32"
        )
    return AesGcm(key)
