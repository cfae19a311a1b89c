"""KVNamespace: values by key, as Cloudflare's Workers KV, but consistent: a DynamoDB table on AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic

from durable.bindings.base import Binding, V
from durable.durations import Duration

MAX_KEY_BYTES = 512
# An item of DynamoDB is 400 KB at most, with its keys and what stands beside the value.
MAX_VALUE_BYTES = 380_000


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Keys in the order of their UTF-8 bytes; a cursor where there are more."""

    keys: tuple[str, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Versioned(Generic[V]):
    """A value, and the version that it has in its namespace; each write gives it another one."""

    value: V
    version: str


class KVNamespace(Binding, Generic[V]):
    """Values of one type by key.

    A key is 1 to 512 bytes of UTF-8. A value is anything of type V that pydantic can write as JSON, 380,000 bytes
    at most. Reads see every write that came before them. The type is that of the parameter in the step's signature,
    as in `orders: KVNamespace[Order]`; a stored value that no longer fits it raises `pydantic.ValidationError`
    without the value in it.
    """

    kind: ClassVar[str] = "kv"

    def get(self, key: str) -> V | None:
        """Return the value, or None where there is none or its time is over."""
        self._declared_only()

    def get_with_version(self, key: str) -> Versioned[V] | None:
        """Return the value with its version, for `put(…, if_version=)`; None where there is none."""
        self._declared_only()

    def put(
        self,
        key: str,
        value: V,
        *,
        ttl: Duration | None = None,
        if_absent: bool = False,
        if_version: str | None = None,
    ) -> bool:
        """Write the value and return whether it was written.

        Args:
            ttl: after this time, 1 second at least, the value reads as absent.
            if_absent: write only where no value is.
            if_version: write only over the value that has this version.
        """
        self._declared_only()

    def update(self, key: str, function: Callable[[V | None], V], *, ttl: Duration | None = None) -> V:
        """Write what the function makes of the value that is there, or of None, and return it.

        No write comes between: where another one did, the function is called again with what that one wrote. It
        should do nothing besides; what it raises ends the update, and nothing is written.

        Args:
            ttl: after this time the new value reads as absent; without it, the value keeps the time it had.

        Raises:
            KVContended: others wrote the same key each time, a hundred times in a row.
        """
        self._declared_only()

    def increment(self: KVNamespace[int], key: str, by: int = 1, *, ttl: Duration | None = None) -> int:
        """Add to a whole number, which is 0 where there is none, and return the sum. It is an `update`."""
        self._declared_only()

    def delete(self, key: str) -> None:
        """Remove the value; one that is absent is no error."""
        self._declared_only()

    def list(self, prefix: str = "", *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        """Return up to `limit` (1 to 1,000) keys that begin with the prefix; hand a page's cursor on for the next."""
        self._declared_only()
