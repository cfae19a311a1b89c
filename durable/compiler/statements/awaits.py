"""Reading what `run` awaits: steps, sleeps, gathers, maps, and the branches that are nested defs."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from durable.compiler.expressions import options
from durable.compiler.expressions.advice import of_asyncio, of_awaited, of_method_name
from durable.compiler.expressions.generators import as_generator
from durable.compiler.expressions.iterables import elements
from durable.compiler.program.tree import (
    MOST_OF_A_MAP,
    Assign,
    Branch,
    Gather,
    Handler,
    MapCall,
    Race,
    Return,
    Run,
    Sleep,
    Statement,
    StepCall,
    Try,
)
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.definitions import DefinitionReader, ReadBranch
from durable.compiler.statements.external_waits import call_workflow, callback, wait_for_event
from durable.compiler.statements.functions import Definition
from durable.compiler.statements.maps import Tasks, awaiting, body_of, concurrency
from durable.compiler.statements.reading import Reading, keyed
from durable.compiler.statements.steps import METHODS
from durable.compiler.statements.titles import template
from durable.compiler.statements.tries import refuse_missing
from durable.compiler.types.annotations import kind_of
from durable.compiler.types.errornames import foreign_errors, step_errors
from durable.compiler.types.kinds import (
    UNKNOWN,
    Caught,
    Kind,
    ListOf,
    TupleOf,
    is_unknown,
    join,
)
from durable.compiler.types.terms import INTEGER, NONE, TEXT, Constant, Expression, ListDisplay, RawExpression, Variable
from durable.errors import InvalidTime, TooManyRounds
from durable.signature import class_path

Statements = tuple[Statement, ...]
ReadBlock = Callable[[list[ast.stmt]], Statements]

ITEM: Final = "$states.input.item"
INDEX: Final = "$states.input.index"
_GATHERED: Final = ("do", "map", "wait_for_event", "callback", "call", "race")
_SLEEPS: Final = ("sleep", "sleep_until")


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something awaited: what is run, the kind of what it returns, and of a gather those of its branches."""

    run: Run
    kind: Kind
    kinds: tuple[Kind, ...] = ()


def _at(node: ast.AST) -> str:
    return f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"


def _gather_call(node: ast.AST) -> ast.Call:
    return placed(ast.Call(ast.Name("gather", ast.Load()), [], []), node)


@dataclass(slots=True)
class AwaitReader:
    """Reads awaited calls; `definitions` reads functions in place."""

    reading: Reading
    definitions: DefinitionReader

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
            case "do" | "map" | "wait_for_event" | "callback" | "call" | "race":
                return self._step(method, arguments)
            case "sleep" | "sleep_until":
                return (self._sleep(method, arguments),)
            case "complete":
                raise Refused(node, "`step.complete` ends a run", "write `return await step.complete(…)`")
        raise Refused(node, f"a step has no `{method}`", of_method_name(method, METHODS))

    def _sleep(self, method: str, node: ast.Call) -> Sleep:
        reading = self.reading
        if method == "sleep":
            return reading.steps.sleep(node, reading.frame.prefix, reading.here())
        sleep = reading.steps.sleep_until(node, reading.frame.prefix, reading.here())
        reading.fails({InvalidTime.__name__: InvalidTime})
        return sleep

    def _step(self, method: str, node: ast.Call) -> Awaited:
        reading = self.reading
        if method == "map":
            return self._map(node)
        if method == "race":
            return self._race(node)
        if method == "wait_for_event":
            wait = wait_for_event(reading.steps, node, reading.here(), reading.place)
            reading.fails(wait.errors)
            return Awaited(Run(wait, None), kind_of(wait.payload))
        if method == "callback":
            return self._callback(node)
        if method == "call":
            call, result = call_workflow(reading.steps, node, reading.here(), reading.place)
            reading.fails(call.errors)
            return Awaited(Run(call, None), result)
        step = self._reporting(reading.steps.do(node, reading.here(), reading.place))
        reading.fails(step.errors)
        return Awaited(Run(step, None), kind_of(step.signature.returns))

    def _reporting(self, step: StepCall) -> StepCall:
        """Return a step that reports what its module names, and what the `except`s around it do."""
        # An `except` around it names classes which the step's wrapper is to look for: it reports any other as a
        # StepError.
        foreign = foreign_errors(step.signature, [*self.reading.caught(), *step.retries.retry_if])
        paths = tuple(sorted(map(class_path, foreign.values())))
        return dataclasses.replace(step, errors=step_errors(step.signature, foreign), catches=paths)

    def _callback(self, node: ast.Call) -> Awaited:
        """Return a step and the wait for its callback, as a branch that is awaited alone."""
        reading = self.reading
        step, wait = callback(reading.steps, node, reading.here(), reading.place)
        step = self._reporting(step)
        kind, begun, result = kind_of(wait.payload), reading.variable("begun", node), reading.variable("result", node)
        wait = dataclasses.replace(wait, begun=Variable(begun, TEXT), sensitive=step.sensitive)
        ended = Return(Variable(result, kind), None, "return")
        errors = {**step.errors, **wait.errors}
        reading.fails(errors)
        branch = Branch((Run(step, begun), Run(wait, result), ended))
        return Awaited(Run(Gather(step.name, (branch,), (kind,), errors, alone=True), None), kind)

    def _other(self, node: ast.Await) -> Awaited:
        call = node.value
        if isinstance(call, Tasks):
            return self._each(_gather_call(node), call, keeps=False)
        if isinstance(call, ast.Call):
            found, function = self.reading.steps.resolve(call.func)
            if found and function is asyncio.gather:
                return self._gather(call)
            definition = self.definitions.awaited(call)
            if definition is not None:
                if _at(node) != _at(call):  # else the call stands as a statement, and the `await` is not the author's
                    self._refuse_plain(call, definition)
                return self.branches(call, [call], alone=True)
        if self._was_refused(call.func if isinstance(call, ast.Call) else call):
            return Awaited(Run(Gather("", (), ()), None), UNKNOWN)
        text, step = self.reading.source(node), self.reading.expressions.names.step
        about = self._of_asyncio(call) or of_awaited(call, step, self.reading.steps.resolve)
        raise Refused(node, f"`{text}` awaits something else than a step", about)

    def _refuse_plain(self, node: ast.expr, definition: Definition) -> None:
        if isinstance(definition.node, ast.FunctionDef):
            found = f"`{self.reading.source(node)}` is awaited, and `{definition.name}` is a plain def"
            raise Refused(node, found, f"write `async def {definition.name}`, or call it without `await`")

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
        named = self.reading.steps.options(node, "return_exceptions")
        keeps = options.flag(named.get("return_exceptions"), "return_exceptions", self.reading.steps.resolve)
        match node.args:
            case [ast.Starred(ast.ListComp() as calls)]:
                return self._each(node, calls, keeps=keeps)
            case [ast.Starred(of)]:
                generator = as_generator(self.reading.expressions, of, self.reading.here())
                if generator is not None:
                    return self._each(node, generator, keeps=keeps)
        if any(isinstance(each, ast.Starred) for each in node.args):
            found = f"`{self.reading.source(node)}` is given a list that was made elsewhere"
            raise Refused(node, found, "write `await asyncio.gather(*(step.do(…) for x in xs))`")
        if not node.args:
            raise Refused(node, "`gather` is given nothing", "give it steps or branches")
        return self.branches(node, node.args, keeps=keeps)

    def _each(self, node: ast.Call, calls: ast.GeneratorExp | ast.ListComp, *, keeps: bool) -> Awaited:
        """Return `gather(*(call for x in xs))`: a map, whose body awaits the call."""
        definition, items = body_of(calls, f"each {self._label(calls.elt)}")
        body = self.definitions.nested_here(definition, {})
        name = self.reading.steps.race_name(node, definition.name)
        return self._mapped(node, name, body, items, MOST_OF_A_MAP, keeps=keeps)

    def branches(
        self, node: ast.Call | ast.AsyncWith, nodes: list[ast.expr], *, alone: bool = False, keeps: bool = False
    ) -> Awaited:
        """Return a Parallel of several calls, or of one that is awaited alone.

        Args:
            keeps: whether a branch that fails returns its error, and stops no other.
        """
        for each in [] if alone else nodes:
            definition = self.definitions.awaited(each) if isinstance(each, ast.Call) else None
            if definition is not None:
                self._refuse_plain(each, definition)
        with self._catching(keeps):
            places = (f"{node.lineno}:{node.col_offset}:{number}" for number in range(len(nodes)))
            found = [self._branch(each, place) for each, place in zip(nodes, places, strict=True)]
        if keeps:
            found = [self._keeping(node, each, str(number)) for number, each in enumerate(found)]
        errors = {name: error for each in found for name, error in each.errors.items()}
        self.reading.fails(errors)
        label = self.reading.frame.prefix + " & ".join(self._label(each) for each in nodes)
        kinds = tuple(each.kind for each in found)
        gather = Gather(label, tuple(each.branch for each in found), kinds, errors, alone)
        return Awaited(Run(gather, None), kinds[0] if alone else TupleOf(kinds), kinds)

    @contextlib.contextmanager
    def _catching(self, keeps: bool = True) -> Iterator[None]:
        """Read branches whose errors go on as values, or lose a race: as in a `try`, expressions are asked first."""
        outer = self.reading.catching
        self.reading.catching = [*outer, Exception] if keeps else outer
        try:
            yield
        finally:
            self.reading.catching = outer

    def _keeping(self, node: ast.AST, found: ReadBranch, place: str) -> ReadBranch:
        """Return a branch that returns its error where it fails."""
        refuse_missing(node, found.branch.body, "`return_exceptions`")
        if not found.errors:
            return found
        kind = Caught(tuple(found.errors.items()))
        variable = self.reading.expressions.names.variable("error", (*self.reading.frame.block, place, _at(node)))
        kept = Return(Variable(variable, kind), None, "return its error")
        body = Try(found.branch.body, (Handler(found.errors, (Exception,), variable, (kept,)),))
        return ReadBranch(Branch((body,), found.branch.before), join(found.kind, kind), {})

    def _race(self, node: ast.Call) -> Awaited:
        reading = self.reading
        reading.steps.options(node)
        if any(isinstance(each, ast.Starred) for each in node.args):
            raise Refused(node, "`race` is given a starred list", "write its branches out")
        if len(node.args) < 2:
            raise Refused(node, f"`{reading.source(node)}` is no race", "give it two or more steps or branches")
        name = reading.steps.race_name(node, " | ".join(map(self._label, node.args)))
        place, outer = reading.place(name), reading.frame
        key = place.key or Constant(name, TEXT)
        # Steps within are told the keys of the races around them: one of a race that is over does not begin.
        reading.frame = dataclasses.replace(outer, races=(*outer.races, key))
        try:
            places = (f"{_at(node)}:{number}" for number in range(len(node.args)))
            with self._catching():
                found = [self._branch(each, place) for each, place in zip(node.args, places, strict=True)]
        finally:
            reading.frame = outer
        for each in found:
            refuse_missing(node, each.branch.body, "`step.race`")
        errors = tuple(each.errors for each in found)
        if all(errors):  # else there is a branch that always succeeds
            reading.fails(errors[0])
        kinds = tuple(each.kind for each in found)
        one, error, all_errors, end = (reading.variable(each, node) for each in ("result", "error", "errors", "end"))
        branches = tuple(each.branch for each in found)
        race = Race(name, branches, kinds, errors, place, (one, error, all_errors, end))
        return Awaited(Run(race, None), join(*kinds))

    def _label(self, node: ast.expr) -> str:
        match node:
            case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(ast.Name(), name)) if self.step_call(node) is None:
                return name
            case ast.Call(args=[first, *_]):
                with contextlib.suppress(Refused):  # it is reported where the call is read
                    return str(options.constant(first, self.reading.steps.resolve))
                return template(first, self.reading.steps.resolve) or self.reading.source(node)
        return self.reading.source(node)

    def _branch(self, node: ast.expr, place: str) -> ReadBranch:
        call = self.step_call(node)
        if call is not None and call[0] in (*_GATHERED, *_SLEEPS):
            return self._step_branch(call, place)
        definition = self.definitions.awaited(node) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and definition is not None:
            return self.definitions.branch(node, definition, place)
        is_gather = isinstance(node, ast.Call) and self.reading.steps.resolve(node.func) == (True, asyncio.gather)
        if is_gather or isinstance(node, Tasks):
            inner = self.definitions.nested_here(awaiting(node, "gather"), {})
            return self.definitions.branch(_gather_call(node), inner, place)
        if self._was_refused(node):
            return ReadBranch(Branch(()), UNKNOWN, {})
        raise Refused(
            node,
            f"`{self.reading.source(node)}` cannot run beside others",
            "give `step.do`, `step.map`, `step.sleep`, `step.wait_for_event`, `step.call` and calls of a nested"
            " `async def`, which may hold anything else",
        )

    def _step_branch(self, call: tuple[str, ast.Call], place: str) -> ReadBranch:
        reading, outer, scope = self.reading, self.reading.frame, self.reading.here()
        reading.frame = outer.inner(place, outer.prefix, outer.key, outer.rounds)
        try:
            if call[0] in _SLEEPS:
                asleep = (self._sleep(*call), Return(NONE, None, "return"))
                return ReadBranch(Branch(asleep), NONE.kind, reading.frame.outermost.errors())
            awaited = self._step(*call)
            result = reading.variable("result")
            run = dataclasses.replace(awaited.run, variable=result)
            body = (run, Return(Variable(result, awaited.kind), None, "return"))
            return ReadBranch(Branch(body), awaited.kind, reading.frame.outermost.errors())
        finally:
            reading.frame, reading.scope = outer, scope

    def _map(self, node: ast.Call) -> Awaited:
        reading = self.reading
        name = reading.steps.name(node)
        named = reading.steps.options(node, "concurrency", "return_exceptions")
        if len(node.args) != 3:
            what = f"`{reading.source(node)}` is not a name, a body and items"
            raise Refused(node, what, 'write `await step.map("name", body, items)`')
        definition, (at_once, limit) = self._body(node.args[1]), concurrency(reading, named.get("concurrency"))
        keeps = options.flag(named.get("return_exceptions"), "return_exceptions", reading.steps.resolve)
        return self._mapped(node, name, definition, node.args[2], at_once, limit, keeps=keeps)

    def _mapped(
        self,
        node: ast.Call,
        name: str,
        definition: Definition,
        over: ast.expr,
        at_once: int,
        limit: Expression | None = None,
        *,
        keeps: bool,
    ) -> Awaited:
        reading = self.reading
        items, element = elements(reading.expressions, over, reading.here())
        index = reading.variable("index", node)
        rounds = (*reading.frame.rounds, Variable(index, INTEGER))
        # `load[3]/`: the index of the item tells the rows of its steps from those of all others.
        key = (*reading.frame.key, keyed((Constant(name, TEXT),), rounds), Constant("/", TEXT))
        prefix = reading.frame.prefix + (f"{name}/" if self.definitions.use(definition.name, name) > 1 else "")
        item = next(each.arg for each in definition.parameters if each.arg not in definition.defaults)
        given = {**definition.defaults, item: RawExpression(ITEM, element)}
        with self._catching(keeps):
            found = self.definitions.inside(node, definition, reading.frame.inner(name, prefix, key), given)
        if keeps:
            found = self._keeping(node, found, name)
        body = Branch(found.branch.body, (Assign(index, RawExpression(INDEX, INTEGER)), *found.branch.before))
        reading.fails({**found.errors, TooManyRounds.__name__: TooManyRounds})
        label = reading.frame.prefix + name
        bound = len(items.elements) if isinstance(items, ListDisplay) else None
        call = MapCall(label, items, index, body, at_once, found.kind, node.lineno, found.errors, bound, limit)
        return Awaited(Run(call, None), ListOf(found.kind))

    def _body(self, node: ast.expr) -> Definition:
        text = self.reading.source(node)
        if isinstance(node, ast.Lambda):
            return self.definitions.nested_here(awaiting(node.body, f"each {self._label(node.body)}", node.args), {})
        definition = self.definitions.of(node) if self.definitions.is_nested(node) else None
        if definition is None or isinstance(definition.node, ast.FunctionDef):
            raise Refused(
                node,
                f"`{text}` is no nested `async def`",
                "the body of a map is defined in `run`: `async def one(item): …`",
            )
        wanted = [each.arg for each in definition.parameters if each.arg not in definition.defaults]
        if len(wanted) != 1:
            raise Refused(node, f"`{text}` takes {len(wanted)} arguments", "it takes one: the item")
        return definition
