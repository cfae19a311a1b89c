"""The client of a Workflow binding: what a worker starts instances with."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import TypeAdapter

from durable.bindings.workflow import Created, InstanceStatus, Workflow
from durable.errors import InvalidInput
from durable.runtime.instances import Instances
from durable.runtime.values import Misfit, dump
from durable.workflow import WorkflowEntrypoint, payload_type


class WorkflowClient(Workflow[Any]):
    """Starts and shows the instances of one workflow."""

    def __init__(self, name: str, workflow: type[WorkflowEntrypoint[Any]], instances: Instances) -> None:
        super().__init__(name, workflow)
        self._instances = instances

    @functools.cached_property
    def params(self) -> TypeAdapter[Any]:
        """The type of the payload."""
        return TypeAdapter(payload_type(self.workflow))

    def create(self, params: Any, *, id: str | None = None, idempotency_key: str | None = None) -> Created:
        """Start an instance.

        Raises:
            InvalidInput: the params are not of the workflow's type, or too large.
        """
        try:
            payload = dump(self.params, params, "params")
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None
        return self._instances.create(self.name, payload, id=id, idempotency_key=idempotency_key)

    def get(self, id: str) -> InstanceStatus:
        return self._instances.status(self.name, id)
