"""Where reading stands in a `run`: the scope, the block, the loops and `try`s around."""

from __future__ import annotations

import ast
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

from durable.compiler.expressions.expressions import ExpressionReader
from durable.compiler.expressions.scope import Scope
from durable.compiler.program.guarded import is_unsaid
from durable.compiler.program.tree import Assign, Place, Statement
from durable.compiler.source.problems import Problems, Refused
from durable.compiler.statements.steps import StepReader
from durable.compiler.types.annotations import kind_of
from durable.compiler.types.kinds import UNKNOWN, Kind, SetOf, is_unknown
from durable.compiler.types.terms import TEXT, Constant, Expression, Joined, Spelled, Variable

Errors = Mapping[str, type[Exception]]
"""Errors that something can end with, by the name they are reported under."""


@dataclass(slots=True)
class LoopFrame:
    """A loop that is being read: what is known at its breaks and continues, and at breaks that stand for its test."""

    breaks: list[Scope] = field(default_factory=list)
    exhausted: list[Scope] = field(default_factory=list)
    continues: list[Scope] = field(default_factory=list)


@dataclass(slots=True)
class TryFrame:
    """A `try` whose body is being read: what is known at each place where it can fail, and with what."""

    failures: list[tuple[Scope, Errors]] = field(default_factory=list)

    def errors(self) -> dict[str, type[Exception]]:
        """Return all errors that the body can end with."""
        found: dict[str, type[Exception]] = {}
        for name, each in ((name, each) for _, errors in self.failures for name, each in sorted(errors.items())):
            # One of which cannot be read what it says stays.
            found[name] = found[name] if name in found and is_unsaid(found[name]) else each
        return found


@dataclass(frozen=True, slots=True)
class FinallyFrame:
    """A `finally` whose `try` is being read: its name and statements, and how many `try`s and loops are around it."""

    name: str
    nodes: list[ast.stmt]
    tries: int
    loops: int


@dataclass(slots=True)
class Frame:
    """The `run`, or the use of a nested def, that is being read.

    Attributes:
        block: tells this use from all others; for names of variables.
        prefix: the path of blocks to here, with a slash at its end; for the labels of states.
        key: the same with the rounds, as it stands in step keys.
        rounds: the counters of the loops around, since that path ends.
        outermost: gathers the errors that leave the frame.
        declared: what `run` says that it returns.
        guarded: whether a `try` stands around the use of the nested def.
        races: the keys of the races around, the outermost first.
    """

    block: tuple[str, ...] = ()
    prefix: str = ""
    key: tuple[Expression, ...] = ()
    rounds: tuple[Expression, ...] = ()
    is_run: bool = True
    returns: list[Kind] = field(default_factory=list)
    loops: list[LoopFrame] = field(default_factory=list)
    tries: list[TryFrame] = field(default_factory=list)
    finals: list[FinallyFrame] = field(default_factory=list)
    outermost: TryFrame = field(default_factory=TryFrame)
    declared: Kind = UNKNOWN
    guarded: bool = False
    races: tuple[Expression, ...] = ()

    def inner(
        self, place: str, prefix: str = "", key: tuple[Expression, ...] = (), rounds: tuple[Expression, ...] = ()
    ) -> Frame:
        """Return the frame of a branch in this one."""
        block, guarded = (*self.block, place), self.guarded or bool(self.tries)
        return Frame(block, prefix, key, rounds, is_run=False, guarded=guarded, races=self.races)


@dataclass(slots=True)
class Reading:
    """What the readers of statements share.

    Attributes:
        scope: what is known here; None where nothing gets to.
        function: the `run` or nested def that is being read.
        rehearsals: how many loops around are read only to see what they do to variables.
        catching: the classes that the `except`s around name, those of functions around the place of a call too.
    """

    expressions: ExpressionReader
    steps: StepReader
    problems: Problems
    frame: Frame
    scope: Scope | None
    function: ast.FunctionDef | ast.AsyncFunctionDef
    rehearsals: int = 0
    catching: list[type[BaseException]] = field(default_factory=list)

    def source(self, node: ast.AST) -> str:
        """Return a node's source."""
        return self.expressions.source.of(node)

    def here(self) -> Scope:
        """Return what is known here."""
        assert self.scope is not None
        return self.scope

    def value(self, node: ast.expr) -> Expression:
        """Return an expression, read here."""
        return self.expressions.value(node, self.here())

    def declared(self, node: ast.expr) -> Kind:
        """Return the kind of an annotation in `run`."""
        text = ast.unparse(node)
        try:
            annotation = eval(text, dict(self.expressions.source.names))  # an annotation of the author's own module
            if isinstance(annotation, str):  # one that is written in quotes
                annotation = eval(annotation, dict(self.expressions.source.names))
        except Exception as error:
            raise Refused(node, f"the annotation `{text}` cannot be read: {error}", "import what it names") from None
        if typing.get_origin(annotation) in (set, frozenset):
            return SetOf(kind_of(typing.get_args(annotation)[0]))
        return kind_of(annotation)

    def variable(self, name: str, node: ast.AST | None = None) -> str:
        """Return the variable of a Python name in this block, or of a hidden one that belongs to a node."""
        # Both ends: `(a, b), c = …` begins where the tuple in it does.
        ends = ("lineno", "col_offset", "end_lineno", "end_col_offset")
        place = () if node is None else (":".join(str(getattr(node, each, 0)) for each in ends),)
        return self.expressions.names.variable(name, (*self.frame.block, *place))

    def bind(self, name: str, value: Expression) -> tuple[Statement, ...]:
        """Assign to a name, and return the statement."""
        variable = self.variable(name)
        self.scope = self.here().bind(name, Variable(variable, value.kind))
        # Of a refused value nothing is compiled: the name is bound, so that no message follows from it.
        return () if is_unknown(value.kind) and isinstance(value, Constant) else (Assign(variable, value),)

    def caught(self) -> list[type[Exception]]:
        """Return the classes that `except`s around name; a `finally` catches all, and reads nothing."""
        return [each for each in self.catching if issubclass(each, Exception)]

    def fails(self, errors: Errors) -> None:
        """Note that what stands here can end with these errors."""
        # With the scope of the place: what an `except` knows of a variable is what holds wherever its `try` can fail.
        frame = self.frame.tries[-1] if self.frame.tries else self.frame.outermost
        frame.failures.append((self.here(), errors))

    def place(self, name: str) -> Place:
        """Return where a step of this name stands."""
        # The label names the state, and has no rounds. The key stands in the record, and tells the rounds apart.
        label, races = self.frame.prefix + name, self.frame.races
        if not self.frame.key and not self.frame.rounds:
            return Place(label, None, races)
        return Place(label, keyed((*self.frame.key, Constant(name, TEXT)), self.frame.rounds), races)


def keyed(path: tuple[Expression, ...], rounds: tuple[Expression, ...]) -> Expression:
    """Return a path with rounds: `load[3]`; neighbouring texts are one."""
    # Flattened first: a path that holds no variable is then one constant, and the key of a step that is in no loop is
    # the same text in each version of the compiler.
    parts = [part for each in path for part in (each.parts if isinstance(each, Joined) else (each,))]
    for each in rounds:
        parts += [Constant("[", TEXT), Spelled(each), Constant("]", TEXT)]
    merged: list[Expression] = []
    for part in parts:
        if merged and isinstance(part, Constant) and isinstance(last := merged[-1], Constant):
            merged[-1] = Constant(f"{last.value}{part.value}", TEXT)
        else:
            merged.append(part)
    return merged[0] if len(merged) == 1 else Joined(tuple(merged))
