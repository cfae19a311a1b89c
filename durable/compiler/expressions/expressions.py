"""Reading expressions: from Python's syntax to the typed tree."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from pydantic import BaseModel

from durable.compiler.expressions import sets, spans, times
from durable.compiler.expressions.access import attribute, subscript
from durable.compiler.expressions.advice import CLOCKS, of_outside
from durable.compiler.expressions.arithmetic import arithmetic, negation
from durable.compiler.expressions.calls import call
from durable.compiler.expressions.conditions import condition_of, junction
from durable.compiler.expressions.displays import dict_of, list_of
from durable.compiler.expressions.formats import formatted, represented, spelled
from durable.compiler.expressions.iterables import (
    comprehension,
    is_repeatable,
    repeated,
)
from durable.compiler.expressions.literals import literal
from durable.compiler.expressions.narrowing import Condition
from durable.compiler.expressions.refusals import refuse_caught, refuse_none
from durable.compiler.expressions.scope import Scope, path_of
from durable.compiler.expressions.slices import sliced
from durable.compiler.program.outcomes import error_name
from durable.compiler.source.names import Names
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.source.source import PropertyRead, Source
from durable.compiler.types.authored import class_of, constant_of, is_data, property_of
from durable.compiler.types.kinds import (
    Event,
    Function,
    is_error,
    is_unknown,
    join,
    members,
)
from durable.compiler.types.terms import (
    Conditional,
    Constant,
    Entry,
    Expression,
    Formula,
    Item,
    Joined,
)

_OF_SELF: Final = "name a constant of the module; a binding is a parameter of the step that needs it, `files: Bucket`"
_OTHERS: Final[dict[type[ast.expr], tuple[str, str]]] = {
    ast.Lambda: ("a lambda", "write a step; a lambda can only be the key of sorted, min and max"),
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
        value = self.located(node, self._value(node, scope))
        path = path_of(node)
        # A test may have shown more than the type says. The kind of a constant is exact already.
        if path is not None and path in scope.narrowed and not isinstance(value, Constant):
            return dataclasses.replace(value, kind=scope.narrowed[path])
        return value

    def located(self, node: ast.expr, value: Expression) -> Expression:
        """Return an expression that may fail with where that is: the error names the author's expression and line."""
        match value:
            case Item(certain=False, where="") | Entry(default=None, where="") | Formula(fails=True, where=""):
                error = {Item: "IndexError: ", Entry: "KeyError: "}.get(type(value), "")
                return dataclasses.replace(value, where=error + self.source.at(node))
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
            case ast.BinOp(left, op, right) if isinstance(op, sets.OPERATORS) and any(map(sets.is_keys, (left, right))):
                return self.value(placed(ast.BinOp(sets.of_keys(left), op, sets.of_keys(right)), node), scope)
            case ast.BinOp(left, _, right):
                first, second = self.value(left, scope), self.value(right, scope)
                if isinstance(node.op, ast.Mult) and is_repeatable(first, second):
                    return repeated(self, node, first, right, scope)
                of_sets = sets.operation(node, first, second, self.source.of(node))
                return of_sets or arithmetic(node, first, second, self.source.of(node))
            case ast.UnaryOp(ast.USub(), operand):
                return negation(node, self.value(operand, scope), self.source.of(node))
            case ast.UnaryOp(ast.Not()) | ast.Compare():
                return self.condition(node, scope).test
            case ast.BoolOp():
                return junction(self, node, scope)
            case ast.IfExp():
                return self._conditional(node, scope)
            case ast.Call():
                return call(self, node, scope)
        return self._display(node, scope)

    def _display(self, node: ast.expr, scope: Scope) -> Expression:
        match node:
            case ast.List(elements) | ast.Tuple(elements):
                return list_of(self, elements, isinstance(node, ast.Tuple), scope)
            case ast.Set():
                return sets.display(self, node, scope)
            case ast.SetComp():
                return sets.of_comprehension(self, node, scope)
            case ast.Dict():
                return dict_of(self, node, scope)
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
            case ast.Name(name) if name in self.names.retries and name not in scope.locals:
                return True, self.names.retries[name]
            case ast.Name(name) if name not in scope.locals and name not in self.names.assigned:
                return name in self.source.names, self.source.names.get(name)
            case ast.Attribute(ast.Name(name), attr) if name == self.names.this and name not in scope.locals:
                # Static: a property would be called, and nothing of the author's runs when compiling.
                value = inspect.getattr_static(self.workflow, attr, None)
                is_constant = hasattr(self.workflow, attr) and not hasattr(type(value), "__get__")
                return is_constant, value if is_constant else None
            case ast.Subscript(of):
                found, value = self.static(of, scope)
                if found and isinstance(value, type) and issubclass(value, BaseModel):
                    return self._of_types(node)
            case ast.Attribute(of, attr):
                found, value = self.static(of, scope)
                if found and isinstance(value, (types.ModuleType, type)) and hasattr(value, attr):
                    return True, getattr(value, attr)
        return False, None

    def _of_types(self, node: ast.Subscript) -> tuple[bool, Any]:
        """Return a generic model with its types, as `Page[int]`: pydantic makes a class of its own of it."""
        try:
            return True, eval(ast.unparse(node), dict(self.source.names))  # types of the author's own module
        except (NameError, TypeError):
            return False, None

    def _global(self, node: ast.Name | ast.Attribute) -> Expression:
        text = self.source.of(node)
        found, value = self.static(node, Scope())
        if text in (self.names.step, "self"):
            remedy = "use variables of `run`, constants of the module, and methods that the class defines"
            raise Refused(node, f"`{text}` itself is no data", remedy)
        if not found:
            raise Refused(node, f"`{text}` is not defined", "assign it in `run`, or define it in the module")
        if isinstance(value, timedelta):
            return spans.constant(node, value, text)
        if isinstance(value, date):
            return times.constant(value)
        module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        home = str(module).split(".")[0]
        if home in CLOCKS and not isinstance(value, enum.Enum):
            raise Refused(node, f"`{text}` looks outside of the run", of_outside(home))
        if callable(value) or isinstance(value, types.ModuleType):
            raise Refused(
                node, f"`{text}` is no data", "call a function of your own as a step, with `await step.do(…)`"
            )
        # The value at compile time: a constant that the module computes from its environment keeps what it was there.
        return literal(node, value, text)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Expression:
        name = _caught_name(node)
        if name is not None and self.static(ast.Name("type", ast.Load()), scope) == (True, type):
            return self._error_name(node, self.value(name, scope))
        found, value = self.static(node.value, scope)
        if found and isinstance(value, (types.ModuleType, type)):
            return self._global(node)
        if not found and isinstance(node.value, ast.Name) and node.value.id == self.names.this:
            if self.static(node, scope)[0]:
                return self._global(node)
            raise Refused(node, f"`{self.source.of(node)}` reads the workflow, which holds no data", _OF_SELF)
        event = self._event(node.value, scope)
        of = self.value(node.value, scope) if event is None else event
        of_class = self._of_class(node, of, scope)
        return of_class or attribute(node, of, self.source.of(node.value))

    def _of_class(self, node: ast.Attribute, of: Expression, scope: Scope) -> Expression | None:
        """Return a property or a constant of the author's class; None of what is data of the value itself."""
        cls = class_of(of.kind)
        if cls is None or is_data(of.kind, node.attr):
            return None
        if property_of(cls, node.attr) is not None:
            read = placed(PropertyRead(node.value, node.attr, ast.Load()), node)
            return self.inline(placed(ast.Call(read, [], []), node), scope)
        found, value = constant_of(cls, node.attr)
        if not found or isinstance(value, enum.Enum) or callable(value):
            return None
        refuse_none(node, of, f"`{self.source.of(node.value)}`")
        return literal(node, value, self.source.of(node))

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

    def condition(self, node: ast.expr, scope: Scope) -> Condition:
        """Return a test, and what is known where it holds and where it does not."""
        return condition_of(self, node, scope)

    def held(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression that the run keeps as it is."""
        value = self.value(node, scope)
        refuse_caught(node, value, self.source.of(node))
        return value

    def element(self, node: ast.expr, scope: Scope) -> Expression:
        """Return an expression that becomes a part of data."""
        return spans.as_data(node, self.held(node, scope))

    def _part(self, node: ast.expr, scope: Scope) -> Expression:
        match node:
            case ast.FormattedValue(value, -1 | 114 | 115 as conversion, spec):
                found, source = self.value(value, scope), self.source.of(value)
                if conversion == ord("r"):
                    found = represented(node, found, source)
                elif conversion == ord("s") or spec is None:
                    found = spelled(node, found, source)
                if not isinstance(spec, ast.JoinedStr) or is_unknown(found.kind):
                    return found
                return formatted(node, found, self._format(node, spec.values, scope), source)
            case ast.FormattedValue():
                raise Refused(
                    node, "an f-string has the conversion `!a`", "write `!r`, which leaves letters as they are"
                )
        return self.value(node, scope)

    def _format(self, node: ast.expr, parts: list[ast.expr], scope: Scope) -> str:
        """Return a format, whose own `{…}` are known when compiling."""
        found = ""
        for each in parts:
            value = self.value(each.value if isinstance(each, ast.FormattedValue) else each, scope)
            if not isinstance(value, Constant) or isinstance(value.value, (bool, float)) or value.value is None:
                raise Refused(node, "an f-string has a format that is known only in the run", "write the format out")
            found += str(value.value)
        return found

    def _slice(self, node: ast.Subscript, cut: ast.Slice, of: Expression, scope: Scope) -> Expression:
        bounds = [None if each is None else self.value(each, scope) for each in (cut.lower, cut.upper)]
        step = 1 if cut.step is None else self.value(cut.step, scope)
        return sliced(node, of, bounds, step, self.source.of(node))

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Expression:
        condition = self.condition(node.test, scope)
        body, otherwise = self.held(node.body, condition.true), self.held(node.orelse, condition.false)
        return Conditional(condition.test, body, otherwise, join(body.kind, otherwise.kind))


def _caught_name(node: ast.Attribute) -> ast.expr | None:
    match node:
        case ast.Attribute(ast.Call(ast.Name("type"), [argument], []), "__name__"):
            return argument
        case ast.Attribute(ast.Attribute(argument, "__class__"), "__name__"):
            return argument
    return None
