"""What stands in a sandbox for the functions and for the e-mail of a project."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from durable.bindings import Bucket, Queue, Secret, SendEmail, Workflow
from durable.clock import Clock
from durable.context import StepContext
from durable.local.functions import Wait
from durable.signature import Signature
from durable.steps.consumer import message_parameter
from durable.steps.events import Events
from durable.testing.attempts import Attempts
from durable.testing.bucket import MemoryBucket
from durable.testing.outbox import MemoryOutbox, SentEmail
from durable.testing.secret import GivenSecret
from durable.testing.stubs import Stubs
from durable.testing.waits import SandboxWaits

_CONTEXT: Final = "__context__"


class SandboxDoubles:
    """Implements `durable.local.host.Doubles`: does what the stubs say, and notes what was done."""

    def __init__(self, clock: Clock) -> None:
        self.stubs: Final = Stubs()
        self.attempts: Final = Attempts()
        self.delivered: Final[defaultdict[str, list[Any]]] = defaultdict(list)
        self.sent: Final[defaultdict[str, dict[str, SentEmail]]] = defaultdict(dict)
        self.objects: Final[defaultdict[str, dict[str, bytes]]] = defaultdict(dict)
        self.secrets: Final[dict[str, str]] = {}
        self._clock = clock
        self._waits: Final = SandboxWaits(self.stubs, self.attempts, clock)

    def email(self, declared: SendEmail) -> SendEmail:
        return MemoryOutbox(declared.name, declared.sender, self.sent[declared.name], self._clock)

    def bucket(self, declared: Bucket) -> MemoryBucket:
        return MemoryBucket(declared.name, self.objects[declared.name])

    def secret(self, declared: Secret) -> Secret:
        return GivenSecret(declared.name, self.secrets)

    def wait(self, wait: Wait, events: Events) -> Wait:
        return self._waits.around(wait, events)

    def function(self, owner: Workflow[Any] | Queue[Any], name: str, signature: Signature) -> Signature:
        if isinstance(owner, Queue):
            return replace(signature, function=self._consumer(owner.name, signature))
        return replace(signature, function=self._step(name, signature), context=signature.context or _CONTEXT)

    def _step(self, step: str, signature: Signature) -> Callable[..., Any]:
        data = {each.name for each in signature.data}

        @functools.wraps(signature.function)
        def stand_in(**arguments: Any) -> Any:
            context: StepContext = arguments[signature.context] if signature.context else arguments.pop(_CONTEXT)
            given = {name: value for name, value in arguments.items() if name in data}
            return self._attempt(signature.function, context, arguments, given)

        return stand_in

    def _attempt(
        self, function: Callable[..., Any], context: StepContext, arguments: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Any:
        attempt = self.attempts.begin(
            context.idempotency_key, context.step, number=context.attempt, at_ms=self._clock.now(), input=given
        )
        act = self.stubs.act(attempt)
        try:
            return function(**arguments) if act is None else act(arguments)
        except Exception as error:
            attempt.exception = error
            raise

    def _consumer(self, queue: str, signature: Signature) -> Callable[..., Any]:
        message = message_parameter(signature).name

        @functools.wraps(signature.function)
        def stand_in(**arguments: Any) -> None:
            signature.function(**arguments)
            self.delivered[queue].append(arguments[message])

        return stand_in
