"""Reading statements: from Python's syntax to the program tree, and what is known after each."""

from __future__ import annotations

import ast
import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from durable.compiler.expressions.advice import of_decorator, of_deletion
from durable.compiler.expressions.refusals import refuse_caught
from durable.compiler.expressions.scope import Scope, assigned_names, merge
from durable.compiler.expressions.spans import as_data
from durable.compiler.program.tree import Arm, Assign, Cleanup, If, Return, Statement
from durable.compiler.program.walk import may_fail
from durable.compiler.source.hoisting import acts_in_test, hoisted
from durable.compiler.source.matches import decided
from durable.compiler.source.mutations import changed_in_place
from durable.compiler.source.names import made_up
from durable.compiler.source.nesting import refuse_deep
from durable.compiler.source.pending import brought_together
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.assignments import AssignmentReader
from durable.compiler.statements.awaits import Awaited, AwaitReader
from durable.compiler.statements.changes import ChangeReader
from durable.compiler.statements.definitions import DefinitionReader
from durable.compiler.statements.groups import GroupReader
from durable.compiler.statements.loops import LoopReader
from durable.compiler.statements.raises import RaiseReader
from durable.compiler.statements.reading import FinallyFrame, LoopFrame, Reading
from durable.compiler.statements.tries import TryReader
from durable.compiler.types.assignability import assignable, names_remedy
from durable.compiler.types.kinds import UNKNOWN, Kind, Never, describe, is_unknown
from durable.compiler.types.terms import NONE, Constant, Expression, Variable

_NOT_STATEMENTS: Final[dict[type[ast.stmt], tuple[str, str]]] = {
    ast.Delete: ("`del`", "leave it out: a variable that is not read again costs nothing"),
    ast.With: ("`with`", "do it in a step"),
    ast.AsyncWith: ("`async with`", "do it in a step"),
    ast.AsyncFor: ("`async for`", "write `for`"),
    ast.Import: ("an import", "import at the top of the module"),
    ast.ImportFrom: ("an import", "import at the top of the module"),
    ast.Global: ("`global`", "a run has variables of its own only"),
    ast.Nonlocal: ("`nonlocal`", "a branch assigns its own variables only: return the value"),
    ast.ClassDef: ("a class", "define it at the top level of a module"),
    ast.TryStar: ("`except*`", "write `except`"),
}
_LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})

Statements = tuple[Statement, ...]


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the blocks of a compound statement that mean the same without it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.With, ast.AsyncWith)):
        return
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if block:
            yield block
    for each in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
        yield each.body


def _logged_parts(nodes: list[ast.expr]) -> Iterator[ast.expr]:
    """Yield what a log entry shows; how it is formatted is no matter of a machine."""
    for node in nodes:
        match node:
            case ast.JoinedStr(values):
                yield from (each.value for each in values if isinstance(each, ast.FormattedValue))
            case ast.BinOp(ast.Constant(str()), ast.Mod(), shown):
                yield from shown.elts if isinstance(shown, ast.Tuple) else [shown]
            case _:
                yield node


def _is_exhausted(before: Scope, after: Scope) -> bool:
    """Return whether tests have ruled out every value of something, as the cases of a Literal: nothing gets here."""
    # `Never` is what a test leaves of a value that it has ruled out. One that was never there before says nothing.
    gone = (path for path, kind in after.narrowed.items() if isinstance(kind, Never))
    return any(not isinstance(before.kind(path) or before.kind(path[:1]), Never) for path in gone)


@dataclass(slots=True)
class StatementReader:
    """Reads the statements of a `run`."""

    reading: Reading
    definitions: DefinitionReader = field(init=False)
    awaits: AwaitReader = field(init=False)
    groups: GroupReader = field(init=False)
    assignments: AssignmentReader = field(init=False)
    changes: ChangeReader = field(init=False)
    loops: LoopReader = field(init=False)
    tries: TryReader = field(init=False)
    raises: RaiseReader = field(init=False)
    _exhausted: int = field(init=False, default=0)
    """How many tests have been read that leave no value over."""
    _nested: dict[ast.AST, frozenset[str]] = field(init=False, default_factory=dict)
    """The names of the nested async defs of each function that was read."""

    def __post_init__(self) -> None:
        self.definitions = DefinitionReader(self.reading, self.body)
        self.reading.expressions.inline = self.definitions.expression
        self.awaits = AwaitReader(self.reading, self.definitions)
        self.groups = GroupReader(self.reading, self.awaits)
        self.changes = ChangeReader(self.reading)
        self.assignments = AssignmentReader(self.reading, self.awaits, self.changes)
        self.loops = LoopReader(self.reading, self.block, self.cleanups)
        self.tries = TryReader(self.reading, self.block)
        self.raises = RaiseReader(self.reading, self.definitions)

    def body(self, nodes: list[ast.stmt]) -> Statements:
        """Return the statements of a whole `run` or nested def, which end in a return."""
        body = self.block(nodes)
        if self.reading.scope is None:
            return body
        declared = self.reading.frame.declared
        if not len(self.reading.problems) and not assignable(NONE.kind, declared):
            found = f"`run` may end after this line, and is declared to return {describe(declared)}"
            self.reading.problems.report(nodes[-1].lineno, found, "return a value, or let the annotation say `| None`")
        self.reading.frame.returns.append(NONE.kind)
        return (*body, Return(NONE, None, "return"))

    def block(self, nodes: list[ast.stmt]) -> Statements:
        """Return the statements of a block; each that is refused is reported and left out.

        What is never reached is refused, unless it is tests that rule it out: there one writes what guards against it.
        """
        found: list[Statement] = []
        exhausted = self._exhausted
        for node in brought_together(nodes, self.reading.function, self._may_be_awaited):
            before = self.reading.scope
            if before is None:
                if self._exhausted == exhausted:
                    source = self.reading.source(node)
                    self.reading.problems.report(node.lineno, f"`{source}` is never reached", "remove it")
                break
            try:
                found.extend(self.tries.guarded(node, self.statement(node), before))
            except Refused as problem:
                self.reading.problems.add(problem)
                self._forget(node, before)
                # An author mends all at once: what stands in the blocks of a refused statement is looked at all the
                # same.
                self._read_inside(node)
        return tuple(found)

    def _may_be_awaited(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call) or self.reading.scope is None:
            return False
        if self.awaits.step_call(node) is not None:
            return True
        function = self.reading.function
        if function not in self._nested:  # once: each function is walked as often as it has blocks and calls
            found = (each.name for each in ast.walk(function) if isinstance(each, ast.AsyncFunctionDef))
            self._nested[function] = frozenset(found)
        return isinstance(node.func, ast.Name) and node.func.id in self._nested[function]

    def _read_inside(self, node: ast.stmt) -> None:
        """Report what is wrong in the blocks of a statement that was refused as such."""
        after, blocks = self.reading.scope, list(_blocks(node))
        # In a rehearsal of a loop what is reported is forgotten, so that it need not be found.
        if self.reading.rehearsals or not blocks:
            return
        loops = self.reading.frame.loops
        for block in blocks:
            self.reading.scope = after
            loops.append(LoopFrame())
            self.block(block)
            loops.pop()
        self.reading.scope = after

    def _forget(self, node: ast.stmt, before: Scope) -> None:
        """Go on after a refused statement as if what it assigns were anything; in a rehearsal, as if it did not."""
        unknown = Constant(None, Never() if self.reading.rehearsals else UNKNOWN)
        self.reading.scope = None if isinstance(node, (ast.Return, ast.Raise)) else before
        # Of a model or dataclass the other fields are known still, and what is wrong with them is reported, too.
        stores = (
            each for each in ast.walk(node) if not isinstance(each, ast.Attribute) or isinstance(each.ctx, ast.Load)
        )
        changed = map(changed_in_place, stores)
        names = [*assigned_names([node]), *(name for name in changed if name and name in before.locals)]
        for name in names if self.reading.scope is not None else ():
            self.reading.scope = self.reading.here().bind(name, unknown)

    def statement(self, node: ast.stmt) -> Statements:
        """Return what a statement becomes: nothing for a docstring, several for an unpacking."""
        # Before anything is read: the readers recurse, and a deep expression would end in Python's own RecursionError.
        refuse_deep(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Tuple | ast.List):
            parts = [ast.copy_location(ast.Expr(each), each) for each in node.value.elts]
            if all(isinstance(each.value, ast.Await) for each in parts):
                return tuple(found for each in parts for found in self.statement(each))
        # Statements that stand for this one are read as if they had been written: so no reader of expressions meets an
        # `await`.
        several = hoisted(node, self._stands_alone)
        if len(several) > 1 or several[0] is not node:
            return tuple(found for each in several for found in self.statement(each))
        match node:
            case ast.Assign(targets, value):
                return self.assignments.assign(targets, self.changes.unmarked(value))
            case ast.AnnAssign(target, annotation, value) if value is not None:
                return self.assignments.assign(
                    [target], self.changes.unmarked(value), self.reading.declared(annotation)
                )
            case ast.AugAssign():
                return self.assignments.augmented(node)
            case ast.Expr(value):
                return self._expression(self.changes.unmarked(value))
            case ast.Return(ast.Await(call)) if self.changes.takes(call):
                name = placed(ast.Name(made_up("returned", node), ast.Store()), node)
                return self.assignments.assign([name], call) + self._return(node, name)
            case ast.Return(value):
                return self._return(node, value)
            case ast.If():
                return (self._if(node),)
            case ast.While() | ast.For():
                return self.loops.read(node)
            case ast.Break() | ast.Continue():
                return self.loops.leave(node)
            case ast.Try():
                return (self.tries.read(node),)
            case ast.Raise():
                statement = self.raises.read(node)
                self.reading.scope = None
                return (statement,)
            case ast.AsyncFunctionDef() | ast.FunctionDef():
                return self._define(node)
            case ast.Delete([ast.Subscript(ast.Name() | ast.Attribute(ast.Name()) as of, key) as item]):
                deleted = self.changes.deleted(node, of, key)
                if deleted is not None:
                    return deleted
                remedy = of_deletion(item, self.reading.value(of).kind)
                raise Refused(node, f"`{self.reading.source(node)}` changes a value in place", remedy)
            case ast.AsyncWith() if self.groups.is_group(node):
                return self.groups.read(node)
            case ast.Assert():
                return self.statement(self.raises.checked(node))
            case ast.Match():
                bound = {name for name, each in self.reading.here().locals.items() if each.certain}
                statements = decided(node, bound, self._match_args)
                return tuple(found for each in statements for found in self.statement(each))
            case ast.Pass():
                return ()
        return self._other(node)

    def _match_args(self, node: ast.expr) -> tuple[str, ...]:
        """Return the fields that the positional patterns of a class stand for; models of pydantic have none."""
        names = getattr(self.reading.steps.resolve(node)[1], "__match_args__", ())
        return names if isinstance(names, tuple) else ()

    def _define(self, node: ast.AsyncFunctionDef | ast.FunctionDef) -> Statements:
        instead = of_decorator(node, self.reading.expressions.names.step)
        if instead is not None:
            raise Refused(node, f"`{node.name}` is a step that is defined in `run`", instead)
        return self.definitions.define(node)

    def _other(self, node: ast.stmt) -> Statements:
        if isinstance(node, ast.AnnAssign):
            raise Refused(node, "a declaration without a value", "assign a value, as in `x: str | None = None`")
        found, remedy = _NOT_STATEMENTS.get(type(node), (f"`{self.reading.source(node)}`", "do it in a step"))
        raise Refused(node, f"{found} cannot be said in a state machine", remedy)

    def _expression(self, node: ast.expr) -> Statements:
        if isinstance(node, ast.Constant):
            return ()
        if isinstance(node, ast.Await):
            awaited = self.awaits.read(node)
            return (awaited.run,) if isinstance(awaited, Awaited) else awaited
        source = self.reading.source(node)
        if self.awaits.step_call(node) is not None:
            raise Refused(node, f"`{source}` is not awaited", f"write `await {source}`")
        if isinstance(node, ast.Call):
            if self._logs(node):
                return self._logged(node)
            changed = self.changes.changed_by(node)
            if changed is not None:
                return changed
            if is_unknown(self.reading.value(node).kind):
                return ()
        raise Refused(node, f"`{source}` does nothing", "remove it, or use its value")

    def _logs(self, node: ast.Call) -> bool:
        """Return whether a call writes to a log or prints: a machine leaves it out."""
        match node.func:
            case ast.Attribute(of, method) if method in _LOG_METHODS:
                found, logger = self.reading.steps.resolve(of)
                return found and (logger is logging or isinstance(logger, logging.Logger | logging.LoggerAdapter))
        return self.reading.steps.resolve(node.func) == (True, print)

    def _logged(self, node: ast.Call) -> Statements:
        """Return what a log entry evaluates that may fail: CPython would fail there, too."""
        found: list[Statement] = []
        for each in _logged_parts([*node.args, *(keyword.value for keyword in node.keywords)]):
            value = self.reading.value(each)
            if may_fail(value):
                found.append(Assign(self.reading.variable("logged", each), value))
        return tuple(found)

    def _return(self, node: ast.Return, value: ast.expr | None) -> Statements:
        label = self.reading.source(node)
        before: Statements = ()
        name: str | None = None
        if value is None:
            result: Expression = NONE
        elif isinstance(value, ast.Await):
            before, result, name = self._returned(value)
        else:
            result = self.reading.value(value)
            refuse_caught(value, result, label)
            result = as_data(value, result)
        self._fits(node if value is None else value, result.kind)
        self.reading.frame.returns.append(result.kind)
        if self.reading.frame.finals:
            kept = self.reading.variable("result", node)
            before = (*before, Assign(kept, result), *self.cleanups(self.reading.frame.finals))
            # CPython works out what is returned before the `finally`, which may change the variables that it was made
            # of.
            result = Variable(kept, result.kind)
            if self.reading.scope is None:
                return before
        self.reading.scope = None
        return (*before, Return(result, name, label))

    def _fits(self, node: ast.AST, result: Kind) -> None:
        """Refuse a result that is not what `run` says it returns: whoever calls the workflow reads it as that."""
        declared = self.reading.frame.declared
        if not assignable(result, declared):
            text = self.reading.source(node)
            found = f"`{text}` ({describe(result)}) is returned, and `run` is declared to return {describe(declared)}"
            raise Refused(node, found, names_remedy(result, declared) or "change the annotation or the value")

    def cleanups(self, finals: list[FinallyFrame]) -> Statements:
        """Return what the innermost of these `finally`s do where a statement leaves all of them."""
        frame, found = self.reading.frame, []
        tries, loops, all_finals = frame.tries, frame.loops, frame.finals
        for each in reversed(finals):
            if self.reading.scope is not None:
                frame.tries, frame.loops = tries[: each.tries], loops[: each.loops]
                frame.finals = all_finals[: all_finals.index(each)]
                found.append(Cleanup(each.name, self.block(each.nodes)))
        frame.tries, frame.loops, frame.finals = tries, loops, all_finals
        return tuple(found)

    def _returned(self, node: ast.Await) -> tuple[Statements, Expression, str | None]:
        call = self.awaits.step_call(node.value)
        if call is not None and call[0] == "complete":
            return (), *self._complete(call[1])
        awaited = self.awaits.read(node)
        if not isinstance(awaited, Awaited):
            return awaited, NONE, None
        result = self.reading.variable("result", node)
        value = Variable(result, awaited.kind)
        refuse_caught(node, value, self.reading.source(node))
        return (dataclasses.replace(awaited.run, variable=result),), value, None

    def _complete(self, node: ast.Call) -> tuple[Expression, str]:
        if not self.reading.frame.is_run:
            raise Refused(node, "`step.complete` stands in a branch", "write a plain `return`: only a run completes")
        name = self.reading.steps.name(node)
        self.reading.steps.options(node)
        if len(node.args) != 2:
            text = self.reading.source(node)
            raise Refused(
                node, f"`{text}` is not a name and a result", 'write `return await step.complete("name", result)`'
            )
        result = as_data(node, self.reading.value(node.args[1]))
        refuse_caught(node.args[1], result, self.reading.source(node.args[1]))
        return result, name

    def _acts(self, node: ast.If) -> bool:
        return acts_in_test(node, self._stands_alone)

    def _stands_alone(self, node: ast.AST) -> bool:
        """Return whether a call in an expression becomes statements: of a function, or one that takes an item out."""
        return self.definitions.is_statement_call(node) or self.changes.takes(node)

    def _if(self, node: ast.If) -> Statement:
        reading = self.reading
        arms: list[Arm] = []
        after: list[Scope | None] = []
        before, rest = reading.here(), list[ast.stmt]([node])
        while len(rest) == 1 and isinstance(rest[0], ast.If) and not self._acts(rest[0]):
            each = rest[0]
            condition = reading.expressions.condition(each.test, reading.here())
            reading.scope = condition.true
            arms.append(Arm(condition.test, f"if {reading.source(each.test)}", self.block(each.body)))
            after.append(reading.scope)
            reading.scope, rest = condition.false, each.orelse
        exhausted = not rest and _is_exhausted(before, reading.here())
        self._exhausted += exhausted
        otherwise = (Return(NONE, None, "return"),) if exhausted else self.block(rest)
        reading.scope = merge([*after, None if exhausted else reading.scope])
        return If(tuple(arms), otherwise)
