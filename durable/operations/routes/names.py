"""What all operator routes share: their paths, and the names in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from durable.bindings.workflow import Workflow
from durable.http import Parameter, Problem

WORKFLOWS: Final = "/api/workflows"
INSTANCES: Final = f"{WORKFLOWS}/{{workflow}}/instances"
INSTANCE: Final = f"{INSTANCES}/{{id}}"

WorkflowName = Annotated[
    str, Parameter("path", r"[a-z][a-z0-9-]{0,39}", "The declared name of the workflow.", example="order")
]
RunName = Annotated[str, Field(examples=["order-1234"])]


def found(workflows: Mapping[str, Workflow[Any]], name: str) -> Workflow[Any]:
    """Return the workflow of a name.

    Raises:
        Problem: 404.
    """
    if name not in workflows:
        raise Problem(404, "There is no workflow of this name.")
    return workflows[name]
