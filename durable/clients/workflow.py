"""The client of a Workflow binding: what workers, steps and consumers start, show and change runs with."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, from_json

from durable.adapters import adapter_of
from durable.bindings.workflow import (
    MOST_IN_A_BATCH,
    BatchResult,
    Created,
    RunEvent,
    RunHistory,
    RunPage,
    RunStatus,
    RunSummary,
    Sent,
    Start,
    Status,
    Workflow,
)
from durable.clock import milliseconds_of
from durable.errors import CallbackUnknown, EventUnknown, InvalidInput, RunNotFound, RunRequestError, public_message
from durable.operations.history import HistoryEntry
from durable.operations.queries import Queries, attribute_of
from durable.runs.description import Entry, status_of
from durable.runs.record import INSTANCE_ID
from durable.runs.runs import Runs
from durable.runs.transitions import From, Given, Order
from durable.steps.events import Events
from durable.store.callback_tokens import CallbackKey, named_by
from durable.store.large_values import LargeValues
from durable.store.pools import HIGHEST_PRIORITY
from durable.store.values import Misfit, dump, holds_secret, written
from durable.wire import CALLBACK
from durable.workflow import WorkflowEntrypoint, payload_type

MAX_ERROR_CHARACTERS: Final = 1_000
_ANY: Final = adapter_of(Any)


class Transitions(Protocol):
    """Carries out what is wanted of runs: `durable.operations.lifecycle.Lifecycle`, or what asks one."""

    def carry_out(self, workflow: str, instance: str, order: Order) -> None:
        """Do what is wanted, or have it done when the execution has stopped.

        Raises:
            RunNotFound, RunConflict, Throttled: as Lifecycle does.
        """


class WorkflowClient(Workflow[Any]):
    """Starts, shows and changes the runs of one workflow, and sends them events.

    Args:
        payloads: the type of the payload of each event that the workflow waits for, by the event's type.
        values: where large values are; without it none is shown.
    """

    def __init__(
        self,
        name: str,
        workflow: type[WorkflowEntrypoint[Any]],
        runs: Runs,
        events: Events,
        payloads: Mapping[str, Any],
        queries: Queries,
        transitions: Transitions,
        search: Sequence[str] = (),
        values: LargeValues | None = None,
    ) -> None:
        super().__init__(name, workflow, search=search)
        self._runs = runs
        self._events = events
        self._payloads = dict(payloads)
        self._queries = queries
        self._transitions = transitions
        self._values = values

    @functools.cached_property
    def params(self) -> TypeAdapter[Any]:
        """The type of the payload."""
        return adapter_of(payload_type(self.workflow))

    @functools.cached_property
    def _event_types(self) -> Mapping[str, TypeAdapter[Any]]:
        return {type: adapter_of(payload) for type, payload in self._payloads.items()}

    def create(
        self, params: Any, *, id: str | None = None, idempotency_key: str | None = None, priority: int = 0
    ) -> Created:
        """Start a run.

        Raises:
            InvalidInput: the params are not of the workflow's type, or too large.
            ValueError: the id is not 1 to 64 of [A-Za-z0-9_-], or the priority not -1000 to 1000.
        """
        _check_priority(priority)
        return self._create(self._checked(self.params, params, "params"), id, priority, idempotency_key)

    def _create(self, payload: Any, id: str | None, priority: int, idempotency_key: str | None = None) -> Created:
        return self._runs.create(
            self.name,
            payload,
            id=id,
            idempotency_key=idempotency_key,
            sensitive=holds_secret(self.params),
            priority=priority,
        )

    def _checked(self, adapter: TypeAdapter[Any], value: Any, name: str) -> Any:
        """Return a value as JSON.

        Raises:
            InvalidInput: it is of another type, or too large.
        """
        try:
            return dump(adapter, value, name)
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None

    def create_batch(self, starts: Sequence[Start[Any]]) -> tuple[BatchResult, ...]:
        _check_size(starts)
        # All are checked before the first is started.
        payloads = [self._checked(self.params, each.params, f"{number}.params") for number, each in enumerate(starts)]
        for each in starts:
            _check_id(each.id)
            _check_priority(each.priority)
        return tuple(
            _result(each.id, functools.partial(self._create, payload, each.id, each.priority))
            for each, payload in zip(starts, payloads, strict=True)
        )

    @property
    def events(self) -> Mapping[str, Any]:
        return {type: each for type, each in self._payloads.items() if not type.startswith(CALLBACK)}

    @property
    def has_callbacks(self) -> bool:
        """Whether steps of the workflow wait for callbacks."""
        return any(type.startswith(CALLBACK) for type in self._payloads)

    def complete_callback(self, token: str, result: Any = None) -> bool:
        """Complete a step that `step.callback` began.

        Raises:
            InvalidInput: the result is not of the callback's type, or too large.
        """
        key, secret = self._callback(token)
        try:
            value = dump(self._event_types[CALLBACK + key.name], result, "result")
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None
        return self._events.complete(key, secret, value, None)

    def fail_callback(self, token: str, error: str) -> bool:
        key, secret = self._callback(token)
        return self._events.complete(key, secret, None, error[:MAX_ERROR_CHARACTERS])

    def _callback(self, token: str) -> tuple[CallbackKey, str]:
        key, secret = named_by(token)
        # A client completes steps of its own workflow only, whatever the token names.
        if key.workflow != self.name or CALLBACK + key.name not in self._payloads:
            raise CallbackUnknown(public_message(CallbackUnknown))
        return key, secret

    def send_event(self, instance: str, type: str, payload: Any = None, *, id: str | None = None) -> Sent:
        """Send an event to a run.

        Raises:
            InvalidInput: the payload is not of the type that the workflow waits for, or too large.
            ValueError: the id is not 1 to 64 of [A-Za-z0-9_-].
        """
        if type not in self.events:
            raise EventUnknown(public_message(EventUnknown))
        if id is not None and not INSTANCE_ID.fullmatch(id):
            raise ValueError("an event's id is 1 to 64 of A-Z a-z 0-9 _ -")
        value = self._checked(self._event_types[type], payload, "payload")
        # Without an id it is another event each time that it is sent.
        return self._events.send(self.name, instance, type, value, id or str(uuid.uuid4()))

    def get(self, id: str) -> RunStatus:
        return status_of(self._runs.load_status(self.name, id), self._values)

    def list(
        self,
        *,
        status: Status | None = None,
        where: tuple[str, object] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        first, last = _milliseconds("since", since), _milliseconds("until", until)
        asked = None if where is None else attribute_of(self.search, *where)
        page = self._queries.list(
            self.name, status=status, where=asked, since=first, until=last, cursor=cursor, limit=limit
        )
        return RunPage(tuple(_summary(each) for each in page.entries), page.cursor)

    def history(self, id: str, *, after: str | None = None) -> RunHistory:
        page = self._queries.history(self.name, id, after)
        return RunHistory(tuple(_event(each) for each in page.events), page.cursor, page.more)

    def pause(self, id: str) -> None:
        self._carry_out(id, Order("pause"))

    def resume(self, id: str, *, code: Literal["latest"] | None = None) -> None:
        self._carry_out(id, Order("resume", latest=code == "latest"))

    def terminate(self, id: str, *, rollback: bool = False) -> None:
        self._carry_out(id, Order("terminate", rollback=rollback))

    def restart(self, id: str, *, from_step: str | None = None, count: int = 1, result: Any = ...) -> None:
        """Raises:
        InvalidInput: the result is not what the step returns, no JSON, or too large.
        ValueError: count or result is given, and no step.
        """
        if count < 1 or (from_step is None and count != 1):
            raise ValueError("count is which round of from_step to begin at, 1 being the first")
        if from_step is None and result is not ...:
            raise ValueError("result is of one step: name that in from_step")
        start = None if from_step is None else From(from_step, count)
        self._carry_out(id, Order("restart", start=start, result=self._given(result)))

    def retry(self, id: str, *, result: Any = ...) -> None:
        """Raises:
        InvalidInput: the result is not what the step returns, no JSON, or too large.
        """
        self._carry_out(id, Order("retry", result=self._given(result)))

    def _given(self, result: Any) -> Given | None:
        """Return a step's result by hand, as JSON; whoever carries the order out holds it to the step's type."""
        if result is ...:
            return None
        try:
            as_json = from_json(written(_ANY, result))
        except (PydanticSerializationError, ValueError):
            raise InvalidInput("result (cannot be written as JSON)") from None
        return Given(self._checked(_ANY, as_json, "result"))

    def delete(self, id: str) -> None:
        self._carry_out(id, Order("delete"))

    def delete_batch(self, ids: Sequence[str]) -> tuple[BatchResult, ...]:
        _check_size(ids)
        return tuple(_result(each, functools.partial(self._deleted, each)) for each in ids)

    def _deleted(self, id: str) -> Created:
        try:
            self.delete(id)
        # To delete what is not there is no error in a batch: the same batch may be sent again.
        except RunNotFound:
            return Created(id, new=False)
        return Created(id, new=True)

    def _carry_out(self, id: str, order: Order) -> None:
        self._transitions.carry_out(self.name, id, order)


def _check_size(batch: Sequence[Any]) -> None:
    if len(batch) > MOST_IN_A_BATCH:
        raise ValueError(f"a batch of {len(batch)}; it takes up to {MOST_IN_A_BATCH}: make it several")


def _check_id(id: str | None) -> None:
    if id is not None and not INSTANCE_ID.fullmatch(id):
        raise ValueError("a run's id is 1 to 64 of A-Z a-z 0-9 _ -")


def _check_priority(priority: int) -> None:
    if not -HIGHEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise ValueError(f"the priority is {priority}; it is -{HIGHEST_PRIORITY} to {HIGHEST_PRIORITY}")


def _result(id: str | None, act: Callable[[], Created]) -> BatchResult:
    try:
        done = act()
    except RunRequestError as refused:
        return BatchResult(id, False, refused)
    return BatchResult(done.id, done.new)


def _milliseconds(name: str, time: datetime | None) -> int | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError(f"{name} has no zone; give it one, as in datetime.now(UTC)")
    return milliseconds_of(time.isoformat())


def _summary(entry: Entry) -> RunSummary:
    error = None if entry.error is None else dict(entry.error)
    return RunSummary(entry.id, entry.workflow, entry.status, entry.created_at, entry.updated_at, error)


def _event(entry: HistoryEntry) -> RunEvent:
    error = None if entry.error is None else dict(entry.error)
    return RunEvent(entry.at, entry.type, entry.step, entry.key, entry.attempt, error)
