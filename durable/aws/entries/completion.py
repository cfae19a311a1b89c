"""What Step Functions reports of executions that ended."""

from __future__ import annotations

from functools import partial
from typing import Any

from durable.aws.environment import (
    Environment,
    Handler,
)
from durable.aws.log import LambdaLog
from durable.aws.parts import parts_of
from durable.aws.traces import flushing, traces_of
from durable.operations.completion import Completion
from durable.runs.record import is_refused, load_header
from durable.store.machines import workflow_of


def handler_of(environment: Environment) -> Handler:
    log, parts, tracing = LambdaLog(), parts_of(environment), traces_of(environment)
    names = parts.registry.reported()
    completion = Completion(names, parts.machines, parts.runs, parts.children)

    def handle(event: Any, context: Any) -> None:
        detail = event["detail"]
        workflow = workflow_of(names.get(detail["stateMachineArn"], ""))
        # For the log, before it is known whether the execution is one of ours.
        instance = detail["name"].rpartition(".")[0]
        log.begin(context, workflow=workflow, instance_id=instance)
        state = completion.status_changed(detail)
        if state is not None:
            # Whoever started the run with a payload that does not fit has erred: that rings no alarm.
            refused = state.status == "FAILED" and is_refused(parts.table, workflow, instance)
            log.run_ended(workflow, detail["name"], state.status, refused=refused)
            tracing.run_ended(partial(load_header, parts.table, workflow, instance))

    return flushing(tracing, handle)
