"""Large values in memory."""

from __future__ import annotations

from collections.abc import Iterator

from durable.store.large_values import LargeValues, RunPlace


class MemoryValues(LargeValues):
    """Keeps values in a dict."""

    def __init__(self) -> None:
        self.kept: dict[RunPlace, dict[str, bytes]] = {}

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        self.kept.setdefault(run, {})[name] = data

    def read(self, run: RunPlace, name: str) -> bytes | None:
        return self.kept.get(run, {}).get(name)

    def link(self, run: RunPlace, name: str) -> str:
        return f"/values/{run}/{name}"

    def delete(self, run: RunPlace) -> None:
        self.kept.pop(run, None)

    def runs(self) -> Iterator[RunPlace]:
        yield from list(self.kept)
