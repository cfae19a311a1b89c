"""Stubs: what a test puts in the place of a step's own work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from durable.signature import Signature
from durable.steps.attempt import Hang
from durable.store.values import Misfit, dump, fit
from durable.testing.attempts import Attempt

Act = Callable[[Mapping[str, Any]], Any]
"""What is done in the place of a step's function, given its arguments by name."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What happens, and to which attempts of which rounds of which run; None means all."""

    act: Act
    run: str | None
    round: int | None
    key: str | None
    attempt: int | None
    times: int | None = None

    def concerns(self, attempt: Attempt) -> bool:
        wanted = ((self.run, attempt.run), (self.round, attempt.round), (self.key, attempt.key))
        return all(want is None or want == got for want, got in wanted)


@dataclass(slots=True)
class _Rules:
    """The rules of one step: faults come before results."""

    faults: list[_Rule] = field(default_factory=list)
    results: list[_Rule] = field(default_factory=list)

    def act(self, attempt: Attempt) -> Act | None:
        """Return what an attempt does; None for its own work."""
        return self._fault(attempt) or self._result(attempt)

    def _fault(self, attempt: Attempt) -> Act | None:
        """Take the faults one after the other, each for as many attempts as it was told."""
        # A rule with `times` uses up so many attempts; the number goes on to the next rule as if it began there.
        number = attempt.number
        for rule in self.faults:
            if not rule.concerns(attempt):
                continue
            if rule.attempt is not None:
                if rule.attempt == attempt.number:
                    return rule.act
            elif rule.times is None or number <= rule.times:
                return rule.act
            else:
                number -= rule.times
        return None

    def _result(self, attempt: Attempt) -> Act | None:
        for rule in reversed(self.results):  # the last given that fits counts
            if rule.concerns(attempt) and rule.attempt in (None, attempt.number):
                return rule.act
        return None


class Stub:
    """What a step does in place of its own work; the lease, the checks of input and result, the retries are real.

    Each method may be limited to one attempt (1 is the first), to one round (1 is the first that was begun), or to
    one step key ("load[3]/page[0]"). Errors and timeouts come first, in the order they were given, each for as many
    attempts as `times` says (None: for all); then results, of which the last given that fits counts; an attempt that
    nothing was given for does the step's own work.
    """

    def __init__(self, step: str, signature: Signature, rules: _Rules, run: str | None) -> None:
        self._step, self._signature, self._rules, self._run = step, signature, rules, run

    def returns(
        self, value: Any, *, attempt: int | None = None, round: int | None = None, key: str | None = None
    ) -> Stub:
        """Fix the step's result: a value of its type, or the same as JSON.

        Raises:
            ValueError: the value does not fit what the step returns.
        """
        try:
            result = fit(self._signature.result, value, "result")
        except Misfit as misfit:
            raise ValueError(
                f"{self._step} returns {_name(self._signature.returns)}, which the fixed result is not: {misfit}"
            ) from None
        self._rules.results.append(_Rule(lambda arguments: result, self._run, round, key, attempt))
        return self

    def does(
        self,
        function: Callable[..., Any],
        *,
        attempt: int | None = None,
        round: int | None = None,
        key: str | None = None,
    ) -> Stub:
        """Have a function do the work; it is called with the step's arguments by name, bindings and context too."""
        self._rules.results.append(_Rule(lambda arguments: function(**arguments), self._run, round, key, attempt))
        return self

    def raises(
        self,
        error: Exception | type[Exception],
        times: int | None = None,
        *,
        attempt: int | None = None,
        round: int | None = None,
        key: str | None = None,
    ) -> Stub:
        """Have the step raise an error: `run` sees it by the name that it has in production.

        That is its class's name if the step's module names that class, else StepError or NonRetryableError.
        """
        return self._fault(_raiser(error), times, round, key, attempt)

    def times_out(
        self,
        times: int | None = None,
        *,
        attempt: int | None = None,
        round: int | None = None,
        key: str | None = None,
    ) -> Stub:
        """Have the step hang until its timeout is over on virtual time."""
        return self._fault(_raiser(Hang()), times, round, key, attempt)

    def _fault(self, act: Act, times: int | None, round: int | None, key: str | None, attempt: int | None) -> Stub:
        if times is not None and attempt is not None:
            raise ValueError(
                f"{self._step}: `times` counts attempts from the first, `attempt` is one: give one of both"
            )
        self._rules.faults.append(_Rule(act, self._run, round, key, attempt, times))
        return self


class EventStub:
    """What comes of a wait for an event, in place of the event that was sent or is to be sent.

    Each method may be limited to one round (1 is the first that was begun) or to one step key. Timeouts come first,
    then payloads, of which the last given that fits counts; a wait that nothing was given for waits for its event.
    """

    def __init__(self, name: str, payload: TypeAdapter[Any], rules: _Rules, run: str | None) -> None:
        self._name, self._payload, self._rules, self._run = name, payload, rules, run

    def returns(self, payload: Any = None, *, round: int | None = None, key: str | None = None) -> EventStub:
        """Have the event come at once, with a payload of the type that is waited for, or the same as JSON.

        Raises:
            ValueError: the payload does not fit.
        """
        try:
            fixed = dump(self._payload, fit(self._payload, payload, "payload"), "payload")
        except Misfit as misfit:
            raise ValueError(f"{self._name} waits for another payload than the fixed one: {misfit}") from None
        self._rules.results.append(_Rule(lambda arguments: fixed, self._run, round, key, None))
        return self

    def times_out(self, *, round: int | None = None, key: str | None = None) -> EventStub:
        """Have no event come, whatever is sent, until the timeout is over on virtual time."""
        self._rules.faults.append(_Rule(_raiser(Hang()), self._run, round, key, None))
        return self


class Stubs:
    """The stubs of all steps, and the pauses that are skipped."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], _Rules] = {}
        self._skipped: set[tuple[bool, str | None, str | None]] = set()

    def stub(self, workflow: str, step: str, signature: Signature, run: str | None) -> Stub:
        """Return what says what a step does, in one run or in all."""
        return Stub(step, signature, self._rules.setdefault((workflow, step), _Rules()), run)

    def event(self, workflow: str, name: str, payload: TypeAdapter[Any], run: str | None) -> EventStub:
        """Return what says what comes of a wait for an event, in one run or in all."""
        return EventStub(name, payload, self._rules.setdefault((workflow, name), _Rules()), run)

    def act(self, attempt: Attempt) -> Act | None:
        """Return what an attempt does; None for its own work."""
        rules = self._rules.get((attempt.workflow, attempt.step))
        return rules.act(attempt) if rules else None

    def skip(self, names: Iterable[str], run: str | None, *, retry: bool) -> None:
        """Skip sleeps, or the delays before retries, of these names or of all; in one run or in all."""
        for name in tuple(names) or (None,):
            self._skipped.add((retry, name, run))

    def skips(self, run: str, name: str, *, retry: bool) -> bool:
        """Return whether a pause is skipped."""
        return any((retry, each, which) in self._skipped for each in (None, name) for which in (None, run))


def _raiser(error: BaseException | type[BaseException]) -> Act:
    def act(arguments: Mapping[str, Any]) -> Any:
        # One object is raised many times, and each time would add its frames to those of before.
        raise error if isinstance(error, type) else error.with_traceback(None)

    return act


def _name(type: Any) -> str:
    return getattr(type, "__name__", None) or str(type)
