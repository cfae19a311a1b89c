"""The functions that a `run` calls: which one is meant, and whether it is an expression."""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import datetime
import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from durable.compiler.expressions.literals import literal
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.problems import Refused
from durable.compiler.source.source import PropertyRead, Source, read_function
from durable.compiler.statements.reading import Reading
from durable.compiler.types.authored import class_of, method_of, property_of
from durable.compiler.types.kinds import Function, members
from durable.compiler.types.terms import Expression
from durable.modules import is_authors
from durable.signature import is_injected

Node = ast.FunctionDef | ast.AsyncFunctionDef
_BINDS: Final = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_WAITS: Final = (ast.Await, ast.AsyncWith, ast.AsyncFor, ast.Yield, ast.YieldFrom)


_OF_OTHERS: Final = frozenset(
    name for cls in (str, list, dict, set, datetime.datetime, datetime.timedelta, BaseModel) for name in dir(cls)
)
"""Methods that values of `run` have which are of no author's class."""
_NESTING: Final = (ast.If, ast.IfExp, ast.Assign, ast.AnnAssign)
_DEEPEST: Final = 40
"""How many of these may nest in functions that call each other: each takes up to three of JSONata's 100 levels."""
_MOST_FUNCTIONS: Final = 50
"""How many functions may stand in one expression: each that calls another one twice doubles it."""


@dataclass(frozen=True, slots=True)
class Around:
    """The function in which a nested def is defined, whose variables it reads.

    Attributes:
        assigned: the names that are variables there.
        step: its parameter for the steps.
        this: its parameter for the workflow.
    """

    function: Node
    assigned: frozenset[str]
    step: str
    this: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that can be compiled in place.

    Attributes:
        source: what it is written in.
        defaults: of its parameters that have one.
        this: the first parameter of a method of the workflow.
        owner: of a method of a value, which is its first argument, the class of that.
        around: of a nested def, what is around it; a function of a module reads no variables but its own.
    """

    node: Node
    source: Source
    defaults: Mapping[str, Expression]
    this: str | None
    around: Around | None
    owner: type[Any] | None = None

    @property
    def is_nested(self) -> bool:
        """Whether it reads the variables around it."""
        return self.around is not None

    @property
    def receives(self) -> bool:
        """Whether the value that it is called on is its first argument."""
        return self.owner is not None

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
        straight: how large the expressions are that functions stand for.
    """

    reading: Reading
    nested: dict[Node, Definition] = field(default_factory=dict, init=False)
    known: dict[object, Definition | None] = field(default_factory=dict, init=False)
    straight: dict[Node, _Extent | None] = field(default_factory=dict, init=False)

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
                    return self._of_value(node, scope) if isinstance(node, ast.Attribute) else None
        if isinstance(function, types.MethodType) and isinstance(function.__self__, type):
            return self._of_class(function)
        if not isinstance(function, types.FunctionType):
            return None
        if function not in self.known:
            self.known[function] = self._of_module(function, is_bound=is_bound)
        return self.known[function]

    def _is_authored(self, name: str) -> bool:
        """Return whether a class that the module knows has a method of a name that strings or lists have, too."""
        classes = (each for each in self.reading.expressions.source.names.values() if isinstance(each, type))
        return any(isinstance(vars(each).get(name), types.FunctionType) for each in classes)

    def _of_class(self, method: types.MethodType) -> Definition | None:
        """Return a class method, in which `cls` is the class that it is called on."""
        function, owner = method.__func__, method.__self__
        key = (function, owner)
        if key not in self.known:
            found = self._of_module(function, is_bound=False) if isinstance(function, types.FunctionType) else None
            first = None if found is None else next(iter(found.node.args.args), None)
            if found is not None and first is not None:
                arguments = copy.copy(found.node.args)
                arguments.args = arguments.args[1:]
                node = copy.copy(found.node)
                node.args = arguments
                source = dataclasses.replace(found.source, names={**found.source.names, first.arg: owner})
                found = dataclasses.replace(found, node=node, source=source)
            self.known[key] = found if first is not None else None
        return self.known[key]

    def _of_value(self, node: ast.Attribute, scope: Scope) -> Definition | None:
        """Return a method or property of a value of an author's class."""
        if node.attr in _OF_OTHERS and not isinstance(node, PropertyRead) and not self._is_authored(node.attr):
            return None
        problems = self.reading.problems
        known = len(problems)
        try:
            cls = class_of(self.reading.expressions.value(node.value, scope).kind)
        except Refused:  # it is reported where the call is read
            return None
        finally:
            problems.forget_after(known)
        if cls is None:
            return None
        find = property_of if isinstance(node, PropertyRead) else method_of
        return self._of_object(cls, find(cls, node.attr))

    def _of_object(
        self, cls: type[Any], found: types.FunctionType | staticmethod[..., Any] | None
    ) -> Definition | None:
        """Return a method or property of an author's class."""
        function = found.__func__ if isinstance(found, staticmethod) else found
        if not isinstance(function, types.FunctionType):
            return None
        key = (function, cls)
        if key not in self.known:
            definition = self._of_module(function, is_bound=False)
            owner = None if isinstance(found, staticmethod) else cls
            self.known[key] = definition and dataclasses.replace(definition, owner=owner)
        return self.known[key]

    def _of_module(self, function: types.FunctionType, *, is_bound: bool) -> Definition | None:
        """Return a function of a module: an author's, which waits for nothing but its steps."""
        is_step = not is_bound and is_injected(function)
        source = read_function(function) if is_authors(function.__code__.co_filename) and not is_step else None
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
        return Definition(source.run, source, defaults, this, around=None)

    def initializer(self, cls: type[Exception]) -> Definition | None:
        """Return a function from what an exception is made of to the message that its `__init__` passes on."""
        init = inspect.getattr_static(cls, "__init__", None)
        definition = self._of_module(init, is_bound=True) if isinstance(init, types.FunctionType) else None
        message = None if definition is None else _passed_on(definition.node, definition.this)
        if definition is None or message is None:
            return None
        returned = ast.copy_location(ast.Return(message), message)
        node = ast.FunctionDef(cls.__name__, definition.node.args, [returned], [])
        return dataclasses.replace(definition, node=ast.copy_location(node, definition.node))

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
        # Without `step` it can await nothing that a state machine knows.
        waits = any(isinstance(each, _WAITS) for each in ast.walk(found.node))
        return None if waits else found

    def is_straight(self, definition: Definition) -> bool:
        """Return whether a function is an expression: it only assigns, decides and returns, once on every path."""
        return self._extent(definition) is not None

    def _extent(self, definition: Definition) -> _Extent | None:
        """Return how large the expression is that a function stands for; None where it has to be statements."""
        node = definition.node
        if node not in self.straight:
            self.straight[node] = None  # of one that calls itself, which is refused
            parts = list(ast.walk(node))
            if _ends(node.body) and not any(isinstance(each, _BINDS) for each in parts):
                called = [self._extent(each) for each in self._called(definition, parts)]
                own = 1 + sum(isinstance(each, _NESTING) for each in parts)
                self.straight[node] = _Extent.around(own, called)
        return self.straight[node]

    def _called(self, definition: Definition, parts: list[ast.AST]) -> Iterator[Definition]:
        """Yield the function of each call in a function, as often as it is called."""
        nested = {each.name: each for each in self.nested.values()} if definition.is_nested else {}
        names = [each.func.id for each in parts if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)]
        for name in names:
            function = definition.source.names.get(name)
            found = nested.get(name)
            if found is None and isinstance(function, types.FunctionType):
                if function not in self.known:
                    self.known[function] = self._of_module(function, is_bound=False)
                found = self.known[function]
            if found is not None:
                yield found
        yield from self._called_methods(definition, parts)

    def _called_methods(self, definition: Definition, parts: list[ast.AST]) -> Iterator[Definition]:
        """Yield each method and property of its own object that a method reads."""
        this = definition.parameters[0].arg if definition.owner is not None and definition.parameters else None
        for node in parts:
            match node:
                case ast.Attribute(ast.Name(name), attr) if name == this and definition.owner is not None:
                    cls = definition.owner
                    found = self._of_object(cls, method_of(cls, attr) or property_of(cls, attr))
                    if found is not None:
                        yield found


@dataclass(frozen=True, slots=True)
class _Extent:
    """How deep an expression nests, and how many functions stand in it, each as often as it is called."""

    levels: int
    functions: int

    @staticmethod
    def around(own: int, called: list[_Extent | None]) -> _Extent | None:
        """Return the extent of a function of some levels that calls others; None where there is no such expression."""
        inner = [each for each in called if each is not None]
        levels = own + max((each.levels for each in inner), default=0)
        functions = 1 + sum(each.functions for each in inner)
        is_small = len(inner) == len(called) and (not inner or levels <= _DEEPEST) and functions <= _MOST_FUNCTIONS
        return _Extent(levels, functions) if is_small else None


def _and(lines: list[int]) -> str:
    return " and ".join(f"line {each}" for each in lines) + ("" if len(lines) > 1 else ", on some of the paths only")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _passed_on(node: Node, this: str | None) -> ast.expr | None:
    """Return what an `__init__` gives to that of its base, where it does nothing else than keep its arguments."""
    message: ast.expr | None = None
    for each in node.body:
        match each:
            case ast.Expr(ast.Call(ast.Attribute(ast.Call(ast.Name("super"), [], []), "__init__"), [argument], [])):
                message = argument
            case ast.Assign([ast.Attribute(ast.Name())], ast.Name() | ast.Constant()) | ast.Pass():
                continue
            case _ if not _is_text(each):
                return None
    names = ast.walk(message) if message is not None else ()
    return None if any(isinstance(each, ast.Name) and each.id == this for each in names) else message


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
