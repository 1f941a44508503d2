"""Certificates that are of no use are named with the mend, before anything listens or calls."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certificates import key_bytes, made
from unbroken.core.errors import ConfigError
from unbroken.core.tls import client_context, server_context


def test_a_certificate_and_its_key_are_taken_together_or_in_one_file(tmp_path):
    files = made(tmp_path)
    server_context(str(files.certificate), str(files.key))
    both = tmp_path / "both.pem"
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    server_context(str(both), "")
    assert client_context(str(files.authority)).cert_store_stats()["x509_ca"] >= 1


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        ("gone.pem", "server.key", r"gone\.pem: cannot be read \(No such file"),
        ("server.pem", "gone.key", r"gone\.key: cannot be read"),
        ("server.pem", "", r"server\.pem: holds no certificate with its key"),
        ("server.key", "server.key", r"server\.key: holds no certificate"),
        ("server.pem", "other.key", r"other\.key: is not the key of .*server\.pem"),
        ("server.pem", "hidden.key", r"the key without a password"),
    ],
)
def test_what_is_wrong_with_a_servers_files_is_said(tmp_path, certificate, key, sentence):
    made(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "other.key").write_bytes(key_bytes(other))
    (tmp_path / "hidden.key").write_bytes(key_bytes(other, b"secret"))
    with pytest.raises(ConfigError, match=sentence):
        server_context(str(tmp_path / certificate), str(tmp_path / key) if key else "")


def test_a_file_without_an_authority_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"server\.key: holds no certificate of an authority"):
        client_context(str(made(tmp_path).key))
    with pytest.raises(ConfigError, match=r"gone\.pem: cannot be read"):
        client_context(str(tmp_path / "gone.pem"))
