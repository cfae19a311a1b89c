"""Domain: a domain of one's own for a Worker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from durable.errors import DeclarationError

_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])", re.ASCII)
_CERTIFICATE: Final = re.compile(r"arn:[\w-]+:acm:[\w-]+:\d{12}:certificate/[\w-]+", re.ASCII)
_ZONE: Final = re.compile(r"Z[A-Z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of one's own, under which a Worker is reached on AWS.

    Attributes:
        name: as "api.example.com".
        certificate: the ARN of its certificate in ACM, in the region of the deployment. The name is pointed at API
            Gateway by hand then: the deployment prints where to.
        zone: or the id of its hosted zone in Route 53, where the deployment makes certificate and record itself.
    """

    name: str
    certificate: str | None = None
    zone: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.name, str) or not _HOST.fullmatch(self.name):
            problems.append("a name is like api.example.com, in lower case and without https://")
        # One of the two, and not both: with a zone the deployment makes the certificate itself.
        if (self.certificate is None) == (self.zone is None):
            problems.append("give the ARN of a certificate, or the id of a hosted zone: zone=")
        if self.certificate is not None and not _CERTIFICATE.fullmatch(str(self.certificate)):
            problems.append(f"{self.certificate!r} is no ARN of a certificate of ACM")
        if self.zone is not None and not _ZONE.fullmatch(str(self.zone)):
            problems.append(f"{self.zone!r} is no id of a hosted zone, as Z0123456789ABCDEFGHIJ")
        if problems:
            raise DeclarationError([f"Domain({self.name!r}): {each}" for each in problems])
