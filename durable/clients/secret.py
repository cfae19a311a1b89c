"""What both clients of a Secret share."""

from __future__ import annotations

from durable.errors import DurableError


class SecretMissing(DurableError):
    """A secret has no value in this deployment."""

    def __init__(self, secret: str, remedy: str) -> None:
        self.secret = secret
        super().__init__(f"Secret {secret} has no value; {remedy}")
