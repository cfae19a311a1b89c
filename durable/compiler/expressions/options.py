"""Options of a step, which must be known when compiling: retries, durations, times."""

from __future__ import annotations

import ast
import datetime
import inspect
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from durable.compiler.expressions.advice import of_retries
from durable.compiler.source.problems import Refused
from durable.durations import milliseconds, whole_seconds
from durable.errors import DurationError, RetriesError
from durable.retries import Retries
from durable.wire import MAX_STEP_TIMEOUT_SECONDS

_OPERATORS: Final[dict[type[ast.operator], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_MAKERS: Final = (Retries, datetime.timedelta, datetime.datetime, datetime.date)
_YEAR_MS: Final = 31_536_000_000
_OF_RETRIES: Final = "write out retries=Retries(limit=…), or name a Retries of the module"
_UNTIL: Final = 'write it out, or let a step return the time and write `await step.sleep_until("name", when)`'

Resolve = Callable[[ast.expr], tuple[bool, Any]]
"""Returns whether a name belongs to the module, and its value there."""


def constant(node: ast.expr, resolve: Resolve, remedy: str = "write it out, or name a constant of the module") -> Any:
    """Return the value of an expression that is known when compiling; the remedy is for one that is not.

    Raises:
        Refused: it is not.
    """
    found, value = resolve(node)
    if found:
        return value
    part = partial(constant, resolve=resolve, remedy=remedy)
    match node:
        case ast.Constant(value):
            return value
        case ast.Tuple(elements):
            return tuple(map(part, elements))
        case ast.UnaryOp(ast.USub(), operand):
            return _worked_out(node, operator.neg, part(operand))
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() as sign, right):
            return _worked_out(node, _OPERATORS[type(sign)], part(left), part(right))
        case ast.Call(func, arguments, keywords):
            found, maker = resolve(func)
            if found and maker in _MAKERS:
                named = {each.arg or "": part(each.value) for each in keywords}
                return _made(node, maker, [part(each) for each in arguments], named)
    raise Refused(node, f"`{ast.unparse(node)}` is not known when compiling", remedy)


def is_written(node: ast.expr, resolve: Resolve) -> bool:
    """Whether an expression is known when compiling; one that is known and wrong is refused where it is read."""
    if resolve(node)[0]:
        return True
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(ast.USub(), operand):
            return is_written(operand, resolve)
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult(), right):
            return is_written(left, resolve) and is_written(right, resolve)
        case ast.Call(func, arguments, keywords) if resolve(func)[1] in _MAKERS:
            return all(is_written(each, resolve) for each in (*arguments, *(each.value for each in keywords)))
    return False


def _worked_out(node: ast.expr, function: Callable[..., Any], *given: Any) -> Any:
    """Return what an operator makes of values that are known when compiling."""
    text = ast.unparse(node)
    if not all(isinstance(each, int | float | str | datetime.timedelta) for each in given):
        raise Refused(node, f"`{text}` is no arithmetic of numbers or timedeltas", "write the value out")
    try:
        # With CPython's own operators: nothing of a constant is left to JSONata.
        return function(*given)
    except (ArithmeticError, MemoryError, TypeError) as error:
        raise Refused(node, f"`{text}` fails: {error}", "write the value out") from None


def _made(node: ast.AST, maker: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
    try:
        return maker(*arguments, **named)
    except (DurationError, RetriesError) as error:
        raise refused(node, error) from None
    except ArithmeticError as error:
        raise Refused(node, f"`{ast.unparse(node)}` fails: {error}", "write another value") from None
    except (TypeError, ValueError) as error:
        takes = ", ".join(inspect.signature(maker).parameters) if maker is Retries else "other arguments"
        raise Refused(node, f"`{ast.unparse(node)}` fails: {error}", f"{maker.__name__} takes {takes}") from None


def refused(node: ast.AST, error: Exception) -> Refused:
    """Return an error of the library, which says what and the remedy, as one of the line it is met at."""
    found, _, remedy = str(error).rpartition("; ")
    return Refused(node, found, remedy) if found else Refused(node, remedy, "mend it")


def retries(node: ast.expr | None, resolve: Resolve) -> Retries:
    """Return the retries of a step."""
    if node is None:
        return Retries()
    value = None if isinstance(node, ast.Dict) else constant(node, resolve, _OF_RETRIES)
    if isinstance(value, Retries):
        return value
    raise Refused(node, f"`{ast.unparse(node)}` is no Retries", of_retries(node))


def timeout(node: ast.expr | None, resolve: Resolve) -> int:
    """Return the timeout of a step in seconds."""
    if node is None:
        return whole_seconds("10 minutes")
    value = constant(node, resolve)
    try:
        seconds = whole_seconds(value)
    except DurationError as error:
        raise refused(node, error) from None
    if not 1 <= seconds <= MAX_STEP_TIMEOUT_SECONDS:
        raise Refused(
            node,
            f"a timeout of {value!r} is {seconds} seconds",
            f"a Lambda runs 15 minutes at most: write 1 to {MAX_STEP_TIMEOUT_SECONDS} seconds, or split the step",
        )
    return seconds


def flag(node: ast.expr | None, name: str, resolve: Resolve) -> bool:
    """Return an option that is True or False."""
    value = False if node is None else constant(node, resolve)
    if not isinstance(value, bool):
        raise Refused(node or ast.Pass(), f"{name} is {value!r}", "write True or False")
    return value


def pause(node: ast.expr, resolve: Resolve) -> int:
    """Return the length of a sleep in milliseconds."""
    value = constant(node, resolve, _UNTIL)
    try:
        length = milliseconds(value)
    except DurationError as error:
        raise refused(node, error) from None
    if length > _YEAR_MS:
        raise Refused(
            node, f"a sleep of {value!r} is longer than a run", "a run lasts a year at most: write 365 days or less"
        )
    return length


def moment(node: ast.expr, resolve: Resolve) -> str | None:
    """Return a time that is known when compiling, as ISO 8601; None where it is data of the run."""
    try:
        value = constant(node, resolve)
    except Refused:
        # A time that is written with data in it is a mistake; any other expression is worked out in the run.
        if isinstance(node, ast.Call) and resolve(node.func)[1] in _MAKERS:
            raise
        return None
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise Refused(node, f"{value!r} is no time", 'write it as "2026-01-31T09:00:00Z"') from None
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        raise Refused(node, f"`{ast.unparse(node)}` is no time with a zone", 'write it as "2026-01-31T09:00:00Z"')
    try:
        # Step Functions waits until a time in milliseconds. Rounded up, as `moments.instant` rounds a time that only
        # the run knows: no run goes on before the time.
        value += datetime.timedelta(microseconds=-value.microsecond % 1000)
        text = value.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    except OverflowError:
        found = f"`{ast.unparse(node)}` is before the year 1 or after the year 9999 in UTC"
        raise Refused(node, found, "write another time") from None
    return text.replace("+00:00", "Z")
