"""KVNamespace: values by key, as Cloudflare's Workers KV, but consistent: a DynamoDB table on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic

from durable.bindings.base import Binding, V
from durable.durations import Duration

MAX_KEY_BYTES = 512
MAX_VALUE_BYTES = 380_000


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Keys in the order of their UTF-8 bytes; a cursor where there are more."""

    keys: tuple[str, ...]
    cursor: str | None = None


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

    def put(self, key: str, value: V, *, ttl: Duration | None = None, if_absent: bool = False) -> bool:
        """Write the value and return whether it was written: with `if_absent`, not over a value that is there.

        Args:
            ttl: after this time, 1 second at least, the value reads as absent.
        """
        self._declared_only()

    def delete(self, key: str) -> None:
        """Remove the value; one that is absent is no error."""
        self._declared_only()

    def list(self, prefix: str = "", *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        """Return up to `limit` (1 to 1,000) keys that begin with the prefix; hand a page's cursor on for the next."""
        self._declared_only()
