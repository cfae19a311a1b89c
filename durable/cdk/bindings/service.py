"""AWSService → the right to do what it names, and nothing that would have to be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Stack

from durable.aws.service import check_service
from durable.bindings import AWSService
from durable.bindings.service import PSEUDO
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction


class ServiceAccess:
    """Actions on resources of one service.

    Args:
        service: as boto3 calls it.
        resources: ARNs, or "*".
    """

    def __init__(self, *, service: str, actions: Sequence[str], resources: Sequence[str]) -> None:
        self._service = service
        self._actions = actions
        self._resources = resources

    @property
    def physical(self) -> str:
        return self._service

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow what the declaration names."""
        function.grant(*self._actions, on=self._resources, because="the declaration in app.py names the resource so")


def resource_of(declared: AWSService[Any], stage: Stage) -> ServiceAccess:
    """Return the right to use a service, with this stage's region and account in the names of resources.

    Raises:
        DeclarationError: boto3 knows no such service.
    """
    check_service(declared)
    stack = Stack.of(stage.scope)
    resources = [_filled(each, (stack.partition, stack.region, stack.account)) for each in declared.resources]
    return ServiceAccess(service=declared.service, actions=declared.actions, resources=resources)


def _filled(resource: str, values: Sequence[str]) -> str:
    for name, value in zip(PSEUDO, values, strict=True):
        resource = resource.replace(name, value)
    return resource
