"""Workflow, as what is bound to it sees it: something that may be started and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.function import HandlerFunction
from infra.record import Record, grant_tokens


class WorkflowResource:
    """The right to start instances of one workflow, to read them, and to send them events.

    Args:
        implementation: `module:class`, by which a Lambda imports it.
        machine_arn: of its state machine.
        events: how the payload of each event that it waits for is written in that module, by the event's type.
    """

    def __init__(
        self, *, name: str, implementation: str, machine_arn: str, events: Mapping[str, str], record: Record
    ) -> None:
        self.name = name
        self._implementation = implementation
        self._machine_arn = machine_arn
        self._events = dict(events)
        self._record = record

    @property
    def physical(self) -> dict[str, Any]:
        named = {"workflow": self.name, "class": self._implementation, "machine": self._machine_arn}
        return named | {"events": self._events}

    def grant_use(self, function: HandlerFunction) -> None:
        self._record.grant_create(function, self.name)
        function.grant("states:StartExecution", on=[self._machine_arn])
        if self._events:
            grant_tokens(function, self._machine_arn)
