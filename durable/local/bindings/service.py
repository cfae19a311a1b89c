"""AWSService on one machine: boto3 with the developer's own credentials, region and endpoint."""

from __future__ import annotations

from typing import Any

from durable.aws.service import BotoService, check_service
from durable.bindings.service import AWSService
from durable.local.bindings.place import Place


def client_of(declared: AWSService[Any], _: Any, place: Place) -> BotoService:
    """Return what makes the client of a service.

    Raises:
        DeclarationError: boto3 knows no such service.
    """
    check_service(declared)
    return BotoService(declared.name, declared.service)
