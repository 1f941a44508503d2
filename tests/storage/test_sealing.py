"""Encryption at rest: what is biometric is on disk in no readable form, and a wrong key ends in a sentence."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches_made import look, seen, step
from unbroken.core.errors import ConfigError, StoreError
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.sealing import AesGcm, Plain, Seal, seal_from
from unbroken.storage.vectors import known_vectors

pytest.importorskip("cryptography", reason="encryption needs the package cryptography")

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def opened(address: str, seal: Seal) -> Store:
    return open_store(address, StoreSettings("net", seal))


@given(content=st.binary(max_size=300), purpose=st.text(max_size=20))
def test_what_is_closed_opens_again_and_never_looks_the_same(content: bytes, purpose: str) -> None:
    seal = AesGcm(KEY)
    first, second = seal.close(content, purpose), seal.close(content, purpose)
    assert first != second
    assert seal.open(first, purpose) == content


def test_a_value_that_is_changed_moved_or_of_another_key_does_not_open() -> None:
    sealed = AesGcm(KEY).close(b"a face", "feature")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for seal, value, purpose in (
        (AesGcm(OTHER), sealed, "feature"),
        (AesGcm(KEY), changed, "feature"),
        (AesGcm(KEY), sealed, "journal"),
        (AesGcm(KEY), b"short", "feature"),
    ):
        with pytest.raises(StoreError, match="cannot be decrypted"):
            seal.open(value, purpose)


def test_an_encrypted_database_shows_no_vector_and_gives_them_back(tmp_path: Path) -> None:
    store = opened(str(tmp_path / "site.db"), AesGcm(KEY))
    store.keep(*step(seen("hall", 1.0, [4], [look(1)]), [1]))
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.snapshot(look(1).tobytes())
    everything += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    vector = look(1).tobytes()
    assert not any(vector[at : at + 8] in everything for at in range(0, len(vector) - 8, 4))
    store.close()
    again = opened(str(tmp_path / "site.db"), AesGcm(KEY))
    assert again.recover().state == vector
    np.testing.assert_array_equal(known_vectors(again.database, again.seal).vectors, [look(1)])
    again.close()


def test_the_key_of_a_database_cannot_be_left_out_changed_or_added(address: str) -> None:
    opened(address, AesGcm(KEY)).close()
    with pytest.raises(StoreError, match=r"encrypted with another key; give that one"):
        opened(address, AesGcm(OTHER))
    with pytest.raises(StoreError, match=r"is encrypted and no key is given: set storage.key"):
        opened(address, Plain())


def test_a_plain_database_is_not_encrypted_in_passing(address: str) -> None:
    opened(address, Plain()).close()
    with pytest.raises(StoreError, match=r"is not encrypted: leave storage.key out"):
        opened(address, AesGcm(KEY))


@pytest.mark.parametrize(
    ("environment", "said"),
    [({}, "is not set"), ({"SITE_KEY": "abc"}, "64 hexadecimal"), ({"SITE_KEY": "00" * 16}, "64 hexadecimal")],
)
def test_a_key_that_is_missing_or_wrong_is_told(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=f"SITE_KEY .*{said}"):
        seal_from("SITE_KEY", environment)


def test_the_key_comes_from_the_environment() -> None:
    sealed = seal_from("SITE_KEY", {"SITE_KEY": KEY.hex()}).close(b"x", "feature")
    assert AesGcm(KEY).open(sealed, "feature") == b"x"
    assert seal_from("", {}).name == "none"
