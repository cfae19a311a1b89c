"""What steps logged: of one run, or of all."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from durable.local.console.page import FRESH
from durable.local.console.requests import is_number
from durable.local.step_logs import StepLogs
from durable.runs.record import load_header
from durable.store.table import Table


class Logs:
    """Shows the lines of runs that are there."""

    def __init__(self, logs: StepLogs, table: Table) -> None:
        self._logs = logs
        self._table = table

    def show(self, request: Request) -> Response:
        asked = request.query_params
        after = asked.get("after")
        if after is not None and not is_number(after):
            raise HTTPException(400)
        workflow, instance = asked.get("workflow"), asked.get("id")
        of = None
        if workflow is not None and instance is not None:
            header = load_header(self._table, workflow, instance)
            if header is None:
                raise HTTPException(404)
            # With the incarnation: a run that was deleted may have had the same id.
            of = (header.partition, header.incarnation)
        return JSONResponse(self._logs.read(of, None if after is None else int(after)), headers=FRESH)
