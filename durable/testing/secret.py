"""Secrets that a test gives."""

from __future__ import annotations

from collections.abc import Mapping

from durable.bindings import Secret
from durable.clients.secret import SecretMissing


class GivenSecret(Secret):
    """A secret that the test gives."""

    def __init__(self, name: str, texts: Mapping[str, str]) -> None:
        super().__init__(name)
        self._texts = texts

    def get(self) -> str:
        if self.name not in self._texts:
            raise SecretMissing(self.name, f"give the sandbox one, as in bindings={{{self.name!r}: …}}")
        return self._texts[self.name]
