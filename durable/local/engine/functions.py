"""The functions of a project on one machine: what Lambda is on AWS."""

from __future__ import annotations

import enum
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from durable.errors import StepInProgress, StepTimeoutError, public_message
from durable.local.engine.workers import Workers
from durable.local.log import WorkingOn
from durable.steps.attempt import Attempt, Hang
from durable.steps.loop import Ended, EventLoop
from durable.steps.step import StepHandler
from durable.store.failure import Failure
from durable.store.keys import StepKey
from durable.store.machines import MachinesBusy
from durable.wire import Envelope, StepEvent


@dataclass(frozen=True, slots=True)
class Returned:
    """What a function returned; `fits` where it is known to be JSON that is small enough, as of all steps."""

    payload: Any
    fits: bool = False


@dataclass(frozen=True, slots=True)
class Raised:
    """What a function raised, as Lambda reports it."""

    error: str
    cause: str


Answer = Returned | Raised


@dataclass(frozen=True, slots=True)
class Later:
    """The answer comes by the token; the function wants to be called again at a time in milliseconds, if it has one."""

    again: int | None


Wait = Callable[[Any], int | None]
"""Called with what a task sends; returns when it wants to be called again, in milliseconds."""


Done = Callable[[Answer], object]
"""Called with the answer of an attempt that went on by itself."""


@dataclass(frozen=True, slots=True)
class Coroutines:
    """Where steps that are coroutines go on, and the threads on which they end."""

    loop: EventLoop
    workers: Workers


class _Going(enum.Enum):
    """That an attempt goes on by itself, told from what an undo returns: None."""

    ON = "on"


def _answer_of(function: Callable[[Any], Any], event: Any) -> Answer:
    """Return what a function of the library's own answers."""
    try:
        return Returned(function(event))
    except Exception as error:
        return raised(type(error).__name__, str(error))


def raised(error: str, message: str) -> Raised:
    """Return a failure with the cause that Lambda writes for one of Python."""
    cause = {"errorMessage": message, "errorType": error, "requestId": str(uuid.uuid4()), "stackTrace": []}
    return Raised(error, json.dumps(cause))


class Functions:
    """Invokes the steps by the name of their function, one invocation of a step key at a time.

    Args:
        others: what answers at once and is no step, by the name of its function.
        flush: waits until all that was written is on disk.
        coroutines: where steps that are coroutines go on, and the threads on which they end; without them, such a
            step is waited for by the thread that began it.
        waits: what begins to wait for something that ends a task by its token, by the name of its function.
    """

    def __init__(
        self,
        steps: Mapping[str, StepHandler],
        waits: Mapping[str, Wait],
        others: Mapping[str, Callable[[Any], Any]],
        flush: Callable[[], None],
        coroutines: Coroutines | None = None,
    ) -> None:
        self._steps = steps
        self._waits = waits
        self._others = others
        self._flush = flush
        self._coroutines = coroutines
        self._cancels: dict[str, Callable[[], None]] = {}
        self._thread = threading.local()
        self._running: set[StepKey] = set()
        self._owners: set[str] = set()
        self._lock = threading.Lock()
        self._process = uuid.uuid4().hex
        self._count = itertools.count(1)

    def new_owner(self) -> str:
        """Return a name for an invocation."""
        return f"{self._process}.{next(self._count)}"

    def is_at_work(self, owner: str) -> bool:
        """Return whether an invocation of that name is at work: one of an earlier process is not."""
        return owner in self._owners

    def is_step(self, function: str) -> bool:
        return function in self._steps

    def deadline(self, seconds: int) -> AbstractContextManager[None]:
        """Return the block in which a step's function is called; the engine keeps its deadline.

        An attempt that follows a crash is on disk before it begins: if it ends the process too, it is counted.
        """
        if getattr(self._thread, "resumes", False):
            self._flush()
        return nullcontext()

    def timeout_ms(self, function: str, event: StepEvent) -> int | None:
        """Return how long an attempt may take; None for a function that is no step."""
        return event["timeout"] * 1000 if function in self._steps else None

    def invoke(
        self, function: str, event: StepEvent, owner: str, *, resumes: bool = False, ended: Done = lambda answer: None
    ) -> Answer | Later | None:
        """Run a function in this thread. None is no answer: the attempt hangs until it is given up, or it is a
        coroutine, which goes on by itself, and `ended` is called on a worker thread with its answer.

        `resumes` says that the process before this one ended while the function was at work, or about to be.
        A thread cannot be ended, so an attempt that was given up may still run: until it returns, another one of the
        same step key is told that it is in progress.
        """
        handler = self._steps.get(function)
        if handler is None:
            other = self._others.get(function)
            return self._wait(function, event) if other is None else _answer_of(other, event)
        key = StepKey.of(event)
        with self._lock:
            # The lease cannot tell: an attempt that was given up has lost it, and its thread may run all the same.
            if key in self._running:
                return raised(StepInProgress.__name__, public_message(StepInProgress))
            self._running.add(key)
            self._owners.add(owner)
        # For `deadline`, which the handler calls on this thread.
        self._thread.resumes = resumes
        with WorkingOn(f"{key.workflow}/{key.instance} {event['step']}", key):
            if self._coroutines is None or not handler.is_async:
                return self._answered(key, owner, lambda: handler(event, owner))
            start = partial(self._start, handler, event, owner, self._coroutines, ended, resumes=resumes)
            return self._answered(key, owner, start)

    def _answered(self, key: StepKey, owner: str, work: Callable[[], Envelope | _Going]) -> Answer | None:
        """Return what an attempt answers once it has ended; None where it hangs or goes on by itself."""
        goes_on, hangs = False, False
        try:
            envelope = work()
            goes_on = envelope is _Going.ON
            return None if goes_on else Returned(envelope, fits=True)
        except Hang:
            hangs = True
            return None
        except Exception as error:
            return raised(type(error).__name__, str(error))
        finally:
            with self._lock:
                if not goes_on:
                    self._running.discard(key)
                    self._cancels.pop(owner, None)
                if not (goes_on or hangs):
                    self._owners.discard(owner)

    def _start(
        self, handler: StepHandler, event: StepEvent, owner: str, on: Coroutines, ended: Done, *, resumes: bool
    ) -> Envelope | _Going:
        """Have an attempt of a coroutine function go on by itself; return its envelope where it has one already."""
        attempt = handler.begin(event, owner)
        if not isinstance(attempt, Attempt):
            return attempt
        if resumes:
            self._flush()

        def finish(how: Ended) -> None:
            answer = self._answered(attempt.key, owner, lambda: handler.finish(attempt, how.result))
            if answer is not None:
                ended(answer)

        with self._lock:
            # Under the lock: the coroutine may end at once, and `_answered` is to find what cancels it, and remove it.
            coroutine = handler.coroutine(attempt)
            self._cancels[owner] = on.loop.submit(coroutine, lambda how: on.workers.submit(partial(finish, how)))
        return _Going.ON

    def tried_again(self, function: str, event: StepEvent, at: int) -> None:
        """Note when a step that failed is tried again, in milliseconds since 1970."""
        handler = self._steps.get(function)
        if handler is not None:
            handler.tried_again(event, at)

    def _wait(self, function: str, task: Any) -> Raised | Later:
        wait = self._waits.get(function)
        if wait is None:
            return raised("Lambda.ResourceNotFoundException", f"there is no function {function}")
        try:
            return Later(wait(task))
        except MachinesBusy:  # the outcome is recorded, and the engine calls the function again
            return Later(None)
        except Exception as error:
            return raised(type(error).__name__, "the wait could not begin")

    def abandon(self, function: str, event: StepEvent, owner: str) -> Answer | None:
        """Give up an attempt that took too long, and drop its late result; None when it ended just before."""
        failure = Failure(StepTimeoutError.__name__, public_message(StepTimeoutError))
        # The outcome first: what the function returns from now on finds it in the row, and is dropped.
        error = self._steps[function].abandon(event, owner, failure)
        with self._lock:
            self._owners.discard(owner)
            cancel = self._cancels.get(owner)
        if cancel is not None:
            cancel()
        return None if error is None else raised(type(error).__name__, str(error))
