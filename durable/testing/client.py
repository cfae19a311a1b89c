"""What every client of a sandbox has beside the methods of its binding."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from durable.bindings import Binding
from durable.bindings.kinds import KINDS, part
from durable.local.bindings.place import Place


class SandboxClient:
    """A client that steps use in a sandbox, and that a test looks into.

    Attributes:
        holds: the types of what a test may give as the first contents; empty where it may give none.
        given: says what that is.
    """

    holds: ClassVar[tuple[type, ...]] = ()
    given: ClassVar[str] = ""

    @classmethod
    def of(cls, declared: Any, value_type: Any, place: Place, kept: dict[str, Any]) -> Self:
        """Return the client of a declaration; `kept` holds what outlives it, for each declaration by itself."""
        raise NotImplementedError

    @classmethod
    def declared(cls, name: str) -> Binding:
        """Return a declaration for a binding that a step names and the test did not give."""
        raise NotImplementedError

    def fill(self, contents: Any) -> None:
        """Put the first contents."""
        raise NotImplementedError


def client_class(declared: Binding | type[Binding]) -> type[SandboxClient] | None:
    """Return the class of a binding's client in a sandbox; None where it is that of one machine."""
    name = KINDS[declared.kind].sandbox
    if name is None:
        return None
    found: type[SandboxClient] = part(name)
    return found
