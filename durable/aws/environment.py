"""What a Lambda works on, made from its environment. Each part is imported when it is first made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from durable.clock import SystemClock

if TYPE_CHECKING:  # each kind of Lambda imports only its own
    from durable.aws.machines import StepFunctionsMachines
    from durable.aws.table import DynamoDBTable
    from durable.runs.runs import Runs
    from durable.steps.callbacks import Callbacks
    from durable.steps.children import Children
    from durable.steps.events import Events

Environment = Mapping[str, str]
Workflows = Mapping[str, Mapping[str, Any]]


def workflows_of(environment: Environment) -> Workflows:
    """Return what is known of each workflow, by its name:

    {"class": "module:class", "machine": ARN, "definition": hash, "events": {type: how its payload is written there},
    "retention": seconds, "rollback": ARN, where a step can be undone}
    """
    workflows: Workflows = json.loads(environment["DURABLE_WORKFLOWS"])
    return workflows


def table_of(environment: Environment) -> DynamoDBTable:
    from durable.aws.table import DynamoDBTable

    return DynamoDBTable(environment["DURABLE_TABLE"], SystemClock())


def arns(workflows: Workflows) -> dict[str, str]:
    """Return the ARN of each workflow's machine, and of that of its rollbacks."""
    from durable.store.rollback import rollback_of

    machines = {name: each["machine"] for name, each in workflows.items()}
    return machines | {rollback_of(name): each["rollback"] for name, each in workflows.items() if "rollback" in each}


def machines_of(workflows: Workflows) -> StepFunctionsMachines:
    from durable.aws.machines import StepFunctionsMachines

    return StepFunctionsMachines(arns(workflows))


def runs_of(table: DynamoDBTable, workflows: Workflows) -> Runs:
    from durable.runs.runs import Runs

    definitions = {name: each["definition"] for name, each in workflows.items()}
    retentions = {name: each["retention"] for name, each in workflows.items() if "retention" in each}
    return Runs(table, machines_of(workflows), SystemClock(), definitions=definitions, retentions=retentions)


def callbacks_of(table: DynamoDBTable) -> Callbacks:
    from durable.aws.tokens import StepFunctionsTokens
    from durable.steps.callbacks import Callbacks

    return Callbacks(table, StepFunctionsTokens(), SystemClock())


def events_of(table: DynamoDBTable) -> Events:
    from durable.steps.events import Events

    return Events(table, callbacks_of(table), SystemClock())


def children_of(table: DynamoDBTable) -> Children:
    from durable.steps.children import Children

    return Children(table, callbacks_of(table))
