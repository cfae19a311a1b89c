"""The client of a Workflow binding: what a worker starts instances with."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from durable.adapters import adapter_of
from durable.bindings.workflow import Created, RunStatus, Sent, Workflow
from durable.errors import EventUnknown, InvalidInput, public_message
from durable.runs.description import status_of
from durable.runs.ids import random_id
from durable.runs.record import INSTANCE_ID
from durable.runs.runs import Runs
from durable.steps.events import Events
from durable.store.values import Misfit, dump, holds_secret
from durable.workflow import WorkflowEntrypoint, payload_type


class WorkflowClient(Workflow[Any]):
    """Starts and shows the runs of one workflow, and sends them events.

    Args:
        payloads: the type of the payload of each event that the workflow waits for, by the event's type.
    """

    def __init__(
        self,
        name: str,
        workflow: type[WorkflowEntrypoint[Any]],
        runs: Runs,
        events: Events,
        payloads: Mapping[str, Any],
    ) -> None:
        super().__init__(name, workflow)
        self._runs = runs
        self._events = events
        self._payloads = dict(payloads)

    @functools.cached_property
    def params(self) -> TypeAdapter[Any]:
        """The type of the payload."""
        return adapter_of(payload_type(self.workflow))

    @functools.cached_property
    def _event_types(self) -> Mapping[str, TypeAdapter[Any]]:
        return {type: adapter_of(payload) for type, payload in self._payloads.items()}

    def create(self, params: Any, *, id: str | None = None, idempotency_key: str | None = None) -> Created:
        """Start a run.

        Raises:
            InvalidInput: the params are not of the workflow's type, or too large.
        """
        try:
            payload = dump(self.params, params, "params")
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None
        return self._runs.create(
            self.name, payload, id=id, idempotency_key=idempotency_key, sensitive=holds_secret(self.params)
        )

    @property
    def events(self) -> Mapping[str, Any]:
        return self._payloads

    def send_event(self, instance: str, type: str, payload: Any = None, *, id: str | None = None) -> Sent:
        """Send an event to a run.

        Raises:
            InvalidInput: the payload is not of the type that the workflow waits for, or too large.
            ValueError: the id is not 1 to 64 of [A-Za-z0-9_-].
        """
        if type not in self._payloads:
            raise EventUnknown(public_message(EventUnknown))
        if id is not None and not INSTANCE_ID.fullmatch(id):
            raise ValueError("an event's id is 1 to 64 of A-Z a-z 0-9 _ -")
        try:
            value = dump(self._event_types[type], payload, "payload")
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None
        return self._events.send(self.name, instance, type, value, id or random_id())

    def get(self, id: str) -> RunStatus:
        return status_of(self._runs.load(self.name, id))
