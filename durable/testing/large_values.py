"""Large values in memory."""

from __future__ import annotations

from collections.abc import Iterator

from durable.store.large_values import RunPlace


class MemoryValues:
    """Keeps values in a dict."""

    def __init__(self) -> None:
        self.kept: dict[RunPlace, dict[str, bytes]] = {}

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        self.kept.setdefault(run, {})[name] = data

    def read(self, run: RunPlace, name: str) -> bytes | None:
        return self.kept.get(run, {}).get(name)

    def copy(self, run: RunPlace, name: str, to: RunPlace, new: str) -> bool:
        data = self.read(run, name)
        if data is not None:
            self.write(to, new, data)
        return data is not None

    def link(self, run: RunPlace, name: str) -> str:
        return f"/values/{run}/{name}"

    def delete(self, run: RunPlace) -> None:
        self.kept.pop(run, None)

    def runs(self) -> Iterator[RunPlace]:
        yield from list(self.kept)
