"""The steps that are answered by a token → one Lambda of each kind for a workflow, which begins them."""

from __future__ import annotations

from constructs import Construct

from infra.function import HandlerFunction, Platform
from infra.record import Record, grant_tokens

WAIT_SECONDS = 30
"""How long it may take to begin to wait: a few reads and writes of the record."""


class EventFunction(Construct):
    """The Lambda that begins a workflow's waits for events: it writes the run's rows, and may find the event there.

    Args:
        machine_arn: of the workflow's own machine, by its fixed name: the machine calls this Lambda.
    """

    def __init__(
        self, scope: Construct, id: str, *, platform: Platform, workflow: str, machine_arn: str, record: Record
    ) -> None:
        super().__init__(scope, id)
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="events",
            environment={"DURABLE_TABLE": record.table.table_name},
            timeout_seconds=WAIT_SECONDS,
            description=f"waits for events of {workflow}",
        )
        record.grant_step(self.handler, workflow)
        grant_tokens(self.handler, machine_arn)
