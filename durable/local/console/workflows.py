"""What the console draws of workflows and runs besides what the operations API returns."""

from __future__ import annotations

import functools
import linecache
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import durable
from durable.bindings import Workflow
from durable.build import Build
from durable.compiler.graph import as_data, graph_of
from durable.errors import RunNotFound
from durable.local.console.page import FRESH
from durable.modules import shown
from durable.runs.record import load
from durable.store.failure import FailureRow
from durable.store.table import Table
from durable.wire import CALLBACK
from durable.workflow import WorkflowEntrypoint

_FRAME: Final = re.compile(r"(?P<file>.*):(?P<line>\d+) in (?P<function>.*)")
_LIBRARY: Final = str(Path(durable.__file__).parent) + os.sep
_LAMBDA: Final = "/var/task/"
"""The folder in which a Lambda has the project's code."""


Failures = Callable[[str, str], Iterable[tuple[str, FailureRow]]]
"""Given a workflow and a run of it, returns the failed steps by their keys.

Raises:
    RunNotFound: there is no such run.
"""


class Workflows:
    """Graphs, and where the steps of a run failed: frames with their lines of source, which this machine has."""

    def __init__(self, built: Build, failures: Failures) -> None:
        self._workflows = {each.name: each for each in built.project.workflows}
        self._compiled = built.compiled
        self._failures = failures

    def graph(self, request: Request) -> Response:
        """Return the graph of a workflow, and the schemas of the events that it waits for, by type."""
        workflow = self._found(request)
        payloads = self._compiled[workflow.name].payloads
        # A callback is an event too, but is completed by its token: the console offers no form for it.
        events = {
            type: TypeAdapter(payload).json_schema()
            for type, payload in payloads.items()
            if not type.startswith(CALLBACK)
        }
        return JSONResponse({"graph": _graph(workflow.workflow), "events": events}, headers=FRESH)

    def tracebacks(self, request: Request) -> Response:
        workflow, instance = self._found(request).name, request.path_params["instance"]
        try:
            failed = [_traceback(key, error) for key, error in self._failures(workflow, instance)]
        except RunNotFound:
            raise HTTPException(404) from None
        return JSONResponse({"tracebacks": failed}, headers=FRESH)

    def _found(self, request: Request) -> Workflow[Any]:
        found = self._workflows.get(request.path_params["workflow"])
        if found is None:
            raise HTTPException(404)
        return found


def failures_in(table: Table) -> Failures:
    """Return what reads the failed steps of a run from its rows."""

    def failures(workflow: str, instance: str) -> Iterable[tuple[str, FailureRow]]:
        run = load(table, workflow, instance)
        return [(row.path, row.error) for row in run.current if row.error is not None]

    return failures


# Kept by the class: drawn from its source, which is read once in a process.
@functools.cache
def _graph(workflow: type[WorkflowEntrypoint[Any]]) -> dict[str, Any]:
    return as_data(graph_of(workflow))


def _traceback(key: str, error: FailureRow) -> dict[str, Any]:
    """Return where a step failed: in the code of its author, and where that is not in it at all, where else."""
    frames = [_frame(each) for each in error["frames"]]
    # `/opt/` is where a Lambda has its layers: packages, as the library is one.
    own = [frame for frame in frames if not frame["file"].startswith((_LIBRARY, f"{_LAMBDA}durable/", "/opt/"))]
    named = [frame | {"file": shown(frame["file"])} for frame in own or frames]
    return {"key": key, "exception": error["exception"], "frames": named}


def _frame(text: str) -> dict[str, Any]:
    """Return a frame as it is recorded, with the line of source that stands there now."""
    match = _FRAME.fullmatch(text)
    if match is None:
        return {"file": text, "line": 0, "function": "", "source": ""}
    here = Path.cwd() / match["file"].removeprefix(_LAMBDA)
    file = str(here) if match["file"].startswith(_LAMBDA) and here.exists() else match["file"]
    # As the file is now: the record holds no source, which may have changed since.
    source = linecache.getline(file, int(match["line"])).strip()
    return {"file": file, "line": int(match["line"]), "function": match["function"], "source": source}
