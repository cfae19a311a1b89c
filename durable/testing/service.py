"""Services of AWS as a test has them: a stub in the place of the client."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from durable.bindings import AWSService, Binding
from durable.errors import DurableError
from durable.local.bindings.place import Place
from durable.testing.client import SandboxClient

_CLIENT: Final = "client"


class StubMissing(DurableError):
    """A step called a service of AWS for which the test gave no stub."""

    def __init__(self, name: str) -> None:
        give = f"give it a stub of the client, as in bindings={{{name!r}: …}}"
        super().__init__(f"AWSService {name} is not called from a sandbox; {give}")


class StubbedService(AWSService[Any], SandboxClient):
    """A service whose client the test gives."""

    holds: ClassVar[tuple[type, ...]] = (object,)
    given: ClassVar[str] = "a stub of its client"

    @classmethod
    def of(cls, declared: AWSService[Any], value_type: Any, place: Place, kept: dict[str, Any]) -> StubbedService:
        return StubbedService(declared.name, kept)

    @classmethod
    def declared(cls, name: str) -> Binding:
        return AWSService(name, actions=["sandbox:None"], resources=["*"])

    def __init__(self, name: str, kept: dict[str, Any]) -> None:
        Binding.__init__(self, name)
        self._kept = kept

    def fill(self, contents: Any) -> None:
        """Put the stub in the place of the client."""
        self._kept[_CLIENT] = contents

    @property
    def client(self) -> Any:
        if _CLIENT not in self._kept:
            raise StubMissing(self.name)
        return self._kept[_CLIENT]
