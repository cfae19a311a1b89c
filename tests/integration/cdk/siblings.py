"""A worker's module with public routes that API Gateway does not take."""

from __future__ import annotations

from durable import KVNamespace
from durable.http import Api


def fetch(guests: KVNamespace[str]) -> Api:
    api = Api("Siblings")

    @api.get("/a-{name}", public=True)
    def one(name: str) -> str:
        return name

    @api.get("/b/{name}", public=True)
    def two(name: str) -> str:
        return name

    @api.get("/b/{id}/c", public=True)
    def three(id: str) -> str:
        return id

    return api
