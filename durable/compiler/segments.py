"""Cuts a compiled definition into segments: what an Express machine executes, and what Standard does in its place.

A run on AWS executes on an Express machine until it has to wait. Then it is parked: where it is and its variables go
into its header, and the execution ends. Whoever has news wakes it: a new execution enters at that state. Two
definitions are made of one, with the same names of top-level states, so that a run can be entered in both:

- `express`: a long wait parks; a step that has to be tried much later parks; a block (Parallel, Map) in which something
  waits is moved to Standard; how the run ended is told to the function `turn`, because nobody hears of the end of an
  Express execution.
- `standard`: executes one top-level state, and moves the run back to Express.

Both begin with a Choice that enters at `$states.context.Execution.Input.at.state` and assigns the variables that are
kept there. A state is entered with the variables that are read from it on, and no others: an execution's input holds
256 KiB.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from durable import wire
from durable.compiler.carried import NAMES, edges, kept_variables
from durable.compiler.flow import SPENT, TOO_MANY_ITEMS
from durable.compiler.names import state_name
from durable.compiler.retriers import UNHEARD, author_of, finals_of, heard, not_final, retrying, soon

Json = dict[str, Any]

SEGMENT_SECONDS: Final = 285
"""How long an execution goes on; Express ends at 300 seconds, without a word."""
SHORT_WAIT_MS: Final = 10_000
"""A wait up to this long costs less in Express than being parked: from 7.5 seconds on parking is cheaper."""

_RUN: Final = "{% $states.context.Execution.Input.run %}"
_EXECUTION: Final = "{% $states.context.Execution.Name %}"
_AT: Final = "$states.context.Execution.Input.at"
_END_MS: Final = f"$toMillis($states.context.Execution.StartTime) + {SEGMENT_SECONDS * 1000}"
_TOO_MANY: Final = "TooManyRounds"
_TOKEN: Final = ".waitForTaskToken"
_INVOKE: Final = "arn:aws:states:::lambda:invoke"
_CAUSE: Final = "{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : null %}"
_TRIED_AGAIN: Final[list[Json]] = [
    {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 4, "MaxDelaySeconds": 10}
]


def express(definition: Json) -> Json:
    """Return what the run's Express machine executes."""
    return _Express(definition).machine()


def standard(definition: Json) -> Json:
    """Return what a Standard machine executes of a run that was moved there: one state, then back."""
    return _Standard(definition).machine()


def uncapped(definition: Json) -> Json:
    """Return the definition without the bounds on rounds at top level: they are for an execution's history.

    An Express execution keeps no history, and a new segment begins with none, nor does one machine have such a limit.
    Within branches and items the bounds stay, since a block may be executed on Standard; each block begins anew.
    """
    states: Json = copy.deepcopy(definition["States"])
    ends = {name for name, each in states.items() if each["Type"] == "Fail" and each["Error"] == _TOO_MANY}
    for name, state in states.items():
        if state["Type"] == "Choice":
            _uncap(name, state, ends)
        for edge in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            if SPENT in edge.get("Assign", {}):
                edge["Assign"][SPENT] = 0
    return {**definition, "States": _reached(definition["StartAt"], states)}


def _uncap(name: str, choice: Json, ends: set[str]) -> None:
    """Take a cap away: `run` may raise the same error itself, so the rule has to be that of a cap too."""
    counted = f"${SPENT}" in NAMES.findall(choice["Choices"][-1]["Condition"])
    if counted and _is_cap(choice, ends):  # a loop: the last rule says that there is room for another round
        choice.pop("Assign", None)
        allowed = choice["Choices"].pop()
        choice |= {"Default": allowed["Next"]} | ({"Assign": allowed["Assign"]} if "Assign" in allowed else {})
    elif name.startswith(TOO_MANY_ITEMS):
        choice["Choices"] = [rule for rule in choice["Choices"] if not _is_cap(rule, ends)]
    if not choice["Choices"]:
        _pass(choice)


def _is_cap(edge: Json, ends: set[str]) -> bool:
    """Whether an edge ends the run with TooManyRounds, or leads to what catches that."""
    raised = (each.get("name") for each in edge.get("Assign", {}).values() if isinstance(each, dict))
    return edge.get("Next", edge.get("Default")) in ends or _TOO_MANY in raised


def _pass(choice: Json) -> None:
    """Make a Choice without rules a Pass."""
    del choice["Choices"]
    choice |= {"Type": "Pass", "Next": choice.pop("Default")}


class _Segments:
    """What both flavours have: names, what is kept for each state, the entry, and calls of `turn`."""

    def __init__(self, definition: Json) -> None:
        self.definition = uncapped(definition)
        self.states: Json = self.definition["States"]
        self.start: str = self.definition["StartAt"]
        self.kept = kept_variables(self.start, self.states)
        self._taken = set(_names(self.definition))

    def named(self, label: str) -> str:
        return state_name(label, self._taken)

    def where(self, state: str) -> Json:
        """Return what a header keeps of a run that is to be entered at a state."""
        return {"state": state, "vars": {name: f"{{% ${name} %}}" for name in self.kept[state]}}

    def entry(self, targets: Mapping[str, str]) -> Json:
        """Return the state that enters at the state that the header names."""
        rules = []
        for state, target in targets.items():
            assign = {name: f"{{% {_AT}.vars.{name} %}}" for name in self.kept[state]}
            rule = {"Condition": f"{{% {_AT}.state = {json.dumps(state)} %}}", "Next": target}
            rules.append(rule | ({"Assign": assign} if assign else {}))
        return {"Type": "Choice", "Choices": rules, "Default": targets[self.start]}

    def machine_of(self, states: Json, targets: Mapping[str, str]) -> Json:
        enter = self.named("enter")
        return {
            **{name: each for name, each in self.definition.items() if name != "States"},
            "StartAt": enter,
            "States": _reached(enter, {enter: self.entry(targets)} | states),
        }


def _turn(payload: Json, *, attempts: int = 4) -> Json:
    """Return a state that says what becomes of the run, and ends the execution."""
    return {
        "Type": "Task",
        "Resource": _INVOKE,
        "Arguments": {
            "FunctionName": f"${{{wire.TURN}}}",
            "Payload": {"run": _RUN, "execution": _EXECUTION, **payload},
        },
        "TimeoutSeconds": 30,
        "Retry": [{**_TRIED_AGAIN[0], "MaxAttempts": attempts}],
        "End": True,
    }


def _parking_retries(machine: Json) -> Json:
    """Return a machine without the waits for next attempts: there a run parks, until when the record says."""
    states: Json = {}
    for name, state in machine["States"].items():
        if name.endswith(wire.AGAIN):
            continue
        states[name] = changed = dict(state)
        if "Catch" in state:
            changed["Catch"] = [each for each in state["Catch"] if each["ErrorEquals"] != [wire.RETRY_LATER]]
        if "Branches" in state:
            changed["Branches"] = [_parking_retries(each) for each in state["Branches"]]
        if "ItemProcessor" in state:
            changed["ItemProcessor"] = _parking_retries(state["ItemProcessor"])
    return {**machine, "States": states}


class _Express(_Segments):
    def __init__(self, definition: Json) -> None:
        super().__init__(_parking_retries(definition))

    def machine(self) -> Json:
        self.close, self.fail, self.parked = self.named("close"), self.named("fail"), self.named("parked")
        targets: dict[str, str] = {}
        written: Json = {}
        for name, state in self.states.items():
            targets[name], states = self._cut(name, state)
            written |= states
        moved = {name: target for name, target in targets.items() if name != target}
        for name, state in written.items():
            if name not in moved.values():
                _redirect(state, moved)
        written[self.close] = _turn({"end": {"status": "SUCCEEDED", "output": "{% $states.input %}"}})
        failed = {"error": "{% $states.input.error %}", "cause": "{% $states.input.cause %}"}
        written[self.fail] = _turn({"end": {"status": "FAILED", **failed}})
        written[self.parked] = {"Type": "Succeed"}
        return self.machine_of(written, targets)

    def _cut(self, name: str, state: Json) -> tuple[str, Json]:
        """Return where a top-level state is entered, and the states that stand in its place."""
        match state["Type"]:
            case "Wait":
                return self._wait(name, state)
            case "Task" if state["Resource"].endswith(_TOKEN):
                return name, self._token_task(name, state)
            case "Task":
                return name, self._task(name, state)
            case "Parallel" | "Map" if _waits(state):
                move = self.named(f"{name} move")
                return move, {move: _turn({"move": self.where(name)})}
            case "Parallel" | "Map":
                return name, self._block(name, state)
            case "Fail":
                told = {"error": state["Error"], "cause": state["Cause"]}
                return name, {name: {"Type": "Pass", "Output": told, "Next": self.fail}}
            case "Succeed":
                return name, {name: {**state, "Type": "Pass", "Next": self.close}}
        return name, {name: self._closing(state)}

    def _closing(self, state: Json) -> Json:
        """Return a state of which the end is told."""
        return (
            {**{field: each for field, each in state.items() if field != "End"}, "Next": self.close}
            if state.get("End")
            else state
        )

    def _wait(self, name: str, state: Json) -> tuple[str, Json]:
        """A wait that ends soon stays; one that is longer, or would outlast the execution, parks."""
        ask, park = self.named(f"{name}?"), self.named(f"{name} park")
        until = f"$toMillis({_expression(state['Timestamp'])})"
        long = f"{{% {until} > $min([$millis() + {SHORT_WAIT_MS}, {_END_MS}]) %}}"
        return ask, {
            ask: {"Type": "Choice", "Choices": [{"Condition": long, "Next": park}], "Default": name},
            name: self._closing(state),
            park: _turn({"park": {**self.where(name), "until": f"{{% {until} %}}"}}),
        }

    def _task(self, name: str, state: Json) -> Json:
        park = self.named(f"{name} park")
        finals, author = finals_of(state), author_of(state)
        payload = state["Arguments"]["Payload"]
        step = {"step": payload.get("key", payload["step"]), "retries": {payload["step"]: retrying(author)}}
        caught = heard(state.get("Catch", ()), not_final(finals))
        return {
            name: self._closing(_in_time(state)) | {"Catch": self._catch(caught, finals, park)},
            park: _turn({"park": {**self.where(name), **step, "error": "{% $states.input.error %}"}}),
        }

    def _token_task(self, name: str, state: Json) -> Json:
        """A wait for an event or a child: its function returns what there is, or parks the run itself."""
        park = self.named(f"{name} park")
        finals = finals_of(state)
        caught = heard(state.get("Catch", ()), UNHEARD)
        written = _answered_at_once(self._closing(state))
        written["Arguments"]["Payload"] |= {"park": self.where(name)}
        written |= {
            "Resource": _INVOKE,
            "TimeoutSeconds": 30,
            "Retry": [{"ErrorEquals": sorted({*finals, wire.PARKED}), "MaxAttempts": 0}, *_TRIED_AGAIN],
            "Catch": [{"ErrorEquals": [wire.PARKED], "Next": self.parked}, *self._catch(caught, finals, park)],
        }
        return {name: written, park: _turn({"park": {**self.where(name), "error": "{% $states.input.error %}"}})}

    def _block(self, name: str, state: Json) -> Json:
        """A block in which nothing waits: entered again, its steps hear what is recorded of them."""
        park = self.named(f"{name} park")
        finals, retries = {"States.QueryEvaluationError"}, dict[str, Json]()
        for inner in _inner(state):
            if inner["Type"] == "Task":
                finals |= finals_of(inner)
                retries[inner["Arguments"]["Payload"]["step"]] = retrying(author_of(inner))
            elif inner["Type"] == "Fail" and not inner["Error"].startswith("{%"):
                finals.add(inner["Error"])
        cut = self._cut_inside(self._closing(state))
        caught = heard(state.get("Catch", ()), UNHEARD)
        error = {"error": "{% $states.input.error %}", "cause": "{% $states.input.cause %}"}
        return {
            name: cut | {"Catch": self._catch(caught, finals, park)},
            park: _turn({"park": {**self.where(name), **error, "retries": retries}}),
        }

    def _cut_inside(self, block: Json) -> Json:
        """Return a block whose steps hand over where the record decides what becomes of them."""
        changed = dict(block)
        if "Branches" in block:
            changed["Branches"] = [self._cut_machine(each) for each in block["Branches"]]
        if "ItemProcessor" in block:
            changed["ItemProcessor"] = self._cut_machine(block["ItemProcessor"])
        return changed

    def _cut_machine(self, machine: Json) -> Json:
        states: Json = {}
        for name, state in machine["States"].items():
            states[name] = self._cut_inside(state)
            if state["Type"] == "Task":
                over = self.named(f"{name} over")
                unheard = not_final(finals_of(state))
                handing = {"ErrorEquals": sorted(unheard), "Output": {"cause": _CAUSE}, "Next": over}
                states[name] = _in_time(state) | {"Catch": [*heard(state.get("Catch", ()), unheard), handing]}
                states[over] = {"Type": "Fail", "Error": wire.HAND_OVER, "Cause": "{% $states.input.cause %}"}
        return {**machine, "States": states}

    def _catch(self, caught: list[Json], finals: set[str], park: str) -> list[Json]:
        """Return what catches: the author's `except`s, then what is final, then what the record is to decide."""
        rest = finals.difference(*(each["ErrorEquals"] for each in caught))
        told = {"error": "{% $states.errorOutput.Error %}", "cause": _CAUSE}
        failing = [{"ErrorEquals": sorted(rest), "Output": told, "Next": self.fail}] if rest else []
        return [*caught, *failing, {"ErrorEquals": ["States.ALL"], "Output": told, "Next": park}]


class _Standard(_Segments):
    def machine(self) -> Json:
        written: Json = {}
        for name, state in self.states.items():
            written[name] = state
            if state["Type"] in ("Task", "Parallel", "Map"):
                for leaving in (state, *state.get("Catch", ())):
                    self._back(name, leaving, written)
        return self.machine_of(written, {name: name for name in self.states if not name.endswith(wire.AGAIN)})

    def _back(self, name: str, leaving: Json, written: Json) -> None:
        """Have what leaves a state move the run back to Express, where it is entered at the next one."""
        target = leaving.get("Next")
        if target is None or target.endswith(wire.AGAIN):
            return
        back = next((each for each, state in written.items() if state.get("Comment") == f"back at {target}"), None)
        if back is None:
            back = self.named(f"{target} back")
            written[back] = {**_turn({"back": self.where(target)}, attempts=20), "Comment": f"back at {target}"}
        leaving["Next"] = back


def _in_time(state: Json) -> Json:
    """Return a Task of a step that ends before its execution does, and of which retries with long delays are left."""
    left = f"$floor(({_END_MS} - $millis()) / 1000)"
    payload = state["Arguments"]["Payload"] | {"until": f"{{% {_END_MS} %}}"}
    author, finals = author_of(state), finals_of(state)
    few = soon(author)
    return state | {
        "Arguments": state["Arguments"] | {"Payload": payload},
        "TimeoutSeconds": f"{{% $max([1, $min([{state['TimeoutSeconds']}, {left}])]) %}}",
        "Retry": [
            {"ErrorEquals": list(wire.LEASE_HELD), "IntervalSeconds": 2, "BackoffRate": 1.5, "MaxAttempts": 3},
            {**_TRIED_AGAIN[0], "ErrorEquals": list(wire.LAMBDA_FAULTS)},
            {"ErrorEquals": sorted({*finals, wire.HAND_OVER, wire.RETRY_LATER, "States.Timeout"}), "MaxAttempts": 0},
            *([{**author, "MaxAttempts": few}] if few else []),
        ],
    }


def _answered_at_once(state: Json) -> Json:
    """Return the Task of a token as one whose function returns what would be sent by the token."""
    payload = {field: each for field, each in state["Arguments"]["Payload"].items() if field != "token"}

    def returned(match: re.Match[str]) -> str:
        return "$states.result.Payload" if match[0] == "$states.result" else match[0]

    read = {
        field: _mapped(state[field], lambda text: NAMES.sub(returned, text))
        for field in ("Assign", "Output")
        if field in state
    }
    return state | {"Arguments": state["Arguments"] | {"Payload": payload}} | read


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a template with its expressions changed."""
    if isinstance(value, dict):
        return {name: _mapped(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    return change(value) if isinstance(value, str) and value.startswith("{%") else value


def _expression(text: str) -> str:
    return text.removeprefix("{%").removesuffix("%}").strip()


def _machines(state: Json) -> list[Json]:
    return [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]


def _inner(state: Json) -> Iterator[Json]:
    """Yield all states within a block."""
    for machine in _machines(state):
        for each in machine["States"].values():
            yield each
            yield from _inner(each)


def _waits(state: Json) -> bool:
    return any(each["Type"] == "Wait" or each.get("Resource", "").endswith(_TOKEN) for each in _inner(state))


def _redirect(state: Json, moved: Mapping[str, str]) -> None:
    """Have what leads to a state lead to what stands before it."""
    for each in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        for field in ("Next", "Default"):
            if each.get(field) in moved:
                each[field] = moved[each[field]]


def _reached(start: str, states: Json) -> Json:
    """Return the states that something leads to."""
    found, left = {start}, [start]
    while left:
        for target, _ in edges(states[left.pop()]):
            if target is not None and target not in found:
                found.add(target)
                left.append(target)
    # a Choice has rules and a Default
    return {name: each for name, each in states.items() if name in found}


def _names(machine: Json) -> Iterator[str]:
    for name, state in machine["States"].items():
        yield name
        for inner in _machines(state):
            yield from _names(inner)
