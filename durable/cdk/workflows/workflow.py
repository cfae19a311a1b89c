"""Workflow, as what is bound to it sees it: something that may be started and looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final

from aws_cdk import ArnFormat, Stack
from constructs import IConstruct

from durable.bindings.limits import Limits
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.workflows.record import ANSWERS, Record
from durable.cdk.workflows.wakes import WakeQueue

_LONGEST_FUNCTION_NAME: Final = 64
_HASH: Final = 8
_TRANSITIONS: Final = frozenset({"pause", "resume", "terminate", "restart", "retry", "delete", "delete_batch"})


@dataclass(frozen=True)
class Segmented:
    """The Express machine of a workflow whose runs execute in segments; its Standard one is the workflow's machine.

    Attributes:
        arn: of the Express machine, which has a fixed name.
        parameter: the name of the parameter in which the Lambdas of the machines find the machines' ARNs.
        versions: the ARNs of the machines' versions by type, where AWS has them. None for those Lambdas: a machine
            names them, so they cannot name it.
    """

    arn: str
    parameter: str
    versions: Mapping[str, str] | None = field(default=None)

    def registered(self) -> dict[str, Any]:
        """Return what a Lambda reads of the machines: in its environment, or in the workflow's parameter."""
        if self.versions is None:
            return {"kind": "express", "parameter": self.parameter}
        return {"kind": "express", "express": self.arn, "versions": dict(self.versions)}

    def grant_start(self, handler: HandlerFunction) -> None:
        """Allow to start Express executions on any version: a run stays on the one that it began on."""
        grant_versions(handler, self.arn)
        if self.versions is None:
            self.grant_read(handler)

    def grant_read(self, handler: HandlerFunction) -> None:
        """Allow to read the parameter."""
        handler.grant("ssm:GetParameter", on=[parameter_arn(handler, self.parameter)])


def registry_path(stack: str) -> str:
    """Return the path of the parameters with a stage's workflows: the Lambdas that know all workflows read all."""
    return f"/{stack}/workflows"


def grant_registry(handler: HandlerFunction, path: str) -> None:
    """Allow to read what is registered of all workflows of a stage."""
    handler.grant("ssm:GetParametersByPath", on=[parameter_arn(handler, path)])
    each, why = parameter_arn(handler, f"{path}/*"), "what is registered of all workflows"
    handler.grant("ssm:GetParameter", on=[each], because=why)


def parameter_arn(scope: IConstruct, name: str) -> str:
    stack = Stack.of(scope)
    return stack.format_arn(
        service="ssm",
        resource="parameter",
        resource_name=name.removeprefix("/"),
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )


def operator_name(stack: str, workflow: str) -> str:
    """Return the physical name of a workflow's operator: a step may name it, and it knows the machine of the step."""
    name = f"{stack}-{workflow}-operator"
    if len(name) <= _LONGEST_FUNCTION_NAME:
        return name
    # Cut and hashed, so that two long names stay two; the same each time, as steps name it without having seen it.
    hashed = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{name[: _LONGEST_FUNCTION_NAME - _HASH - 1]}-{hashed}"


def _function_arn(scope: IConstruct, name: str) -> str:
    return Stack.of(scope).format_arn(
        service="lambda", resource="function", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def grant_versions(handler: HandlerFunction, machine_arn: str) -> None:
    """Allow to start executions of a machine and of each of its versions."""
    why = "a run stays on the version of its machine that it began on"
    handler.grant("states:StartExecution", on=[machine_arn, f"{machine_arn}:*"], because=why)


@dataclass(frozen=True)
class Limited:
    """What limits the runs of a workflow, and the queue by which they are looked at when they may begin."""

    limits: Limits
    wakes: WakeQueue

    def grant(self, handler: HandlerFunction, record: Record, workflow: str) -> None:
        """Allow to take runs out of the workflow's queue."""
        record.grant_pools(handler, workflow)
        self.wakes.grant_send(handler)


def is_operated(methods: Collection[str] | None) -> bool:
    """Whether these methods of a binding, or all, are made by the workflow's operator."""
    return methods is None or not _TRANSITIONS.isdisjoint(methods)


class WorkflowResource:
    """The right to start runs of one workflow and to read them; and what a function's code does besides.

    Args:
        implementation: `module:class`, by which a Lambda imports it.
        events: how the payload of each type of event that it waits for is written in that module.
        definition: a hash of what it was compiled to.
        machine_arn: of its state machine.
        segmented: what it has besides where its runs execute in segments.
        operator: the name of the Lambda that makes transitions.
        limited: what limits its runs, if anything does.
        search: the fields of the payload by which runs are found, each with its name in JSON.
        may_return: whether what its runs return may be a large value.
        parameter: the name of the parameter with the workflow's ARNs, for one in a nested stack, whose machines
            other stacks cannot name. None where the machines can be named.
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
        segmented: Segmented | None,
        operator: str,
        limited: Limited | None,
        search: Mapping[str, str],
        parameter: str | None,
        may_return: bool,
    ) -> None:
        self.name = name
        self.may_return = may_return
        self._parameter = parameter
        self.lists = self.operates = False
        self._operator = operator
        self._limited = limited
        self._search = dict(search)
        self._events = dict(events)
        self._implementation = implementation
        self._definition = definition
        self._machine_arn = machine_arn
        self._record = record
        self._segmented = segmented

    def used(self, methods: Collection[str] | None) -> WorkflowResource:
        """Return it for a function that does no more with it than this; None for all that a binding offers."""
        # A copy for each function: what one does with the workflow is granted to that one alone.
        used = copy(self)
        used.lists = methods is None or "list" in methods
        used.operates = is_operated(methods)
        return used

    @property
    def physical(self) -> dict[str, Any]:
        facts = {
            "workflow": self.name,
            "class": self._implementation,
            "events": self._events,
            "table": self._record.table.table_name,
        }
        if self.operates:
            facts["operator"] = self._operator
        if self.may_return and self._record.values is not None:
            facts["values"] = self._record.values.bucket_name
        if self._search:
            facts["search"] = self._search
        if self._limited is not None:
            facts |= {"limits": self._limited.limits.as_json(), "wakes": self._limited.wakes.queue.queue_url}
        # A Lambda whose own machine this is cannot have the ARN in its environment: the machine names the Lambda, and
        # CloudFormation makes no two things that name each other. It reads the ARN from a parameter at run time.
        if self._segmented is None and self._parameter is not None:
            return facts | {"parameter": self._parameter}
        if self._segmented is None:
            return facts | {"definition": self._definition, "machine": self._machine_arn}
        if self._segmented.versions is None:
            return facts | self._segmented.registered()
        return facts | {"definition": self._definition, "machine": self._machine_arn} | self._segmented.registered()

    def grant_start(self, function: HandlerFunction) -> None:
        """Allow to start runs and to read them, with what they return."""
        self._record.grant_create(function, self.name)
        if self.may_return:
            self._record.grant_read_values(function, self.name)
        if self._limited is not None:
            self._limited.grant(function, self._record, self.name)
        if self._segmented is None:
            function.grant("states:StartExecution", on=[self._machine_arn])
            if self._parameter is not None:
                function.grant("ssm:GetParameter", on=[parameter_arn(function, self._parameter)])
        else:
            self._segmented.grant_start(function)

    def grant_use(self, function: HandlerFunction) -> None:
        self.grant_start(function)
        if self._events:
            function.grant(*ANSWERS, on=[self._machine_arn])
        if self.lists:
            self._record.grant_list(function, self.name)
        if self.operates:
            function.grant("lambda:InvokeFunction", on=[_function_arn(function, self._operator)])
