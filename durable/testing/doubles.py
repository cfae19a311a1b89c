"""What stands in a sandbox for the functions and for the clients of a project."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from durable.bindings import Binding, Queue, Workflow
from durable.clock import Clock
from durable.context import StepContext
from durable.local.bindings.place import Place
from durable.local.engine.functions import Wait
from durable.signature import Signature
from durable.steps.consumer import message_parameter
from durable.steps.coroutines import finished
from durable.steps.events import Events
from durable.testing.attempts import Attempts
from durable.testing.client import client_class
from durable.testing.contents import DELIVERED
from durable.testing.stubs import Stubs
from durable.testing.waits import SandboxWaits

_CONTEXT: Final = "__context__"


class SandboxDoubles:
    """Implements `durable.local.host.Doubles`: does what the stubs say, and notes what was done."""

    def __init__(self, clock: Clock) -> None:
        self.stubs: Final = Stubs()
        self.attempts: Final = Attempts()
        self._kept: Final[defaultdict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
        self._clock = clock
        self._waits: Final = SandboxWaits(self.stubs, self.attempts, clock)

    def client(self, declared: Binding, value_type: Any, place: Place) -> Binding | None:
        """Return the client of a binding in a sandbox; None where it is that of one machine."""
        sandbox = client_class(declared)
        if sandbox is None:
            return None
        client = sandbox.of(declared, value_type, place, self._kept[declared.kind, declared.name])
        assert isinstance(client, Binding)
        return client

    def wait(self, wait: Wait, events: Events) -> Wait:
        return self._waits.around(wait, events)

    def function(self, owner: Workflow[Any] | Queue[Any], name: str, signature: Signature) -> Signature:
        if isinstance(owner, Queue):
            return replace(signature, function=self._consumer(owner.name, signature))
        # Each step is given its context, which says which attempt it is; one that does not take it is called without.
        return replace(signature, function=self._step(name, signature), context=signature.context or _CONTEXT)

    def _step(self, step: str, signature: Signature) -> Callable[..., Any]:
        data = {each.name for each in signature.data}

        @functools.wraps(signature.function)
        def stand_in(**arguments: Any) -> Any:
            context: StepContext = arguments[signature.context] if signature.context else arguments.pop(_CONTEXT)
            given = {name: value for name, value in arguments.items() if name in data}
            return self._attempt(signature.function, step, context, arguments, given)

        return stand_in

    def _attempt(
        self,
        function: Callable[..., Any],
        step: str,
        context: StepContext,
        arguments: Mapping[str, Any],
        given: Mapping[str, Any],
    ) -> Any:
        attempt = self.attempts.begin(
            context.idempotency_key, step, number=context.attempt, at_ms=self._clock.now(), input=given
        )
        act = self.stubs.act(attempt)
        try:
            return finished(function(**arguments) if act is None else act(arguments))
        except Exception as error:
            attempt.exception = error
            raise

    def _consumer(self, queue: str, signature: Signature) -> Callable[..., Any]:
        message = message_parameter(signature).name

        @functools.wraps(signature.function)
        def stand_in(**arguments: Any) -> None:
            finished(signature.function(**arguments))
            # Only now: a message whose consumer raised was not taken.
            self._kept[Queue.kind, queue].setdefault(DELIVERED, []).append(arguments[message])

        return stand_in
