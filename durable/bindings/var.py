"""Var: a plain value of the deployment, as wrangler's `vars`."""

from __future__ import annotations

from typing import ClassVar, Generic

from durable.bindings.base import Binding, V

# It stands in the environment of each Lambda that names it, which holds 4 KB in all.
MAX_VAR_BYTES = 2_000


class Var(Binding, Generic[V]):
    """A value that is the same for all runs of a deployment: anything that pydantic can write as JSON.

    A step that names it, as in `limits: Var[Limits]`, reads `limits.value`. It stands readable in the template and in
    Lambda's configuration: what nobody should read is a Secret. It is 2,000 bytes of JSON at most.
    """

    kind: ClassVar[str] = "var"

    def __init__(self, name: str, value: V) -> None:
        super().__init__(name)
        self.value: V = value
