"""Reading expressions: from Python's syntax to the typed tree."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import types
from dataclasses import dataclass
from typing import Any, Final

from durable.compiler import calls, operators
from durable.compiler.access import attribute, element_kind, subscript
from durable.compiler.kinds import (
    UNKNOWN,
    Boolean,
    Event,
    Fixed,
    Function,
    Kind,
    ListOf,
    TupleOf,
    describe,
    is_error,
    is_unknown,
    join,
    members,
    present,
    unreported,
)
from durable.compiler.literals import dict_display, list_display, literal
from durable.compiler.names import Names
from durable.compiler.narrowing import Condition, learned, meet, narrowed
from durable.compiler.outcomes import error_name
from durable.compiler.problems import Refused
from durable.compiler.scope import Scope, path_of
from durable.compiler.source import Source
from durable.compiler.terms import (
    Both,
    Comprehension,
    Concatenation,
    Conditional,
    Constant,
    Either,
    Expression,
    Field,
    Joined,
    Let,
    Variable,
)
from durable.compiler.walk import opposite, size

_CLOCKS: Final = frozenset({"datetime", "time", "random", "secrets", "uuid", "os", "sys"})
_NO_WORLD: Final = "`run` sees no clock, no random numbers and no environment: let a step return it"
_OTHERS: Final[dict[type[ast.expr], tuple[str, str]]] = {
    ast.Lambda: ("a lambda", "write a step"),
    ast.Set: ("a set", "write a list or a tuple"),
    ast.SetComp: ("a set comprehension", "write a list comprehension, or do it in a step"),
    ast.DictComp: ("a dict comprehension", "do it in a step"),
    ast.GeneratorExp: ("a generator", "write a list comprehension, or do it in a step"),
    ast.NamedExpr: ("`:=`", "assign on a line of its own"),
    ast.Starred: ("a starred value", "write its elements out"),
    ast.Yield: ("`yield`", "return the result; a run has one"),
    ast.YieldFrom: ("`yield from`", "return the result; a run has one"),
    ast.Slice: ("a slice", "do it in a step"),
}


@dataclass(frozen=True, slots=True)
class ExpressionReader:
    """Reads the expressions of a `run`."""

    source: Source
    names: Names

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
            case ast.Subscript(of, key):
                return subscript(node, self.value(of, scope), self.value(key, scope), self.source.of(of))
            case ast.BinOp(left, _, right):
                return operators.arithmetic(
                    node, self.value(left, scope), self.value(right, scope), self.source.of(node)
                )
            case ast.UnaryOp(ast.USub(), operand):
                return operators.negation(node, self.value(operand, scope), self.source.of(node))
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
            case ast.ListComp():
                return self._comprehension(node, scope)
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
            case ast.Attribute(of, attr):
                found, value = self.static(of, scope)
                if found and isinstance(value, (types.ModuleType, type)) and hasattr(value, attr):
                    return True, getattr(value, attr)
        return False, None

    def _global(self, node: ast.Name | ast.Attribute) -> Expression:
        text = self.source.of(node)
        found, value = self.static(node, Scope())
        if text in (self.names.step, "self"):
            raise Refused(node, f"`{text}` itself is no data", "use variables of `run` and constants of the module")
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
        event = self._event(node.value, scope)
        of = self.value(node.value, scope) if event is None else event
        return attribute(node, of, self.source.of(node.value))

    def _event(self, node: ast.expr, scope: Scope) -> Expression | None:
        local = scope.locals.get(node.id) if isinstance(node, ast.Name) else None
        return local.value if local and isinstance(local.value.kind, Event) else None

    def _error_name(self, node: ast.AST, value: Expression) -> Expression:
        if is_unknown(value.kind):
            return value
        operators.refuse_none(node, value, "what `type(…)` is asked of")
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
                spread = self.value(node.value, scope)
                element = element_kind(node, spread.kind, self.source.of(node.value))
                before = list_display(tuple(plain), is_tuple)
                whole = _append(whole, before) if plain else whole
                whole = _append(whole, dataclasses.replace(spread, kind=ListOf(element)))
                plain = []
            else:
                plain.append(self._element(node, scope))
        rest = list_display(tuple(plain), is_tuple)
        return rest if whole is None else _append(whole, rest) if plain else whole

    def _dict(self, node: ast.Dict, scope: Scope) -> Expression:
        entries: dict[str, Expression] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                entries |= self._spread(value, scope)
                continue
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                found = f"the key `{self.source.of(key)}` of a dict is no written string"
                raise Refused(key, found, "write the keys out, or do it in a step")
            entries[key.value] = self._element(value, scope)
        return dict_display(entries)

    def _element(self, node: ast.expr, scope: Scope) -> Expression:
        value = self.value(node, scope)
        operators.refuse_caught(node, value, self.source.of(node))
        return value

    def _spread(self, node: ast.expr, scope: Scope) -> dict[str, Expression]:
        """Return the entries of `**dict`, whose keys must be known."""
        value = self.value(node, scope)
        if is_unknown(value.kind):
            return {}
        if not isinstance(value.kind, Fixed):
            found = f"the keys of `**{self.source.of(node)}` ({describe(value.kind)}) are not known when compiling"
            raise Refused(node, found, "write the keys out, or do it in a step")
        return {key: Field(value, key, kind) for key, kind in value.kind.entries}

    def _part(self, node: ast.expr, scope: Scope) -> Expression:
        match node:
            case ast.FormattedValue(value, conversion, None) if conversion == -1:
                return operators.spelled(node, self.value(value, scope), self.source.of(value))
            case ast.FormattedValue():
                raise Refused(node, "an f-string formats a value", "let a step return the formatted text")
        return self.value(node, scope)

    def _comprehension(self, node: ast.ListComp, scope: Scope) -> Expression:
        if len(node.generators) != 1 or len(node.generators[0].ifs) > 1 or node.generators[0].is_async:
            raise Refused(node, "a comprehension has more than one `for` or `if`", "do it in a step")
        of = node.generators[0]
        if not isinstance(of.target, ast.Name):
            raise Refused(of.target, "a comprehension unpacks its items", "take one name, and its `[0]`, `[1]`")
        items = self.value(of.iter, scope)
        kind = element_kind(of.iter, items.kind, self.source.of(of.iter))
        name = self.names.variable(of.target.id, ("[]", str(node.lineno), str(node.col_offset)))
        inner = scope.bind(of.target.id, Variable(name, kind))
        test = None
        if of.ifs:
            condition = self.condition(of.ifs[0], inner)
            test, inner = condition.test, condition.true
            _refuse_lists(node, kind, self.source.of(of.iter))
        element = self._element(node.elt, inner)
        _refuse_lists(node.elt, element.kind, self.source.of(node.elt))
        return Comprehension(element, name, items, test, ListOf(element.kind))

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Expression:
        condition = self.condition(node.test, scope)
        body, otherwise = self._element(node.body, condition.true), self._element(node.orelse, condition.false)
        return Conditional(condition.test, body, otherwise, join(body.kind, otherwise.kind))

    def _junction(self, node: ast.BoolOp, scope: Scope) -> Expression:
        """Return `a and b`, `a or b` as Python does: one of the values."""
        condition = self.condition(node.values[0], scope)
        left = self._element(node.values[0], scope)
        both = isinstance(node.op, ast.And)
        rest = ast.BoolOp(node.op, node.values[1:]) if len(node.values) > 2 else node.values[1]
        ast.copy_location(rest, node.values[1])
        right = self.value(rest, condition.true if both else condition.false)
        if isinstance(left.kind, Boolean) and isinstance(right.kind, Boolean):
            return Both(left, right) if both else Either(left, right)
        once = Variable("_", left.kind)
        shared = size(left) > 3
        kept, test = (once, operators.truth(node.values[0], once, "")) if shared else (left, condition.test)
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
        value = self.value(node, scope)
        test = operators.truth(node, value, self.source.of(node))
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
        left, right = self.value(sides[0], scope), self.value(sides[1], scope)
        source = self.source.of(node)
        test = operators.comparison(node, ops[0], left, right, source)
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
        if function is bool and len(node.args) == 1:
            return self.condition(node.args[0], scope).test
        if found:
            if not (inspect.isbuiltin(function) or isinstance(function, type)) or function not in calls.FUNCTIONS:
                raise _refused_call(node, source, function)
            arguments = self._arguments(node, scope)
            unknown = unreported(*(each.kind for each in arguments))
            if unknown is not None:
                return Constant(None, unknown)
            return calls.FUNCTIONS[function](node, arguments, source)
        if isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id == self.names.step:
                raise Refused(node, f"`{source}` is not awaited", f"write `await {source}`")
            of = self.value(node.func.value, scope)
            if calls.changes(node.func.attr) and not is_unknown(of.kind):
                raise calls.unknown_method(node, of, node.func.attr, source)
            if node.keywords and not is_unknown(of.kind):
                raise calls.unknown_method(node, of, node.func.attr, source)
            arguments = self._arguments(node, scope)
            unknown = unreported(of.kind, *(each.kind for each in arguments))
            if unknown is not None:
                return Constant(None, unknown)
            return calls.method(node, of, node.func.attr, arguments, source)
        if isinstance(node.func, ast.Name) and node.func.id in self.names.assigned:
            hidden = f"`{node.func.id}` is a name that `run` assigns, which hides the function everywhere in it"
            raise Refused(node, hidden, "give the variable another name")
        raise Refused(
            node, f"`{source}` calls what is not known", "call a function of your own with `await step.do(…)`"
        )

    def _arguments(self, node: ast.Call, scope: Scope) -> list[Expression]:
        if node.keywords:
            raise Refused(node, f"`{self.source.of(node)}` names its arguments", "write them without names")
        return [self.value(each, scope) for each in node.args]


def _refused_call(node: ast.Call, source: str, function: Any) -> Refused:
    module = _home(function)
    if isinstance(function, type) and module != "builtins":
        return Refused(node, f"`{source}` makes an object", "let a step return it")
    if module in _CLOCKS:
        return Refused(node, f"`{source}` looks outside of the run", _NO_WORLD)
    name = getattr(function, "__name__", "it")
    known = ", ".join(sorted(getattr(each, "__name__", "") for each in calls.FUNCTIONS))
    if module == "builtins":
        return Refused(node, f"`{name}` cannot be said in a state machine", f"do it in a step; `run` knows {known}")
    typed = inspect.isfunction(function) and "return" in function.__annotations__
    remedy = f'make it a step: `await step.do("…", {name}, …)`' if typed else "call it in a step"
    return Refused(node, f"`{source}` calls a function in `run`", remedy)


def _home(function: Any) -> str:
    """Return the package that a function comes from; of a method, the package of what it is a method of."""
    of = getattr(function, "__self__", None)
    owner = function if of is None or isinstance(of, types.ModuleType) else of if isinstance(of, type) else type(of)
    return str(getattr(owner, "__module__", None)).split(".")[0]


def _append(whole: Expression | None, more: Expression) -> Expression:
    if isinstance(more.kind, TupleOf):
        more = dataclasses.replace(more, kind=ListOf(join(*more.kind.elements)))
    if whole is None:
        return more
    assert isinstance(whole.kind, ListOf)
    assert isinstance(more.kind, ListOf)
    return Concatenation(whole, more, ListOf(join(whole.kind.element, more.kind.element)))


def _refuse_lists(node: ast.AST, kind: Kind, source: str) -> None:
    if any(isinstance(each, (ListOf, TupleOf)) or each == UNKNOWN for each in members(kind)) and not is_unknown(kind):
        raise Refused(
            node,
            f"`{source}` in a comprehension is a list",
            "JSONata takes lists in lists apart: do it in a step, or go through them with `for`",
        )


def _caught_name(node: ast.Attribute) -> ast.expr | None:
    match node:
        case ast.Attribute(ast.Call(ast.Name("type"), [argument], []), "__name__"):
            return argument
        case ast.Attribute(ast.Attribute(argument, "__class__"), "__name__"):
            return argument
    return None
