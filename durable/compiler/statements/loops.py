"""Reading `while`, `for`, `break` and `continue`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from durable.compiler.expressions.generators import lazy_parts
from durable.compiler.expressions.iterables import elements, iterable, strict_zip, targets, written_step
from durable.compiler.expressions.scope import Scope, assigned_names, merge
from durable.compiler.program.tree import Assign, Break, Continue, Loop, Statement
from durable.compiler.program.walk import children, failures, may_fail, reads
from durable.compiler.source.hoisting import Exhausted, leaving
from durable.compiler.source.mutations import changed_in_place, grown_entry
from durable.compiler.source.names import made_up
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.reading import FinallyFrame, LoopFrame, Reading
from durable.compiler.types.kinds import Integer, ListOf, TupleOf, acts_as
from durable.compiler.types.terms import (
    INTEGER,
    ZERO,
    Apply,
    Comparison,
    Comprehension,
    Concatenation,
    Conditional,
    Constant,
    Expression,
    Formula,
    Item,
    Let,
    ListDisplay,
    Operation,
    Variable,
)
from durable.errors import TooManyRounds

_MOST_REHEARSALS = 12

Statements = tuple[Statement, ...]
Round = tuple[Expression | None, tuple[Assign, ...], Statements, Scope | None, Scope | None]
"""A round: the test, what it assigns first, the body, and what is known where the test ends the loop, and a `break`."""
ReadBlock = Callable[[list[ast.stmt]], Statements]


@dataclass(frozen=True, slots=True)
class Rounds:
    """What a `for` goes through: its test, what it assigns before and in each round, and its bound."""

    test: Expression
    before: Statements
    each: tuple[tuple[str, Expression], ...]
    bound: int | None


@dataclass(slots=True)
class LoopReader:
    """Reads loops; `block` reads the statements in them."""

    reading: Reading
    block: ReadBlock
    cleanups: Callable[[list[FinallyFrame]], Statements]
    heads: dict[str, Scope] = field(default_factory=dict)

    def read(self, node: ast.While | ast.For) -> Statements:
        """Return a loop, after what it needs before."""
        reading = self.reading
        label = _label(node, reading)
        if isinstance(node, ast.For) and (zipped := strict_zip(reading.expressions, node.iter, reading.here())):
            before, node = self._of_one_length(node, zipped)
            return (*before, *self.read(node))
        node = self._asked_within(node)
        # What a loop goes through is evaluated once, before the first round: so it is read before the loop's own
        # counter is among the rounds.
        counter = reading.variable("rounds", node)
        rounds = self._rounds(node, counter) if isinstance(node, ast.For) else None
        outer = reading.frame.rounds
        # The counter stands in the keys of the steps within: each round has rows of its own in the record.
        reading.frame.rounds = (*outer, Variable(counter, INTEGER))
        test, each, body, exhausted, left = self._settled(node, counter, reading.here(), rounds)
        reading.frame.rounds, reading.scope = outer, exhausted
        otherwise = self.block(node.orelse)
        reading.scope = merge([reading.scope, left])
        loop = Loop(label, test, body, counter, node.lineno, each, rounds.bound if rounds else None, otherwise)
        return (*(rounds.before if rounds else ()), loop)

    def _of_one_length(self, node: ast.For, zipped: ast.Call) -> tuple[Statements, ast.For]:
        """Return a loop over `zip(…, strict=True)` as one that ends with the shortest list, and then asks for lengths.

        CPython finds a list longer or shorter when the rounds before are done, and not where a `break` leaves.
        """
        for generator in lazy_parts(self.reading.expressions, zipped, self.reading.here()):
            self._refuse_lazy(node, generator)
        kept: list[ast.stmt] = []
        names: list[ast.expr] = []
        for each in zipped.args:
            name = made_up("zipped", each)
            listed = ast.Call(ast.Name("list", ast.Load()), [each], [])
            kept.append(placed(ast.Assign([ast.Name(name, ast.Store())], listed), each))
            names.append(placed(ast.Name(name, ast.Load()), each))
        shortest = placed(ast.Call(zipped.func, names, []), zipped)
        strict = placed(ast.Call(zipped.func, names, zipped.keywords), zipped)
        asked = ast.Call(ast.Name("list", ast.Load()), [strict], [])
        alike = placed(ast.Assign([ast.Name(made_up("alike", zipped), ast.Store())], asked), zipped)
        items = _with(node.iter, zipped, shortest)
        looped = ast.copy_location(ast.For(node.target, items, node.body, [alike, *node.orelse]), node)
        return self.block(kept), looped

    def _asked_within(self, node: ast.While | ast.For) -> ast.While | ast.For:
        """Return a loop whose test stands in its body where it may fail with what an `except` catches."""
        if not isinstance(node, ast.While) or _is_true(node.test) or not self.reading.catching:
            return node
        test = self.reading.expressions.condition(node.test, self.reading.here()).test
        if not any(issubclass(each, tuple(self.reading.catching)) for each in failures(test)):
            return node
        always = ast.copy_location(ast.Constant(True), node.test)
        return ast.copy_location(ast.While(always, [*leaving(node.test), *node.body], node.orelse), node)

    def _settled(self, node: ast.While | ast.For, counter: str, entry: Scope, rounds: Rounds | None) -> Round:
        """Return the round as it is read once nothing changes any more in what is known at the head of the loop.

        What was known at the head when the loop was read before, in a rehearsal of a loop around it, is known again:
        so loops in loops are not rehearsed anew in each round of the outer one.
        """
        reading = self.reading
        head = merge([entry, self.heads.get(counter)]) or entry
        known = len(reading.problems)
        # A round may widen what a variable can be (an int at first, None from the second round on), which may change
        # what the body means. So it is read until nothing changes; kinds only widen, hence it ends.
        reading.rehearsals += 1
        for _ in range(_MOST_REHEARSALS):
            reading.problems.forget_after(known)
            found = self._round(node, head, rounds)
            back = merge([entry, self._back])
            assert back is not None
            if back == head:
                break
            head = back
        reading.rehearsals -= 1
        self.heads[counter] = head
        if len(reading.problems) > known and not reading.rehearsals:
            # what was refused is anything from here on, so that nothing is reported that only follows from it
            reading.problems.forget_after(known)
            found = self._round(node, head, rounds)
        return found

    _back: Scope | None = None

    def _round(self, node: ast.While | ast.For, head: Scope, rounds: Rounds | None) -> Round:
        """Read one round, and return it."""
        reading, frame = self.reading, LoopFrame()
        reading.scope = head
        # Also one with a written number of rounds: it is capped where all together do not fit an execution.
        reading.fails({TooManyRounds.__name__: TooManyRounds})
        test, after = None, None
        if rounds is not None:
            test, after = rounds.test, head
        elif isinstance(node, ast.While) and not _is_true(node.test):
            condition = reading.expressions.condition(node.test, head)
            test, after, reading.scope = condition.test, condition.false, condition.true
        each = tuple(
            statement
            for name, value in (rounds.each if rounds else ())
            for statement in reading.bind(name, value)
            if isinstance(statement, Assign)
        )
        reading.frame.loops.append(frame)
        try:
            body = self.block(node.body)
        finally:
            reading.frame.loops.pop()
        self._back = merge([reading.scope, *frame.continues])
        return test, each, body, merge([after, *frame.exhausted]), merge(frame.breaks)

    def _rounds(self, node: ast.For, counter: str) -> Rounds:
        index = Variable(counter, INTEGER)
        call, target, counted = node.iter, node.target, None
        start: Expression = ZERO
        if self._is_call_of(call, enumerate):
            assert isinstance(call, ast.Call)
            if not isinstance(target, ast.Tuple) or len(target.elts) != 2:
                raise Refused(target, "`enumerate` gives numbers and items", "take both: `for number, item in …`")
            counted, target = target.elts
            call, start = self._enumerated(call)
        if self._is_call_of(call, range):
            assert isinstance(call, ast.Call)
            counting = self._range(node, call, _name(target), index)
            if counting is not None:
                return counting
        for generator in lazy_parts(self.reading.expressions, call, self.reading.here()):
            self._refuse_lazy(node, generator)
        items, kind = elements(self.reading.expressions, call, self.reading.here())
        items, before = self._kept(node, call, items)
        position = index if start == ZERO else Operation("+", index, start, INTEGER)
        each = [(_name(counted), position)] if counted is not None else []
        test = Comparison("<", index, Apply("$count", (items,), INTEGER))
        bound = len(items.elements) if isinstance(items, ListDisplay) else None
        return Rounds(test, before, (*each, *targets(target, Item(items, index, kind, certain=True), kind)), bound)

    def _refuse_lazy(self, loop: ast.For, node: ast.GeneratorExp) -> None:
        """Refuse a generator whose items would be others, or fail later, when CPython works them out in the rounds."""
        found = iterable(self.reading.expressions, node, self.reading.here())
        lazily = [found.element, found.condition] if isinstance(found, Comprehension) else []
        parts = [each for each in lazily if each is not None]
        changed = self._changed_in(loop)
        if any(may_fail(each) or reads(each) & changed for each in parts):
            what = f"`{self.reading.source(node)}` is worked out item by item, between the rounds of the loop"
            raise Refused(node, what, "write `for y in ys:`, and `x = f(y)` as the first line in the loop")

    def _changed_in(self, loop: ast.For) -> set[str]:
        """Return the variables that a loop changes: those that it assigns, and those whose value it changes."""
        scope = self.reading.here()
        grown = (entry[0].id for each in ast.walk(loop) if (entry := grown_entry(each)) is not None)
        names = {*assigned_names([loop]), *map(changed_in_place, ast.walk(loop)), *grown}
        bound = (local.value for name, local in scope.locals.items() if name in names)
        return {each.name for each in bound if isinstance(each, Variable)}

    def _enumerated(self, node: ast.Call) -> tuple[ast.expr, Expression]:
        """Return what is enumerated, and the number of the first."""
        given = [*node.args, *(each.value for each in node.keywords if each.arg == "start")]
        if not node.args or len(given) != len(node.args) + len(node.keywords) or len(given) > 2:
            what = f"`{self.reading.source(node)}` is not given a list, and a number to start with"
            raise Refused(node, what, "write enumerate(items) or enumerate(items, 1)")
        start = self.reading.value(given[1]) if len(given) == 2 else ZERO
        if not isinstance(start, Constant) or not isinstance(start.kind, Integer):
            text = self.reading.source(node)
            raise Refused(
                node, f"`{text}` starts at what is not a written number", "write it out, or add it in the loop"
            )
        return node.args[0], start

    def _is_call_of(self, node: ast.expr, function: object) -> bool:
        if not isinstance(node, ast.Call) or (node.keywords and function is not enumerate):
            return False
        found, value = self.reading.steps.resolve(node.func)
        return found and value is function

    def _range(self, loop: ast.For, node: ast.Call, name: str, index: Variable) -> Rounds | None:
        bounds = [self.reading.value(each) for each in node.args]
        if not 1 <= len(bounds) <= 3 or not all(isinstance(acts_as(each.kind), Integer) for each in bounds):
            what = f"`{self.reading.source(node)}` has bounds that are not int"
            raise Refused(node, what, "write range(n) or range(a, b, step), with whole numbers")
        if len(bounds) == 3 and not isinstance(bounds[2], Constant):
            return None  # whether it counts up or down is known in the run only: its numbers are a list
        stride = written_step(node, bounds.pop(), self.reading.source(node)) if len(bounds) == 3 else 1
        before: Statements = ()
        kept: list[Expression] = []
        for number, bound in enumerate(bounds):
            value, statements = self._kept(loop, node.args[number], bound)
            kept.append(value)
            before += statements
        start, end = kept if len(kept) == 2 else [ZERO, kept[0]]
        if stride != 1:
            stepped = Operation("*", index, Constant(stride, INTEGER), INTEGER)
            at: Expression = Operation("+", start, stepped, INTEGER)
            ends = [each.value for each in (start, end) if isinstance(each, Constant) and isinstance(each.value, int)]
            count = len(range(ends[0], ends[1], stride)) if len(ends) == 2 else None
            return Rounds(Comparison("<" if stride > 0 else ">", at, end), before, ((name, at),), count)
        if start == ZERO:
            test, value = Comparison("<", index, end), index
            last = max(0, end.value) if isinstance(end, Constant) and isinstance(end.value, int) else None
            return Rounds(test, before, ((name, value),), last)
        at = Operation("+", start, index, INTEGER)
        return Rounds(Comparison("<", at, end), before, ((name, at),), None)

    def _kept(self, loop: ast.For, node: ast.expr, value: Expression) -> tuple[Expression, Statements]:
        """Return a value as it is at the start of the loop: kept in a variable if the loop changes what it reads."""
        changed = self._changed_in(loop)
        # What may fail is evaluated once, where an `except` may catch that.
        is_guarded = bool(self.reading.catching) and may_fail(value)
        if not reads(value) & changed and not is_made(value) and not is_guarded:
            return value, ()
        variable = self.reading.variable("items", node)
        return Variable(variable, value.kind), (Assign(variable, value),)

    def leave(self, node: ast.Break | ast.Continue) -> Statements:
        """Return a `break` or `continue`."""
        loops = self.reading.frame.loops
        frame, cleanups = loops[-1], self.cleanups([f for f in self.reading.frame.finals if f.loops >= len(loops)])
        if self.reading.scope is None:
            return cleanups
        exhausts = isinstance(node, Exhausted)
        breaks = frame.exhausted if exhausts else frame.breaks
        scopes = breaks if isinstance(node, ast.Break) else frame.continues
        scopes.append(self.reading.here())
        self.reading.scope = None
        return (*cleanups, Break(exhausts) if isinstance(node, ast.Break) else Continue())


def _with(node: ast.expr, zipped: ast.Call, other: ast.Call) -> ast.expr:
    """Return what is gone through with another call in the place of the `zip` in it."""
    if node is zipped:
        return other
    assert isinstance(node, ast.Call)
    inner = _with(node.args[0], zipped, other)
    return ast.copy_location(ast.Call(node.func, [inner, *node.args[1:]], node.keywords), node)


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _label(node: ast.While | ast.For, reading: Reading) -> str:
    if isinstance(node, ast.For):
        return f"for {reading.source(node.target)} in {reading.source(node.iter)}"
    return f"while {reading.source(node.test)}"


def is_made(value: Expression) -> bool:
    """Whether a value is a list that is made anew each time it is read: by a loop over it, twice in each round."""
    match value:
        case Conditional() | Let():
            return any(map(is_made, children(value)))
        case Comprehension() | Concatenation() | Formula() | Apply():
            return isinstance(value.kind, ListOf | TupleOf)
    return False


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Name):
        return node.id
    assert node is not None
    raise Refused(node, f"`{ast.unparse(node)}` is assigned to, which is no name", "take a name, or a tuple of names")
