"""Worker: an HTTP API; API Gateway and a Lambda on AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from durable.bindings.base import Binding, Bindings


class Worker(Binding):
    """A module whose function `fetch` returns the API; its signature names the bindings, as a step's does.

    Args:
        module: the importable name of the module.
        url: whether the API is reachable from the internet.
        origins: the web origins that browsers may call it from (CORS).
    """

    kind: ClassVar[str] = "worker"

    def __init__(
        self,
        name: str,
        module: str,
        *,
        url: bool = False,
        bindings: Mapping[str, Binding] | None = None,
        origins: Sequence[str] = (),
    ) -> None:
        super().__init__(name)
        self.module = module
        self.url = url
        self.bindings: Bindings = dict(bindings or {})
        self.origins = tuple(origins)

    def uses(self) -> Bindings:
        return self.bindings
