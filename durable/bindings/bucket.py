"""Bucket: objects by key, as Cloudflare's R2; S3 on AWS, a folder on one machine."""

from __future__ import annotations

from typing import ClassVar

from durable.bindings.base import Binding
from durable.bindings.kv import KeyPage

# S3's own limit of a key. The one of an object is ours: a client reads and writes it whole, in the memory of a Lambda.
MAX_OBJECT_KEY_BYTES = 1024
MAX_OBJECT_BYTES = 100_000_000


class Bucket(Binding):
    """Bytes by key: what is too large, or not JSON, for a KVNamespace or for a step's result.

    A key is 1 to 1,024 bytes of UTF-8, an object 100 MB at most: it is read and written whole. Reads and lists see
    every write that came before them.
    """

    kind: ClassVar[str] = "bucket"

    def get(self, key: str) -> bytes | None:
        """Return the object, or None where there is none."""
        self._declared_only()

    def get_text(self, key: str) -> str | None:
        """Return the object as text, or None where there is none.

        Raises:
            UnicodeDecodeError: it is not UTF-8.
        """
        self._declared_only()

    def put(self, key: str, value: bytes | str) -> None:
        """Write the object, over one that is there; a text is written as UTF-8."""
        self._declared_only()

    def delete(self, key: str) -> None:
        """Remove the object; one that is absent is no error."""
        self._declared_only()

    def list(self, prefix: str = "", *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        """Return up to `limit` (1 to 1,000) keys that begin with the prefix; hand a page's cursor on for the next."""
        self._declared_only()
