"""A workflow whose step is completed by whoever has its callback, and a worker that has a URL."""

from __future__ import annotations

from durable import (
    Callback,
    CallbackFailed,
    KVNamespace,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from durable.http import Api


def begin_print(title: str, jobs: KVNamespace[str], callback: Callback[int]) -> None:
    jobs.put(title, callback.url)


class PrintWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            pages = await step.callback("print", begin_print, event.payload, timeout="2 days")
        except CallbackFailed as error:
            return str(error)
        return f"{pages} pages"


def fetch(printing: Workflow[str]) -> Api:
    return Api("Printing")
