"""A certificate for the rehearsal's own server: policies that refuse plain HTTP then hold there as they do on AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from durable.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate that signs itself, and of its key."""

    certificate: Path
    key: Path

    def trusted(self) -> dict[str, str]:
        """Return the variables by which Node and boto3 trust it."""
        return {"NODE_EXTRA_CA_CERTS": str(self.certificate), "AWS_CA_BUNDLE": str(self.certificate)}


def certificate(folder: Path, names: Sequence[str]) -> Certificate:
    """Write a certificate for these hosts and 127.0.0.1, good for a week, and return where it is."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(_signed(key, names).public_bytes(serialization.Encoding.PEM))
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _signed(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
    now = datetime.fromtimestamp(SystemClock().now() / 1000, UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rehearsal")])
    hosts = [x509.DNSName(name) for name in names]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([*hosts, x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
