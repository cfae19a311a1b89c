"""What to write instead of a form that other Python, or another workflow system, would have."""

from __future__ import annotations

import ast
import collections
import dataclasses
import difflib
import enum
import inspect
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from durable.compiler.source.names import HOISTED
from durable.compiler.types.kinds import DictOf, Fixed, Kind, ListOf, Opaque, Record, Text, TupleOf, acts_as
from durable.errors import StepError, WorkflowError

CLOCKS: Final = frozenset({"datetime", "time", "random", "secrets", "uuid", "os", "sys"})
"""Modules that look outside of the run."""
_OF_CLOCKS: Final = "`event.timestamp` is when the run was created; let a step return any other time"
_OF_WORLD: Final = "`run` sees no random numbers and no environment: let a step return it"
_ABOUT_ASYNCIO: Final = {
    "gather": "write `await asyncio.gather(…)`",
    "create_task": "await the steps together: `await asyncio.gather(step.do(…), step.do(…))`",
    "ensure_future": "await the steps together: `await asyncio.gather(step.do(…), step.do(…))`",
    "wait": "await the steps together: `await asyncio.gather(step.do(…), step.do(…))`",
    "as_completed": "await the steps together: `await asyncio.gather(step.do(…), step.do(…))`",
    "wait_for": 'give the step a timeout: `await step.do("…", function, …, timeout="30 seconds")`',
    "timeout": 'give the step a timeout: `await step.do("…", function, …, timeout="30 seconds")`',
    "sleep": 'write `await step.sleep("…", "10 seconds")`',
    "to_thread": 'write `await step.do("…", function, …)`',
}
_ABOUT_BUILTINS: Final = {
    "getattr": "write the field out, as in `x.field`",
    "hasattr": "compare with None, as in `x.field is not None`",
    "format": 'write an f-string, as in `f"{x:.2f}"`',
    "iter": "go through it with `for`",
    "open": "do it in a step; a `Bucket` holds files",
    "input": "wait for an event: `await step.wait_for_event(…)`",
    "type": "a field with a Literal tells models apart; of a caught error there is `type(error).__name__`",
}
_OF_CLASSES: Final[dict[type, str]] = {
    collections.Counter: "begin with a dict, `counts = {}`, and write `counts[x] = counts.get(x, 0) + 1`",
    collections.defaultdict: "begin with `d = {}`; write `d[k] = d.get(k, 0) + n`, `d.setdefault(k, []).append(x)`",
    collections.deque: "write a list: `xs.append(x)`, `xs.pop(0)`",
}
_MADE_NAME: Final = re.compile(rf"\w+{HOISTED}\d+:\d+[-:\d]*")
_CHANGES: Final = {
    "append": "{0} = [*{0}, {1}]",
    "extend": "{0} = [*{0}, *{1}]",
    "insert": "{0} = [{2}, *{0}]",
    "remove": "{0} = [x for x in {0} if x != {1}]",
    "sort": "{0} = sorted({0})",
    "reverse": "{0} = {0}[::-1]",
    "pop": "{0} = {0}[:-1]",
    "clear": "{0} = []",
    "update": "{0} = {{**{0}, **{1}}}",
}
OPTIONS_LAST: Final = 'options have names and stand last: `step.do("…", function, …, retries=…, timeout="…")`'
_OF_LISTS: Final = frozenset(_CHANGES) - {"update"}


def written_member(of: type[enum.Enum]) -> str:
    """Return how the first member of an Enum is written: `str(member)` says only the value of a StrEnum's."""
    first = next(iter(of))
    return f"{of.__name__}.{first.name}"


def of_outside(module: str) -> str:
    """Return what to do instead of looking outside of the run."""
    return _OF_CLOCKS if module in ("datetime", "time") else _OF_WORLD


def _text(node: ast.expr) -> str:
    """Return an expression as this project's messages write it; what is awaited in it has a name of the compiler."""
    text = _MADE_NAME.sub("…", ast.unparse(node))
    return text if '"' in text else text.replace("'", '"')


def of_asyncio(name: str) -> str | None:
    """Return what to write instead of a function of asyncio."""
    return _ABOUT_ASYNCIO.get(name)


def of_builtin(name: str) -> str | None:
    """Return what to write instead of a builtin function."""
    return _ABOUT_BUILTINS.get(name)


def of_method_name(name: str, known: tuple[str, ...]) -> str:
    """Return which method of the step is meant by a name, which may be in camel case."""
    plain = re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", name)
    close = difflib.get_close_matches(plain, known, 1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"


def of_misspelt(node: ast.expr, names: Mapping[str, object]) -> str | None:
    """Return which function of the module is meant by a name that nothing has."""
    functions = [name for name, value in names.items() if inspect.isfunction(value)]
    close = difflib.get_close_matches(node.id, functions, 1) if isinstance(node, ast.Name) else []
    return f"did you mean {close[0]}?" if close else None


def of_text_operator(left: Kind, operator: ast.operator) -> str | None:
    """Return what to write instead of `"…%s…" % x`."""
    is_text = isinstance(acts_as(left), Text) and isinstance(operator, ast.Mod)
    return 'write an f-string, as in `f"{x} is here"`' if is_text else None


def of_retries(node: ast.expr) -> str:
    """Return what to write for retries that are a number, or a dict as Cloudflare's are."""
    match node:
        case ast.Constant(int() as limit):
            return f"write `retries=Retries(limit={int(limit)})`"
        case ast.Constant(None):
            return "leave it out for the default, or write `retries=Retries(limit=0)` for none"
        case ast.Dict(keys, values) if all(isinstance(each, ast.Constant) for each in keys):
            pairs = [(each.value, _text(value)) for each, value in zip(keys, values, strict=True) if each is not None]  # type: ignore[attr-defined]  # constants
            return f"write `retries=Retries({', '.join(f'{key}={value}' for key, value in pairs)})`"
    return 'write Retries(limit=…, delay="…", backoff="…")'


def of_class(cls: type) -> str:
    """Return what to write instead of an object that no state machine holds."""
    return _OF_CLASSES.get(cls, "let a step return it")


def of_change(node: ast.Call, kind: Kind) -> str:
    """Return what to write instead of a method that changes a list or dict in place."""
    match node:
        case ast.Call(ast.Attribute(changed, method), arguments, []) if _is_name_or_part(changed):
            name = _text(changed)
            of_list = isinstance(acts_as(kind), ListOf)
            if method == "setdefault" and len(arguments) == 2:
                key, default = map(_text, arguments)
                return (
                    f"write `{name}[{key}] = {name}.get({key}, {default})`; for a list, `[*{name}.get({key}, []), x]`"
                )
            if method == "popitem":
                return f"write `key = list({name})[-1]`, and then `value = {name}.pop(key)`"
            if method in _CHANGES and of_list == (method in _OF_LISTS):
                given = [_text(each) for each in arguments]
                if _takes(method) == len(given) or (method == "insert" and given[:1] == ["0"] and len(given) == 2):
                    return f"write `{_CHANGES[method].format(name, *given)}`"
    return "assign a new one to a name, as in `xs = [*xs, x]` or `d = {**d, key: x}`"


def _is_name_or_part(node: ast.expr) -> bool:
    of = node.value if isinstance(node, ast.Attribute | ast.Subscript) else node
    return isinstance(of, ast.Name)


def _takes(method: str) -> int:
    return {"sort": 0, "reverse": 0, "pop": 0, "clear": 0, "insert": -1}.get(method, 1)


def of_item(target: ast.Subscript, value: str, kind: Kind) -> str | None:
    """Return what to write instead of an assignment to an item of a variable."""
    if not _is_name_or_part(target.value):
        return None
    name = _text(target.value)
    if isinstance(target.slice, ast.Slice):
        return f"write `{name} = [{', '.join(_around(name, target.slice, f'*{value}'))}]`"
    key = _text(target.slice)
    match acts_as(kind):
        case DictOf() | Fixed() | Record(by_key=True):
            return f"write `{name} = {{**{name}, {key}: {value}}}`"
        case ListOf() if key == "-1":
            return f"write `{name} = [*{name}[:-1], {value}]`"
        case ListOf() if not key.startswith("-"):
            rest = int(key) + 1 if key.isdecimal() else f"{key} + 1"
            return f"write `{name} = [*{name}[:{key}], {value}, *{name}[{rest}:]]`"
    return None


def _around(name: str, cut: ast.Slice, between: str = "") -> list[str]:
    """Return the parts of a list before and after a slice, and what stands between them."""
    before = [f"*{name}[:{_text(cut.lower)}]"] if cut.lower is not None else []
    after = [f"*{name}[{_text(cut.upper)}:]"] if cut.upper is not None else []
    return [*before, *([between] if between else []), *after]


def of_deletion(target: ast.Subscript, kind: Kind) -> str:
    """Return what to write instead of `del` of an item of a variable."""
    name, key = _text(target.value), target.slice
    if not isinstance(acts_as(kind), ListOf):
        return f"write `{name} = {{k: v for k, v in {name}.items() if k != {_text(key)}}}`"
    if isinstance(key, ast.Slice):
        return f"write `{name} = [{', '.join(_around(name, key))}]`"
    if isinstance(key, ast.Constant) and isinstance(key.value, int):
        return f"write `{name} = [*{name}[:{key.value}], *{name}[{key.value + 1}:]]`"
    if isinstance(key, ast.UnaryOp) and isinstance(key.operand, ast.Constant) and isinstance(key.operand.value, int):
        after = f", *{name}[-{key.operand.value - 1}:]" if key.operand.value > 1 else ""
        return f"write `{name} = [*{name}[:{_text(key)}]{after}]`"
    return f"write `{name} = [x for place, x in enumerate({name}) if place != {_text(key)}]`"


def of_except(cls: type[Exception], reported: bool) -> str:
    """Return what to write instead of an `except` of a class that nothing in its `try` reports."""
    if issubclass(cls, WorkflowError) or not reported:
        return "leave the `except` out: it catches what steps report, and what its `try` raises or fails with"
    if cls is TimeoutError:
        return "write `except StepTimeoutError`, for a step that took longer than its timeout"
    if cls.__module__ == "builtins":
        return f"write `except StepError`, which a step that raises {cls.__name__} reports"
    if issubclass(cls, StepError) and cls.__module__.startswith("durable."):
        return "leave it out, or write `except StepError`"
    return f"define or import {cls.__name__} in the module of the step that raises it, or write `except StepError`"


_OF_TEXTS: Final = {
    "capitalize": "write `{0}[:1].upper() + {0}[1:].lower()`",
    "title": 'write `" ".join(word[:1].upper() + word[1:].lower() for word in {0}.split(" "))`',
    "casefold": "write `{0}.lower()`",
    "isupper": "write `{0} == {0}.upper()`",
    "islower": "write `{0} == {0}.lower()`",
    "isdigit": "write `int({0})` in a `try` with `except ValueError`, or let a step tell",
    "isdecimal": "write `int({0})` in a `try` with `except ValueError`, or let a step tell",
    "isnumeric": "write `int({0})` in a `try` with `except ValueError`, or let a step tell",
}
"""What to write instead of methods that ask Unicode's tables, which a state machine has not."""


def of_method(node: ast.Call, kind: Kind, name: str, known: str) -> str:
    """Return what to do instead of calling a method; `known` are those of strings and dicts."""
    match acts_as(kind):
        case Text() if name in _OF_TEXTS and isinstance(node.func, ast.Attribute):
            return _OF_TEXTS[name].format(_text(node.func.value))
        case Text() if name == "format":
            return 'write an f-string, as in `f"{x} is here"`'
        case Text() | DictOf() | Fixed() | Record(by_key=True):
            return known
        case Record():
            return "read its fields, pass it to steps as it is, and let a step do what its methods do"
        case ListOf() | TupleOf():
            return "write a comprehension, a slice or sorted(…), or do it in a step; `run` knows .index and .count"
        case Opaque(python) if python in (datetime, date):
            known = '.isoformat(), .strftime("%Y-%m-%d"), .date(), .weekday(), .isocalendar()'
            return f"of times `run` knows {known}; let a step return more"
        case Opaque():
            return "let a step return what is wanted of it"
    return "do it in a step"


def of_elements(kind: Kind, source: str) -> str:
    """Return what to go through instead of a value that is no list."""
    match acts_as(kind):
        case DictOf() | Fixed() | Record(by_key=True):
            return f"write {source}.items(), {source}.keys() or {source}.values()"
        case Text():
            return f'write {source}.split(",") or the like, or let a step return the characters'
    return "only lists and tuples can be gone through: let a step return one"


def of_step_function(node: ast.expr, step: str, name: str) -> tuple[str, str] | None:
    """Return what was found and what to write, where a call, a lambda or options stand in a step's place.

    Args:
        step: how `run` names its steps.
        name: the step's name as it is written.
    """
    body = node.body if isinstance(node, ast.Lambda) else node
    body = body.value if isinstance(body, ast.Await) else body
    what = "a lambda cannot be a step" if isinstance(node, ast.Lambda) else f"`{_text(node)}` is no function"
    match body:
        case ast.Call(ast.Name("partial") | ast.Attribute(_, "partial"), [function, *arguments]):
            return what, _written(step, name, [function, *arguments])
        case ast.Call(ast.Name() | ast.Attribute() as function, arguments, []):
            return what, _written(step, name, [function, *arguments])
        case ast.Dict():
            return what, OPTIONS_LAST
        case ast.Constant(str()):
            return what, "the function stands second, and what it is given after it"
    return (what, "define a function at the top level of a module and pass that") if body is not node else None


def _written(step: str, name: str, nodes: list[ast.expr]) -> str:
    return f"pass the function, and what it is given after it: `{step}.do({name}, {', '.join(map(_text, nodes))})`"


def of_awaited(node: ast.expr, step: str, resolve: Callable[[ast.expr], tuple[bool, Any]]) -> str:
    """Return what to write instead of awaiting something that is no step."""
    match node:
        case ast.Call(ast.Attribute(ast.Name("self"), name)):
            return f"define `{name}` in the class, as in `async def {name}(self, {step}: WorkflowStep): …`"
        case ast.Call(ast.Name(name), arguments) if inspect.isfunction(resolve(node.func)[1]):
            given = [_text(each) for each in arguments if ast.unparse(each) != step]
            return f'write `await {step}.do("{name}", {", ".join([name, *given])})`'
        case ast.Call(ast.Name(name)):
            return f"define `{name}` in the module, as in `async def {name}({step}: WorkflowStep): …`"
    return f'write `await {step}.do("…", function, …)`'


def of_field(target: ast.expr, value: str, kind: Kind | None) -> str | None:
    """Return what to write instead of an assignment to a field of a variable."""
    match target, None if kind is None else acts_as(kind):
        case ast.Attribute(ast.Name("self"), name), _:
            return f"write `{name} = {value}`: a run has variables, and its workflow none"
        case ast.Attribute(ast.Name(name), field), Record(python=python, by_key=False):
            if dataclasses.is_dataclass(python):
                return f"write `{name} = dataclasses.replace({name}, {field}={value})`"
            return f'write `{name} = {name}.model_copy(update={{"{field}": {value}}})`'
    return None


def of_decorator(node: ast.AsyncFunctionDef | ast.FunctionDef, step: str) -> str | None:
    """Return what to write instead of a nested def that `@step.do(…)` decorates, as in Cloudflare's Python."""
    for each in node.decorator_list:
        match each:
            case ast.Call(ast.Attribute(ast.Name(name), "do"), [ast.Constant(str() as called), *_]) if name == step:
                call = f"await {step}.do({_text(ast.Constant(called))}, {node.name})"
                return f"define `{node.name}` at the top level of a module, and write `{call}` where it is awaited"
    return None
