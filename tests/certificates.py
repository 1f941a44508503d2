"""An authority of our own, and certificates of it for this machine."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Certificates:
    """PEM files: of the authority, of a server at 127.0.0.1, and its key."""

    authority: Path
    certificate: Path
    key: Path


def made(folder, name="unbroken test"):
    """New ones in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    root, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    trust = _begun(issuer, issuer, root).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    shown = _begun(subject, issuer, server).add_extension(here, critical=False)
    files = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(trust.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(shown.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(key_bytes(server))
    return files


def key_bytes(key, password=b""):
    """A private key as PEM."""
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)


def _begun(subject, issuer, key):
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
