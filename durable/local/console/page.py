"""The page and its files, which ask nothing of any other server and run no script but their own."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FRESH: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""For what the page asks for: it is as of now."""


class Page:
    """Hands out the page; a browser asks each time and is told that nothing has changed."""

    def document(self, request: Request) -> Response:
        return self._file(request, "index.html")

    def asset(self, request: Request) -> Response:
        return self._file(request, request.path_params["name"])

    def _file(self, request: Request, name: str) -> Response:
        if name not in _names():
            raise HTTPException(404)
        # Names are looked up in a list, and never joined to a path: nothing outside of the folder can be asked for.
        body, tag = _content(name)
        headers = SAFE | {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=_TYPES[Path(name).suffix])


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(each.name for each in _FOLDER.iterdir() if each.suffix in _TYPES)


@functools.cache
def _content(name: str) -> tuple[bytes, str]:
    body = (_FOLDER / name).read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
