"""The wrapper around a step's function: lease, input, call, result, record; and errors as the wire names them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from random import Random
from typing import Any, Final, assert_never

from durable.bindings import Binding
from durable.callback import Callback
from durable.clock import Clock, moment
from durable.context import StepContext
from durable.errors import (
    InvalidInput,
    InvalidResult,
    NonRetryableError,
    RaceOver,
    StaleResult,
    StepError,
    StepInProgress,
    Stopped,
)
from durable.signature import Signature, caught_classes
from durable.steps.attempt import Attempt, Hang
from durable.steps.coroutines import finished
from durable.steps.lending import Lending
from durable.steps.reports import busy, fault, refusal, reported, retried_later
from durable.steps.tasks import callback_key, generation_to_look_with, is_handled, is_kept, kept_of
from durable.steps.tracing import NO_TRACING, Tracing
from durable.store.begun import Begun, Exhausted, Halted, Held, Leased, Lost, Recorded
from durable.store.failure import OURS, Failure, failure_of
from durable.store.keys import StepKey
from durable.store.large_values import LargeValues, ValuesBusy
from durable.store.log import Log
from durable.store.record import StepRecord
from durable.store.values import Misfit, TooLarge, dump, hash_of, load, text_of, unordered
from durable.wire import (
    FINAL,
    HAND_OVER,
    MAX_KEPT_INPUT_BYTES,
    MAX_RESULT_BYTES,
    MAX_VALUE_BYTES,
    Envelope,
    StepEvent,
)

Deadline = Callable[[int], AbstractContextManager[None]]
"""Given seconds, a block that raises StepTimeoutError when they are over."""
Keep = Callable[[Callable[[], bool]], AbstractContextManager[object]]
"""Given what renews a lease (False: it is somebody else's), a block in which the lease is kept."""

_SHORTEST_MS: Final = 1_000
"""With less time left than this, an attempt is not begun: the next execution makes it."""


class StepHandler:
    """Runs one step's function for the events that its Task sends; the same in Lambda and on one machine."""

    def __init__(
        self,
        signature: Signature,
        clients: Mapping[str, Binding],
        record: StepRecord,
        clock: Clock,
        deadline: Deadline,
        log: Log,
        keep: Keep = lambda renew: nullcontext(),
        random: Random | None = None,
        callback_url: str | None = None,
        values: LargeValues | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._signature = signature
        self._clients = dict(clients)
        self._record = record
        self._clock = clock
        self._deadline = deadline
        self._log = log
        self._keep = keep
        self._random = random or Random()
        self._errors = dict(signature.errors())
        self._callback_url = callback_url
        self._lending = Lending(values)
        self._tracing = tracing

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return self._signature.is_async

    def __call__(self, event: StepEvent, owner: str) -> Envelope:
        """Run the step for an event, under a lease held by the owner: a name that no other invocation has.

        Raises:
            Exception: of a class with the wire's error name.
        """
        attempt = self.begin(event, owner)
        return self._ended(attempt, lambda: self._work(attempt)) if isinstance(attempt, Attempt) else attempt

    def begin(self, event: StepEvent, owner: str) -> Envelope | Attempt:
        """Take the lease of an attempt; or return what stands in the record in its place.

        Raises:
            Exception: of a class with the wire's error name.
        """
        key = StepKey.of(event)
        # Before the lease: an attempt that has no time must not be counted.
        if "until" in event and self._clock.now() + _SHORTEST_MS > event["until"]:
            raise reported(Failure(HAND_OVER, "The execution has no time left."), event)
        # Sorted by key: nothing promises an order of keys, and each attempt must come to the same hash.
        text = text_of(event["input"])
        input_hash = hash_of(text)
        begun = self._record.begin(
            key,
            event["step"],
            owner=owner,
            limit=event["attempts"],
            input_hash=input_hash,
            handled=is_handled(StepError.__name__, event),
            kept=kept_of(event, text),
            generation=event["run"].get("generation", 0),
            races=event.get("races", ()),
            may_be_late="caught" in event,
        )
        if isinstance(begun, Exhausted):
            self._log.attempt_failed(key, event["step"], begun.attempts, begun.failure, final=True)
        if not isinstance(begun, Leased):
            return self._answer(begun, event, input_hash)
        self._log.attempt_begun(begun.attempt)
        # The time counts from now on: to take the lease may have taken long.
        return Attempt(event, owner, key, begun, input_hash, self._clock.now() + event["timeout"] * 1000)

    async def coroutine(self, attempt: Attempt) -> Any:
        """Do the work of an attempt whose function is a coroutine function; its deadline is for the caller."""
        import asyncio  # here, so that a Lambda without coroutines does not import it

        with self._traced(attempt):
            if not (attempt.event.get("references") or attempt.event.get("lists")):
                return await self._signature.function(**self._given(attempt))
            # A large value is read in a thread: the loop is shared with all other steps.
            return await self._signature.function(**await asyncio.to_thread(self._given, attempt))

    def _traced(self, attempt: Attempt) -> AbstractContextManager[object]:
        return self._tracing.attempt(attempt.key, attempt.event["step"], attempt.begun.attempt)

    def finish(self, attempt: Attempt, work: Callable[[], Any]) -> Envelope:
        """Record how an attempt ends, and return or raise what its Task is answered.

        Args:
            work: returns what the function returned, or raises what it raised.
        """
        return self._ended(attempt, lambda: self._travelling(attempt, work()))

    def _ended(self, attempt: Attempt, work: Callable[[], tuple[Any, bool]]) -> Envelope:
        event, key, input_hash = attempt.event, attempt.key, attempt.input_hash
        try:
            result, by_reference = work()
        except Hang:
            raise
        except ValuesBusy as error:
            failure = busy(error)
            self._record.give_back(key, attempt.owner, attempt.begun.attempt, failure, self._clock.now())
            raise fault(failure, event) from None
        except BaseException as error:  # SystemExit, KeyboardInterrupt and CancelledError are failed attempts too
            return self._failed(error, event, key, attempt.owner, attempt.begun.attempt, input_hash)
        at = self._clock.now()
        generation = generation_to_look_with(event)
        instead = self._record.succeed(
            key, owner=attempt.owner, result=result, at=at, generation=generation, by_reference=by_reference
        )
        if instead is not None:
            return self._answer(instead, event, input_hash)
        return {"result": result, "at": at}

    def _work(self, attempt: Attempt) -> tuple[Any, bool]:
        # No longer than the work: a renewal that comes after the outcome would end the process. To write and keep a
        # large value is part of the work, for it takes up to a minute.
        with self._keep(lambda: self._renew(attempt.key, attempt.owner)), self._deadline(attempt.event["timeout"]):
            with self._traced(attempt):
                returned = finished(self._signature.function(**self._given(attempt)))
            return self._travelling(attempt, returned)

    def _travelling(self, attempt: Attempt, returned: Any) -> tuple[Any, bool]:
        """Return what the function returned as it travels, and whether that is a reference to it."""
        return self._lending.sent(self._dumped(self._result(attempt, returned), attempt.event), attempt.event)

    def _given(self, attempt: Attempt) -> dict[str, Any]:
        event = attempt.event
        if event.get("undo", {}).get("input") and not is_kept(text_of(event["input"])):
            raise InvalidInput(f"input (larger than {MAX_KEPT_INPUT_BYTES} bytes of JSON, and its undo takes it)")
        references, lists = event.get("references", ()), event.get("lists", ())
        return self._arguments(event, event["input"], attempt.key, attempt.begun, attempt.until, references, lists)

    def _result(self, attempt: Attempt, returned: Any) -> Any:
        """Return what is recorded of the function; of one with a callback, the type of the event that completes it."""
        if self._signature.callback is None:
            return returned
        key = callback_key(attempt.event, attempt.key, attempt.begun)
        return key.event_type(self._record.secret(key))

    def _dumped(self, result: Any, event: StepEvent) -> Any:
        most_bytes = MAX_VALUE_BYTES if self._lending.may_lend(event) else MAX_RESULT_BYTES
        try:
            return dump(self._signature.result, result, "result", most_bytes=most_bytes)
        except TooLarge as large:
            read = event.get("read")
            why = f"; what run only passes on may be larger, and this is read by {read}" if read else ""
            raise InvalidResult(f"{large}{why}") from None
        except Misfit as misfit:
            raise InvalidResult(str(misfit)) from None

    def _arguments(
        self,
        event: StepEvent,
        given: dict[str, Any],
        key: StepKey,
        begun: Leased,
        until: int,
        references: Collection[str],
        lists: Collection[str],
    ) -> dict[str, Any]:
        signature = self._signature
        # Data is read anew for each attempt: a function may have changed a list that an earlier one was given.
        arguments: dict[str, Any] = dict(self._clients)
        try:
            for parameter in signature.data:
                if parameter.required or parameter.name in given:
                    value = given.get(parameter.name)
                    if parameter.name in references or parameter.name in lists:
                        value = self._lending.taken(value, key, parameter.name, is_list=parameter.name in lists)
                    arguments[parameter.name] = load(parameter.adapter, value, parameter.name)
        except Misfit as misfit:
            raise InvalidInput(str(misfit)) from None
        if signature.context:
            arguments[signature.context] = StepContext(
                key.workflow,
                key.instance,
                event["step"],
                begun.attempt,
                self._idempotency_key(key, begun),
                lambda: timedelta(milliseconds=max(0, until - self._clock.now())),
                lambda: moment(self._clock.now()),
            )
        if signature.callback:
            callback = callback_key(event, key, begun)
            token = callback.token(self._record.secret(callback))
            arguments[signature.callback.name] = Callback(token, self._callback_url)
        return arguments

    def _renew(self, key: StepKey, owner: str) -> bool:
        return self._record.renew(key, owner)

    def _idempotency_key(self, key: StepKey, begun: Leased) -> str:
        return f"{key}~{begun.again}" if begun.again else str(key)

    def abandon(self, event: StepEvent, owner: str, failure: Failure) -> Exception | None:
        """Record that the owner's attempt failed while its function still runs: what it returns will be dropped.

        Returns what to report; None when the attempt's end is in the record.
        """
        key, at = StepKey.of(event), self._clock.now()
        instead, failed = self._end(key, event, owner, self._record.attempts(key), failure, at)
        if isinstance(instead, Halted):
            return refusal(Stopped, event)
        return None if isinstance(instead, Held | Recorded) else failed

    def tried_again(self, event: StepEvent, at: int) -> None:
        """Note when a step whose attempt failed is tried again, in milliseconds since 1970."""
        self._record.wake(StepKey.of(event), at)

    def _failed(
        self, error: BaseException, event: StepEvent, key: StepKey, owner: str, attempt: int, input_hash: str
    ) -> Envelope:
        errors = {**caught_classes(event.get("catches", ())), **self._errors}
        failure = failure_of(error, errors, sensitive=event.get("sensitive", False))
        at = self._clock.now()
        instead, failed = self._end(key, event, owner, attempt, failure, at)
        if instead is not None:
            return self._answer(instead, event, input_hash)
        # The function's exception is no context of this one: whatever logs this does not show what that says.
        raise failed from None

    def _reported(self, failure: Failure, event: StepEvent, at: int, *, final: bool) -> Exception:
        """Return what to raise for a failed attempt: for one that others of its name are retried after, say if not."""
        if not final:
            return reported(failure, event, at)
        # An error that is never tried again needs no mark: no Retry has its name.
        mark = "" if self._never_retried(failure.name) else FINAL
        return reported(failure, event, at, says=event.get("says", ()), mark=mark)

    def _next_ms(self, event: StepEvent, failure: Failure, attempt: int) -> int | None:
        """Return how long the step waits after a failed attempt, where that is for the step to say."""
        if "later" not in event:
            return None
        later = event["later"]
        if failure.retry_ms is not None or "delay" not in later:
            return failure.retry_ms
        delay = later["delay"] * 1000 * attempt
        # Full jitter, as Step Functions has it: anything from 0 to the delay.
        return self._random.randrange(delay + 1) if later["jitter"] else delay

    def _end(
        self, key: StepKey, event: StepEvent, owner: str, attempt: int, failure: Failure, at: int
    ) -> tuple[Begun | None, Exception]:
        """Record a failed attempt; return what stands in its place, and what to raise where nothing does."""
        is_tried_once = self._never_retried(failure.name) or failure.name in event.get("once", ())
        final = attempt >= event["attempts"] or is_tried_once
        self._log.attempt_failed(key, event["step"], attempt, failure, final=final)
        handled = is_handled(failure.name, event)
        wait = None if final else self._next_ms(event, failure, attempt)
        wake = None if wait is None else at + wait
        instead = self._record.fail(
            key,
            owner=owner,
            failure=failure,
            final=final,
            at=at,
            handled=handled,
            generation=generation_to_look_with(event),
            wake=wake,
        )
        if wake is not None:
            return instead, retried_later(event, wake)
        return instead, self._reported(failure, event, at, final=final)

    def _never_retried(self, name: str) -> bool:
        known = self._errors.get(name) or {each.__name__: each for each in (*OURS, NonRetryableError)}.get(name)
        return known is not None and issubclass(known, NonRetryableError)

    def _answer(self, begun: Begun, event: StepEvent, input_hash: str) -> Envelope:
        """Return or raise what stands in the record in place of running the step."""
        match begun:
            case Exhausted(recorded):
                return self._answer(recorded, event, input_hash)
            # The program has changed since, or what it reads: the result answers another question than the one asked
            # now.
            case Recorded(input_hash=recorded) if recorded != input_hash:
                raise refusal(StaleResult, event) from None
            case Recorded(failure=Failure() as failure, at=at):
                raise self._reported(failure, event, at, final=True) from None
            case Recorded(at=at):
                return {"result": self._still_fits(begun, event), "at": at}
            case Halted():
                raise refusal(Stopped, event) from None
            case Lost():
                raise refusal(RaceOver, event) from None
            case Held() | Leased():
                raise refusal(StepInProgress, event) from None
            case _:
                assert_never(begun)

    def _still_fits(self, recorded: Recorded, event: StepEvent) -> Any:
        """Re-validate a recorded result against the step's current return type: an older deployment may have written
        it, and may have passed on by reference what `run` reads today.
        """
        most_bytes = MAX_VALUE_BYTES if self._lending.may_lend(event) else MAX_RESULT_BYTES
        try:
            was = recorded.result
            if recorded.by_reference:
                was = self._lending.taken(was, StepKey.of(event), "result")
            today = dump(
                self._signature.result, load(self._signature.result, was, "result"), "result", most_bytes=most_bytes
            )
        except (Misfit, InvalidInput):
            raise refusal(StaleResult, event) from None
        # A set is written in any order; another one than was recorded would change the inputs of later steps.
        kept = was if unordered(today) == unordered(was) else today
        if recorded.by_reference and kept is was and self._lending.may_lend(event):
            return recorded.result
        return self._lending.sent(kept, event)[0]
