"""Workflow, as what is bound to it sees it: something that may be started and looked at."""

from __future__ import annotations

from infra.function import HandlerFunction
from infra.record import Record


class WorkflowResource:
    """The right to start instances of one workflow and to read them.

    Args:
        implementation: `module:class`, by which a Lambda imports it.
        machine_arn: of its state machine.
    """

    def __init__(self, *, name: str, implementation: str, machine_arn: str, record: Record) -> None:
        self.name = name
        self._implementation = implementation
        self._machine_arn = machine_arn
        self._record = record

    @property
    def physical(self) -> dict[str, str]:
        return {"workflow": self.name, "class": self._implementation, "machine": self._machine_arn}

    def grant_use(self, function: HandlerFunction) -> None:
        self._record.grant_create(function, self.name)
        function.grant("states:StartExecution", on=[self._machine_arn])
