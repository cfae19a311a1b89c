"""Turns a definition into states, noting whatever is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable.asl.errors import STATES_ALL, Problem
from durable.asl.fields import Fields
from durable.asl.retry import Catcher, Retrier
from durable.asl.states import task, wait
from durable.asl.states.base import Program, State
from durable.asl.states.choice import Choice, ChoiceRule
from durable.asl.states.fail import Fail
from durable.asl.states.map_state import Map
from durable.asl.states.parallel import Parallel
from durable.asl.states.pass_state import Pass
from durable.asl.states.succeed import Succeed
from durable.asl.states.task import Task
from durable.asl.states.wait import Wait
from durable.asl.template import Literal, Template, is_expression
from durable.asl.values import MISSING

MAX_NAME: Final = 80
_VARIABLE: Final = re.compile(r"[^\W\d]\w*", re.UNICODE)


@dataclass(slots=True)
class Loaded:
    """A definition that was read, with its problems."""

    program: Program
    timeout_seconds: int | None
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Scope:
    """One program while it is read: the machine's query language, and the variables of the programs around it.

    A state that says another language does not pass it on to the states inside it (measured on AWS).
    """

    language: str
    names: set[str]
    outer_variables: frozenset[str] = frozenset()


def load_machine(definition: Mapping[str, Any]) -> Loaded:
    """Read a whole definition."""
    problems: list[Problem] = []
    fields = Fields(definition, problems)
    version = fields.text("Version")
    if version not in (None, "1.0"):
        fields.problem("Version", f"1.0 is wanted, not {version!r}")
    timeout = fields.number("TimeoutSeconds", least=1, most=wait.MAX_SECONDS)
    fields.text("Comment")
    scope = _Scope(_language(fields, "JSONPath"), set())
    program = _program(fields, scope)
    if program.states and all(isinstance(state, Choice) or state.next for state in program.states.values()):
        # Measured on AWS for the machine itself only: MISSING_END_STATE.
        fields.problem("States", "no state ends the state machine: one needs End, or is a Succeed or a Fail")
    fields.close()
    return Loaded(program, None if timeout is None else int(timeout), problems)


def _program(fields: Fields, scope: _Scope) -> Program:
    start_at = fields.text("StartAt", required=True)
    raw = fields.take("States")
    if not isinstance(raw, Mapping) or not raw:
        fields.problem("States", "an object of one state at least is wanted")
        return Program(start_at or "")
    # Before the states are read: a branch may not assign what any state around it assigns, also one that stands below
    # it.
    assigned = _assigned(raw)
    states = {name: _state(name, body, fields, scope, assigned) for name, body in raw.items()}
    known = {name: state for name, state in states.items() if state is not None}
    if start_at is not None and start_at not in raw:
        fields.problem("StartAt", f"there is no state {start_at!r}")
    # A state that could not be read leads nowhere, and what it leads to would be reported as unreachable.
    elif len(known) == len(states):
        _check_transitions(fields, known, start_at or "")
    return Program(start_at or "", known)


def _state(name: str, raw: Any, parent: Fields, scope: _Scope, assigned: Counter[str]) -> State | None:
    fields = Fields(raw, parent.problems, name)
    if not name or len(name) > MAX_NAME:
        fields.problem("", f"a name has 1 to {MAX_NAME} characters")
    if name in scope.names:
        fields.problem("", "the name is used twice in the state machine")
    scope.names.add(name)  # one set for the whole machine: names are unique over branches and processors too
    language = _language(fields, scope.language)
    kind = fields.text("Type", required=True)
    fields.text("Comment")
    build = _BUILDERS.get(kind or "")
    if language != "JSONata":
        fields.problem("QueryLanguage", "only JSONata is supported: say it here or at the top")
        return None
    if build is None:
        if kind is not None:
            fields.problem("Type", f"there is no type {kind!r}")
        return None
    around = assigned - _caught(raw)
    inner = _Scope(scope.language, scope.names, scope.outer_variables | frozenset(around))
    state = build(fields, inner, scope.outer_variables)
    fields.close()
    return state


def _language(fields: Fields, inherited: str) -> str:
    language = fields.text("QueryLanguage")
    if language not in (None, "JSONata", "JSONPath"):
        fields.problem("QueryLanguage", f"JSONata is wanted, not {language!r}")
    elif language == "JSONPath" and inherited == "JSONata":
        fields.problem("QueryLanguage", "a state of a JSONata machine cannot use JSONPath")
    return language or inherited


def _common(
    fields: Fields, outer: frozenset[str], *, transition: bool = True, assign: bool = True, sees: str = ""
) -> dict[str, Any]:
    common: dict[str, Any] = {"name": fields.state, "output": fields.template("Output", sees=sees)}
    if assign:
        common["assign"] = _assign(fields, outer, sees)
    if transition:
        common["next"] = _next(fields)
    return common


def _next(fields: Fields) -> str | None:
    following, end = fields.text("Next"), fields.take("End")
    if end not in (MISSING, True, False):
        fields.problem("End", "true is wanted")
    # Both and neither are wrong.
    if (following is None) == (end is not True):
        fields.problem("Next", "either Next or End is wanted")
    return following


def _assign(fields: Fields, outer: frozenset[str], sees: str = "") -> Template | None:
    value = fields.take("Assign")
    if value is MISSING:
        return None
    if not isinstance(value, Mapping):
        fields.problem("Assign", "an object of variables is wanted")
        return None
    for name in value:
        if not _VARIABLE.fullmatch(name) or len(name) > MAX_NAME or name == "states":
            fields.problem("Assign", f"{name!r} cannot be the name of a variable")
        elif name in outer:
            fields.problem("Assign", f"${name} belongs to the scope around this one, and cannot be assigned here")
    return fields.compiled("Assign", dict(value), sees)


def _assigned(states: Mapping[str, Any]) -> Counter[str]:
    """Count how often the states of a program assign each variable, those of inner programs left out."""
    names: Counter[str] = Counter()
    for state in states.values():
        if isinstance(state, Mapping):
            names += _names(state) + _caught(state)
            for rule in _list(state.get("Choices")):
                names += _names(rule)
    return names


def _caught(state: Any) -> Counter[str]:
    """Count the variables that a state's own Catch assigns.

    A branch or a processor of that state may assign them too: it has ended when they are assigned (recorded on AWS).
    """
    names: Counter[str] = Counter()
    for catcher in _list(state.get("Catch") if isinstance(state, Mapping) else None):
        names += _names(catcher)
    return names


def _names(holder: Any) -> Counter[str]:
    assign = holder.get("Assign") if isinstance(holder, Mapping) else None
    return Counter(assign.keys() if isinstance(assign, Mapping) else ())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _check_transitions(fields: Fields, states: Mapping[str, State], start_at: str) -> None:
    reached, waiting = {start_at}, [start_at]
    while waiting:
        name = waiting.pop()
        for where, target in _targets(states[name]):
            if target not in states:
                fields.problems.append(Problem(name, where, f"there is no state {target!r} in its program"))
            elif target not in reached:
                reached.add(target)
                waiting.append(target)
    for name in states:
        if name not in reached:
            fields.problems.append(Problem(name, "", "no state leads to it"))


def _targets(state: State) -> list[tuple[str, str]]:
    targets = [(f"Catch[{index}]/Next", catcher.next) for index, catcher in enumerate(state.catchers)]
    if isinstance(state, Choice):
        targets += [(f"Choices[{index}]/Next", rule.next) for index, rule in enumerate(state.rules)]
    if state.next is not None:
        targets.append(("Default" if isinstance(state, Choice) else "Next", state.next))
    return targets


def _handlers(fields: Fields, outer: frozenset[str]) -> dict[str, Any]:
    retriers = tuple(_retrier(member) for member in fields.members("Retry"))
    catchers = tuple(_catcher(member, outer) for member in fields.members("Catch"))
    for name, handlers in (("Retry", retriers), ("Catch", catchers)):
        _check_wildcard(fields, name, [handler.error_equals for handler in handlers])
    return {"retriers": retriers, "catchers": catchers}


def _check_wildcard(fields: Fields, name: str, lists: list[tuple[str, ...]]) -> None:
    for index, names in enumerate(lists):
        if STATES_ALL in names and (len(names) > 1 or index < len(lists) - 1):
            fields.problem(f"{name}[{index}]/ErrorEquals", f"{STATES_ALL} stands alone, and in the last member")


def _error_equals(fields: Fields) -> tuple[str, ...]:
    names = fields.take("ErrorEquals")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        fields.problem("ErrorEquals", "a list of error names is wanted")
        return ()
    return tuple(names)


def _retrier(fields: Fields) -> Retrier:
    jitter = fields.text("JitterStrategy")
    if jitter not in (None, "FULL", "NONE"):
        fields.problem("JitterStrategy", f"FULL or NONE is wanted, not {jitter!r}")
    fields.text("Comment")
    interval = fields.number("IntervalSeconds", least=1, most=wait.MAX_SECONDS)
    attempts = fields.number("MaxAttempts", least=0, most=wait.MAX_SECONDS)
    rate = fields.number("BackoffRate", least=1, whole=False)
    longest = fields.number("MaxDelaySeconds", least=1, most=31_622_400)
    if longest is not None and longest <= (interval or 1):
        fields.problem("MaxDelaySeconds", "it must be greater than IntervalSeconds")
    retrier = Retrier(
        error_equals=_error_equals(fields),
        interval_seconds=1 if interval is None else interval,
        max_attempts=3 if attempts is None else int(attempts),
        backoff_rate=2.0 if rate is None else rate,
        max_delay_seconds=longest,
        full_jitter=jitter == "FULL",
    )
    fields.close()
    return retrier


def _catcher(fields: Fields, outer: frozenset[str]) -> Catcher:
    fields.text("Comment")
    catcher = Catcher(
        error_equals=_error_equals(fields),
        next=fields.text("Next", required=True) or "",
        assign=_assign(fields, outer, "errorOutput"),
        output=fields.template("Output", sees="errorOutput"),
    )
    fields.close()
    return catcher


def _pass(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    return Pass(**_common(fields, outer))


def _succeed(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    return Succeed(**_common(fields, outer, transition=False, assign=False))


def _fail(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    return Fail(name=fields.state, error=fields.text_template("Error"), cause=fields.text_template("Cause"))


def _wait(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    seconds = fields.number_template("Seconds", least=0, most=wait.MAX_SECONDS)
    timestamp = fields.text_template("Timestamp")
    if isinstance(timestamp, Literal) and wait.parse_timestamp(str(timestamp.value)) is None:
        fields.problem("Timestamp", f"an ISO 8601 time with an offset is wanted, not {timestamp.value!r}")
    if (seconds is None) == (timestamp is None):
        fields.problem("Seconds", "either Seconds or Timestamp is wanted")
    return Wait(**_common(fields, outer), seconds=seconds, timestamp=timestamp)


def _choice(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    rules = tuple(_rule(member, outer) for member in fields.members("Choices", required=True))
    common = _common(fields, outer, transition=False)
    return Choice(**common, next=fields.text("Default"), rules=rules)


def _rule(fields: Fields, outer: frozenset[str]) -> ChoiceRule:
    fields.text("Comment")
    rule = ChoiceRule(
        condition=fields.condition("Condition"),
        next=fields.text("Next", required=True) or "",
        assign=_assign(fields, outer),
        output=fields.template("Output"),
    )
    fields.close()
    return rule


def _task(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    arn = fields.text("Resource", required=True) or ""
    resource = task.parse_resource(arn)
    if resource is None:
        if arn:
            fields.problem("Resource", f"{arn!r} is no resource that is known here")
        # The reading goes on with a stand-in, so that all problems of a definition are reported at once.
        resource = task.Resource(arn, "integration")
    timeout = fields.number_template("TimeoutSeconds", least=1, most=task.MAX_SECONDS)
    heartbeat = fields.number_template("HeartbeatSeconds", least=1, most=task.MAX_SECONDS)
    if isinstance(timeout, Literal) and isinstance(heartbeat, Literal) and heartbeat.value >= timeout.value:
        fields.problem("HeartbeatSeconds", "it must be less than TimeoutSeconds")
    arguments = fields.take("Arguments")
    if resource.service == "lambda" and isinstance(arguments, Mapping) and "FunctionName" not in arguments:
        fields.problem("Arguments/FunctionName", "it is missing")
    return Task(
        **_common(fields, outer, sees="result"),
        **_handlers(fields, outer),
        resource=resource,
        arguments=None if arguments is MISSING else fields.compiled("Arguments", arguments),
        timeout=timeout,
        heartbeat=heartbeat,
    )


def _parallel(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    branches = []
    for branch in fields.members("Branches", required=True):
        branch.text("Comment")
        branches.append(_program(branch, scope))
        branch.close()
    return Parallel(
        **_common(fields, outer, sees="result"),
        **_handlers(fields, outer),
        branches=tuple(branches),
        arguments=fields.template("Arguments"),
    )


def _map(fields: Fields, scope: _Scope, outer: frozenset[str]) -> State:
    items = fields.take("Items")
    if items is not MISSING and not is_expression(items) and not isinstance(items, list):
        fields.problem("Items", "a list or an expression is wanted")
        # Reported once: what it holds is not looked at further.
        items = MISSING
    return Map(
        **_common(fields, outer, sees="result"),
        **_handlers(fields, outer),
        processor=_processor(fields, scope),
        items=None if items is MISSING else fields.compiled("Items", items),
        item_selector=fields.template("ItemSelector"),
        max_concurrency=fields.number_template("MaxConcurrency", least=0),
        tolerated_count=fields.number_template("ToleratedFailureCount", least=0),
        tolerated_percentage=fields.number_template("ToleratedFailurePercentage", least=0, most=100, whole=False),
    )


def _processor(fields: Fields, scope: _Scope) -> Program:
    raw = fields.take("ItemProcessor")
    if raw is MISSING:
        # The former name of ItemProcessor, which Step Functions still takes.
        raw = fields.take("Iterator")
    if raw is MISSING:
        fields.problem("ItemProcessor", "it is missing")
        return Program("")
    processor = Fields(raw, fields.problems, fields.state, "ItemProcessor")
    processor.text("Comment")
    config = processor.take("ProcessorConfig")
    if config is not MISSING and config != {"Mode": "INLINE"} and config != {}:
        processor.problem("ProcessorConfig", "only the mode INLINE is supported")
    program = _program(processor, scope)
    processor.close()
    return program


_BUILDERS: Final[Mapping[str, Callable[[Fields, _Scope, frozenset[str]], State]]] = {
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Wait": _wait,
    "Choice": _choice,
    "Task": _task,
    "Parallel": _parallel,
    "Map": _map,
}
