"""Run a workflow's `run` as the Python that it is, with functions for its steps: the reference for the compiler.

Values pass through JSON and errors through their names as they do on the wire. Sleeps, timeouts and the delays before
attempts take no time of ours: the event loop's own goes on when all wait.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import itertools
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from unittest import mock

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from durable.adapters import adapter_of
from durable.callback import Callback
from durable.compiler.expressions.moments import read_moment
from durable.compiler.statements.titles import COMPUTED
from durable.durations import Duration, parse_duration
from durable.errors import (
    ChildWorkflowError,
    InvalidInput,
    InvalidResult,
    NonRetryableError,
    StepTimeoutError,
)
from durable.retries import Retries, RetryAfter
from durable.signature import Signature, signature_of
from durable.steps.coroutines import finished
from durable.store.values import Misfit, dump, holds_secret, load, written
from durable.testing.reported import reported
from durable.testing.virtual_loop import START, VirtualLoop, now
from durable.wire import CALLBACK, CALLBACK_WAIT, waited_in_vain
from durable.workflow import WorkflowEntrypoint, WorkflowEvent, WorkflowStep, payload_type, result_type

T = TypeVar("T")
Events = Mapping[str, Sequence[Any]]
"""The payloads of the events that a run finds, as JSON, by type, the first in first."""
Functions = Mapping[str, Callable[..., Any]]
"""What does each step's work, by the step's name; it is given the data arguments."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of a step: its name and its input, as JSON."""

    step: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NativeOutcome:
    """How a native run ended: its output as JSON, or the name of the exception that ended it."""

    output: Any
    error: str | None
    calls: tuple[Call, ...]
    elapsed: timedelta


@dataclass(slots=True)
class Steps:
    """Does the work of steps, from JSON to JSON, and records each attempt."""

    functions: Functions = field(default_factory=dict)
    events: Events = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)

    def event(self, step: str, type: str) -> Any:
        """Take the next event of a type, and return its payload as JSON; raise StepTimeoutError if there is none."""
        self.calls.append(Call(step, {"type": type}))
        kept = (of_step(self.events, type) or ())[self.taken[type] :]
        if not kept:
            raise StepTimeoutError(waited_in_vain(type))
        self.taken[type] += 1
        return kept[0]

    def attempt(
        self,
        step: str,
        signature: Signature,
        given: dict[str, Any],
        *,
        sensitive: bool = False,
        catches: Sequence[str] = (),
    ) -> Any:
        """Make one attempt and return the result as JSON; raise what the wire would report."""
        self.calls.append(Call(step, given))
        function = of_step(self.functions, step) or signature.function
        try:
            arguments = {
                each.name: load(each.adapter, given[each.name], each.name)
                for each in signature.data
                if each.name in given
            }
        except Misfit as misfit:
            raise reported(InvalidInput(str(misfit)), signature) from None
        try:
            named = {name: arguments.pop(name) for name in _keyword_only(signature.function) & arguments.keys()}
            if signature.callback is not None:
                named[signature.callback.name] = Callback(step, None)
            result = finished(function(*arguments.values(), **named))
        except Exception as error:
            # By the same rules as the wrapper of a step: what `except` catches here is what a Catch catches there.
            raise reported(error, signature, sensitive=sensitive, catches=catches) from None
        if signature.callback is not None:
            # The wait that follows looks for an event of this type: see `callback` below.
            return CALLBACK + step
        return self._result(signature, result)

    def _result(self, signature: Signature, result: Any) -> Any:
        try:
            return dump(signature.result, result, "result")
        except Misfit as misfit:
            raise reported(InvalidResult(str(misfit)), signature) from None


def of_step(known: Mapping[str, T], step: str) -> T | None:
    """Return what is known of a step by its name; a name that is computed is known with `*` for each such part."""
    if step in known:
        return known[step]
    computed = (each for each in known if COMPUTED in each)
    found = next((each for each in computed if _pattern(each).fullmatch(step)), None)
    return None if found is None else known[found]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split(COMPUTED))), re.DOTALL)


def _keyword_only(function: Callable[..., Any]) -> frozenset[str]:
    """Return the parameters of a function that are given by name only."""
    parameters = inspect.signature(function).parameters.values()
    return frozenset(each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY)


def _sent(adapter: TypeAdapter[Any], value: Any, name: str) -> bytes:
    """Return what a step is given as JSON; a dict with the keys of a model is as good as the model."""
    try:
        return written(adapter, value)
    except PydanticSerializationError:
        load(adapter, value, name)
        return to_json(value)


def _delay(retries: Retries, attempt: int, error: Exception) -> float:
    """Return the seconds between a failed attempt and the next, without jitter."""
    if isinstance(error, RetryAfter):
        return parse_duration(error.delay).total_seconds()
    return float(retries.delay_after(attempt))


class NativeStep(WorkflowStep):
    """Steps that run at once, in this process."""

    def __init__(self, steps: Steps, catches: Mapping[str, Sequence[str]]) -> None:
        self._steps = steps
        self._catches = catches

    async def do(
        self,
        name: str,
        function: Callable[..., Any],
        /,
        *arguments: Any,
        retries: Retries = Retries(),
        timeout: Duration = "10 minutes",
        undo: Callable[..., Any] | None = None,
        after_rollback: Callable[..., Any] | None = None,
        sensitive: bool = False,
        **named: Any,
    ) -> Any:
        signature = signature_of(function)
        values = {each.name: value for each, value in zip(signature.data, arguments, strict=False)} | named
        given = {
            each.name: from_json(_sent(each.adapter, values[each.name], each.name))
            for each in signature.data
            if each.name in values
        }
        hidden = sensitive or any(map(holds_secret, (signature.result, *(each.adapter for each in signature.data))))
        # Lets all branches of a gather begin before the first one goes on, as the branches of a Parallel do.
        await asyncio.sleep(0)
        for attempt in itertools.count(1):
            _refuse_stopped()
            try:
                catches = of_step(self._catches, name) or ()
                result = self._steps.attempt(name, signature, copy.deepcopy(given), sensitive=hidden, catches=catches)
                return load(signature.result, result, "result")
            except NonRetryableError:
                raise
            except Exception as error:
                if attempt > retries.limit or not isinstance(error, retries.retry_if):
                    raise
                await asyncio.sleep(_delay(retries, attempt, error))
        raise AssertionError("the last attempt returns or raises")

    async def sleep(self, name: str, duration: Duration, /) -> None:
        _refuse_stopped()
        await asyncio.sleep(max(0, parse_duration(duration).total_seconds()))

    async def sleep_until(self, name: str, when: datetime | str, /) -> None:
        _refuse_stopped()
        await asyncio.sleep(max(0, (read_moment(when, now()) - now()).total_seconds()))

    async def wait_for_event(
        self, name: str, /, *, type: str, payload: Any = None, timeout: Duration = "24 hours"
    ) -> Any:
        await asyncio.sleep(0)
        _refuse_stopped()
        try:
            return load(adapter_of(payload), self._steps.event(name, type), "payload")
        except StepTimeoutError:
            # On the loop's virtual time: what runs beside the wait goes on meanwhile, as on AWS.
            await asyncio.sleep(parse_duration(timeout).total_seconds())
            raise

    async def callback(
        self,
        name: str,
        function: Callable[..., None],
        /,
        *arguments: Any,
        timeout: Duration = "24 hours",
        retries: Retries = Retries(),
        sensitive: bool = False,
        **named: Any,
    ) -> Any:
        completes = signature_of(function).callback
        assert completes is not None
        await self.do(name, function, *arguments, retries=retries, sensitive=sensitive, **named)
        return await self.wait_for_event(
            name + CALLBACK_WAIT, type=CALLBACK + name, payload=completes.type, timeout=timeout
        )

    async def call(self, name: str, workflow: type[Any], payload: Any, /) -> Any:
        takes, returns = adapter_of(payload_type(workflow)), adapter_of(result_type(workflow))
        given = dump(takes, payload, "payload")  # through JSON, as the child's execution gets it
        _refuse_stopped()
        self._steps.calls.append(Call(name, {"payload": given}))
        event = WorkflowEvent(load(takes, given, "payload"), now(), "child", workflow.__name__)
        await asyncio.sleep(0)
        try:
            result = await workflow().run(event, self)
        except Exception:
            raise ChildWorkflowError from None
        return load(returns, to_jsonable_python(result, by_alias=True), "result")

    async def map(
        self,
        name: str,
        body: Callable[[Any], Awaitable[Any]],
        items: Sequence[Any],
        /,
        *,
        concurrency: int = 10,
        return_exceptions: bool = False,
    ) -> list[Any]:
        turns, failed = asyncio.Semaphore(max(1, concurrency)), asyncio.Event()

        async def one(item: Any) -> Any:
            async with turns:
                if failed.is_set():  # no item begins after one has failed
                    raise asyncio.CancelledError
                try:
                    return await body(item)
                except Exception:
                    if not return_exceptions:
                        failed.set()
                    raise

        return await gather(*(one(item) for item in items), return_exceptions=return_exceptions)

    async def race(self, /, *branches: Awaitable[Any]) -> Any:
        _refuse_stopped()
        tasks = [asyncio.ensure_future(each) for each in branches]
        left = set(tasks)
        try:
            while left:
                _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                # By their order, and not by that of a set: of branches that end at once the one written first wins.
                for each in tasks:
                    if each not in left and each.exception() is None:
                        return each.result()
            return tasks[0].result()  # which raises its error, as all others do
        finally:
            await _stop(tasks)

    async def complete(self, name: str, result: Any, /) -> Any:
        return result


async def gather(*branches: Awaitable[Any], return_exceptions: bool = False) -> list[Any]:
    """Await all branches, as `asyncio.gather` does, but stop the others when one fails, as a Parallel state does."""
    _refuse_stopped()
    tasks = [asyncio.ensure_future(each) for each in branches]
    try:
        return list(await _asyncio_gather(*tasks, return_exceptions=return_exceptions))
    except BaseException:
        await _stop(tasks)
        raise


_asyncio_gather = asyncio.gather


async def _stop(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for each in tasks:
        each.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _refuse_stopped() -> None:
    """Raise CancelledError in a task that was stopped: a state machine that is stopped does no `finally`."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first(error: Exception) -> Exception:
    """Return the error that ends a run: of a group that failed, its first one."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def run_natively(
    workflow: type[WorkflowEntrypoint[Any]],
    payload: Any,
    functions: Functions | None = None,
    events: Events | None = None,
    *,
    instance_id: str = "instance",
    name: str = "workflow",
    catches: Mapping[str, Sequence[str]] | None = None,
) -> NativeOutcome:
    """Run a workflow in CPython and return how it ended.

    Args:
        payload: what `event.payload` is, of its own type; the run has a copy, as one that reads its payload from JSON.
        functions: what does each step's work, by the step's name; of one not named, the step's own function.
        events: those that are there when they are waited for; where there are no more, a wait times out.
        catches: the paths of the classes that an `except` of `run` names and a step's module does not, by the step.
    """
    steps = Steps(functions or {}, events or {})
    event = WorkflowEvent(copy.deepcopy(payload), START, instance_id, name)
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            output, ended = runner.run(_run(workflow(), event, NativeStep(steps, catches or {})))
    except Exception as error:
        return NativeOutcome(None, type(_first(error)).__name__, tuple(steps.calls), timedelta(0))
    return NativeOutcome(
        to_jsonable_python(output, by_alias=True, bytes_mode="base64"), None, tuple(steps.calls), ended - START
    )


async def _run(
    workflow: WorkflowEntrypoint[Any], event: WorkflowEvent[Any], step: WorkflowStep
) -> tuple[Any, datetime]:
    # `run` says `asyncio.gather`, of which CPython leaves the other branches running when one fails.
    with mock.patch.object(asyncio, "gather", gather):
        return await workflow.run(event, step), now()
