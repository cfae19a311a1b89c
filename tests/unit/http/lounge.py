"""A worker's module whose routes want to know who calls, but for one that is open to all."""

from __future__ import annotations

from durable import KVNamespace
from durable.http import Api, Caller, Problem, Request


def fetch(guests: KVNamespace[str]) -> Api:
    api = Api("Lounge")

    @api.get("/health", public=True)
    def health() -> str:
        return "open"

    @api.get("/rooms/{name}", public=True)
    def room(name: str, request: Request) -> str:
        return f"{name} {request.caller}"

    @api.get("/rooms/mine")
    def mine(request: Request) -> dict[str, str]:
        assert request.caller is not None
        return {"caller": request.caller.id, "tier": str(request.caller.claims.get("tier"))}

    @api.post("/rooms", status_code=201)
    def book(request: Request) -> str:
        assert request.caller is not None
        return request.caller.id

    return api


def authorize(request: Request, guests: KVNamespace[str]) -> Caller:
    name = request.headers.get("x-guest")
    tier = None if name is None else guests.get(name)
    if name is None or tier is None:
        raise Problem(401, "Say who you are: X-Guest.")
    if tier == "banned":
        raise Problem(403, "You may not.")
    return Caller(name, {"tier": tier})


def careless(request: Request) -> Caller:
    return request.headers.get("x-guest")  # type: ignore[return-value]  # None, which lets nobody in


async def later(request: Request) -> Caller:
    return Caller("x")


def nobody(guests: KVNamespace[str]) -> Caller:
    return Caller("x")


def untyped(request: Request) -> str:
    return "x"
