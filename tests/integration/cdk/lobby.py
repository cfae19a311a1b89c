"""A worker's module with more public routes than an API Gateway can tell apart."""

from __future__ import annotations

from durable import KVNamespace
from durable.http import Api


def fetch(guests: KVNamespace[str]) -> Api:
    api = Api("Lobby")
    for number in range(301):
        api.get(f"/seats/{number}", public=True)(seat)
    return api


def seat() -> str:
    return "free"
