"""What comes out of branches and ends of machines: results beside times, and causes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from durable.compiler.program.walk import children, values
from durable.compiler.types.kinds import Anything, Caught, Kind, ListOf, Opaque, TupleOf, Unknown, members
from durable.compiler.types.terms import (
    INTEGER,
    TEXT,
    TRUE,
    Apply,
    Constant,
    DictDisplay,
    Expression,
    Field,
    Joined,
    Let,
    ListDisplay,
    RawExpression,
    Spelled,
    Variable,
)
from durable.errors import PublicError, StepError, StepTimeoutError, public_message
from durable.wire import FAILED_AT, PUBLIC

RESULT: Final = "$states.result.Payload"
"""Where the answer of a step's Lambda is: `{"result", "at"}`."""
ANSWER: Final = "$states.result"
"""Where an answer by a token is, of the same form."""
_ALL: Final = "$states.result"
_OBJECT: Final = Opaque("object")


def branch_result(value: Expression, beside: Mapping[str, str]) -> Expression:
    """Return what a branch ends with, where that is more than its result: further fields, each of a variable."""
    more = tuple((name, Variable(variable, INTEGER)) for name, variable in beside.items())
    return DictDisplay((("result", value), *more), _OBJECT)


def result_of(output: Expression) -> Expression:
    """Return the result in what a branch ends with."""
    match output:
        case DictDisplay(((name, value), *_), kind) if name == "result" and kind == _OBJECT:
            return value
    return output


def is_results(value: Expression) -> bool:
    """Return whether an expression on the edge out of a gather or a map is the list of its results."""
    match value:
        case RawExpression(text):
            return text in (_ALL, f"[{_ALL}.result]") or text.startswith(f"$reduce({_ALL}, ")
        case ListDisplay(elements):
            names = [each.text if isinstance(each, RawExpression) else "" for each in elements]
            return bool(names) and names == [f"{_ALL}[{number}].result" for number in range(len(names))]
    return False


def tuple_result(kinds: tuple[Kind, ...], wrapped: bool) -> Expression:
    """Return the results of a gather; where its branches return more than that, each result is wrapped."""
    if not wrapped:
        return RawExpression(_ALL, TupleOf(kinds))
    results = tuple(RawExpression(f"{_ALL}[{number}].result", kind) for number, kind in enumerate(kinds))
    return ListDisplay(results, TupleOf(kinds))


def list_result(element: Kind, wrapped: bool) -> Expression:
    """Return the results of a map; where its items return more than that, each result is wrapped."""
    if not wrapped:
        return RawExpression(_ALL, _OBJECT)
    if any(isinstance(each, (ListOf, TupleOf, Anything, Unknown)) for each in members(element)):
        one = '$type($one.result) = "array" ? [[$one.result]] : [$one.result]'
        return RawExpression(f"$reduce({_ALL}, function($some, $one) {{ $append($some, {one}) }}, [])", _OBJECT)
    # The brackets keep it a list: a path gives a single result bare, and nothing where there is none.
    return RawExpression(f"[{_ALL}.result]", _OBJECT)


def join_time(clock: str) -> Expression:
    """Return the time at which the last branch ended; where there was none, the time before.

    The constructor takes the list of the branches' times apart, be it empty, one or many.
    """
    times = (Variable(clock, INTEGER), RawExpression(f"{_ALL}.at", INTEGER))
    return Apply("$max", (ListDisplay(times, ListOf(INTEGER)),), INTEGER)


def failure_time() -> Expression:
    """Return the time at which a state failed, read from its cause: each execution that goes on finds the same."""
    cause, pattern = "$states.errorOutput.Cause", f"/{FAILED_AT}/"
    written = f"$number($match({cause}, {pattern})[0].groups[0])"
    # A process that died, or that Step Functions timed out, could not say when: then the clock at the Catch is all
    # there is.
    return RawExpression(f"$contains({cause}, {pattern}) ? {written} : $millis()", INTEGER)


def caught_error(name: Expression) -> Expression:
    """Return what the variable of an `except … as error` holds, where a state has failed."""
    cause = "$states.errorOutput.Cause"
    return error_value(name, RawExpression(f'$type({cause}) = "string" ? {cause} : ""', TEXT))


def error_value(name: Expression, cause: Expression) -> Expression:
    """Return an error as a variable holds it: its class's name, and its cause, from which its message is read."""
    return DictDisplay((("name", name), ("cause", cause)), _OBJECT)


def error_name(error: Expression) -> Expression:
    """Return the name of an error's class."""
    return Field(error, "name", TEXT)


def error_cause(error: Expression) -> Expression:
    """Return an error's cause."""
    return Field(error, "cause", TEXT)


def error_message(error: Expression) -> Expression:
    """Return what an error says: `str(error)`.

    The cause of a step's error is JSON with the step's key, a line break, the message and the time. That of a `raise`
    in `run` has the message alone. A process that died left no message, nor does a timeout of Step Functions' own:
    these say what their class says.
    """
    return Let((("_name", error_name(error)), ("_cause", error_cause(error))), _MESSAGE, TEXT)


# What is said of an error that left no message of its own: a crash, and a timeout of Step Functions.
_UNSAID: Final = (
    f'$_name = "{StepTimeoutError.__name__}" ? {json.dumps(public_message(StepTimeoutError))}'
    f" : {json.dumps(public_message(StepError))}"
)
# `$parse` fails on a text that is no JSON, and Pass and Choice have no Catch: so the first and last characters are
# looked at before. Lambda's own errors have a dot in their type (`Runtime.ExitError`) and a message of Lambda's, which
# says nothing of the run.
_MESSAGE: Final = RawExpression(
    '($_told := $substring($_cause, 0, 1) & $substring($_cause, -1) = "{}" ? $parse($_cause) : {}; '
    "$exists($_told.stackTrace) or $exists($_told.at)"
    r' ? $replace($substringAfter($_told.errorMessage, ": \n"), / \(at=[0-9]+\)$/, "")'
    ' : $exists($_told.errorType) ? ($contains($_told.errorType, ".") ? '
    f"({_UNSAID}) : $_told.errorMessage) : ({_UNSAID}))",
    TEXT,
)


def messages_read(part: object) -> frozenset[str]:
    """Return the names of the errors whose messages are read somewhere in statements or expressions."""
    found: set[str] = set()
    for value in values(part):
        if isinstance(value, Let) and value.body is _MESSAGE:
            error = value.bindings[0][1]
            assert isinstance(error, Field)
            found |= {name for each in members(error.of.kind) if isinstance(each, Caught) for name, _ in each.errors}
        found |= messages_read(tuple(children(value)))
    return frozenset(found)


def cause_text(error: type[Exception], message: Expression, at: Expression | None = None) -> Expression:
    """Return the cause of an error that `run` raises, as Lambda writes one.

    Args:
        at: when it is raised, in a branch that carries time.
    """
    name, is_public = error.__name__, issubclass(error, PublicError)
    # Where all is known the cause is a text, so that it can be read in the definition and in a diff of it.
    if isinstance(message, Constant) and at is None:
        cause = {"errorMessage": message.value, "errorType": name} | ({PUBLIC: True} if is_public else {})
        return Constant(json.dumps(cause, ensure_ascii=False), TEXT)
    parts: tuple[tuple[str, Expression], ...] = (("errorMessage", message), ("errorType", Constant(name, TEXT)))
    if is_public:
        parts = (*parts, (PUBLIC, TRUE))
    if at is not None:
        raised = Joined((Constant("(at=", TEXT), Spelled(at), Constant(")", TEXT)))
        parts = (*parts, ("raised", raised))
    return Apply("$string", (DictDisplay(parts, _OBJECT),), TEXT)
