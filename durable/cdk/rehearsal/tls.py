"""A certificate for the rehearsal's own server: policies that refuse plain HTTP then hold there as they do on AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate, of its key, and of the authority that signed it, whose own key is kept nowhere."""

    certificate: Path
    key: Path
    authority: Path

    def trusted(self) -> dict[str, str]:
        """Return the variables by which Node and boto3 trust it."""
        return {"NODE_EXTRA_CA_CERTS": str(self.authority), "AWS_CA_BUNDLE": str(self.authority)}


def certificate(folder: Path, names: Sequence[str]) -> Certificate:
    """Write a certificate for these hosts and 127.0.0.1, and return where it is."""
    authority = trustme.CA()
    issued = authority.issue_cert(*names, "127.0.0.1")
    made = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    authority.cert_pem.write_to_path(str(made.authority))
    made.certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    made.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(str(made.key))
    return made
