"""Values of the deployment that a test gives."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from durable.bindings import Binding, Var
from durable.clients.var import json_of, var_client
from durable.errors import DeclarationError
from durable.local.bindings.place import Place
from durable.testing.client import SandboxClient

_VALUE: Final = "value"


class GivenVar(Var[Any], SandboxClient):
    """A value that is the declared one, or the one that the test gives."""

    holds: ClassVar[tuple[type, ...]] = (object,)
    given: ClassVar[str] = "its value"

    @classmethod
    def of(cls, declared: Var[Any], value_type: Any, place: Place, kept: dict[str, Any]) -> GivenVar:
        kept.setdefault(_VALUE, json_of(declared))
        return GivenVar(declared.name, value_type, kept)

    @classmethod
    def declared(cls, name: str) -> Binding:
        raise DeclarationError([f"{name} is a Var: give its declaration in `bindings`, as Var({name!r}, …)"])

    def __init__(self, name: str, value_type: Any, kept: dict[str, Any]) -> None:
        Binding.__init__(self, name)
        self._type, self._kept = value_type, kept

    @property
    def value(self) -> Any:
        # Read anew each time: a step's client was made before the test gave a value.
        return var_client(self.name, self._type, self._kept[_VALUE]).value

    @value.setter
    def value(self, contents: Any) -> None:
        value = json_of(Var(self.name, contents))
        var_client(self.name, self._type, value)  # raises where a step could not read it
        self._kept[_VALUE] = value

    def fill(self, contents: Any) -> None:
        """Have it be another value than the declared one."""
        self.value = contents
