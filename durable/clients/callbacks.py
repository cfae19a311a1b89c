"""The route by which callbacks are completed, which every Worker has whose workflows use `step.callback`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel

from durable.bindings import Binding
from durable.clients.workflow import WorkflowClient
from durable.errors import CallbackUnknown, public_message
from durable.http import Api, Parameter
from durable.store.callback_tokens import named_by

PATH = "/callbacks"
"""The token stands in the query: a path may be logged."""


class Completion(BaseModel):
    """What a step is completed with: a result, or an error's message."""

    result: Any = None
    error: str | None = None


class Completed(BaseModel):
    """Whether this completed the step: false where it was completed before, or the run has ended."""

    completed: bool


def add_callbacks(api: Api, clients: Iterable[Binding]) -> None:
    """Add the route, where one of the clients is that of a workflow with callbacks."""
    workflows = {each.name: each for each in clients if isinstance(each, WorkflowClient) and each.has_callbacks}
    if not workflows:
        return

    @api.post(PATH, tags=["callbacks"], public=True)
    def complete_callback(completion: Completion, token: Annotated[str, Parameter("query")]) -> Completed:
        """Complete a step that waits for its callback. Who has the token may do it."""
        workflow = workflows.get(named_by(token)[0].workflow)
        if workflow is None:
            raise CallbackUnknown(public_message(CallbackUnknown))
        # An error counts before a result: whoever sends both says that it failed.
        if completion.error is not None:
            return Completed(completed=workflow.fail_callback(token, completion.error))
        return Completed(completed=workflow.complete_callback(token, completion.result))
