"""The e-mails that were sent on this machine: the files of the outbox."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from durable.clock import timestamp
from durable.local.console.page import FRESH

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}\.eml", re.ASCII)
_MOST_LISTED: Final = 100
_INERT: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'"
)
"""For a message's HTML: it is a document of no origin, runs nothing and fetches nothing."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    written: int


class Outbox:
    """Lists and shows the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def index(self, request: Request) -> Response:
        """Return the newest e-mails, and how many there are."""
        # Only those that are listed are read: an outbox may hold thousands.
        files = sorted(self._files(), key=lambda each: (-each.written, each.name))
        listed = [_summary(each, self._read(each.name)) for each in files[:_MOST_LISTED]]
        return JSONResponse({"emails": listed, "count": len(files)}, headers=FRESH)

    def show(self, request: Request) -> Response:
        """Return an e-mail with its text; its HTML is a document of its own."""
        name = request.path_params["name"]
        message = self._read(name)
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        body = {"text": text.get_content() if text else "", "html": html is not None}
        return JSONResponse(_headers(message) | {"id": name} | body, headers=FRESH)

    def html(self, request: Request) -> Response:
        body = self._read(request.path_params["name"]).get_body(("html",))
        if body is None:
            raise HTTPException(404)
        return HTMLResponse(body.get_content(), headers=FRESH | {"Content-Security-Policy": _INERT})

    def _files(self) -> Sequence[_File]:
        try:
            with os.scandir(self._folder) as entries:
                found = [each for each in entries if _NAME.fullmatch(each.name)]
                return [_File(each.name, each.stat().st_mtime_ns // 1_000_000) for each in found]
        except FileNotFoundError:  # the first e-mail makes the folder
            return []

    def _read(self, name: str) -> EmailMessage:
        # Also keeps out paths to other folders.
        if not _NAME.fullmatch(name):
            raise HTTPException(404)
        try:
            raw = (self._folder / name).read_bytes()
        except OSError:
            raise HTTPException(404) from None
        return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def _headers(message: EmailMessage) -> dict[str, Any]:
    return {name.lower(): str(message[name] or "") for name in ("From", "To", "Subject", "Date")}


def _summary(file: _File, message: EmailMessage) -> dict[str, Any]:
    return {"id": file.name, "writtenAt": timestamp(file.written)} | _headers(message)
