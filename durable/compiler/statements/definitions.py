"""Functions that are compiled in place: nested defs, functions and methods that are given `step`, and pure functions.

A function is read anew for each use, with the values that it is given there. One whose body only assigns, decides and
returns is an expression; any other stands in the place of its call as statements.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable.compiler.expressions.narrowing import Condition
from durable.compiler.expressions.refusals import refuse_none
from durable.compiler.expressions.scope import Scope, assigned_names
from durable.compiler.expressions.spans import in_run
from durable.compiler.program.tree import Assign, Branch, Statement
from durable.compiler.source.problems import Refused
from durable.compiler.source.source import PropertyRead
from durable.compiler.statements.functions import Around, Definition, Functions, Node, returns
from durable.compiler.statements.reading import Errors, Frame, keyed
from durable.compiler.states.sharing import is_cheap
from durable.compiler.types.assignability import assignable, names_remedy
from durable.compiler.types.kinds import Event, Function, Kind, Never, describe, is_unknown, join
from durable.compiler.types.terms import NONE, TEXT, Conditional, Constant, Expression, Let, RawExpression, Variable

Statements = tuple[Statement, ...]
ReadBlock = Callable[[list[ast.stmt]], Statements]
_MOST_USES: Final = 500
"""How often functions may be compiled in place: each that calls another one twice doubles it."""
_MOST_PLACED: Final = 5_000
"""The same of functions that are expressions."""
_OFTEN: Final = "call them in a loop, or move parts into workflows that `step.call` runs"


@dataclass(frozen=True, slots=True)
class ReadBranch:
    """A branch, the kind of what it returns, and the errors it can end with."""

    branch: Branch
    kind: Kind
    errors: Errors


@dataclass(slots=True)
class DefinitionReader(Functions):
    """Reads functions in place; `body` reads the statements of one, to its end."""

    body: ReadBlock
    uses: dict[tuple[Any, ...], list[tuple[Any, ...]]] = field(default_factory=dict)
    entered: list[tuple[Node, Node, Scope]] = field(default_factory=list)
    """The functions that are being read: each with the one that called it, and what was known there."""
    unused: dict[Node, Node] = field(default_factory=dict)
    """The nested defs that nothing has used yet, each with the function in which it is defined."""
    uses_placed: int = 0
    blocks: set[tuple[str, ...]] = field(default_factory=set)

    def define(self, node: Node) -> Statements:
        """Take note of a nested def; it is read where it is used, but for its defaults."""
        if node.decorator_list or node.args.vararg or node.args.kwarg:
            found = f"`{node.name}` is decorated, or its arguments are starred"
            keyword = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            raise Refused(node, found, f"write `{keyword} {node.name}(a, b):`")
        statements: list[Statement] = []
        defaults: dict[str, Expression] = {}
        for parameter, default in _defaults(node.args):
            value = self.reading.value(default)
            if not isinstance(value, Constant):  # CPython evaluates a default once, where the def stands
                variable = self.reading.variable("default", default)
                statements.append(Assign(variable, value))
                value = Variable(variable, value.kind)
            defaults[parameter] = value
        self.reading.scope = self.reading.here().bind(node.name, RawExpression("", Function(node)))
        self.nested[node] = self.nested_here(node, defaults)
        self.unused.setdefault(node, self.reading.function)
        return tuple(statements)

    def nested_here(self, node: Node, defaults: Mapping[str, Expression]) -> Definition:
        """Return a def that is nested in the function that is being read."""
        names = self.reading.expressions.names
        around = Around(self.reading.function, names.assigned, names.step, names.this)
        return Definition(node, self.reading.expressions.source, defaults, None, around)

    def report_unused(self) -> None:
        """Report the nested defs that nothing uses: they were not read."""
        for node, around in self.unused.items():
            names = (each for each in ast.walk(around) if isinstance(each, ast.Name))
            is_read = any(each.id == node.name and isinstance(each.ctx, ast.Load) for each in names)
            if is_read and self.reading.problems:
                continue  # what uses it was refused
            self.reading.problems.file = self.nested[node].source.file
            self.reading.problems.report(node.lineno, f"`{node.name}` is never used", "gather it, map it, or remove it")

    def branch(self, node: ast.Call, definition: Definition, place: str) -> ReadBranch:
        """Return a call of a function as a branch."""
        outer = self.reading.frame
        given = self._given(node, definition)
        number = self.use(definition.name, place)
        # The first use keeps the plain names of its steps: a function that is used once more later changes no keys of
        # runs that are under way.
        if number == 1:
            frame = outer.inner(place, outer.prefix, outer.key, outer.rounds)
        else:
            block = f"{definition.name}-{number}"
            key = (*outer.key, keyed((Constant(block, TEXT),), outer.rounds), Constant("/", TEXT))
            frame = outer.inner(place, f"{outer.prefix}{block}/", key)
        return self.inside(node, definition, frame, given)

    def use(self, name: str, place: str) -> int:
        """Return which use of a function this is, counted from 1 in the block whose name its steps have."""
        frame = self.reading.frame
        places = self.uses.setdefault((frame.prefix, frame.key, name), [])
        # By its place and not by a count: a loop around is read several times, and each time it is the same use.
        here = (*frame.block, place)
        if here not in places:
            places.append(here)
        return places.index(here) + 1

    def _given(self, node: ast.Call, definition: Definition) -> dict[str, ast.expr | Expression]:
        """Return what each parameter is given: an argument of the call, or its default."""
        source, name = self.reading.source(node), definition.name
        parameters = [each.arg for each in definition.parameters]
        only_named = {each.arg for each in definition.node.args.kwonlyargs}
        positional = [each for each in parameters if each not in only_named]
        by_place = {each.arg for each in definition.node.args.posonlyargs}
        takes = f"{name} takes {', '.join(parameters) or 'none'}"
        if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
            raise Refused(node, f"`{source}` is given starred arguments", "write them out")
        by_order = node.args
        if definition.receives:
            assert isinstance(node.func, ast.Attribute)
            by_order = [node.func.value, *node.args]
        if len(by_order) > len(positional):
            raise Refused(node, f"`{source}` gives {len(node.args)} arguments", takes)
        given: dict[str, ast.expr | Expression] = dict(zip(positional, by_order, strict=False))
        for each in node.keywords:
            if each.arg in given or each.arg not in parameters or each.arg in by_place:
                raise Refused(node, f"`{source}` gives {each.arg} twice, or {name} does not take it", takes)
            given[str(each.arg)] = each.value
        for parameter in parameters:
            if parameter not in given and parameter not in definition.defaults:
                raise Refused(node, f"`{source}` does not give {parameter}", takes)
        return {each: given[each] if each in given else definition.defaults[each] for each in parameters}

    def inside(
        self, node: ast.Call, definition: Definition, frame: Frame, given: Mapping[str, ast.expr | Expression]
    ) -> ReadBranch:
        """Return a function as a branch, read for one use, which is the node."""
        reading = self.reading
        outer, around = reading.frame, reading.here()
        self.unused.pop(definition.node, None)
        self.blocks.add(frame.block)
        if len(self.blocks) > _MOST_USES:
            raise Refused(node, f"functions stand in the places of their calls more than {_MOST_USES} times", _OFTEN)
        with self._entered(node, definition, given, around) as (scope, values):
            reading.frame, reading.scope = frame, scope
            try:
                before: Statements = ()
                for parameter, value in values.items():
                    before += reading.bind(parameter, value)
                body = self.body(definition.node.body)
                assigned = tuple(each for each in before if isinstance(each, Assign))
                return ReadBranch(Branch(body, assigned), join(*frame.returns), frame.outermost.errors())
            finally:
                reading.frame, reading.scope = outer, around

    @contextlib.contextmanager
    def _entered(
        self, node: ast.Call, definition: Definition, given: Mapping[str, ast.expr | Expression], around: Scope
    ) -> Iterator[tuple[Scope, dict[str, Expression]]]:
        """Read in a function: yield what is known at its beginning, and the values of its parameters."""
        reading, names = self.reading, self.reading.expressions.names
        # Compiled in place, a function that calls itself would have no end.
        if self._is_entered(definition.node):
            raise Refused(node, f"`{definition.name}` calls itself", "write a loop")
        # As in CPython, a name that the body assigns anywhere is local in all of it.
        own = {each.arg for each in definition.parameters} | assigned_names(definition.node.body).keys()
        # A function of a module sees none of the variables of `run`. A nested def sees those around it, as they are
        # when it is called (closures bind late).
        scope = Scope() if definition.around is None else self._seen(definition.around, around).hide(own)
        step, values = "", dict[str, Expression]()
        for parameter, each in given.items():
            local = around.locals.get(each.id) if isinstance(each, ast.Name) else None
            if isinstance(each, ast.Name) and each.id == names.step:
                step = parameter
            elif local is not None and isinstance(local.value.kind, Event):
                scope = scope.bind(parameter, local.value)
            else:
                values[parameter] = reading.expressions.value(each, around) if isinstance(each, ast.expr) else each
        source = reading.source(node)
        kept_names = (names.assigned, names.step, names.this, names.retries)
        kept = (reading.expressions.source, reading.problems.file, reading.function)
        outer = definition.around or Around(definition.node, frozenset(), step, definition.this or "")
        # `assigned` is what makes a name a variable and no global: it changes with the function that is being read.
        names.assigned = (outer.assigned | own) - ({step} if step else set())
        around_it = {} if definition.around is None else names.retries
        names.retries = {name: each for name, each in around_it.items() if name not in own}
        names.step, names.this = step or outer.step, outer.this
        self.entered.append((definition.node, reading.function, reading.here()))
        reading.expressions.source, reading.function = definition.source, definition.node
        reading.problems.file = definition.source.file
        try:
            values = {name: self._fitting(node, definition, name, value) for name, value in values.items()}
            with self._uncovered(node, source, definition):
                yield scope, values
        finally:
            self.entered.pop()
            names.assigned, names.step, names.this, names.retries = kept_names
            reading.expressions.source, reading.problems.file, reading.function = kept

    def _is_entered(self, function: Node) -> bool:
        return any(each is function for each, _, _ in self.entered)

    def _seen(self, outer: Around, here: Scope) -> Scope:
        """Return what is known in the function in which a nested def is defined, now that the def is called.

        The call may stand in another function, or in a comprehension, whose names mean nothing to the def.
        """
        last = (scope for _, caller, scope in reversed(self.entered) if caller is outer.function)
        known = self.reading.here() if self.reading.function is outer.function else next(last)
        return here.within(known)

    def _fitting(self, node: ast.Call, definition: Definition, name: str, value: Expression) -> Expression:
        """Return the value of a parameter, which has to be of its declared kind."""
        if definition.receives and name == definition.parameters[0].arg:
            refuse_none(node, value, f"what `{definition.name}` is read of in `{self.reading.source(node)}`")
        annotation = next(each.annotation for each in definition.parameters if each.arg == name)
        declared = self.reading.declared(annotation) if annotation else value.kind
        value = in_run(node, value, declared) if annotation else value
        if not assignable(value.kind, declared):
            given, wanted = describe(value.kind), describe(declared)
            what = f"`{name}` of `{definition.name}` is declared {wanted} and given {given} here"
            remedy = names_remedy(value.kind, declared) or "change the annotation or what is given"
            raise Refused(node, what, remedy)
        return dataclasses.replace(value, kind=declared) if isinstance(value.kind, Never) else value

    def expression(self, node: ast.Call, scope: Scope) -> Expression | None:
        """Return a call of a function that is an expression; None where it is something else that is called."""
        definition = self.of(node.func, scope)
        if definition is None or isinstance(definition.node, ast.AsyncFunctionDef):
            return None
        if not self.is_straight(definition) and isinstance(node.func, PropertyRead):
            found = f"`{self.reading.source(node)}` is a property of several statements"
            raise Refused(node, found, "make it a method, and assign its result to a variable on a line of its own")
        if not self.is_straight(definition):
            found = f"`{self.reading.source(node)}` calls a function of several statements inside of an expression"
            raise Refused(node, found, "assign its result to a variable, on a line of its own")
        return self.placed(node, definition, scope)

    def placed(self, node: ast.Call, definition: Definition, scope: Scope) -> Expression:
        """Return a call of a function that only assigns, decides and returns, as an expression."""
        given = self._given(node, definition)
        self.unused.pop(definition.node, None)
        self.uses_placed += 1
        if self.uses_placed > _MOST_PLACED:
            raise Refused(
                node, f"functions stand in the places of their calls more than {_MOST_PLACED:,} times", _OFTEN
            )
        with self._entered(node, definition, given, scope) as (inner, values):
            bindings: list[tuple[str, Expression]] = []
            for parameter, value in values.items():
                inner, more = self._kept(definition.node, parameter, value, inner)
                bindings += more
            value = self._straight(definition.node.body, inner)
        return Let(tuple(bindings), value, value.kind) if bindings else value

    @contextlib.contextmanager
    def _uncovered(self, node: ast.Call, source: str, definition: Definition) -> Iterator[None]:
        """Refuse a call of a function of a module whose body says what a state machine cannot do."""
        problems = self.reading.problems
        known = len(problems)
        try:
            yield
        except Refused as refused:
            if definition.is_nested or refused.node is node:
                raise
            raise self._as_step(node, source, definition, refused.line, refused.found) from None
        found = problems.since(known)
        if found and not definition.is_nested and isinstance(definition.node, ast.FunctionDef):
            problems.forget_after(known)
            _, line, what, _ = found[0]
            raise self._as_step(node, source, definition, line, what)

    def _as_step(self, node: ast.Call, source: str, definition: Definition, line: int, found: str) -> Refused:
        what = f"`{source}` calls a function in `run`, and in {definition.source.file}:{line} {found}"
        if definition.receives and "in place" in found:
            instead = "return a changed copy, `dataclasses.replace(self, …)` or `self.model_copy(update={…})`"
            return Refused(node, what, f"{instead}, and assign it: `x = x.{definition.name}(…)`")
        if definition.receives:
            return Refused(node, what, "mend that line, or let a step do it and return the result")
        return Refused(node, what, f'mend that line, or make it a step: `await step.do("…", {definition.name}, …)`')

    def _kept(
        self, node: ast.AST, name: str, value: Expression, scope: Scope
    ) -> tuple[Scope, list[tuple[str, Expression]]]:
        """Return the scope in which a name stands for a value, and the binding that this needs."""
        # What is cheap is written wherever the name stands; anything else is computed once, as CPython does.
        if is_cheap(value) or is_unknown(value.kind):
            return scope.bind(name, value), []
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        place = ("()", self.reading.expressions.source.file, f"{line}:{column}")
        variable = self.reading.expressions.names.variable(name, place)
        return scope.bind(name, Variable(variable, value.kind)), [(variable, value)]

    def _straight(self, nodes: list[ast.stmt], scope: Scope) -> Expression:
        """Return what statements return that only assign, decide and return."""
        expressions = self.reading.expressions
        for number, node in enumerate(nodes):
            match node:
                case ast.Return(value):
                    return NONE if value is None else expressions.held(value, scope)
                case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
                    scope, bindings = self._kept(node, name, expressions.held(value, scope), scope)
                    rest = self._straight(nodes[number + 1 :], scope)
                    return Let(tuple(bindings), rest, rest.kind) if bindings else rest
                case ast.If(test, body, orelse):
                    condition: Condition = expressions.condition(test, scope)
                    rest_nodes = nodes[number + 1 :]
                    one = self._straight(body if returns(body) else [*body, *rest_nodes], condition.true)
                    other = self._straight(orelse if returns(orelse) else [*orelse, *rest_nodes], condition.false)
                    return Conditional(condition.test, one, other, join(one.kind, other.kind))
        raise AssertionError("a straight function returns on every path")

    def is_statement_call(self, node: ast.AST) -> bool:
        """Return whether a node calls a function that is no expression, and stands in the place of the call."""
        if not isinstance(node, ast.Call) or self.reading.scope is None:
            return False
        if not isinstance(node.func, ast.Name | ast.Attribute):
            return False
        definition = self.of(node.func)
        return (
            definition is not None
            and isinstance(definition.node, ast.FunctionDef)
            and (self._is_entered(definition.node) or not self.is_straight(definition))
        )


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    last = positional[len(positional) - len(arguments.defaults) :]
    for parameter, default in zip(last, arguments.defaults, strict=True):
        yield parameter.arg, default
    for parameter, named in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if named is not None:
            yield parameter.arg, named
