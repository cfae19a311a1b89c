"""The functions that a `run` calls: which one is meant, and whether it is an expression."""

from __future__ import annotations

import ast
import contextlib
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from durable.compiler.kinds import Function, members
from durable.compiler.literals import literal
from durable.compiler.problems import Refused
from durable.compiler.reading import Reading
from durable.compiler.scope import Scope
from durable.compiler.source import Source, read_function
from durable.compiler.terms import Expression
from durable.modules import is_authors

Node = ast.FunctionDef | ast.AsyncFunctionDef
_BINDS: Final = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_WAITS: Final = (ast.Await, ast.AsyncWith, ast.AsyncFor, ast.Yield, ast.YieldFrom)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that can be compiled in place.

    Attributes:
        source: what it is written in.
        defaults: of its parameters that have one.
        this: the first parameter of a method.
        is_nested: it reads the variables around it.
    """

    node: Node
    source: Source
    defaults: Mapping[str, Expression]
    this: str | None = None
    is_nested: bool = True

    @property
    def name(self) -> str:
        """How it is called."""
        return self.node.name

    @property
    def parameters(self) -> list[ast.arg]:
        """Its parameters, that of a method for its object left out."""
        arguments = self.node.args
        found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        return found[1:] if self.this is not None else found


@dataclass(slots=True)
class Functions:
    """Finds the functions that calls mean.

    Attributes:
        nested: the nested defs that were read so far.
        known: what was found of functions of modules.
    """

    reading: Reading
    nested: dict[Node, Definition] = field(default_factory=dict, init=False)
    known: dict[object, Definition | None] = field(default_factory=dict, init=False)
    straight: dict[Node, bool] = field(default_factory=dict, init=False)

    def is_nested(self, node: ast.expr) -> bool:
        """Return whether a name stands for a nested def, or for one of several."""
        local = self.reading.here().locals.get(node.id) if isinstance(node, ast.Name) else None
        return local is not None and any(isinstance(each, Function) for each in members(local.value.kind))

    def of(self, node: ast.expr, scope: Scope | None = None) -> Definition | None:
        """Return the function that an expression stands for here, where it is one that can be compiled in place."""
        scope = self.reading.here() if scope is None else scope
        if isinstance(node, ast.Name) and node.id in scope.locals:
            kinds = members(scope.locals[node.id].value.kind)
            return self._nested(node, scope) if any(isinstance(each, Function) for each in kinds) else None
        match node:
            case ast.Attribute(ast.Name(name), method) if name == self.reading.expressions.names.this:
                function = inspect.getattr_static(self.reading.expressions.workflow, method, None)
                is_bound = not isinstance(function, staticmethod)
                function = function.__func__ if isinstance(function, staticmethod | classmethod) else function
            case _:
                found, function = self.reading.steps.resolve(node)
                is_bound = False
                if not found:
                    return None
        if not isinstance(function, types.FunctionType):
            return None
        if function not in self.known:
            self.known[function] = self._of_module(function, is_bound=is_bound)
        return self.known[function]

    def _of_module(self, function: types.FunctionType, *, is_bound: bool) -> Definition | None:
        """Return a function of a module: an author's, which waits for nothing but its steps."""
        source = read_function(function) if is_authors(function.__code__.co_filename) else None
        if source is None or source.run.args.vararg or source.run.args.kwarg:
            return None
        if all(isinstance(each, ast.Pass) or _is_text(each) for each in source.run.body):
            return None
        arguments = source.run.args
        first = [*arguments.posonlyargs, *arguments.args][:1]
        this = first[0].arg if is_bound and first else None
        defaults: dict[str, Expression] = {}
        for parameter, default in inspect.signature(function).parameters.items():
            if default.default is not inspect.Parameter.empty:
                with contextlib.suppress(Refused):  # then it has to be given
                    defaults[parameter] = literal(source.run, default.default, parameter)
        return Definition(source.run, source, defaults, this, is_nested=False)

    def _nested(self, node: ast.Name, scope: Scope) -> Definition:
        local = scope.locals[node.id]
        if isinstance(local.value.kind, Function) and local.certain:
            return self.nested[local.value.kind.python]
        lines = sorted(each.python.lineno for each in members(local.value.kind) if isinstance(each, Function))
        found = f"which `{node.id}` is meant here depends on the run: it is defined in {_and(lines)}"
        raise Refused(node, found, "define it once, before the `if` or the loop, and decide inside it")

    def awaited(self, node: ast.Call) -> Definition | None:
        """Return the function that is awaited: nested, given `step`, or one that waits for nothing."""
        found = self.of(node.func)
        if found is None or found.is_nested:
            return found
        step = self.reading.expressions.names.step
        given = [*node.args, *(each.value for each in node.keywords)]
        if any(isinstance(each, ast.Name) and each.id == step for each in given):
            return found
        waits = any(isinstance(each, _WAITS) for each in ast.walk(found.node))
        return None if waits else found

    def is_straight(self, definition: Definition) -> bool:
        """Return whether a function is an expression: it only assigns, decides and returns, once on every path."""
        node = definition.node
        if node not in self.straight:
            self.straight[node] = False  # of one that calls itself, which is refused
            binds = any(isinstance(each, _BINDS) for each in ast.walk(node))
            is_short = not any(map(self._is_long_call, self._calls(definition)))
            self.straight[node] = not binds and _ends(node.body) and is_short
        return self.straight[node]

    def _calls(self, definition: Definition) -> list[types.FunctionType]:
        calls = (each.func for each in ast.walk(definition.node) if isinstance(each, ast.Call))
        values = (definition.source.names.get(each.id) for each in calls if isinstance(each, ast.Name))
        return [each for each in values if isinstance(each, types.FunctionType)]

    def _is_long_call(self, function: types.FunctionType) -> bool:
        if function not in self.known:
            self.known[function] = self._of_module(function, is_bound=False)
        definition = self.known[function]
        return definition is not None and not self.is_straight(definition)


def _and(lines: list[int]) -> str:
    return " and ".join(f"line {each}" for each in lines) + ("" if len(lines) > 1 else ", on some of the paths only")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def returns(nodes: list[ast.stmt]) -> bool:
    """Return whether statements that only assign, decide and return end in a return on every path."""
    for node in nodes:
        if isinstance(node, ast.Return):
            return True
        if isinstance(node, ast.If) and returns(node.body) and returns(node.orelse):
            return True
    return False


def _ends(nodes: list[ast.stmt]) -> bool:
    """Return whether statements only assign, decide and return, on every path, and no part would be written twice."""
    for number, node in enumerate(nodes):
        match node:
            case ast.Return():
                return True
            case ast.Assign([ast.Name()], _) | ast.AnnAssign(ast.Name(), _, ast.expr()) | ast.Pass():
                continue
            case ast.Expr() if _is_text(node):
                continue
            case ast.If(_, body, orelse):
                rest = nodes[number + 1 :]
                if returns(body):
                    return _ends(body) and _ends(orelse if returns(orelse) else [*orelse, *rest])
                return returns(orelse) and _ends(orelse) and _ends([*body, *rest])
        return False
    return False
