"""One Lambda: its role with nothing granted, its log group, and the version that is called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from durable.cdk.nag import acknowledge

HANDLER: Final = "durable.aws.entry.handler"
"""The one handler of all Lambdas; DURABLE_ENTRY says what it is in this one."""
MEMORY_MIB: Final = 512


@dataclass(frozen=True)
class Dialect:
    """Where a rehearsal's AWS differs from AWS; nothing of it is in a real deployment.

    Attributes:
        synonyms: names by which it also asks for an action.
        unknown: keys of conditions that it never fills in, so that no such condition holds.
        unplaced: actions that it asks for on no resource in particular.
        plain_parallels: whether it takes no notice of a Parallel's Assign and Output, so that a Pass has to have them.
    """

    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    unplaced: frozenset[str] = frozenset()
    plain_parallels: bool = False

    def actions(self, actions: Sequence[str]) -> list[str]:
        return [each for action in actions for each in (action, *self.synonyms.get(action, ()))]

    def resources(self, resources: Sequence[str], actions: Sequence[str]) -> list[str]:
        return ["*"] if self.unplaced.intersection(actions) else list(resources)

    def conditions(self, conditions: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        known = {
            operator: {key: value for key, value in tests.items() if key not in self.unknown}
            for operator, tests in conditions.items()
        }
        return {operator: tests for operator, tests in known.items() if tests}

    def definition(self, value: Any) -> Any:
        """Return a definition, or a part of one, as it is to be written."""
        if not self.plain_parallels:
            return value
        if isinstance(value, list):
            return [self.definition(each) for each in value]
        if not isinstance(value, Mapping):
            return value
        written = {name: self.definition(each) for name, each in value.items()}
        if "States" in written:
            states = written["States"].items()
            written["States"] = {name: each for pair in states for name, each in _without_result(*pair)}
        return written


_RESULT: Final = ("Assign", "Output", "Next", "End")


def _without_result(name: str, state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a state, and where it is a Parallel that assigns or has an output, a Pass that does it after it."""
    if state["Type"] != "Parallel" or not {"Assign", "Output"} & state.keys():
        yield name, state
        return
    after = f"{name[:71]} (result)"
    yield name, {field: each for field, each in state.items() if field not in _RESULT} | {"Next": after}
    result = json.dumps({field: state[field] for field in _RESULT if field in state})
    yield after, {"Type": "Pass"} | json.loads(result.replace("$states.result", "$states.input"))


@dataclass(frozen=True)
class Platform:
    """What all Lambdas of a deployment share."""

    code: lambda_.Code
    layers: Sequence[lambda_.ILayerVersion]
    runtime: lambda_.Runtime
    architecture: lambda_.Architecture
    log_retention: logs.RetentionDays
    log_removal: RemovalPolicy
    environment: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)


class HandlerFunction(Construct):
    """A Lambda that runs the generic handler.

    Args:
        entry: what the handler is here: step, consumer, worker, operations, closer, sweep or starter.
        environment: more variables; a value that is no text is written as JSON.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        entry: str,
        environment: Mapping[str, Any],
        timeout_seconds: int,
        description: str,
    ) -> None:
        super().__init__(scope, id)
        self._dialect = platform.dialect
        self._log_group = logs.LogGroup(
            self, "Logs", retention=platform.log_retention, removal_policy=platform.log_removal
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self._log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=platform.code,
            layers=list(platform.layers),
            runtime=platform.runtime,
            architecture=platform.architecture,
            handler=HANDLER,
            memory_size=MEMORY_MIB,
            timeout=Duration.seconds(timeout_seconds),
            tracing=lambda_.Tracing.ACTIVE,
            role=self.role,
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            description=description,
            environment=dict(platform.environment) | {"DURABLE_ENTRY": entry} | self._texts(environment),
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        acknowledge(self.role, "IAM5[Resource::*]", "X-Ray takes segments for no resource in particular")
        acknowledge(self.function, "L1", "the layer's wheels are built and tested for this version of Python")

    def _texts(self, environment: Mapping[str, Any]) -> dict[str, str]:
        """Return all values as texts; JSON goes through the stack, which joins in names known only when deployed."""
        as_json = Stack.of(self).to_json_string
        return {name: each if isinstance(each, str) else as_json(each) for name, each in environment.items()}

    def grant(
        self, *actions: str, on: Sequence[str], conditions: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Allow actions on exactly these resources."""
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=self._dialect.actions(actions),
                resources=self._dialect.resources(on, actions),
                conditions=self._dialect.conditions(conditions or {}),
            )
        )
