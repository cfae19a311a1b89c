"""Cuts a compiled definition into segments: what an Express machine executes, and what Standard does in its place.

A run on AWS executes on an Express machine until it has to wait. Then it is parked: where it is and its variables go
into its header, and the execution ends. Whoever brings what it waits for wakes it: a new execution enters at that
state. Two definitions are made of one, with the same names of top-level states, so that a run can be entered in both:

- `express`: a long wait parks; a step that has to be tried much later parks; a block (Parallel, Map) in which something
  waits is moved to Standard, and so is a race in which a step may be tried again much later; the end of the run is
  reported to the function `turn`, because Express sends no event when an execution ends; so is an expression that could
  not be evaluated.
- `standard`: executes one top-level state, and moves the run back to Express.

Both begin with a Choice that enters at `$states.context.Execution.Input.at.state` and assigns the variables that are
kept there. A state is entered with the variables that are read from it on, and no others: an execution's input holds
256 KiB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from durable import wire
from durable.compiler.asl.carried import kept_variables
from durable.compiler.asl.uncapped import uncapped
from durable.compiler.asl.walk import (
    TOKEN,
    bare,
    is_of_race,
    needs_standard,
    raised_again,
    reached,
    redirect,
    repeated,
    result_as_input,
    state_names,
    states_within,
)
from durable.compiler.program.retriers import (
    NO_OUTCOMES,
    author_of,
    finals_of,
    not_final,
    parking_retries,
    retrying,
    soon,
    without_errors,
)
from durable.compiler.source.names import state_name

Json = dict[str, Any]

SEGMENT_SECONDS: Final = 285
"""How long an execution goes on; Express ends at 300 seconds, without a word."""
ROUND_SECONDS: Final = 240
"""After how long an execution begins no other round of a loop: a step that it has no time left for is an error of its
Lambda, and one that it leaves at work is looked at only when its lease is over."""
SHORT_WAIT_MS: Final = 10_000
"""A wait up to this long costs less in Express than being parked: from 7.5 seconds on parking is cheaper."""

EVALUATION_ERROR: Final = "States.QueryEvaluationError"

_RUN: Final = "{% $states.context.Execution.Input.run %}"
_EXECUTION: Final = "{% $states.context.Execution.Name %}"
_AT: Final = "$states.context.Execution.Input.at"
_START_MS: Final = "$toMillis($states.context.Execution.StartTime)"
_END_MS: Final = f"{_START_MS} + {SEGMENT_SECONDS * 1000}"
_INVOKE: Final = "arn:aws:states:::lambda:invoke"
_CAUSE: Final = "{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : null %}"
_ERROR: Final[Json] = {"error": "{% $states.errorOutput.Error %}", "cause": _CAUSE}
"""What a Catch hands to the state that ends or parks the run."""
_SAID: Final = '{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : "" %}'
"""The cause of an error as a text, which that of a Fail has to be."""
_TRIED_AGAIN: Final[list[Json]] = [
    {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 4, "MaxDelaySeconds": 10}
]


def express(definition: Json) -> Json:
    """Return what the run's Express machine executes."""
    return _Express(definition).machine()


def standard(definition: Json) -> Json:
    """Return what a Standard machine executes of a run that was moved there: one state, then back."""
    return _Standard(definition).machine()


class _Segments:
    """What both machines have: names, what is kept for each state, the entry, and calls of `turn`.

    Attributes:
        kept: the variables that are read from a state on: a run that is entered there has these and no others.
    """

    def __init__(self, definition: Json) -> None:
        # Caps guard the 25,000 events of one Standard execution. A run in segments has many executions, so the caps
        # of its top level are taken out.
        self.definition = uncapped(definition)
        self.states: Json = self.definition["States"]
        self.start: str = self.definition["StartAt"]
        self.kept = kept_variables(self.start, self.states)
        # Names are unique over all machines of a definition, those within blocks included: Step Functions asks for
        # that.
        self._taken = set(state_names(self.definition))

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
            "States": reached(enter, {enter: self.entry(targets)} | states),
        }


def _turn(payload: Json, *, attempts: int = 4) -> Json:
    """Return a state that has `turn` park, move or close the run, and ends the execution."""
    return {
        "Type": "Task",
        "Resource": _INVOKE,
        "Arguments": {
            "FunctionName": f"${{{wire.TURN}}}",
            "Payload": {"run": _RUN, "execution": _EXECUTION, **payload},
        },
        "TimeoutSeconds": 30,  # it reads and writes rows: a call that takes longer hangs
        "Retry": [{**_TRIED_AGAIN[0], "MaxAttempts": attempts}],
        "End": True,
    }


def _failed() -> Json:
    """Return a state that says that the run failed with the error that is its input."""
    failed = {"error": "{% $states.input.error %}", "cause": "{% $states.input.cause %}"}
    return _turn({"end": {"status": "FAILED", **failed}})


class _Express(_Segments):
    def __init__(self, definition: Json) -> None:
        super().__init__(parking_retries(definition))
        self.repeated = repeated(self.states)
        self.raised_again = raised_again(self.definition)

    def machine(self) -> Json:
        self.close, self.fail, self.parked = self.named("close"), self.named("fail"), self.named("parked")
        targets: dict[str, str] = {}
        written: Json = {}
        for name, state in self.states.items():
            targets[name], states = self._cut(name, state)
            written |= states
        # All edges to a state that got another one before it (a Choice that asks) are led there.
        moved = {name: target for name, target in targets.items() if name != target}
        for name, state in written.items():
            # What stands before a state is the one that leads to the state itself.
            if name not in moved.values():
                redirect(state, moved)
        written[self.close] = _turn({"end": {"status": "SUCCEEDED", "output": "{% $states.input %}"}})
        written[self.fail] = _failed()
        # The function has parked the run already, so the execution only has to end.
        written[self.parked] = {"Type": "Succeed"}
        return self._watched(self.machine_of(written, targets))

    def _watched(self, machine: Json) -> Json:
        """Return a machine that reports an expression which could not be evaluated, wherever it stands.

        Pass, Choice and Wait have no Catch, and Express sends no event of an execution that failed: so all states are
        the one branch of a Parallel. On Express transitions cost nothing.
        """
        run, failed = self.named("run"), self.named("failed")
        branch = {name: machine.pop(name) for name in ("StartAt", "States")}
        catch = [{"ErrorEquals": [EVALUATION_ERROR], "Output": _ERROR, "Next": failed}]
        watched = {"Type": "Parallel", "Branches": [branch], "Catch": catch, "End": True}
        return {**machine, "StartAt": run, "States": {run: watched, failed: _failed()}}

    def _cut(self, name: str, state: Json) -> tuple[str, Json]:
        """Return where a top-level state is entered, and the states that stand in its place."""
        match state["Type"]:
            case "Wait":
                return self._wait(name, state)
            case "Task" if state["Resource"].endswith(TOKEN):
                return name, self._token_task(name, state)
            case "Task" if is_of_race(state):
                return name, self._race_task(name, state)
            case "Task":
                return self._in_rounds(name, self._task(name, state))
            case "Parallel" | "Map" if needs_standard(state):
                move = self.named(f"{name} move")
                return move, {move: _turn({"move": self.where(name)})}
            case "Parallel" | "Map":
                return self._in_rounds(name, self._block(name, state))
            case "Fail":
                # A Fail would end the execution without a report: `turn` ends the run instead.
                error = {"error": state["Error"], "cause": state["Cause"]}
                return name, {name: {"Type": "Pass", "Output": error, "Next": self.fail}}
            case "Succeed":
                return name, {name: {**state, "Type": "Pass", "Next": self.close}}
        return name, {name: self._closing(state)}

    def _in_rounds(self, name: str, states: Json) -> tuple[str, Json]:
        """A state of a loop is not begun late in an execution: the run goes on at once in another one."""
        if name not in self.repeated:
            return name, states
        ask, again = self.named(f"{name}?"), self.named(f"{name} in another execution")
        # Asked before the state and not after: an execution that has just begun always enters it, so a run gets on.
        late = f"{{% $millis() > {_START_MS} + {ROUND_SECONDS * 1000} %}}"
        return ask, {
            ask: {"Type": "Choice", "Choices": [{"Condition": late, "Next": again}], "Default": name},
            **states,
            again: _turn({"back": self.where(name)}),
        }

    def _closing(self, state: Json) -> Json:
        """Return a state that leads to `close` where it would end the machine."""
        return (
            {**{field: each for field, each in state.items() if field != "End"}, "Next": self.close}
            if state.get("End")
            else state
        )

    def _wait(self, name: str, state: Json) -> tuple[str, Json]:
        """A wait that ends soon stays; one that is longer, or would outlast the execution, parks."""
        ask, park = self.named(f"{name}?"), self.named(f"{name} park")
        until = f"$toMillis({bare(state['Timestamp'])})"
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
        # A retry with a long delay parks the run. `turn` works the delay out from the author's numbers and the record's
        # count of attempts, since the next execution begins to count its Retry anew.
        step = {"step": payload.get("key", payload["step"]), "retries": {payload["step"]: retrying(author)}}
        caught = without_errors(state.get("Catch", ()), not_final(finals))
        return {
            name: self._closing(_in_time(state)) | {"Catch": self._catch(caught, finals, park)},
            park: _turn({"park": {**self.where(name), **step, "error": "{% $states.input.error %}"}}),
        }

    def _token_task(self, name: str, state: Json) -> Json:
        """A wait for an event or a child: its function returns what there is, or parks the run itself and says so.

        To be parked is no error: Lambda would count and log one for each wait. The Choice costs nothing on Express.
        """
        answered, park = self.named(f"{name} answered"), self.named(f"{name} park")
        finals = finals_of(state)
        caught = without_errors(state.get("Catch", ()), NO_OUTCOMES)
        closing = self._closing(state)
        # Express has no tasks that a token answers, and `tried` only distinguishes the tokens of a Task.
        asked = closing["Arguments"]["Payload"].items()
        payload = {field: each for field, each in asked if field not in ("token", "tried")}
        return {
            name: {
                "Type": "Task",
                "Resource": _INVOKE,
                "Arguments": closing["Arguments"] | {"Payload": payload | {"park": self.where(name)}},
                "TimeoutSeconds": 30,
                "Retry": [{"ErrorEquals": sorted(finals), "MaxAttempts": 0}, *_TRIED_AGAIN],
                "Catch": self._catch(caught, finals, park),
                "Output": "{% $states.result.Payload %}",
                "Next": answered,
            },
            answered: {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $exists($states.input.parked) %}", "Next": self.parked}],
                "Default": closing["Next"],
                **result_as_input(closing),
            },
            park: _turn({"park": {**self.where(name), "error": "{% $states.input.error %}"}}),
        }

    def _race_task(self, name: str, state: Json) -> Json:
        """The question who has won a race: the record knows."""
        park = self.named(f"{name} park")
        return {
            name: self._closing(state) | {"Catch": self._catch([], finals_of(state), park)},
            park: _turn({"park": {**self.where(name), "error": "{% $states.input.error %}"}}),
        }

    def _block(self, name: str, state: Json) -> Json:
        """A block in which nothing waits: when it is entered again, completed steps return their recorded results."""
        park = self.named(f"{name} park")
        # An error that leaves a block says its name and cause alone. So `turn` gets the retries of all steps inside,
        # and reads in the cause which of them it was.
        finals, retries = {EVALUATION_ERROR}, dict[str, Json]()
        for inner in states_within(state):
            if inner["Type"] == "Task":
                finals |= finals_of(inner)
                retries[inner["Arguments"]["Payload"]["step"]] = retrying(author_of(inner))
            elif inner["Type"] == "Fail":
                finals |= self.raised_again if inner["Error"].startswith("{%") else {inner["Error"]}
        cut = self._cut_inside(self._closing(state))
        caught = without_errors(state.get("Catch", ()), NO_OUTCOMES)
        error = {"error": "{% $states.input.error %}", "cause": "{% $states.input.cause %}"}
        return {
            name: cut | {"Catch": self._catch(caught, finals, park)},
            park: _turn({"park": {**self.where(name), **error, "retries": retries}}),
        }

    def _cut_inside(self, block: Json) -> Json:
        """Return a block whose steps end it with `HandOver` where the record has to decide how they go on."""
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
            if state["Type"] == "Task" and not is_of_race(state):
                over = self.named(f"{name} over")
                no_outcomes = not_final(finals_of(state))
                handing = {"ErrorEquals": sorted(no_outcomes), "Output": {"cause": _SAID}, "Next": over}
                caught = without_errors(state.get("Catch", ()), no_outcomes)
                states[name] = _in_time(state) | {"Catch": [*caught, handing]}
                # The cause leaves the block with it: `turn` reads in it which step it was.
                states[over] = {"Type": "Fail", "Error": wire.HAND_OVER, "Cause": "{% $states.input.cause %}"}
        return {**machine, "States": states}

    def _catch(self, caught: list[Json], finals: set[str], park: str) -> list[Json]:
        """Return what catches: the author's `except`s, then what is final, then what the record is to decide."""
        # The first Catch that matches decides: the author's `except`s come before what is final, and that before all
        # else.
        rest = {*finals, wire.DATA_LIMIT}.difference(*(each["ErrorEquals"] for each in caught))
        failing = [{"ErrorEquals": sorted(rest), "Output": _ERROR, "Next": self.fail}] if rest else []
        return [*caught, *failing, {"ErrorEquals": ["States.ALL"], "Output": _ERROR, "Next": park}]


class _Standard(_Segments):
    def machine(self) -> Json:
        written: Json = {}
        self.backs: dict[str, str] = {}
        for name, state in self.states.items():
            written[name] = state
            if state["Type"] in ("Task", "Parallel", "Map"):
                for leaving in (state, *state.get("Catch", ())):
                    self._back(leaving, written)
        return self.machine_of(written, {name: name for name in self.states if not name.endswith(wire.AGAIN)})

    def _back(self, leaving: Json, written: Json) -> None:
        """Have what leaves a state move the run back to Express, where it is entered at the next one.

        One state `back` serves all that lead to the same target: it keeps the variables that are read from there on.
        """
        target = leaving.get("Next")
        if target is None or target.endswith(wire.AGAIN):
            return
        if target not in self.backs:
            back = self.backs[target] = self.named(f"{target} back")
            # Many attempts: where it fails, the execution fails on Standard, and the run with it.
            written[back] = _turn({"back": self.where(target)}, attempts=20)
        leaving["Next"] = self.backs[target]


def _in_time(state: Json) -> Json:
    """Return a Task of a step that ends before its execution does, and of which retries with long delays are left."""
    left = f"$floor(({_END_MS} - $millis()) / 1000)"
    payload = state["Arguments"]["Payload"] | {"until": f"{{% {_END_MS} %}}"}
    author, finals = author_of(state), finals_of(state)
    few = soon(author)
    return state | {
        "Arguments": state["Arguments"] | {"Payload": payload},
        # A timeout of 0 is refused, and the first retrier that matches decides: the author's, which names all, is last.
        "TimeoutSeconds": f"{{% $max([1, $min([{bare(str(state['TimeoutSeconds']))}, {left}])]) %}}",
        "Retry": [
            {"ErrorEquals": list(wire.LEASE_HELD), "IntervalSeconds": 2, "BackoffRate": 1.5, "MaxAttempts": 3},
            {**_TRIED_AGAIN[0], "ErrorEquals": list(wire.LAMBDA_FAULTS)},
            {"ErrorEquals": sorted({*finals, wire.HAND_OVER, wire.RETRY_LATER, "States.Timeout"}), "MaxAttempts": 0},
            *([{**author, "MaxAttempts": few}] if few else []),
        ],
    }
