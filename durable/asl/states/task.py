"""Task: has a resource do the work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

from durable.asl.decisions import Decision, RunTask
from durable.asl.errors import query_error
from durable.asl.scope import StateScope
from durable.asl.states.base import State
from durable.asl.template import Evaluated, Template, all_repeatable, any_volatile
from durable.asl.values import is_integer

MAX_SECONDS: Final = 99_999_999
"""Source: the Amazon States Language, "Timeouts"; three years and some."""
WAIT_FOR_TASK_TOKEN: Final = "waitForTaskToken"

_LAMBDA: Final = re.compile(r"arn:[\w-]+:lambda:[\w-]*:\d*:function:[\w:.$-]+")
_ACTIVITY: Final = re.compile(r"arn:[\w-]+:states:[\w-]*:\d*:activity:.+")
_INTEGRATION: Final = re.compile(r"arn:[\w-]+:states:[\w-]*:\d*:((?:aws-sdk:)?[\w-]+):([\w]+)(?:\.([\w:]+))?")
_PATTERNS: Final = (None, WAIT_FOR_TASK_TOKEN, "sync", "sync:2")


@dataclass(frozen=True, slots=True)
class Resource:
    """A Task's resource, taken apart: kind is lambda, activity or integration."""

    arn: str
    kind: str
    service: str = ""
    action: str = ""

    @property
    def waits_for_token(self) -> bool:
        return self.action.endswith("." + WAIT_FOR_TASK_TOKEN)

    @property
    def reports_submission(self) -> bool:
        """Whether the task goes on after its request was accepted (.waitForTaskToken, .sync)."""
        return self.waits_for_token or self.action.partition(".")[2].startswith("sync")

    @property
    def invokes_lambda(self) -> bool:
        """Whether it is lambda:invoke with its wrapped response."""
        return self.service == "lambda" and self.action == "invoke"


@dataclass(frozen=True, kw_only=True)
class Task(State):
    type: ClassVar[str] = "Task"
    resource: Resource
    arguments: Template | None = None
    timeout: Template | None = None
    heartbeat: Template | None = None

    @property
    def retryable(self) -> bool:
        return True

    @cached_property
    def volatile(self) -> bool:
        return any_volatile(self.arguments, self.timeout, self.heartbeat)

    @cached_property
    def repeatable(self) -> bool:
        return super().repeatable and all_repeatable(self.arguments, self.timeout, self.heartbeat)

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        arguments = self.arguments.render(scope) if self.arguments is not None else scope.default_output()
        return RunTask(
            arguments,
            _seconds(self.timeout, scope, "TimeoutSeconds"),
            _seconds(self.heartbeat, scope, "HeartbeatSeconds"),
        )


def parse_resource(arn: str) -> Resource | None:
    """Take a resource's ARN apart; None if it is no resource of a Task."""
    if _LAMBDA.fullmatch(arn):
        return Resource(arn, "lambda")
    if _ACTIVITY.fullmatch(arn):
        return Resource(arn, "activity")
    found = _INTEGRATION.fullmatch(arn)
    # Lambda has no jobs to wait for: of its patterns .sync is refused, and of its actions all but invoke.
    patterns = (None, WAIT_FOR_TASK_TOKEN) if found and found[1] == "lambda" else _PATTERNS
    if found is None or found[3] not in patterns or (found[1] == "lambda" and found[2] != "invoke"):
        return None
    return Resource(arn, "integration", found[1], found[2] if found[3] is None else f"{found[2]}.{found[3]}")


def _seconds(template: Template | None, scope: StateScope, field: str) -> float | None:
    if template is None:
        return None
    value: Any = template.expect(scope, "number") if isinstance(template, Evaluated) else template.render(scope)
    if not is_integer(value) or not 0 < value <= MAX_SECONDS:
        raise query_error(f"The {field} field must be a positive integer of at most {MAX_SECONDS}: {value}", field)
    return float(value)
