"""Workflow, as what is bound to it sees it: something that may be started and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable.cdk.function import HandlerFunction
from durable.cdk.record import ANSWERS, Record


class WorkflowResource:
    """The right to start instances of one workflow and to read them.

    Args:
        implementation: `module:class`, by which a Lambda imports it.
        events: how the payload of each type of event that it waits for is written in that module.
        definition: a hash of what it was compiled to.
        machine_arn: of its state machine.
    """

    def __init__(
        self,
        *,
        name: str,
        implementation: str,
        events: Mapping[str, str],
        definition: str,
        machine_arn: str,
        record: Record,
    ) -> None:
        self.name = name
        self._events = dict(events)
        self._implementation = implementation
        self._definition = definition
        self._machine_arn = machine_arn
        self._record = record

    @property
    def physical(self) -> dict[str, Any]:
        return {
            "workflow": self.name,
            "class": self._implementation,
            "events": self._events,
            "definition": self._definition,
            "machine": self._machine_arn,
            "table": self._record.table.table_name,
        }

    def grant_start(self, function: HandlerFunction) -> None:
        """Allow to start instances and to read them."""
        self._record.grant_create(function, self.name)
        function.grant("states:StartExecution", on=[self._machine_arn])

    def grant_use(self, function: HandlerFunction) -> None:
        self.grant_start(function)
        if self._events:
            function.grant(*ANSWERS, on=[self._machine_arn])
