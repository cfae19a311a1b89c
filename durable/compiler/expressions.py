"""Reading expressions: from Python's syntax to the typed tree."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from durable.compiler import calls
from durable.compiler.access import attribute, element_kind, subscript
from durable.compiler.advice import of_asyncio, of_builtin
from durable.compiler.aggregates import AGGREGATES, lazy
from durable.compiler.arithmetic import arithmetic, negation
from durable.compiler.classinfo import is_instance
from durable.compiler.comparisons import comparison, truth
from durable.compiler.guards import refuse_caught, refuse_none
from durable.compiler.iterables import (
    LAZY,
    comprehension,
    dict_entry,
    is_repeatable,
    is_view,
    iterable,
    merged_dicts,
    repeated,
)
from durable.compiler.kinds import (
    Boolean,
    DictOf,
    Done,
    Event,
    Fixed,
    Function,
    ListOf,
    Record,
    TupleOf,
    describe,
    is_error,
    is_text,
    is_unknown,
    join,
    members,
    present,
    unreported,
)
from durable.compiler.literals import dict_display, list_display, literal
from durable.compiler.names import Names
from durable.compiler.narrowing import Condition, learned, meet, narrowed
from durable.compiler.objects import built, changed, record_of, replaced
from durable.compiler.outcomes import error_name
from durable.compiler.problems import Refused
from durable.compiler.scope import Scope, path_of
from durable.compiler.slices import sliced
from durable.compiler.source import Source
from durable.compiler.spans import is_span, moved, seconds
from durable.compiler.terms import (
    Both,
    Concatenation,
    Conditional,
    Constant,
    Either,
    Expression,
    Joined,
    Let,
    Variable,
)
from durable.compiler.texts import formatted, join_texts, spelled
from durable.compiler.walk import may_fail, opposite, size
from durable.retries import Retries

_CLOCKS: Final = frozenset({"datetime", "time", "random", "secrets", "uuid", "os", "sys"})
_NO_WORLD: Final = "`run` sees no clock, no random numbers and no environment: let a step return it"
_OF_RETRIES: Final = "write it in the step, `retries=Retries(…)`, or assign it at the top level of the module"
_OF_SELF: Final = "name a constant of the module; a binding is a parameter of the step that needs it, `files: Bucket`"
_COPY: Final = 'write `model_copy(update={"field": value})`'
_OTHERS: Final[dict[type[ast.expr], tuple[str, str]]] = {
    ast.Lambda: ("a lambda", "write a step; a lambda can only be the key of sorted, min and max"),
    ast.Set: ("a set", "write a list or a tuple"),
    ast.SetComp: ("a set comprehension", "write a list comprehension, or do it in a step"),
    ast.GeneratorExp: ("a generator", "write a list comprehension, as in `[f(x) for x in xs]`"),
    ast.NamedExpr: ("`:=`", "assign on a line of its own"),
    ast.Starred: ("a starred value", "write its elements out"),
    ast.Yield: ("`yield`", "return the result; a run has one"),
    ast.YieldFrom: ("`yield from`", "return the result; a run has one"),
}


@dataclass(slots=True)
class ExpressionReader:
    """Reads the expressions of a `run`, and of what it calls.

    Attributes:
        source: what is being read.
        workflow: the class, whose constants `self` has.
        inline: reads a call of a function that is an expression; None of anything else.
    """

    source: Source
    names: Names
    workflow: type[Any]
    inline: Callable[[ast.Call, Scope], Expression | None] = lambda node, scope: None

    def value(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression.

        Raises:
            Refused: it cannot be said in a state machine.
        """
        value = self._value(node, scope)
        path = path_of(node)
        if path is not None and path in scope.narrowed and not isinstance(value, Constant):
            return dataclasses.replace(value, kind=scope.narrowed[path])
        return value

    def _value(self, node: ast.expr, scope: Scope) -> Expression:
        match node:
            case ast.Constant(value):
                return literal(node, value, self.source.of(node))
            case ast.Name():
                return self._name(node, scope)
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Subscript(of, ast.Slice() as cut):
                return self._slice(node, cut, self.value(of, scope), scope)
            case ast.Subscript(of, key):
                return subscript(node, self.value(of, scope), self.value(key, scope), self.source.of(of))
            case ast.BinOp(left, _, right) if is_span(self, right, scope):
                time = self.value(left, scope)
                span = seconds(self, right, scope)
                return time if is_unknown(time.kind) else moved(node, time, span, self.source.of(node))
            case ast.BinOp(left, _, right):
                first, second = self.value(left, scope), self.value(right, scope)
                if isinstance(node.op, ast.Mult) and is_repeatable(first, second):
                    return repeated(self, node, first, right, scope)
                return arithmetic(node, first, second, self.source.of(node))
            case ast.UnaryOp(ast.USub(), operand):
                return negation(node, self.value(operand, scope), self.source.of(node))
            case ast.UnaryOp(ast.Not()) | ast.Compare():
                return self.condition(node, scope).test
            case ast.BoolOp():
                return self._junction(node, scope)
            case ast.IfExp():
                return self._conditional(node, scope)
            case ast.Call():
                return self._call(node, scope)
        return self._display(node, scope)

    def _display(self, node: ast.expr, scope: Scope) -> Expression:
        match node:
            case ast.List(elements) | ast.Tuple(elements):
                return self._list(elements, isinstance(node, ast.Tuple), scope)
            case ast.Dict():
                return self._dict(node, scope)
            case ast.JoinedStr(parts):
                joined = tuple(self._part(each, scope) for each in parts)
                return Joined(joined) if joined else literal(node, "", "")
            case ast.ListComp(element, generators):
                return comprehension(self, element, generators, scope)
            case ast.DictComp(key, value, generators):
                return comprehension(self, value, generators, scope, key=key)
        found, remedy = _OTHERS.get(type(node), (f"`{self.source.of(node)}`", "do it in a step"))
        raise Refused(node, f"{found} cannot be said in a state machine", remedy)

    def _name(self, node: ast.Name, scope: Scope) -> Expression:
        local = scope.locals.get(node.id)
        if local is not None:
            if not local.certain:
                raise Refused(
                    node,
                    f"`{node.id}` may be unbound here: only some of the paths to this line assign it",
                    f"assign it on every path, as in `{node.id} = None` before",
                )
            if isinstance(local.value.kind, Event):
                raise Refused(
                    node, f"`{node.id}` itself is no data", f"use {node.id}.payload, .timestamp or .instance_id"
                )
            if any(isinstance(each, Function) for each in members(local.value.kind)):
                remedy = f"call it, as in `await {node.id}(…)`, or give it to gather or step.map"
                raise Refused(node, f"`{node.id}` is a nested def, which is no data", remedy)
            return local.value
        if node.id in self.names.assigned:
            remedy = "assign it first; a nested def that assigns a name has that name for itself, as in Python"
            raise Refused(node, f"`{node.id}` is not assigned before this line", remedy)
        return self._global(node)

    def static(self, node: ast.expr, scope: Scope) -> tuple[bool, Any]:
        """Return whether a name or dotted name belongs to the module, and its value there."""
        match node:
            case ast.Name(name) if name not in scope.locals and name not in self.names.assigned:
                return name in self.source.names, self.source.names.get(name)
            case ast.Attribute(ast.Name(name), attr) if name == self.names.this and name not in scope.locals:
                value = inspect.getattr_static(self.workflow, attr, None)
                is_constant = hasattr(self.workflow, attr) and not hasattr(type(value), "__get__")
                return is_constant, value if is_constant else None
            case ast.Attribute(of, attr):
                found, value = self.static(of, scope)
                if found and isinstance(value, (types.ModuleType, type)) and hasattr(value, attr):
                    return True, getattr(value, attr)
        return False, None

    def _global(self, node: ast.Name | ast.Attribute) -> Expression:
        text = self.source.of(node)
        found, value = self.static(node, Scope())
        if text in (self.names.step, "self"):
            remedy = "use variables of `run`, constants of the module, and methods that the class defines"
            raise Refused(node, f"`{text}` itself is no data", remedy)
        if not found:
            raise Refused(node, f"`{text}` is not defined", "assign it in `run`, or define it in the module")
        module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        if str(module).split(".")[0] in _CLOCKS and not isinstance(value, enum.Enum):
            raise Refused(node, f"`{text}` looks outside of the run", _NO_WORLD)
        if callable(value) or isinstance(value, types.ModuleType):
            raise Refused(
                node, f"`{text}` is no data", "call a function of your own as a step, with `await step.do(…)`"
            )
        return literal(node, value, text)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Expression:
        name = _caught_name(node)
        if name is not None and self.static(ast.Name("type", ast.Load()), scope) == (True, type):
            return self._error_name(node, self.value(name, scope))
        found, value = self.static(node.value, scope)
        if found and isinstance(value, (types.ModuleType, type)):
            return self._global(node)
        if not found and isinstance(node.value, ast.Name) and node.value.id == self.names.this:
            is_constant, constant = self.static(node, scope)
            if is_constant:
                return literal(node, constant, self.source.of(node))
            raise Refused(node, f"`{self.source.of(node)}` reads the workflow, which holds no data", _OF_SELF)
        event = self._event(node.value, scope)
        of = self.value(node.value, scope) if event is None else event
        return attribute(node, of, self.source.of(node.value))

    def _event(self, node: ast.expr, scope: Scope) -> Expression | None:
        local = scope.locals.get(node.id) if isinstance(node, ast.Name) else None
        return local.value if local and isinstance(local.value.kind, Event) else None

    def _error_name(self, node: ast.AST, value: Expression) -> Expression:
        if is_unknown(value.kind):
            return value
        refuse_none(node, value, "what `type(…)` is asked of")
        if not is_error(value.kind):
            raise Refused(
                node, "`type(…)` is asked of a value", "only `type(error).__name__` of a caught error can be had"
            )
        return error_name(value)

    def _list(self, nodes: list[ast.expr], is_tuple: bool, scope: Scope) -> Expression:
        whole: Expression | None = None
        plain: list[Expression] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                spread = iterable(self, node.value, scope)
                element = element_kind(node, spread.kind, self.source.of(node.value))
                before = list_display(tuple(plain), is_tuple)
                whole = appended(whole, before) if plain else whole
                whole = appended(whole, dataclasses.replace(spread, kind=ListOf(element)))
                plain = []
            else:
                plain.append(self.element(node, scope))
        rest = list_display(tuple(plain), is_tuple)
        return rest if whole is None else appended(whole, rest) if plain else whole

    def _dict(self, node: ast.Dict, scope: Scope) -> Expression:
        entries: dict[str, Expression] = {}
        parts: list[Expression] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                if key.value in entries and may_fail(entries[key.value]):
                    parts.append(dict_display(entries))  # which fails though the key is written again
                    entries = {}
                entries[key.value] = self.element(value, scope)
                continue
            part = self._part_of_dict(key, value, scope)
            if entries:
                parts.append(dict_display(entries))
                entries = {}
            if not is_unknown(part.kind):
                parts.append(part)
        if entries or not parts:
            parts.append(dict_display(entries))
        return parts[0] if len(parts) == 1 else merged_dicts(parts)

    def _part_of_dict(self, key: ast.expr | None, value: ast.expr, scope: Scope) -> Expression:
        """Return `key: value` or `**value` as a dict."""
        if key is not None:
            return dict_entry(key, self.value(key, scope), self.element(value, scope), self.source.of(key))
        spread = self.value(value, scope)
        refuse_none(value, spread, f"`**{self.source.of(value)}`")
        if is_unknown(spread.kind) or all(isinstance(each, (Fixed, DictOf)) for each in members(spread.kind)):
            return spread
        found = f"`**{self.source.of(value)}` is {describe(spread.kind)}"
        raise Refused(value, found, "write its keys out, or do it in a step")

    def element(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression that becomes a part of data."""
        value = self.value(node, scope)
        refuse_caught(node, value, self.source.of(node))
        return value

    def _part(self, node: ast.expr, scope: Scope) -> Expression:
        match node:
            case ast.FormattedValue(value, -1, None):
                return spelled(node, self.value(value, scope), self.source.of(value))
            case ast.FormattedValue(value, -1, ast.JoinedStr([ast.Constant(str() as spec)])):
                found = self.value(value, scope)
                return found if is_unknown(found.kind) else formatted(node, found, spec, self.source.of(value))
            case ast.FormattedValue():
                raise Refused(
                    node, "an f-string has a conversion, or a format that is computed", "write the format out"
                )
        return self.value(node, scope)

    def _slice(self, node: ast.Subscript, cut: ast.Slice, of: Expression, scope: Scope) -> Expression:
        bounds = [None if each is None else self.value(each, scope) for each in (cut.lower, cut.upper)]
        step = 1 if cut.step is None else self.value(cut.step, scope)
        return sliced(node, of, bounds, step, self.source.of(node))

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Expression:
        condition = self.condition(node.test, scope)
        body, otherwise = self.element(node.body, condition.true), self.element(node.orelse, condition.false)
        return Conditional(condition.test, body, otherwise, join(body.kind, otherwise.kind))

    def _junction(self, node: ast.BoolOp, scope: Scope) -> Expression:
        """Return `a and b`, `a or b` as Python does: one of the values."""
        condition = self.condition(node.values[0], scope)
        left = self.element(node.values[0], scope)
        both = isinstance(node.op, ast.And)
        rest = ast.BoolOp(node.op, node.values[1:]) if len(node.values) > 2 else node.values[1]
        ast.copy_location(rest, node.values[1])
        right = self.value(rest, condition.true if both else condition.false)
        if isinstance(left.kind, Boolean) and isinstance(right.kind, Boolean):
            return Both(left, right) if both else Either(left, right)
        once = Variable("_", left.kind)
        shared = size(left) > 3
        kept, test = (once, truth(node.values[0], once, "")) if shared else (left, condition.test)
        if both:
            value = Conditional(test, right, kept, join(right.kind, left.kind))
        else:
            kept = dataclasses.replace(kept, kind=present(left.kind)) if not isinstance(kept, Constant) else kept
            value = Conditional(test, kept, right, join(kept.kind, right.kind))
        return Let((("_", left),), value, value.kind) if shared else value

    def condition(self, node: ast.expr, scope: Scope) -> Condition:
        """Return a test, and what it tells where it holds and where it does not."""
        match node:
            case ast.BoolOp(op, values):
                return self._conditions(isinstance(op, ast.And), values, scope)
            case ast.UnaryOp(ast.Not(), operand):
                inner = self.condition(operand, scope)
                return Condition(opposite(inner.test), inner.false, inner.true)
            case ast.Compare(left, ops, comparators):
                return self._comparisons(node, [left, *comparators], ops, scope)
            case ast.Call(function) if self.static(function, scope) == (True, isinstance):
                return is_instance(self, node, scope)
        value = self.value(node, scope)
        test = truth(node, value, self.source.of(node))
        return Condition(test, narrowed(scope, node, present(value.kind), value), scope)

    def _conditions(self, both: bool, nodes: list[ast.expr], scope: Scope) -> Condition:
        first = self.condition(nodes[0], scope)
        if len(nodes) == 1:
            return first
        rest = self._conditions(both, nodes[1:], first.true if both else first.false)
        if both:
            return Condition(Both(first.test, rest.test), rest.true, meet(first.false, rest.false))
        return Condition(Either(first.test, rest.test), meet(first.true, rest.true), rest.false)

    def _comparisons(self, node: ast.expr, sides: list[ast.expr], ops: list[ast.cmpop], scope: Scope) -> Condition:
        is_in = isinstance(ops[0], (ast.In, ast.NotIn))
        looks_in = is_in and is_view(sides[1])
        if is_in and isinstance(sides[1], ast.Set):
            sides = [sides[0], ast.copy_location(ast.List(sides[1].elts, ast.Load()), sides[1]), *sides[2:]]
        left = self.value(sides[0], scope)
        right = iterable(self, sides[1], scope) if looks_in else self.value(sides[1], scope)
        source = self.source.of(node)
        test = comparison(node, ops[0], left, right, source)
        true, false = scope, scope
        for side, value, other in ((sides[0], left, right), (sides[1], right, left)):
            true, false = learned(test, side, value, other, true, false)
        if len(ops) == 1:
            return Condition(test, true, false)
        rest = self._comparisons(node, sides[1:], ops[1:], true)
        return Condition(Both(test, rest.test), rest.true, meet(false, rest.false))

    def _call(self, node: ast.Call, scope: Scope) -> Expression:
        source = self.source.of(node)
        found, function = self.static(node.func, scope)
        if found and function is isinstance:
            return is_instance(self, node, scope).test
        if function is bool and len(node.args) == 1:
            return self.condition(node.args[0], scope).test
        if found and function in AGGREGATES:
            return AGGREGATES[function](self, node, scope)
        record = record_of(function) if found else None
        if record is not None:
            return built(self, node, record, scope)
        if found and function is dataclasses.replace:
            return self._replaced(node, scope)
        inlined = self.inline(node, scope)
        if inlined is not None:
            return inlined
        if found:
            refusal = lazy(node, function, source)
            if refusal is not None:
                raise refusal
            if not (inspect.isbuiltin(function) or isinstance(function, type)) or function not in calls.FUNCTIONS:
                raise _refused_call(node, source, function)
            arguments = self._arguments(node, scope)
            unknown = unreported(*(each.kind for each in arguments))
            if unknown is not None:
                return Constant(None, unknown)
            return calls.FUNCTIONS[function](node, arguments, source)
        if isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id == self.names.step:
                remedy = f"write `await {source}`; to run several at once, write them in `await asyncio.gather(…)`"
                raise Refused(node, f"`{source}` is not awaited", remedy)
            of = self.value(node.func.value, scope)
            if calls.changes(node.func.attr) and not is_unknown(of.kind):
                raise calls.unknown_method(node, of, node.func.attr, source)
            if node.func.attr == "join" and len(node.args) == 1 and not node.keywords and is_text(of.kind):
                return self._joined(node, of, scope)
            if is_unknown(of.kind):
                return Constant(None, of.kind)
            if isinstance(of.kind, Done) and node.func.attr == "result" and not (node.args or node.keywords):
                assert isinstance(of, Variable)
                return dataclasses.replace(of, kind=of.kind.result)
            if node.func.attr == "model_copy" and isinstance(of.kind, Record):
                return self._copied(node, of, scope)
            if node.keywords and not is_unknown(of.kind):
                raise calls.unknown_method(node, of, node.func.attr, source)
            arguments = self._arguments(node, scope)
            unknown = unreported(of.kind, *(each.kind for each in arguments))
            if unknown is not None:
                return Constant(None, unknown)
            return calls.method(node, of, node.func.attr, arguments, source)
        local = scope.locals.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if local is not None and is_unknown(local.value.kind):
            return local.value
        if isinstance(node.func, ast.Name) and node.func.id in self.names.assigned:
            hidden = f"`{node.func.id}` is a name that `run` assigns, which hides the function everywhere in it"
            raise Refused(node, hidden, "give the variable another name")
        raise Refused(
            node, f"`{source}` calls what is not known", "call a function of your own with `await step.do(…)`"
        )

    def _copied(self, node: ast.Call, of: Expression, scope: Scope) -> Expression:
        named = {each.arg: each.value for each in node.keywords}
        if node.args or not named.keys() <= {"update"}:
            text = self.source.of(node)
            raise Refused(node, f"`{text}` has other arguments than the language knows", _COPY)
        return changed(self, node, of, named.get("update"), scope)

    def _replaced(self, node: ast.Call, scope: Scope) -> Expression:
        text, named = self.source.of(node), {each.arg: each.value for each in node.keywords}
        of = self.value(node.args[0], scope) if len(node.args) == 1 else None
        if of is not None and is_unknown(of.kind):
            return of
        if of is None or not isinstance(of.kind, Record) or not dataclasses.is_dataclass(of.kind.python):
            raise Refused(node, f"`{text}` is given no dataclass", "write `replace(value, field=…)`")
        if None in named:
            raise Refused(node, f"`{text}` spreads its fields", "write `field=value` for each")
        return replaced(self, node, of, of.kind, {str(name): each for name, each in named.items()}, scope)

    def _joined(self, node: ast.Call, separator: Expression, scope: Scope) -> Expression:
        items, source = iterable(self, node.args[0], scope), self.source.of(node)
        element = element_kind(node, items.kind, self.source.of(node.args[0]))
        return join_texts(node, separator, items, element, source)

    def _arguments(self, node: ast.Call, scope: Scope) -> list[Expression]:
        if node.keywords:
            raise Refused(node, f"`{self.source.of(node)}` names its arguments", "write them without names")
        return [self.value(each, scope) for each in node.args]


def _refused_call(node: ast.Call, source: str, function: Any) -> Refused:
    module = _home(function)
    if function is Retries:
        return Refused(node, f"`{source}` stands outside of a step", _OF_RETRIES)
    if isinstance(function, enum.EnumMeta):
        member = next(iter(function), None)
        return Refused(
            node, f"`{source}` looks a member up", f"write the member, as in {member}, or let a step return it"
        )
    if isinstance(function, type) and module != "builtins":
        return Refused(node, f"`{source}` makes an object", "let a step return it")
    if (module, getattr(function, "__name__", "")) == ("time", "sleep"):
        return Refused(node, f"`{source}` waits in `run`", 'write `await step.sleep("…", "10 seconds")`')
    if module in _CLOCKS:
        return Refused(node, f"`{source}` looks outside of the run", _NO_WORLD)
    name = getattr(function, "__name__", "it")
    known = ", ".join(sorted(getattr(each, "__name__", "") for each in (*calls.FUNCTIONS, *AGGREGATES, *LAZY)))
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


def appended(whole: Expression | None, more: Expression) -> Expression:
    """Return a list and more of its elements, as one list."""
    if isinstance(more.kind, TupleOf):
        more = dataclasses.replace(more, kind=ListOf(join(*more.kind.elements)))
    if whole is None:
        return more
    assert isinstance(whole.kind, ListOf)
    assert isinstance(more.kind, ListOf)
    return Concatenation(whole, more, ListOf(join(whole.kind.element, more.kind.element)))


def _caught_name(node: ast.Attribute) -> ast.expr | None:
    match node:
        case ast.Attribute(ast.Call(ast.Name("type"), [argument], []), "__name__"):
            return argument
        case ast.Attribute(ast.Attribute(argument, "__class__"), "__name__"):
            return argument
    return None
