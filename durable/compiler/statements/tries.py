"""Reading `try` and `except`."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from durable.compiler.expressions.advice import of_except
from durable.compiler.expressions.scope import Scope, merge
from durable.compiler.program.guarded import UnguardedError, asked_before, failure, is_unsaid
from durable.compiler.program.tree import Arm, Handler, If, Raise, RaiseAgain, Statement, Try
from durable.compiler.program.walk import fails_at, values
from durable.compiler.source.problems import Refused
from durable.compiler.statements.raises import CAUGHT
from durable.compiler.statements.reading import Errors, FinallyFrame, Reading, TryFrame
from durable.compiler.types.errornames import NEVER_CAUGHT, caught_by
from durable.compiler.types.kinds import Caught
from durable.compiler.types.terms import TEXT, Constant, Variable

ReadBlock = Callable[[list[ast.stmt]], tuple[Statement, ...]]


@dataclass(slots=True)
class TryReader:
    """Reads `try` statements; `block` reads the statements in them."""

    reading: Reading
    block: ReadBlock

    def read(self, node: ast.Try) -> Try:
        """Return a `try`."""
        if node.finalbody:
            return self._finally(node)
        reading, frame = self.reading, TryFrame()
        reading.frame.tries.append(frame)
        outer, reading.catching = reading.catching, [*reading.catching, *self._named(node.handlers)]
        try:
            entry, known = reading.here(), len(reading.problems)
            body = self.block(node.body)
            is_refused = len(reading.problems) > known
        finally:
            reading.catching = outer
            reading.frame.tries.pop()
        otherwise = self.block(node.orelse) if reading.scope is not None else ()
        after = [reading.scope]
        # Each `except` takes what it catches out of `left`, as in CPython the first one that matches decides.
        left = frame.errors()
        handlers = []
        for each in node.handlers:
            if is_refused:
                left |= self._presumed(each, entry, frame)
            classes, caught = self._caught(each, left, frame.errors(), body)
            left = {name: error for name, error in left.items() if name not in caught}
            handlers.append(self._handler(each, classes, caught, frame))
            after.append(reading.scope)
        self._refuse_mixed(node, handlers, frame)
        for cls in (named for each in handlers for named in each.classes):
            refuse_missing(node, body, f"`except {cls.__name__}`", cls)
        self._pass_on(frame, left)
        reading.scope = merge(after)
        return Try(body, tuple(handlers), otherwise)

    def guarded(self, node: ast.stmt, found: tuple[Statement, ...], before: Scope) -> tuple[Statement, ...]:
        """Return statements that cannot fail with what an `except` here catches: an `if` before them asks for it."""
        if not self.reading.catching:
            return found
        return tuple(each for statement in found for each in self._guarded(node, statement, before))

    def _guarded(self, node: ast.stmt, statement: Statement, before: Scope) -> tuple[Statement, ...]:
        try:
            asked, certain = asked_before(statement)
        except UnguardedError:
            return (statement,)
        if not any(issubclass(each.error, tuple(self.reading.catching)) for each in asked):
            return (statement,)
        text = f"if {self.reading.source(node)} fails"
        where = Constant(self.reading.expressions.source.at(node), TEXT)
        # What no `except` reads says where it failed, also where a `finally` lets it pass.
        read = tuple(self.reading.caught())
        arms, errors = [], dict[str, type[Exception]]()
        for each in asked:
            is_read = issubclass(each.error, read) and each.says is not None
            error = failure(each.error, is_said=is_read)
            name = each.error.__name__
            errors[name] = errors[name] if name in errors and is_unsaid(errors[name]) else error
            arms.append(Arm(each.test, text, (Raise(error, each.says if is_read and each.says else where, text),)))
        after, self.reading.scope = self.reading.scope, before
        self.reading.fails(errors)
        self.reading.scope = after
        return (If(tuple(arms), ()), certain)

    def _refuse_mixed(self, node: ast.Try, handlers: list[Handler], frame: TryFrame) -> None:
        """Refuse an `except` that catches an error of a step, and not one of that name from an expression."""
        known: dict[str, set[type[Exception]]] = {}
        for name, error in ((name, error) for _, errors in frame.failures for name, error in errors.items()):
            known.setdefault(name, set()).add(error)
        for handler, read in zip(node.handlers, handlers, strict=True):
            for name, classes in known.items():
                if len({issubclass(error, read.classes) for error in classes}) > 1:
                    text = self.reading.source(handler.type or handler)
                    found = f"`except {text}` catches {name} of a step, and not one of `run`"
                    raise Refused(handler, found, "give the step a `try` of its own")

    def _named(self, handlers: list[ast.ExceptHandler]) -> Iterator[type[Exception]]:
        """Yield the classes of `except`s; what is wrong with them is said where they are read."""
        for node in (each.type for each in handlers if each.type is not None):
            for each in node.elts if isinstance(node, ast.Tuple) else [node]:
                with contextlib.suppress(Refused):
                    yield self._class(each)

    def _finally(self, node: ast.Try) -> Try:
        """Return a `try` with a `finally`: its statements stand on each way out, protected by nothing inside."""
        reading, frame = self.reading, TryFrame()
        for each in _leaving(node.finalbody):
            raise Refused(each, "a `finally` leaves by itself", "leave after the `try`")
        name = reading.variable("final", node)
        reading.frame.finals.append(
            FinallyFrame(name, node.finalbody, len(reading.frame.tries), len(reading.frame.loops))
        )
        reading.frame.tries.append(frame)
        outer, reading.catching = reading.catching, [*reading.catching, BaseException]
        try:
            body = self._protected(node)
        finally:
            reading.catching = outer
            reading.frame.tries.pop()
            reading.frame.finals.pop()
        refuse_missing(node, body, "`finally`")
        otherwise = self.block(node.finalbody) if reading.scope is not None else ()
        after, left = reading.scope, frame.errors()
        # As a handler of all that can fail: it does the statements, and then raises the error that it caught again.
        handlers = (self._failed(node, left, frame),) if left else ()
        reading.scope = after
        return Try(body, handlers, otherwise, name)

    def _protected(self, node: ast.Try) -> tuple[Statement, ...]:
        if not node.handlers:
            return self.block(node.body)
        return (self.read(ast.copy_location(ast.Try(node.body, node.handlers, node.orelse, []), node)),)

    def _failed(self, node: ast.Try, left: Errors, frame: TryFrame) -> Handler:
        """Return what a `finally` does where its `try` failed: its statements, then the error again."""
        reading = self.reading
        variable = reading.variable("error", node)
        scope = merge(scope for scope, _ in frame.failures)
        assert scope is not None
        error = Variable(variable, Caught(tuple(left.items())))
        reading.scope = scope.bind(CAUGHT, error)
        body = self.block(node.finalbody)
        if reading.scope is not None:
            reading.fails(left)
            again = RaiseAgain(error, "finally", left)
            body = (*body, again)
        return Handler(left, (Exception,), variable, body)

    def _presumed(self, node: ast.ExceptHandler, entry: Scope, frame: TryFrame) -> Errors:
        """Return the errors that a handler names, as if the body could end with them: a part of it was refused."""
        nodes = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type] if node.type else []
        errors = {each.__name__: each for each in map(self._class, nodes)}
        frame.failures.append((entry, errors))
        return errors

    def _pass_on(self, frame: TryFrame, left: Errors) -> None:
        """Note the errors that no handler here catches for the `try` around."""
        for scope, errors in frame.failures:
            passing = {name: each for name, each in errors.items() if name in left}
            if passing:
                self.reading.scope = scope
                self.reading.fails(passing)

    def _caught(
        self, node: ast.ExceptHandler, left: Errors, reported: Errors, body: tuple[Statement, ...]
    ) -> tuple[tuple[type[Exception], ...], Errors]:
        if node.type is None:
            raise Refused(node, "a bare `except` would catch too much", "write `except Exception`")
        nodes = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        classes = tuple(self._class(each) for each in nodes)
        for each, cls in zip(nodes, classes, strict=True):
            if caught_by([cls], left):
                continue
            if caught_by([cls], reported):
                found = f"`except {cls.__name__}` is never reached: an `except` above catches it"
                raise Refused(each, found, "put the narrower class first")
            refuse_missing(each, body, f"`except {cls.__name__}`", cls)
            raise Refused(
                each,
                f"`except {cls.__name__}` catches nothing: no step in this `try` reports it",
                of_except(cls, bool(reported)),
            )
        return classes, caught_by(classes, left)

    def _class(self, node: ast.expr) -> type[Exception]:
        text = self.reading.source(node)
        found, value = self.reading.steps.resolve(node)
        if not found or not isinstance(value, type) or not issubclass(value, BaseException):
            raise Refused(node, f"`except {text}` names no exception of the module", "import or define the class")
        if value is BaseException:
            raise Refused(node, f"`except {text}` would catch too much", "write `except Exception`")
        if issubclass(value, NEVER_CAUGHT) or not issubclass(value, Exception):
            raise Refused(node, f"`{text}` cannot be caught: it ends the run", "leave it out")
        return value

    def _handler(
        self, node: ast.ExceptHandler, classes: tuple[type[Exception], ...], caught: Errors, frame: TryFrame
    ) -> Handler:
        reading = self.reading
        scope = merge(scope for scope, errors in frame.failures if errors.keys() & caught.keys())
        assert scope is not None
        variable = reading.variable(node.name or "error", node)
        value = Variable(variable, Caught(tuple(caught.items())))
        # A `raise` alone raises the error of the innermost `except`; after an inner one it is the outer one's again.
        outer = scope.locals.get(CAUGHT)
        scope = scope.bind(CAUGHT, value)
        reading.scope = scope.bind(node.name, value) if node.name else scope
        body = self.block(node.body)
        if reading.scope is not None:
            reading.scope = _after(reading.scope, node.name)
            if outer is not None:
                reading.scope = reading.scope.bind(CAUGHT, outer.value)
        return Handler(caught, classes, variable, body)


def _leaving(nodes: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield what leaves a block: returns, and the breaks and continues of loops around it."""
    for node in nodes:
        if isinstance(node, (ast.Return, ast.Break, ast.Continue)):
            yield node
        elif isinstance(node, (ast.For, ast.While)):
            yield from (each for each in ast.walk(node) if isinstance(each, ast.Return))
            yield from (each for each in _leaving(node.orelse) if not isinstance(each, ast.Return))
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _leaving([each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)])
            handlers = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.ExceptHandler)]
            yield from _leaving([statement for each in handlers for statement in each.body])


def refuse_missing(node: ast.AST, body: tuple[Statement, ...], what: str, caught: type[Exception] = Exception) -> None:
    """Refuse to catch what an expression may fail with: that ends a run, and is caught in CPython."""
    places = [place for value in values(body) if (place := fails_at(value, caught)) is not None]
    if places:
        found = f"{places[0] or 'an expression in the `try`'} may fail in a way that {what} sees in Python only"
        raise Refused(node, found, "ask first, as in `if key in d`, or assign it on a line of its own in a `try`")


def _after(scope: Scope, name: str | None) -> Scope:
    """Return the scope after an `except`, where Python unbinds the error's name."""
    return scope.hide([CAUGHT, *([name] if name else [])])
