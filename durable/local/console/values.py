"""Large values, which the status of a run links to."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from durable.local.console.page import FRESH
from durable.local.storage.large_values import FileValues


class Values:
    """Serves the values in a folder; the name of one is known to whoever was shown a link only."""

    def __init__(self, folder: Path) -> None:
        self._values = FileValues(folder)

    def show(self, request: Request) -> Response:
        """Return the JSON of a value, as it is read from disk: it may have 100 MB."""
        path = self._values.path(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type="application/json", headers=FRESH)
