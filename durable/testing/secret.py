"""Secrets that a test gives."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from durable.bindings import Binding, Secret
from durable.clients.secret import SecretMissing
from durable.local.bindings.place import Place
from durable.testing.client import SandboxClient

_TEXT: Final = "text"


class GivenSecret(Secret, SandboxClient):
    """A secret that the test gives."""

    holds: ClassVar[tuple[type, ...]] = (str,)
    given: ClassVar[str] = "its text"

    @classmethod
    def of(cls, declared: Secret, value_type: Any, place: Place, kept: dict[str, Any]) -> GivenSecret:
        return GivenSecret(declared.name, kept)

    @classmethod
    def declared(cls, name: str) -> Binding:
        return Secret(name)

    def __init__(self, name: str, kept: dict[str, str]) -> None:
        super().__init__(name)
        self._kept = kept

    def fill(self, contents: str) -> None:
        """Give it a text."""
        self._kept[_TEXT] = contents

    def get(self) -> str:
        if _TEXT not in self._kept:
            raise SecretMissing(self.name, f"give the sandbox one, as in bindings={{{self.name!r}: …}}")
        return self._kept[_TEXT]
