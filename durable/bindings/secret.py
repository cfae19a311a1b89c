"""Secret: a text that stands in no source and no template; a SecureString of Parameter Store on AWS."""

from __future__ import annotations

from typing import ClassVar

from durable.bindings.base import Binding


class Secret(Binding):
    """A text that is put in place by hand, once a stage, and read by the steps that name it.

    On AWS it is the parameter `/<project>-<stage>/<name>`. On one machine it is the environment variable of its name
    in capitals (`stripe-key` is STRIPE_KEY), or a line of the file `.env`.
    """

    kind: ClassVar[str] = "secret"

    def get(self) -> str:
        """Return the text; a new one is seen five minutes after it was put in place, at the latest.

        Raises:
            SecretMissing: nobody has put one in place.
        """
        self._declared_only()
