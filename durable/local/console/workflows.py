"""What the console draws of workflows and runs besides what the operations API returns."""

from __future__ import annotations

import functools
import linecache
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import durable
from durable.bindings import Workflow
from durable.compiler.graph import as_data, graph_of
from durable.errors import RunNotFound
from durable.local.console.page import FRESH
from durable.modules import shown
from durable.runs.record import load
from durable.store.failure import FailureRow
from durable.store.table import Table
from durable.workflow import WorkflowEntrypoint

_FRAME: Final = re.compile(r"(?P<file>.*):(?P<line>\d+) in (?P<function>.*)")
_LIBRARY: Final = str(Path(durable.__file__).parent) + os.sep


class Workflows:
    """Graphs, and where the steps of a run failed: frames with their lines of source, which this machine has."""

    def __init__(self, workflows: Mapping[str, Workflow[Any]], table: Table) -> None:
        self._workflows = workflows
        self._table = table

    def graph(self, request: Request) -> Response:
        """Return the graph of a workflow, and the schemas of the events that it waits for, by type."""
        workflow = self._found(request)
        events = {type: TypeAdapter(payload).json_schema() for type, payload in workflow.events.items()}
        return JSONResponse({"graph": _graph(workflow.workflow), "events": events}, headers=FRESH)

    def tracebacks(self, request: Request) -> Response:
        workflow, instance = self._found(request).name, request.path_params["instance"]
        try:
            run = load(self._table, workflow, instance)
        except RunNotFound:
            raise HTTPException(404) from None
        failed = [_traceback(row.path, row.error) for row in run.current if row.error is not None]
        return JSONResponse({"tracebacks": failed}, headers=FRESH)

    def _found(self, request: Request) -> Workflow[Any]:
        found = self._workflows.get(request.path_params["workflow"])
        if found is None:
            raise HTTPException(404)
        return found


@functools.cache
def _graph(workflow: type[WorkflowEntrypoint[Any]]) -> dict[str, Any]:
    return as_data(graph_of(workflow))


def _traceback(key: str, error: FailureRow) -> dict[str, Any]:
    """Return where a step failed: in the code of its author, and where that is not in it at all, where else."""
    frames = [_frame(each) for each in error["frames"]]
    own = [frame for frame in frames if not frame["file"].startswith(_LIBRARY)]
    named = [frame | {"file": shown(frame["file"])} for frame in own or frames]
    return {"key": key, "exception": error["exception"], "frames": named}


def _frame(text: str) -> dict[str, Any]:
    """Return a frame as it is recorded, with the line of source that stands there now."""
    match = _FRAME.fullmatch(text)
    if match is None:
        return {"file": text, "line": 0, "function": "", "source": ""}
    source = linecache.getline(match["file"], int(match["line"])).strip()
    return {"file": match["file"], "line": int(match["line"]), "function": match["function"], "source": source}
