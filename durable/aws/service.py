"""AWSService as a client of boto3; the same in a Lambda and on one machine."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

from durable.aws.session import region
from durable.bindings.base import Binding
from durable.bindings.service import AWSService
from durable.errors import DeclarationError

_STEP_SECONDS: Final = 900
"""No step may take longer, so the step's own timeout ends a slow request, and not boto3's."""


class BotoService(AWSService[Any]):
    """Makes the client of a service with boto3's own configuration."""

    def __init__(self, name: str, service: str) -> None:
        Binding.__init__(self, name)
        self.service = service

    @cached_property
    def client(self) -> Any:
        import boto3
        from botocore.config import Config

        patience = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=_STEP_SECONDS)
        return boto3.client(self.service, region(), config=patience)  # type: ignore[call-overload]  # the name is not a literal


def check_service(declared: AWSService[Any]) -> None:
    """Check that boto3 knows the service.

    Raises:
        DeclarationError: it does not.
    """
    import boto3

    known = boto3.session.Session().get_available_services()
    if declared.service not in known:
        near = get_close_matches(declared.service, known)
        names = f"did you mean {' or '.join(map(repr, near))}?" if near else "`aws help` lists the names"
        raise DeclarationError([f"{declared!r} names the service {declared.service!r}, unknown to boto3; {names}"])


def client_of(name: str, _: Any, service: str) -> BotoService:
    """Return what makes the client of a service, by boto3's name of it."""
    return BotoService(name, service)
