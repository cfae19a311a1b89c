"""What the resources of a deployed stage are called: by the names of its declarations, in the stack that has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable.bindings import Binding

_NESTED: Final = "AWS::CloudFormation::Stack"
_HASH: Final = "[0-9A-F]{8}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a stack: its logical id, its type as CloudFormation names it, and what it is called on AWS."""

    id: str
    type: str
    name: str


def construct_id(binding: Binding) -> str:
    """Return a declaration's name as a construct's: the queue `late-orders` is LateOrdersQueue."""
    return _pascal(f"{binding.name}-{binding.kind}")


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def url_output(worker: str) -> tuple[str, str]:
    """Return the output of a stack that has the URL of a Worker's API: its name, and its description."""
    return f"{_pascal(worker)}WorkerUrl", f"where {worker} is"


def worker_of(output: Mapping[str, str]) -> str | None:
    """Return the Worker whose URL an output has, as CloudFormation tells of it; None for any other output, which a
    project's own stack may have under such a name.
    """
    name, description = output["OutputKey"], output.get("Description", "")
    worker = description.removeprefix("where ").removesuffix(" is")
    return worker if (name, description) == url_output(worker) else None


def resources_of(cloudformation: Any, stack: str) -> Iterator[Resource]:
    """Yield the resources of a stack and of those that are nested in it."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for each in (each for page in pages for each in page["StackResourceSummaries"]):
        name = each.get("PhysicalResourceId", "")
        # The physical id of a nested stack is its ARN; a stack that is being made may have none yet.
        if each["ResourceType"] == _NESTED and name:
            yield from resources_of(cloudformation, name)
        yield Resource(each["LogicalResourceId"], each["ResourceType"], name)


def name_of(binding: Binding, found: list[Resource], types: tuple[str, ...], part: str = "") -> str | None:
    """Return what the resource of a declaration is called on AWS; None where it is of another stack.

    Args:
        part: the construct in the declaration's own that has the resource, where there are several.
    """
    # CDK ends each logical id with eight digits of a hash of the construct's path.
    wanted = re.compile(rf"{construct_id(binding)}{part or '(Table|Bucket)?'}{_HASH}")
    return next((each.name for each in found if each.type in types and wanted.fullmatch(each.id)), None)


def log_groups_of(workflow: Binding, found: list[Resource]) -> list[str]:
    """Return the log groups of a workflow's Lambdas: of its steps, their undos, and what moves it."""
    wanted = re.compile(rf"{construct_id(workflow)}.*HandlerLogs{_HASH}")
    return [each.name for each in found if each.type == "AWS::Logs::LogGroup" and wanted.fullmatch(each.id)]
