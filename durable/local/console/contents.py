"""The routes by which the console and the command line look into namespaces, buckets and databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durable.bindings.bucket import MAX_OBJECT_BYTES
from durable.bindings.kv import MAX_VALUE_BYTES
from durable.clients.contents import Buckets, Databases, Namespaces, NotThere, ValueUnfit
from durable.http import Problem
from durable.http.problems import CONTENT_TYPE
from durable.local.console.page import FRESH
from durable.local.console.requests import body_of, is_number
from durable.local.http.loopback import CONSOLE

_PAGE: Final = 100
_MORE_THAN_VALUE: Final = 4_096
"""Bytes that a body may have around the value."""
_AS_FILE: Final = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}
"""For what an object holds: it is saved, and never shown as a page of this server."""


def contents_routes(namespaces: Namespaces, buckets: Buckets, databases: Databases) -> Sequence[Route]:
    """Return the routes; what is asked for by key has it in the query, for a key may be any text."""
    kv, objects, tables = _Namespaces(namespaces), _Buckets(buckets), _Databases(databases)
    return (
        Route(f"{CONSOLE}kv", _shown(lambda _: {"namespaces": namespaces.names()})),
        Route(f"{CONSOLE}kv/{{name}}", _shown(kv.keys)),
        Route(f"{CONSOLE}kv/{{name}}/value", _shown(kv.get), methods=["GET"]),
        Route(f"{CONSOLE}kv/{{name}}/value", kv.put, methods=["PUT"]),
        Route(f"{CONSOLE}kv/{{name}}/value", _shown(kv.delete), methods=["DELETE"]),
        Route(f"{CONSOLE}buckets", _shown(lambda _: {"buckets": buckets.names()})),
        Route(f"{CONSOLE}buckets/{{name}}", _shown(objects.keys)),
        Route(f"{CONSOLE}buckets/{{name}}/object", _shown(objects.show), methods=["GET"]),
        Route(f"{CONSOLE}buckets/{{name}}/object", objects.put, methods=["PUT"]),
        Route(f"{CONSOLE}buckets/{{name}}/object", _shown(objects.delete), methods=["DELETE"]),
        Route(f"{CONSOLE}buckets/{{name}}/file", objects.file),
        Route(f"{CONSOLE}databases", _shown(lambda _: {"databases": databases.names()})),
        Route(f"{CONSOLE}databases/{{name}}", _shown(tables.tables)),
        Route(f"{CONSOLE}databases/{{name}}/tables/{{table}}", _shown(tables.rows)),
    )


def _refusal(error: NotThere | ValueError | ValueUnfit) -> Response:
    status = 404 if isinstance(error, NotThere) else 422
    return Response(Problem(status, str(error)).content(), status, FRESH, CONTENT_TYPE)


def _shown(ask: Callable[[Request], dict[str, Any]]) -> Callable[[Request], Response]:
    """Return a handler that answers with JSON, or with why that cannot be had."""

    @wraps(ask)
    def handler(request: Request) -> Response:
        try:
            return JSONResponse(ask(request), headers=FRESH)
        except (NotThere, ValueUnfit, ValueError) as error:
            return _refusal(error)

    return handler


def _page(request: Request) -> tuple[str, str, str | None, int]:
    asked = request.query_params
    limit = asked.get("limit", str(_PAGE))
    if not is_number(limit):
        raise ValueError("limit is a whole number from 1 to 1000")
    return request.path_params["name"], asked.get("prefix", ""), asked.get("cursor"), int(limit)


def _key(request: Request) -> str:
    return request.query_params.get("key", "")


class _Namespaces:
    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces

    def keys(self, request: Request) -> dict[str, Any]:
        return self._namespaces.keys(*_page(request))

    def get(self, request: Request) -> dict[str, Any]:
        return self._namespaces.get(request.path_params["name"], _key(request))

    def delete(self, request: Request) -> dict[str, Any]:
        self._namespaces.delete(request.path_params["name"], _key(request))
        return {"deleted": _key(request)}

    async def put(self, request: Request) -> Response:
        """Write {"value": …}; "ttl" is a duration, "version" the one that it must still have."""
        try:
            body = json.loads(await body_of(request, MAX_VALUE_BYTES + _MORE_THAN_VALUE))
            if not isinstance(body, dict) or "value" not in body or body.keys() - {"value", "ttl", "version"}:
                raise ValueError(
                    'the body is {"value": …}, with "ttl", as "1 hour", and "version" where they are wanted'
                )
            more = {name: body[name] for name in ("ttl", "version") if body.get(name) is not None}
            # In a thread, as Starlette runs handlers that are no coroutines: it waits for the disk, or for DynamoDB.
            args = (request.path_params["name"], _key(request), body["value"])
            written = await run_in_threadpool(lambda: self._namespaces.put(*args, **more))
        # json.loads goes as deep as its input says, and that comes from outside.
        except RecursionError:
            return _refusal(ValueError("the value is nested too deeply"))
        except (NotThere, ValueUnfit, ValueError, TypeError) as error:
            return _refusal(error if not isinstance(error, TypeError) else ValueError(str(error)))
        if not written:
            # The page shows a value that was read a while ago: a write by its version does not undo what a step wrote
            # since.
            why = "The value has been changed since it was read: look at it again."
            return Response(Problem(409, why).content(), 409, FRESH, CONTENT_TYPE)
        return JSONResponse({"key": _key(request)}, headers=FRESH)


class _Buckets:
    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def keys(self, request: Request) -> dict[str, Any]:
        return self._buckets.keys(*_page(request))

    def show(self, request: Request) -> dict[str, Any]:
        return self._buckets.show(request.path_params["name"], _key(request))

    def file(self, request: Request) -> Response:
        try:
            data = self._buckets.get(request.path_params["name"], _key(request))
        except (NotThere, ValueError) as error:
            return _refusal(error)
        return Response(data, headers=FRESH | _AS_FILE, media_type="application/octet-stream")

    def delete(self, request: Request) -> dict[str, Any]:
        self._buckets.delete(request.path_params["name"], _key(request))
        return {"deleted": _key(request)}

    async def put(self, request: Request) -> Response:
        try:
            data = await body_of(request, MAX_OBJECT_BYTES)
            await run_in_threadpool(self._buckets.put, request.path_params["name"], _key(request), data)
        except (NotThere, ValueError) as error:
            return _refusal(error)
        return JSONResponse({"key": _key(request)}, headers=FRESH)


class _Databases:
    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def tables(self, request: Request) -> dict[str, Any]:
        return {"tables": self._databases.tables(request.path_params["name"])}

    def rows(self, request: Request) -> dict[str, Any]:
        offset = request.query_params.get("offset", "0")
        if not is_number(offset):
            raise ValueError("offset is a whole number")
        return self._databases.rows(request.path_params["name"], request.path_params["table"], int(offset))
