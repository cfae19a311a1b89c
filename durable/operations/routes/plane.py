"""The API that operates workflows, put together of its families of routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from durable.bindings.workflow import Workflow
from durable.http import Api
from durable.operations.lifecycle import Lifecycle
from durable.operations.queries import Queries
from durable.operations.routes import changes, events, shows, starts


@dataclass(frozen=True, slots=True)
class Operator:
    """What the routes look at, and what they change."""

    queries: Queries
    lifecycle: Lifecycle


_NOBODY: Final = Operator(cast(Queries, None), cast(Lifecycle, None))


def operations(workflows: Mapping[str, Workflow[Any]], operator: Operator = _NOBODY) -> Api:
    """Return the API that operates the workflows, by their names; without an operator, to be described only."""
    api = Api("Operations", signed=True)
    starts.add(api, workflows)
    events.add(api, workflows)
    shows.add(api, workflows, operator.queries)
    changes.add(api, workflows, operator.lifecycle, operator.queries)
    return api
