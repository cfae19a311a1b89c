"""What a step is given that something else completes: a token, and a URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
else:  # only type checkers need the default, and `import durable` needs no package
    from typing import TypeVar

    T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Callback(Generic[T]):
    """By what a step is completed that `step.callback` began; T is the type of the result. Injected like the context.

    All attempts of the step are given the same one, and no other step is. Who has it completes the step, so it is for
    nobody else and for no log.

    Attributes:
        token: for `Workflow.complete_callback` and `fail_callback`.
    """

    token: str = field(repr=False)
    _base: str | None = field(repr=False)

    @property
    def url(self) -> str:
        """Where a POST of `{"result": …}` or `{"error": "…"}` completes the step, from anywhere.

        Raises:
            RuntimeError: the workflow is bound to no Worker that has a URL.
        """
        if self._base is None:
            raise RuntimeError("a callback has a URL where a Worker(…, url=True) has the workflow among its bindings")
        return f"{self._base.rstrip('/')}/callbacks?token={self.token}"
