"""Machines as Amazon States Language, in JSONata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from durable import wire
from durable.adapters import adapter_of
from durable.compiler.asl.map_states import map_state
from durable.compiler.expressions.access import INPUT
from durable.compiler.jsonata.writer import jsonata, template
from durable.compiler.program.retry_rules import RACE_ENDS, RACE_RETRY, TOKEN_RETRY, retries, tried_once
from durable.compiler.program.tree import EventWait, StepCall
from durable.compiler.source.names import state_name
from durable.compiler.states.passing import Passing
from durable.compiler.states.states import (
    AnyState,
    Caught,
    Choice,
    Edge,
    Fail,
    Machine,
    Map,
    Parallel,
    Pass,
    RaceTask,
    State,
    Task,
    TokenTask,
    Wait,
)
from durable.compiler.types.terms import Constant, Expression
from durable.signature import Signature
from durable.store.large_values import LISTED_BYTES
from durable.store.values import holds_secret

Json = dict[str, Any]

_RACE_SECONDS = 30
"""The function of races only reads and writes the record, so a call that takes longer hangs."""
_REDRIVES = "$states.context.Execution.RedriveCount"
# An execution that was never redriven has no such count, and one that was counts retries from 0 again.
_TRIED = f"{{% ($exists({_REDRIVES}) ? {_REDRIVES} * 1000 : 0) + $states.context.State.RetryCount %}}"


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes machines; the names of states are unique over all of them.

    Attributes:
        messages_read: the errors whose messages `run` reads: of no other does a step report what it says.
    """

    placeholders: dict[str, str]
    taken: set[str]
    passing: Passing
    messages_read: frozenset[str] = frozenset()

    def machine(self, machine: Machine) -> Json:
        """Return a machine: where it starts, and its states in the order of the source."""
        names = self._names(machine.states)
        assert machine.entry.target is not None
        states: Json = {}
        for state in machine.states:
            states[names[state]] = self.state(state, names)
            if isinstance(state, Task) and state.step.waits_by_itself:
                again = state_name(state.label, self.taken, wire.AGAIN)
                # Before the author's `except StepError`: the first Catch that matches decides, and the wait for the
                # next attempt is no error of the author's.
                states[names[state]].setdefault("Catch", []).insert(0, _waiting(state, again))
                states[again] = _wait_again(names[state])
        return {"StartAt": names[machine.entry.target], "States": states}

    def _names(self, states: Sequence[State]) -> dict[State, str]:
        # Steps and waits are named first: these names are shown to people, and are to be the author's own. A Choice or
        # a Pass that would have the same name gets the number behind it.
        names: dict[State, str] = {}
        for state in states:
            if isinstance(state, (Task, TokenTask, Wait)):
                names[state] = state_name(state.label, self.taken)
        for state in states:
            if state not in names:
                names[state] = state_name(_label(state), self.taken)
        return names

    def state(self, state: AnyState, names: dict[State, str]) -> Json:
        """Return a state."""
        match state:
            case Task():
                return self._task(state, names)
            case TokenTask():
                return self._token_task(state, names)
            case RaceTask():
                return self._race_task(state, names)
            case Parallel(branches=branches):
                machines = [self.machine(each) for each in branches]
                return {"Type": "Parallel", "Branches": machines, **_caught(state, names)}
            case Map():
                return self._map(state, names)
            case Wait(until=until):
                return {"Type": "Wait", "Timestamp": "{% $fromMillis(" + jsonata(until) + ") %}", **_out(state, names)}
            case Choice():
                return _choice(state, names)
            case Fail(error=error, cause=cause):
                return {"Type": "Fail", "Error": template(error), "Cause": template(cause)}
            case Pass():
                return {"Type": "Pass", **_out(state, names)}
            case _:
                assert_never(state)

    def _task(self, task: Task, names: dict[State, str]) -> Json:
        step = task.step
        payload = _place(step.name, task.key, task.title)
        payload["attempts"] = step.retries.limit + 1
        payload["timeout"] = step.timeout_seconds if task.timeout is None else template(task.timeout)
        payload["input"] = {name: template(each) for name, each in task.arguments}
        payload |= self._caught_here(task.caught)
        if step.catches:
            payload["catches"] = list(step.catches)
        if once := tried_once(step):
            payload["once"] = once
        if step.sensitive:
            payload["sensitive"] = True
        payload |= _races(task.races)
        passed = self.passing.of(task)
        if passed.by_reference:
            payload["by_reference"] = True
            if passed.listed:
                payload["inline"] = LISTED_BYTES
        elif passed.read:
            # The expression that looks into the result: the error of a result that is too large for it names it.
            payload["read"] = passed.read
        if passed.references:
            payload["references"] = list(passed.references)
        if passed.lists:
            payload["lists"] = list(passed.lists)
        if step.waits_by_itself:
            linear = {"delay": step.retries.delay_seconds, "jitter": step.retries.jitter}
            payload["later"] = linear if step.retries.backoff == "linear" else {}
        if step.undo is not None:
            payload["undo"] = self._undo(step, step.undo)
        function = self.placeholders[step.name]
        return _invocation(task, names, function, payload, seconds=_task_seconds(task), retry=retries(step))

    def _caught_here(self, names: Sequence[str]) -> Json:
        """Return what a step's payload says of the errors that an `except` catches.

        The step's Lambda fails with the name of the class that is caught where it is derived from one; Step Functions
        knows no base classes, and compares names.
        """
        caught = [name for name in names if name not in wire.REPORTED_BY_AWS]
        says = [name for name in caught if name in self.messages_read]
        return ({"caught": caught} if caught else {}) | ({"says": says} if says else {})

    def _undo(self, step: StepCall, undo: Signature) -> Json:
        """Return what a rollback needs to undo the step: kept in the record, and read when the run fails."""
        return {
            "function": f"${{{self.placeholders[step.undo_name]}}}",
            "attempts": step.retries.limit + 1,
            "timeout": step.timeout_seconds,
            "delay": step.retries.delay_seconds,
            "rate": step.retries.rate,
            "input": len(undo.data) > 1,
            **({"linear": True} if step.retries.backoff == "linear" else {}),
            **({"last": True} if step.undo_last else {}),
        }

    def _token_task(self, task: TokenTask, names: dict[State, str]) -> Json:
        step = task.step
        payload = _place(step.name, task.key, task.title)
        payload["token"] = "{% $states.context.Task.Token %}"
        payload["entered"] = "{% $states.context.State.EnteredTime %}"
        payload["tried"] = _TRIED
        if isinstance(step, EventWait):
            function, seconds = wire.EVENTS, _wait_seconds(task, step)
            timeout = step.timeout_seconds if task.timeout is None else template(task.timeout)
            payload |= {"type": step.event if task.input is None else template(task.input), "timeout": timeout}
            if step.sensitive or holds_secret(adapter_of(step.payload)):
                payload["sensitive"] = True
        else:
            assert task.input is not None
            # A child has no timeout of its own here, so it has the longest that any execution may last.
            function, seconds = wire.CALLS, wire.MAX_WAIT_SECONDS + wire.TASK_MARGIN_SECONDS
            payload["input"] = template(task.input)
            passed = self.passing.of_call(task)
            if passed.by_reference:
                payload["by_reference"] = True
            elif passed.read:
                payload["read"] = passed.read
        payload |= self._caught_here(task.caught) | _races(task.races)
        retry = [RACE_ENDS, *TOKEN_RETRY] if task.races else TOKEN_RETRY
        return _invocation(task, names, function, payload, seconds=seconds, retry=retry, by_token=True)

    def _race_task(self, task: RaceTask, names: dict[State, str]) -> Json:
        call = task.call
        payload = _place(call.name, task.key) | _races(task.races)
        if task.value is not None:
            payload |= {"branch": call.branch, "value": template(task.value)}
        if task.at is not None:
            payload["at"] = template(task.at)
        if call.waits:
            payload["waits"] = True
        return _invocation(task, names, wire.RACES, payload, seconds=_RACE_SECONDS, retry=RACE_RETRY)

    def _map(self, state: Map, names: dict[State, str]) -> Json:
        inner = state_name(f"{state.label} group", self.taken) if state.groups > 1 else ""
        left = {**_assign(state.next), **_leave(state.next, names)}
        return map_state(state, self.machine(state.body), inner, _catch(state, names), left)


def _invocation(
    task: Task | TokenTask | RaceTask,
    names: dict[State, str],
    function: str,
    payload: Json,
    *,
    seconds: int | str,
    retry: list[Json],
    by_token: bool = False,
) -> Json:
    """Return a state that invokes a Lambda function.

    Args:
        function: the placeholder of its ARN, which the deployment puts in.
        seconds: the timeout of an attempt: a number, or an expression in `{% %}`.
        by_token: whether the result is the answer that somebody gives to the task's token, not the function's own.
    """
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke" + (".waitForTaskToken" if by_token else ""),
        "Arguments": {"FunctionName": f"${{{function}}}", "Payload": payload},
        **_assign(task.next),
        "TimeoutSeconds": seconds,
        "Retry": retry,
        **_catch(task, names),
        **_leave(task.next, names),
    }


def _task_seconds(task: Task) -> int | str:
    """Return the time that an attempt of a step has, with that of its Lambda around."""
    if task.timeout is None:
        return wire.lambda_seconds(task.step.timeout_seconds) + wire.TASK_MARGIN_SECONDS
    # A timeout that is data is checked by the step's function; here it only must not be more than AWS takes.
    own, longest = wire.lambda_seconds(0), wire.lambda_seconds(wire.MAX_STEP_TIMEOUT_SECONDS)
    return f"{{% $min([{jsonata(task.timeout)} + {own}, {longest}]) + {wire.TASK_MARGIN_SECONDS} %}}"


def _wait_seconds(task: TokenTask, wait: EventWait) -> int | str:
    if task.timeout is None:
        return wait.timeout_seconds + wire.TASK_MARGIN_SECONDS
    return f"{{% {jsonata(task.timeout)} + {wire.TASK_MARGIN_SECONDS} %}}"


def _place(step: str, key: Expression | None, title: Expression | None = None) -> Json:
    """Return how every step's payload begins: which run, execution and step it is."""
    payload: Json = {
        "run": f"{{% {INPUT}.run %}}",
        "execution": "{% $states.context.Execution.Name %}",
        "step": step,
    }
    payload |= {} if key is None else {"key": template(key)}
    return payload if title is None else {**payload, "title": template(title)}


def _races(keys: Sequence[Expression]) -> Json:
    """Return what the payload says of the races around."""
    return {"races": [template(each) for each in keys]} if keys else {}


def _label(state: State) -> str:
    """Return how a state is called; a Pass that assigns, after what it assigns."""
    if isinstance(state, Pass) and state.next.output is None:  # one that ends the machine is named after its `return`
        return "set " + ", ".join(state.next.assign)
    return state.label


def _waiting(task: Task, again: str) -> Json:
    """Return what leads to the wait for the next attempt, with the state's own input: it enters once more with that."""
    said = "$number($match($states.errorOutput.Cause, /" + wire.RETRY_AT + "/)[0].groups[0])"
    caught: Json = {
        "ErrorEquals": [wire.RETRY_LATER],
        "Output": {"until": f"{{% {said} %}}", "input": "{% $states.input %}"},
        "Next": again,
    }
    if task.counting is not None:  # this attempt had events too, and the history is to have room for the next
        caught["Assign"] = {task.counting[0]: template(task.counting[1])}
    return caught


def _wait_again(task: str) -> Json:
    return {
        "Type": "Wait",
        "Timestamp": "{% $fromMillis($states.input.until) %}",
        "Output": "{% $states.input.input %}",
        "Next": task,
    }


def _assign(edge: Edge) -> Json:
    return {"Assign": {name: template(each) for name, each in edge.assign.items()}} if edge.assign else {}


def output(expression: Expression) -> Any:
    """Return what a machine ends with; a null of its own would be taken for no output by some readers."""
    return "{% null %}" if isinstance(expression, Constant) and expression.value is None else template(expression)


def _leave(edge: Edge, names: dict[State, str]) -> Json:
    if edge.output is not None:
        return {"Output": output(edge.output), "End": True}
    assert edge.target is not None
    return {"Next": names[edge.target]}


def _out(state: State, names: dict[State, str]) -> Json:
    return {**_assign(state.next), **_leave(state.next, names)}


def _caught(state: Caught, names: dict[State, str]) -> Json:
    return {**_assign(state.next), **_catch(state, names), **_leave(state.next, names)}


def _catch(state: Caught, names: dict[State, str]) -> Json:
    found = [
        {"ErrorEquals": list(each.names), **_assign(each.edge), **_leave(each.edge, names)} for each in state.catches
    ]
    return {"Catch": found} if found else {}


def _choice(choice: Choice, names: dict[State, str]) -> Json:
    rules = [
        {"Condition": "{% " + jsonata(test) + " %}", **_assign(edge), **_leave(edge, names)}
        for test, edge in choice.rules
    ]
    assert choice.next.target is not None
    return {"Type": "Choice", "Choices": rules, **_assign(choice.next), "Default": names[choice.next.target]}
