"""Reading what `run` awaits: steps, sleeps, gathers, maps, and the branches that are nested defs."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from durable.compiler import options
from durable.compiler.access import element_kind
from durable.compiler.advice import of_asyncio, of_decorator, of_method_name
from durable.compiler.annotations import kind_of
from durable.compiler.assignability import assignable
from durable.compiler.external_waits import call_workflow, wait_for_event
from durable.compiler.iterables import iterable
from durable.compiler.kinds import (
    UNKNOWN,
    Function,
    Integer,
    Kind,
    ListOf,
    Never,
    TupleOf,
    describe,
    is_unknown,
    join,
    members,
)
from durable.compiler.problems import Refused
from durable.compiler.reading import Errors, Frame, Reading, keyed
from durable.compiler.scope import assigned_names
from durable.compiler.steps import METHODS
from durable.compiler.terms import TEXT, Constant, Expression, ListDisplay, RawExpression, Variable
from durable.compiler.tree import Assign, Branch, Gather, MapCall, Return, Run, Statement
from durable.errors import InvalidTime, TooManyRounds

Statements = tuple[Statement, ...]
ReadBlock = Callable[[list[ast.stmt]], Statements]

ITEM: Final = "$states.input.item"
INDEX: Final = "$states.input.index"
_MOST_AT_ONCE: Final = 40
_INTEGER: Final = Integer()
_GATHERED: Final = ("do", "map", "wait_for_event", "call")


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something awaited: what is run, and the kind of what it returns."""

    run: Run
    kind: Kind


@dataclass(frozen=True, slots=True)
class ReadBranch:
    """A branch, the kind of what it returns, and the errors it can end with."""

    branch: Branch
    kind: Kind
    errors: Errors


def _and(lines: list[int]) -> str:
    return " and ".join(f"line {each}" for each in lines) + ("" if len(lines) > 1 else ", on some of the paths only")


@dataclass(slots=True)
class AwaitReader:
    """Reads awaited calls; `body` reads the statements of a nested def, to its end."""

    reading: Reading
    body: ReadBlock
    uses: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    entered: list[ast.AsyncFunctionDef] = field(default_factory=list)
    defined: dict[ast.AsyncFunctionDef, None] = field(default_factory=dict)

    def step_call(self, node: ast.expr) -> tuple[str, ast.Call] | None:
        """Return the method and the call, where a node is a call of the step's."""
        match node:
            case ast.Call(ast.Attribute(ast.Name(name), method)) if name == self.reading.expressions.names.step:
                return method, node
        return None

    def read(self, node: ast.Await) -> Awaited | Statements:
        """Return what is awaited: a run with a result, or statements that have none."""
        call = self.step_call(node.value)
        if call is None:
            return self._other(node)
        method, arguments = call
        match method:
            case "do" | "map" | "wait_for_event" | "call":
                return self._step(method, arguments)
            case "sleep":
                return (self.reading.steps.sleep(arguments, self.reading.frame.prefix, self.reading.here()),)
            case "sleep_until":
                sleep = self.reading.steps.sleep_until(arguments, self.reading.frame.prefix, self.reading.here())
                if not isinstance(sleep.until, Constant):
                    self.reading.fails({InvalidTime.__name__: InvalidTime})
                return (sleep,)
            case "complete":
                raise Refused(node, "`step.complete` ends a run", "write `return await step.complete(…)`")
        raise Refused(node, f"a step has no `{method}`", of_method_name(method, METHODS))

    def _step(self, method: str, node: ast.Call) -> Awaited:
        reading = self.reading
        if method == "map":
            return self._map(node)
        if method == "wait_for_event":
            wait = wait_for_event(reading.steps, node, reading.place)
            reading.fails(wait.errors)
            return Awaited(Run(wait, None), kind_of(wait.payload))
        if method == "call":
            call, result = call_workflow(reading.steps, node, reading.here(), reading.place)
            reading.fails(call.errors)
            return Awaited(Run(call, None), result)
        step = reading.steps.do(node, reading.here(), reading.place)
        reading.fails(step.errors)
        return Awaited(Run(step, None), kind_of(step.signature.returns))

    def _other(self, node: ast.Await) -> Awaited:
        call = node.value
        if isinstance(call, ast.Call):
            found, function = self.reading.steps.resolve(call.func)
            if found and function is asyncio.gather:
                return self._gather(call)
            if self._is_def(call.func):
                return self._branches(call, [call], alone=True)
        if self._was_refused(call.func if isinstance(call, ast.Call) else call):
            return Awaited(Run(Gather("", (), ()), None), UNKNOWN)
        text, step = self.reading.source(node), self.reading.expressions.names.step
        about = self._of_asyncio(call)
        raise Refused(
            node,
            f"`{text}` awaits something else than a step",
            about or f'write `await {step}.do("…", function, …)`',
        )

    def _of_asyncio(self, node: ast.expr) -> str | None:
        """Return what to write instead of a call of asyncio."""
        _, function = self.reading.steps.resolve(node.func) if isinstance(node, ast.Call) else (False, None)
        name = getattr(function, "__name__", "")
        return of_asyncio(name) if function is not None and getattr(asyncio, name, None) is function else None

    def _was_refused(self, node: ast.expr) -> bool:
        """Whether a name stands for something that was reported already."""
        local = self.reading.here().locals.get(node.id) if isinstance(node, ast.Name) else None
        return local is not None and is_unknown(local.value.kind)

    def _gather(self, node: ast.Call) -> Awaited:
        if node.keywords:
            raise Refused(
                node, "`gather` takes no options here", "catch errors in the branches, each an `async def` with `try`"
            )
        if any(isinstance(each, ast.Starred) for each in node.args):
            raise Refused(node, "`gather` is given a starred list", "write `await step.map(…)`, which takes a list")
        if not node.args:
            raise Refused(node, "`gather` is given nothing", "give it steps or branches")
        return self._branches(node, node.args)

    def _branches(self, node: ast.Call, nodes: list[ast.expr], *, alone: bool = False) -> Awaited:
        """Return a Parallel of several calls, or of one that is awaited alone."""
        found = [self._branch(each, f"{node.lineno}:{node.col_offset}:{number}") for number, each in enumerate(nodes)]
        errors = {name: error for each in found for name, error in each.errors.items()}
        self.reading.fails(errors)
        label = self.reading.frame.prefix + " & ".join(self._label(each) for each in nodes)
        kinds = tuple(each.kind for each in found)
        gather = Gather(label, tuple(each.branch for each in found), kinds, errors, alone)
        return Awaited(Run(gather, None), kinds[0] if alone else TupleOf(kinds))

    def _label(self, node: ast.expr) -> str:
        match node:
            case ast.Call(ast.Name(name)):
                return name
            case ast.Call(args=[ast.Constant(str() as name), *_]):
                return name
        return self.reading.source(node)

    def _branch(self, node: ast.expr, place: str) -> ReadBranch:
        call = self.step_call(node)
        if call is not None and call[0] in _GATHERED:
            return self._step_branch(call, place)
        if isinstance(node, ast.Call) and self._is_def(node.func):
            return self._def_branch(node, node.func, place)
        if self._was_refused(node):
            return ReadBranch(Branch(()), UNKNOWN, {})
        raise Refused(
            node,
            f"`{self.reading.source(node)}` cannot be gathered",
            "gather `step.do`, `step.map`, `step.wait_for_event`, `step.call` and calls of a nested `async def`, which"
            " may hold anything else",
        )

    def _step_branch(self, call: tuple[str, ast.Call], place: str) -> ReadBranch:
        reading, outer, scope = self.reading, self.reading.frame, self.reading.here()
        reading.frame = outer.inner(place, outer.prefix, outer.key, outer.rounds)
        try:
            awaited = self._step(*call)
            result = reading.variable("result")
            run = dataclasses.replace(awaited.run, variable=result)
            body = (run, Return(Variable(result, awaited.kind), None, "return"))
            return ReadBranch(Branch(body), awaited.kind, reading.frame.outermost.errors())
        finally:
            reading.frame, reading.scope = outer, scope

    def _is_def(self, node: ast.expr) -> bool:
        """Return whether a name stands for a nested def, or for one of several."""
        local = self.reading.here().locals.get(node.id) if isinstance(node, ast.Name) else None
        return local is not None and any(isinstance(each, Function) for each in members(local.value.kind))

    def _definition(self, node: ast.expr) -> ast.AsyncFunctionDef:
        """Return the nested def that a name stands for here."""
        assert isinstance(node, ast.Name)
        local = self.reading.here().locals[node.id]
        if isinstance(local.value.kind, Function) and local.certain:
            definition: ast.AsyncFunctionDef = local.value.kind.python
            return definition
        lines = sorted(each.python.lineno for each in members(local.value.kind) if isinstance(each, Function))
        found = f"which `{node.id}` is meant here depends on the run: it is defined in {_and(lines)}"
        raise Refused(node, found, "define it once, before the `if` or the loop, and decide inside it")

    def _def_branch(self, node: ast.Call, function: ast.expr, place: str) -> ReadBranch:
        definition, outer = self._definition(function), self.reading.frame
        name = definition.name
        values = [self.reading.value(each) for each in node.args]
        if node.keywords or len(values) != len(definition.args.args):
            raise Refused(
                node,
                f"`{self.reading.source(node)}` gives {len(node.args)} arguments",
                f"{name} takes {', '.join(each.arg for each in definition.args.args) or 'none'}, without names",
            )
        number = self._use(name, place)
        if number == 1:
            return self._inside(node, definition, outer.inner(place, outer.prefix, outer.key, outer.rounds), values)
        block = f"{name}-{number}"
        key = (*outer.key, keyed((Constant(block, TEXT),), outer.rounds), Constant("/", TEXT))
        return self._inside(node, definition, outer.inner(place, f"{outer.prefix}{block}/", key), values)

    def _use(self, name: str, place: str) -> int:
        """Return which use of a nested def this is, counted from 1."""
        places = self.uses.setdefault((*self.reading.frame.block, name), [])
        if place not in places:
            places.append(place)
        return places.index(place) + 1

    def _inside(
        self, node: ast.Call, definition: ast.AsyncFunctionDef, frame: Frame, values: list[Expression]
    ) -> ReadBranch:
        """Return a nested def as a branch, read for one use, which is the node."""
        reading = self.reading
        outer, scope, names = reading.frame, reading.here(), reading.expressions.names
        if definition in self.entered:
            raise Refused(definition, f"`{definition.name}` calls itself", "write a loop")
        own = {each.arg for each in definition.args.args} | assigned_names(definition.body).keys()
        assigned, function = names.assigned, reading.function
        self.entered.append(definition)
        self.defined.pop(definition, None)
        try:
            names.assigned = assigned | own
            reading.frame, reading.scope, reading.function = frame, scope.hide(own), definition
            before = self._parameters(node, definition, values)
            body = self.body(definition.body)
            return ReadBranch(Branch(body, before), join(*frame.returns), frame.outermost.errors())
        finally:
            self.entered.pop()
            names.assigned = assigned
            reading.frame, reading.scope, reading.function = outer, scope, function

    def _parameters(
        self, node: ast.Call, definition: ast.AsyncFunctionDef, values: list[Expression]
    ) -> tuple[Assign, ...]:
        found: list[Statement] = []
        for parameter, value in zip(definition.args.args, values, strict=True):
            declared = self.reading.declared(parameter.annotation) if parameter.annotation else value.kind
            if not assignable(value.kind, declared):
                given, wanted = describe(value.kind), describe(declared)
                what = f"`{parameter.arg}` of `{definition.name}` is declared {wanted} and given {given} here"
                raise Refused(node, what, "change the annotation or what is given")
            if isinstance(value.kind, Never):
                value = dataclasses.replace(value, kind=declared)
            found += self.reading.bind(parameter.arg, value)
        return tuple(each for each in found if isinstance(each, Assign))

    def _map(self, node: ast.Call) -> Awaited:
        reading = self.reading
        name = reading.steps.name(node)
        named = reading.steps.options(node, "concurrency")
        if len(node.args) != 3:
            what = f"`{reading.source(node)}` is not a name, a body and items"
            raise Refused(node, what, 'write `await step.map("name", body, items)`')
        definition, items = self._body(node.args[1]), iterable(reading.expressions, node.args[2], reading.here())
        source = reading.source(node.args[2])
        element = element_kind(node.args[2], items.kind, source)
        index = reading.variable("index", node)
        rounds = (*reading.frame.rounds, Variable(index, _INTEGER))
        key = (*reading.frame.key, keyed((Constant(name, TEXT),), rounds), Constant("/", TEXT))
        prefix = reading.frame.prefix + (f"{name}/" if self._use(definition.name, name) > 1 else "")
        found = self._inside(node, definition, reading.frame.inner(name, prefix, key), [RawExpression(ITEM, element)])
        body = Branch(found.branch.body, (Assign(index, RawExpression(INDEX, _INTEGER)), *found.branch.before))
        reading.fails({**found.errors, TooManyRounds.__name__: TooManyRounds})
        at_once = self._concurrency(named.get("concurrency"))
        label = reading.frame.prefix + name
        bound = len(items.elements) if isinstance(items, ListDisplay) else None
        call = MapCall(label, items, index, body, at_once, found.kind, node.lineno, found.errors, bound)
        return Awaited(Run(call, None), ListOf(found.kind))

    def _body(self, node: ast.expr) -> ast.AsyncFunctionDef:
        text = self.reading.source(node)
        if not self._is_def(node):
            raise Refused(
                node,
                f"`{text}` is no nested `async def`",
                "the body of a map is defined in `run`: `async def one(item): …`",
            )
        definition = self._definition(node)
        if len(definition.args.args) != 1:
            raise Refused(node, f"`{text}` takes {len(definition.args.args)} arguments", "it takes one: the item")
        return definition

    def _concurrency(self, node: ast.expr | None) -> int:
        value = 10 if node is None else options.constant(node, self.reading.steps.resolve)
        if node is not None and (not isinstance(value, int) or not 1 <= value <= _MOST_AT_ONCE):
            raise Refused(node, f"concurrency is {value!r}", f"write a whole number from 1 to {_MOST_AT_ONCE}")
        assert isinstance(value, int)
        return value

    def define(self, node: ast.AsyncFunctionDef) -> Statements:
        """Take note of a nested def; it is read where it is used."""
        arguments = node.args
        if node.decorator_list or arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
            instead = of_decorator(node, self.reading.expressions.names.step)
            if instead is not None:
                raise Refused(node, f"`{node.name}` is a step that is defined in `run`", instead)
            found = f"`{node.name}` is decorated, or its arguments are starred or have defaults"
            raise Refused(node, found, f"write `async def {node.name}(a, b):`")
        self.reading.scope = self.reading.here().bind(node.name, RawExpression("", Function(node)))
        self.defined[node] = None
        return ()

    def report_unused(self, run: ast.AsyncFunctionDef) -> None:
        """Report the nested defs of a run that nothing uses: they were not read."""
        read = {node.id for node in ast.walk(run) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        for node in self.defined:
            if node.name in read and self.reading.problems:
                continue  # what uses it was refused
            self.reading.problems.report(node.lineno, f"`{node.name}` is never used", "gather it, map it, or remove it")
