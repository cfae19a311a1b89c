"""Secret as a SecureString of Parameter Store: free of charge, and encrypted by a key of the account."""

from __future__ import annotations

from typing import Any, Final

from durable.aws.session import client
from durable.bindings.secret import Secret
from durable.clients.secret import SecretMissing
from durable.clock import Clock, SystemClock

FRESH_MS: Final = 300_000
"""How long a text that was read is taken to be the current one."""


class ParameterSecret(Secret):
    """Reads a parameter.

    Args:
        parameter: its name, `/<stack>/<secret>`.
        ssm: a boto3 client; without one, the process's own.
    """

    def __init__(self, name: str, parameter: str, clock: Clock, *, ssm: Any = None) -> None:
        super().__init__(name)
        self._parameter = parameter
        self._clock = clock
        self._given = ssm
        self._text = ""
        self._fresh_until = 0

    def get(self) -> str:
        now = self._clock.now()
        if now >= self._fresh_until:
            self._text, self._fresh_until = self._read(), now + FRESH_MS
        return self._text

    def _read(self) -> str:
        ssm = self._given or client("ssm")
        try:
            # A rotated secret is read within five minutes, without a deployment: FRESH_MS.
            text: str = ssm.get_parameter(Name=self._parameter, WithDecryption=True)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            put = f"aws ssm put-parameter --type SecureString --name {self._parameter} --value …"
            raise SecretMissing(self.name, put) from None
        return text


def client_of(name: str, _: Any, parameter: str) -> ParameterSecret:
    """Return what reads the secret from a parameter."""
    return ParameterSecret(name, parameter, SystemClock())
