"""Routes that read: workflows, lists of runs, one run, its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

from pydantic import Field, TypeAdapter

from durable.bindings.workflow import Status, Workflow
from durable.http import Api, Parameter, Problem, RunId, described
from durable.http.statuses import Name
from durable.operations.history import HistoryPage
from durable.operations.queries import Queries, attribute_of
from durable.operations.routes.names import INSTANCE, INSTANCES, WORKFLOWS, WorkflowName, found
from durable.operations.routes.times import TIME, milliseconds_of
from durable.runs.description import Description, Entry
from durable.workflow import payload_type

# The alphabet of base64 in a URL. The length is bounded, as of all that comes from outside.
_CURSOR: Final = r"[A-Za-z0-9_=-]{1,8000}"

WantedStatus = Annotated[
    Status | None,
    Parameter(
        "query",
        description="Only those in this status.",
        example="errored",
        form=f"one of {', '.join(get_args(Status))}",
    ),
]
Where = Annotated[
    str | None,
    Parameter(
        "query",
        r"[A-Za-z_][^=]{0,79}=.{0,400}",
        "Only those with this value in a search attribute, those created last first.",
        example="customer_id=ann",
        form="a search attribute and its value, as customer_id=ann",
    ),
]
Prefix = Annotated[
    str | None,
    Parameter(
        "query",
        r"[A-Za-z0-9_-]{1,64}",
        "Only those whose ids begin so. A page may be empty and have a cursor: 2,000 runs are looked at for it.",
        example="order-12",
        form="how an id begins: up to 64 of A-Z a-z 0-9 _ -",
    ),
]
Since = Annotated[
    str | None,
    Parameter(
        "query",
        r".{1,40}",
        "Only those that changed then or later. Without a zone it is in UTC.",
        example="2026-01-01T00:00:00Z",
        form=TIME,
    ),
]
Until = Annotated[
    str | None,
    Parameter(
        "query",
        r".{1,40}",
        "Only those that changed before. Without a zone it is in UTC.",
        example="2026-02-01T00:00:00Z",
        form=TIME,
    ),
]
Limit = Annotated[
    int,
    Field(ge=1, le=100),
    Parameter(
        "query",
        r"[0-9]{1,3}",
        "How many there are on a page: 50 unless said.",
        example=20,
        form="a whole number from 1 to 100",
    ),
]
Cursor = Annotated[
    str | None,
    Parameter(
        "query",
        _CURSOR,
        "Where the page before ended, of the same workflow and status.",
        example="1f0c9ab2WzE3NjddXQ==",
        form="one that a list gave",
    ),
]

FirstStep = Annotated[
    int,
    Field(ge=0),
    Parameter("query", r"[0-9]{1,6}", "The first step that is shown.", example=400, form="nextStep of the page before"),
]
After = Annotated[
    str | None,
    Parameter(
        "query", _CURSOR, "What was delivered before.", example="AgAAAAAAAAAA", form="a cursor that these events gave"
    ),
]

OTHER_LIST: Final = "The cursor is none that a list of this workflow and status gave; leave it out to begin anew."


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A workflow: how many runs have each status, the JSON schema of its params, and its search attributes.

    A status that no run has is left out; 10,000 means 10,000 or more.
    """

    name: Name
    counts: Annotated[Mapping[str, int], Field(examples=[{"complete": 12, "errored": 1}])]
    params: Annotated[Mapping[str, Any], Field(examples=[{"type": "object"}])]
    search: Annotated[tuple[str, ...], Field(examples=[["customer_id"]])]


@dataclass(frozen=True, slots=True)
class WorkflowList:
    """All workflows, by their names."""

    workflows: tuple[WorkflowSummary, ...]


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, the last changed first, and the cursor of the next page; null on the last page."""

    instances: tuple[Entry, ...]
    cursor: Annotated[str | None, Field(examples=[None])]


def add(api: Api, workflows: Mapping[str, Workflow[Any]], queries: Queries) -> None:
    """Add the routes."""

    @api.get(WORKFLOWS, blocking=True, tags=["workflows"])
    def list_workflows() -> WorkflowList:
        """List the workflows."""
        return WorkflowList(tuple(_summary(name, each, queries) for name, each in sorted(workflows.items())))

    @api.get(INSTANCES, blocking=True, responses=described(400), tags=["runs"])
    def list_runs(
        workflow: WorkflowName,
        status: WantedStatus = None,
        where: Where = None,
        prefix: Prefix = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> RunPage:
        """List runs of a workflow."""
        client = found(workflows, workflow)
        first, last = milliseconds_of("since", since), milliseconds_of("until", until)
        try:
            asked = None if where is None else attribute_of(client.search, *where.split("=", 1))
        except ValueError as error:
            raise Problem(400, f"The query parameter where does not fit: {error}.") from None
        try:
            page = queries.list(
                workflow, status=status, where=asked, prefix=prefix, since=first, until=last, limit=limit, cursor=cursor
            )
        except ValueError:
            raise Problem(400, OTHER_LIST) from None
        return RunPage(page.entries, page.cursor)

    @api.get(INSTANCE, blocking=True, tags=["runs"])
    def show_run(workflow: WorkflowName, id: RunId, step: FirstStep = 0) -> Description:
        """Show a run, with the steps that fit into an answer."""
        found(workflows, workflow)
        return queries.describe(workflow, id, step)

    @api.get(f"{INSTANCE}/events", blocking=True, responses=described(400), tags=["runs"])
    def show_events(workflow: WorkflowName, id: RunId, after: After = None) -> HistoryPage:
        """Show the history of a run.

        From the beginning, or since the answer that the cursor is from.
        """
        found(workflows, workflow)
        try:
            return queries.history(workflow, id, after)
        except ValueError:
            raise Problem(400, "The cursor is none that these events gave.") from None


def _summary(name: str, workflow: Workflow[Any], queries: Queries) -> WorkflowSummary:
    params = TypeAdapter(payload_type(workflow.workflow)).json_schema(by_alias=True)
    return WorkflowSummary(name, queries.counts(name), params, tuple(workflow.search))
