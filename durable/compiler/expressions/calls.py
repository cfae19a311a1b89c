"""The few functions and methods that `run` may call on values."""

from __future__ import annotations

import ast
import dataclasses
import datetime
import enum
import inspect
import math
import types
from collections.abc import Callable, Hashable
from typing import Any, Final

from durable.compiler.expressions import calendars, options, sequences, sets, spans, texts, times
from durable.compiler.expressions.access import by_attribute, keys_of
from durable.compiler.expressions.advice import (
    CLOCKS,
    of_asyncio,
    of_builtin,
    of_change,
    of_class,
    of_method,
    of_outside,
)
from durable.compiler.expressions.aggregates import AGGREGATES, lazy
from durable.compiler.expressions.classinfo import is_instance
from durable.compiler.expressions.comparisons import received
from durable.compiler.expressions.enums import of_value
from durable.compiler.expressions.formats import represented, spelled
from durable.compiler.expressions.iterables import LAZY, VIEWS, elements
from durable.compiler.expressions.numbers import divided, only, rounded, square_root, to_float, to_int, whole
from durable.compiler.expressions.objects import built, changed, named_tuple, record_of, replaced
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import refuse_any, refuse_none
from durable.compiler.expressions.scope import Scope
from durable.compiler.program.walk import may_fail
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import is_named_tuple
from durable.compiler.types.authored import class_of, overriding
from durable.compiler.types.keys import as_text, looked_up
from durable.compiler.types.kinds import (
    DictOf,
    Done,
    Fixed,
    Function,
    Kind,
    ListOf,
    Record,
    SetOf,
    Text,
    TupleOf,
    acts_as,
    describe,
    is_number,
    is_text,
    is_unknown,
    join,
    members,
    of_one_shape,
    plain,
    unreported,
)
from durable.compiler.types.terms import INTEGER, NONE, TEXT, Apply, Constant, Entry, Expression, Let, Variable
from durable.retries import Retries
from durable.signature import is_injected

_OF_RETRIES: Final = "write it in the step, `retries=Retries(…)`, or assign it at the top level of the module"
_OF_TIMES: Final = "write its parts out, or let a step return the time"
_COPY: Final = 'write `model_copy(update={"field": value})`'


def call(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return a call.

    Raises:
        Refused: `run` cannot call it.
    """
    found, function = reader.static(node.func, scope)
    # It is looked up in dicts of functions below.
    if found and not isinstance(function, Hashable):
        source = reader.source.of(node)
        raise Refused(node, f"`{source}` calls a {type(function).__name__}", "call a function")
    if function is bool and len(node.args) == 1:
        return reader.condition(node.args[0], scope).test
    if found and function in _READERS:
        return _READERS[function](reader, node, scope)
    if found and is_named_tuple(function):
        return named_tuple(reader, node, function, scope)
    if found and function is divmod and len(node.args) == 2 and not node.keywords:
        return divided(reader, node, scope)
    if found and isinstance(function, type) and issubclass(function, enum.Enum):
        return of_value(reader, node, function, scope)
    record = record_of(function) if found else None
    if record is not None:
        return built(reader, node, record, scope)
    # After what the compiler knows itself: an author's function of the name of a builtin is found by its value, not by
    # its name.
    inlined = reader.inline(node, scope)
    if inlined is not None:
        return inlined
    if found:
        return _of_values(reader, node, function, scope)
    if isinstance(node.func, ast.Attribute):
        return _method_call(reader, node, node.func, scope)
    return _unknown_call(reader, node, scope)


def _of_values(reader: Reader, node: ast.Call, function: Any, scope: Scope) -> Expression:
    """Return a call of a function that is given values, as `len(x)`."""
    source = reader.source.of(node)
    refusal = lazy(node, function, source)
    if refusal is not None:
        raise refusal
    if not (inspect.isbuiltin(function) or isinstance(function, type)) or function not in FUNCTIONS:
        raise _refused_call(node, source, function)
    arguments = _arguments(reader, node, scope)
    unknown = unreported(*(each.kind for each in arguments))
    if unknown is not None:
        return Constant(None, unknown)
    return FUNCTIONS[function](node, arguments, source)


def _unknown_call(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Refuse a call of what no module knows, unless what it stands for was refused already."""
    source = reader.source.of(node)
    local = scope.locals.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if local is not None and is_unknown(local.value.kind):
        return local.value
    if local is not None and any(isinstance(each, Function) for each in members(local.value.kind)):
        raise Refused(node, f"`{source}` is not awaited", f"write `await {source}`")
    # CPython would raise UnboundLocalError: a name that is assigned anywhere in a function is local in all of it.
    if isinstance(node.func, ast.Name) and node.func.id in reader.names.assigned:
        hidden = f"`{node.func.id}` is a name that `run` assigns, which hides the function everywhere in it"
        raise Refused(node, hidden, "give the variable another name")
    raise Refused(node, f"`{source}` calls what is not known", "call a function of your own with `await step.do(…)`")


def _method_call(reader: Reader, node: ast.Call, called: ast.Attribute, scope: Scope) -> Expression:
    source = reader.source.of(node)
    if isinstance(called.value, ast.Name) and called.value.id == reader.names.step:
        remedy = f"write `await {source}`; to run several at once, write them in `await asyncio.gather(…)`"
        raise Refused(node, f"`{source}` is not awaited", remedy)
    of = received(reader.value(called.value, scope))
    if isinstance(of.kind, SetOf):
        return sets.method(reader, node, of, called.attr, scope)
    if changes(called.attr) and not is_unknown(of.kind):
        raise unknown_method(node, of, called.attr, source)
    if called.attr == "join" and len(node.args) == 1 and not node.keywords and is_text(of.kind):
        return texts.joined(node, of, *elements(reader, node.args[0], scope), source)
    if is_unknown(of.kind):
        return Constant(None, of.kind)
    if isinstance(of.kind, Done) and called.attr == "result" and not (node.args or node.keywords):
        return dataclasses.replace(of, kind=of.kind.result)
    if called.attr == "model_copy" and isinstance(of.kind, Record):
        return _copied(reader, node, of, scope)
    if called.attr == "replace" and calendars.is_moment(of):
        return calendars.replaced(reader, node, of, scope)
    given = texts.by_place(node, called.attr) if is_text(of.kind) else None
    if given is not None:
        arguments = [reader.value(each, scope) for each in given]
    elif node.keywords and not is_unknown(of.kind):
        raise unknown_method(node, of, called.attr, source)
    else:
        arguments = _arguments(reader, node, scope)
    unknown = unreported(of.kind, *(each.kind for each in arguments))
    if unknown is not None:
        return Constant(None, unknown)
    return method(node, of, called.attr, arguments, source)


def _copied(reader: Reader, node: ast.Call, of: Expression, scope: Scope) -> Expression:
    named = {each.arg: each.value for each in node.keywords}
    if node.args or not named.keys() <= {"update"}:
        text = reader.source.of(node)
        raise Refused(node, f"`{text}` has other arguments than the language knows", _COPY)
    return changed(reader, node, of, named.get("update"), scope)


def _replaced(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    text, named = reader.source.of(node), {each.arg: each.value for each in node.keywords}
    of = reader.value(node.args[0], scope) if len(node.args) == 1 else None
    if of is not None and is_unknown(of.kind):
        return of
    if of is None or not isinstance(of.kind, Record) or not dataclasses.is_dataclass(of.kind.python):
        raise Refused(node, f"`{text}` is given no dataclass", "write `replace(value, field=…)`")
    if None in named:
        raise Refused(node, f"`{text}` spreads its fields", "write `field=value` for each")
    return replaced(reader, node, of, of.kind, {str(name): each for name, each in named.items()}, scope)


def _written_time(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    written: datetime.date = options.constant(node, lambda each: reader.static(each, scope), _OF_TIMES)
    return times.constant(written)


_READERS: Final[dict[object, Callable[[Reader, ast.Call, Scope], Expression]]] = {
    **AGGREGATES,
    isinstance: lambda reader, node, scope: is_instance(reader, node, scope).test,
    set: sets.made,
    frozenset: sets.made,
    datetime.timedelta: spans.made,
    datetime.datetime: _written_time,
    datetime.date: _written_time,
    dataclasses.replace: _replaced,
}
"""What reads a call by its syntax: an argument of it may be a generator, a class or a name of a field."""


def _arguments(reader: Reader, node: ast.Call, scope: Scope) -> list[Expression]:
    if node.keywords:
        raise Refused(node, f"`{reader.source.of(node)}` names its arguments", "write them without names")
    return [reader.value(each, scope) for each in node.args]


def _refused_call(node: ast.Call, source: str, function: Any) -> Refused:
    module = _home(function)
    if function is Retries:
        return Refused(node, f"`{source}` stands outside of a step", _OF_RETRIES)
    if isinstance(function, type) and module != "builtins":
        return Refused(node, f"`{source}` makes an object", of_class(function))
    if (module, getattr(function, "__name__", "")) == ("time", "sleep"):
        return Refused(node, f"`{source}` waits in `run`", 'write `await step.sleep("…", "10 seconds")`')
    if module in CLOCKS:
        return Refused(node, f"`{source}` looks outside of the run", of_outside(module))
    is_step = inspect.isfunction(function) and is_injected(function)
    if inspect.iscoroutinefunction(function) and module != "asyncio" and not is_step:
        remedy = f"write `await {source}`, or make it a step"
        return Refused(node, f"`{source}` is not awaited", remedy)
    name = getattr(function, "__name__", "it")
    known = ", ".join(sorted(getattr(each, "__name__", "") for each in (*FUNCTIONS, *AGGREGATES, *LAZY)))
    instead = of_asyncio(name) if module == "asyncio" else None
    if instead is not None:
        return Refused(node, f"`{source}` is a call of asyncio, which `run` does not make", instead)
    if module == "builtins" or name == "open":
        instead = of_builtin(name) or f"do it in a step; `run` knows {known}"
        return Refused(node, f"`{name}` cannot be said in a state machine", instead)
    typed = inspect.isfunction(function) and "return" in function.__annotations__
    remedy = f'make it a step: `await step.do("…", {name}, …)`' if typed else "call it in a step"
    return Refused(node, f"`{source}` calls a function in `run`", remedy)


def _home(function: Any) -> str:
    """Return the package that a function comes from; of a method, the package of what it is a method of."""
    of = getattr(function, "__self__", None)
    owner = function if of is None or isinstance(of, types.ModuleType) else of if isinstance(of, type) else type(of)
    return str(getattr(owner, "__module__", None)).split(".")[0]


def _len(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    value = received(only(node, "len", arguments, source))
    match of_one_shape(acts_as(value.kind)):
        case Text():
            return Apply("$length", (value,), INTEGER)
        case ListOf() | TupleOf() | SetOf():
            return Apply("$count", (value,), INTEGER)
        case DictOf() | Fixed() | Record(by_key=True):
            # `$count` counts elements of a list, and takes any object for one element.
            return Apply("$count", (Apply("$keys", (value,), ListOf(TEXT)),), INTEGER)
    raise Refused(node, f"`{source}` asks for the length of {describe(value.kind)}", "len takes a str, list or dict")


def _str(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) != 1:
        raise Refused(node, f"`{source}` gives str {len(arguments)} arguments", "str takes one")
    refuse_any(node, arguments[0], f"what `{source}` is given")
    return spelled(node, arguments[0], source)


def _repr(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    if len(arguments) != 1:
        raise Refused(node, f"`{source}` gives repr {len(arguments)} arguments", "repr takes one")
    refuse_any(node, arguments[0], f"what `{source}` is given")
    return represented(node, arguments[0], source)


def _bool(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    raise Refused(node, f"`{source}` gives bool {len(arguments)} arguments", "bool takes one")


def _abs(node: ast.Call, arguments: list[Expression], source: str) -> Expression:
    value = only(node, "abs", arguments, source)
    if spans.is_span(value.kind):
        return Apply("$abs", (spans.as_span(value),), spans.SPAN)
    if not is_number(value.kind):
        raise Refused(node, f"`{source}` takes {describe(value.kind)}", "give it numbers, or do it in a step")
    return Apply("$abs", (value,), plain(value.kind))


FUNCTIONS: Final[dict[object, Callable[[ast.Call, list[Expression], str], Expression]]] = {
    int: to_int,
    float: to_float,
    round: rounded,
    len: _len,
    str: _str,
    repr: _repr,
    bool: _bool,
    abs: _abs,
    math.floor: whole("$floor"),
    math.ceil: whole("$ceil"),
    math.sqrt: square_root,
}


_CHANGING: Final = frozenset(
    name
    for cls in (list, dict)
    for name in vars(cls)
    if not name.startswith("_") and name not in ("copy", "count", "fromkeys", "get", "index", "items", "keys", "values")
)


def method(node: ast.Call, of: Expression, name: str, arguments: list[Expression], source: str) -> Expression:
    """Return `of.name(arguments)`."""
    refuse_none(node, of, f"what `.{name}` is called on in `{source}`")
    if name == "total_seconds" and not arguments and spans.is_span(of.kind):
        return spans.attribute(node, of, name, source)
    of_moment = calendars.method(node, of, name, arguments, source) if calendars.is_moment(of) else None
    if of_moment is not None:
        return of_moment
    kind = of_one_shape(acts_as(of.kind))
    if name == "get" and isinstance(kind, (DictOf, Fixed, Record)) and len(arguments) in (1, 2):
        return _get(node, of, kind, arguments, source)
    if name in ("startswith", "endswith") and isinstance(kind, Text) and len(arguments) == 1:
        return texts.edges(node, of, name, arguments[0], source)
    if isinstance(kind, ListOf | TupleOf):
        of_list = sequences.method(node, of, kind, name, arguments, source)
        if of_list is not None:
            return of_list
    if name == "copy" and isinstance(kind, DictOf | Fixed) and not arguments:
        return of
    if name in texts.METHODS and isinstance(kind, Text):
        return texts.METHODS[name](node, of, arguments, source)
    if name in VIEWS and isinstance(kind, (DictOf, Fixed, Record)):
        raise Refused(node, f"`{source}` is no data but can be gone through only", f"write list({source})")
    raise unknown_method(node, of, name, source)


def changes(name: str) -> bool:
    """Return whether a method of this name changes a list or dict in place."""
    return name in _CHANGING


_KNOWN: Final = (
    "`run` knows .get, .items, .keys, .values and .copy of dicts, and of strings .startswith, .endswith, .join, "
    + ", ".join(f".{name}" for name in texts.METHODS)
    + "; do it in a step"
)


def unknown_method(node: ast.Call, of: Expression, name: str, source: str) -> Refused:
    """Return the refusal of a method that `run` does not know."""
    if name in _CHANGING:
        return Refused(node, f"`{source}` changes a value in place", of_change(node, of.kind))
    cls = class_of(of.kind)
    other = None if cls is None else overriding(cls, name)
    if cls is not None and other is not None:
        found = f"`{source}` calls a method of {cls.__name__}, which {other.__name__} overrides"
        return Refused(node, found, "let a step call it: only the run knows which of the classes the value has")
    return Refused(node, f"`{source}` calls a method of {describe(of.kind)}", of_method(node, of.kind, name, _KNOWN))


def _get(node: ast.Call, of: Expression, kind: Kind, arguments: list[Expression], source: str) -> Expression:
    key, default = arguments[0], arguments[1] if len(arguments) == 2 else NONE
    if may_fail(default):  # CPython works it out though it is not needed
        kept = Variable("_d", default.kind)
        value = _get(node, of, kind, [key, kept], source)
        return Let((("_d", default),), value, value.kind)
    found = looked_up(kind, key.kind)
    if found is not None and isinstance(kind, DictOf):
        return Entry(of, as_text(key), join(kind.value, default.kind), default)
    if found is None and (isinstance(kind, DictOf) or not isinstance(acts_as(key.kind), Text)):
        found_out = f"`{source}` looks up {describe(key.kind)} in {describe(kind)}"
        raise Refused(node, found_out, "look up what may be one of its keys")
    if isinstance(kind, Fixed) and not isinstance(key, Constant):
        return Entry(of, key, join(*(each for _, each in kind.entries), default.kind), default)
    if isinstance(key, Constant) and (isinstance(kind, Fixed) or (isinstance(kind, Record) and kind.by_key)):
        keys = keys_of(kind)
        if key.value in keys:
            return Entry(of, key, join(keys[str(key.value)].kind, default.kind), default)
        if isinstance(kind, Fixed):  # all its keys are known
            return default
    if isinstance(kind, Record) and not kind.by_key:
        called = source.rpartition(".get(")[0]
        remedy = by_attribute(kind, str(key.value), called) if isinstance(key, Constant) else f"write `{called}.field`"
        raise Refused(node, f"`{called}` is no dict but {describe(kind)}", remedy)
    raise Refused(node, f"`{source}` looks up a key that {describe(kind)} does not have", "use one that it has")
