"""What the environment of the Lambdas that know all workflows says of each, where it fits in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable.cdk.deployment.deployed import DeployedWorkflow
from durable.cdk.workflows.machine import Machine
from durable.store.values import text_of

_KNOWN_BYTES: Final = 3_000
"""Of 4,096 for all variables of an environment."""
_LONGEST_ARNS: Final = 150
"""Of the machines of a workflow, or the name of its parameter, which stand beside what is registered."""


def known(deployed: Mapping[str, DeployedWorkflow], machines: Mapping[str, Machine]) -> dict[str, Any] | None:
    """Return what Lambdas have to know of each workflow, by its name; None where it is too long for an environment.

    Then they read it from parameters of Systems Manager, which makes each cold start slower by that call.
    """
    # Estimated from what is known now: an ARN is a token while synthesising, which has another length.
    size = sum(len(text_of(each.registered())) + _LONGEST_ARNS for each in deployed.values())
    # A machine of a nested stack cannot be named here: the nested stack needs what the main one makes, and not the
    # other way round.
    if size > _KNOWN_BYTES or any(each.is_nested for each in deployed.values()):
        return None
    return {name: _of(each, machines[name]) for name, each in deployed.items()}


def _of(deployed: DeployedWorkflow, made: Machine) -> dict[str, Any]:
    registered = deployed.registered()
    if deployed.segmented is not None:
        return {
            name: each for name, each in registered.items() if name != "definition"
        } | deployed.segmented.registered()
    machines = {"machine": made.state_machine.state_machine_arn}
    return {**registered, **machines} | ({"rollback": made.rollback.state_machine_arn} if made.rollback else {})
