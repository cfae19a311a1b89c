"""Reading `try` and `except`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from durable.compiler.errornames import NEVER_CAUGHT, caught_by
from durable.compiler.kinds import Caught
from durable.compiler.problems import Refused
from durable.compiler.raises import CAUGHT
from durable.compiler.reading import Errors, Reading, TryFrame
from durable.compiler.scope import Scope, merge
from durable.compiler.terms import Variable
from durable.compiler.tree import Handler, Statement, Try

ReadBlock = Callable[[list[ast.stmt]], tuple[Statement, ...]]


@dataclass(slots=True)
class TryReader:
    """Reads `try` statements; `block` reads the statements in them."""

    reading: Reading
    block: ReadBlock

    def read(self, node: ast.Try) -> Try:
        """Return a `try`."""
        if node.finalbody:
            remedy = "write it after the `try`, and in each `except` that leaves"
            raise Refused(node.finalbody[0], "`finally` cannot be said in a state machine", remedy)
        reading, frame = self.reading, TryFrame()
        reading.frame.tries.append(frame)
        try:
            entry, known = reading.here(), len(reading.problems)
            body = self.block(node.body)
            is_refused = len(reading.problems) > known
        finally:
            reading.frame.tries.pop()
        otherwise = self.block(node.orelse) if reading.scope is not None else ()
        after = [reading.scope]
        left = frame.errors()
        handlers = []
        for each in node.handlers:
            if is_refused:
                left |= self._presumed(each, entry, frame)
            classes, caught = self._caught(each, left, frame.errors())
            left = {name: error for name, error in left.items() if name not in caught}
            handlers.append(self._handler(each, classes, caught, frame))
            after.append(reading.scope)
        self._pass_on(frame, left)
        reading.scope = merge(after)
        return Try(body, tuple(handlers), otherwise)

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
        self, node: ast.ExceptHandler, left: Errors, reported: Errors
    ) -> tuple[tuple[type[Exception], ...], Errors]:
        if node.type is None:
            raise Refused(node, "a bare `except` would catch too much", _NAME_THEM)
        nodes = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        classes = tuple(self._class(each) for each in nodes)
        for each, cls in zip(nodes, classes, strict=True):
            if caught_by([cls], left):
                continue
            if caught_by([cls], reported):
                found = f"`except {cls.__name__}` is never reached: an `except` above catches it"
                raise Refused(each, found, "put the narrower class first")
            raise Refused(
                each,
                f"`except {cls.__name__}` catches nothing: no step in this `try` can report it",
                "a step reports the exceptions that its module names; mend the class, or leave it out",
            )
        return classes, caught_by(classes, left)

    def _class(self, node: ast.expr) -> type[Exception]:
        text = self.reading.source(node)
        found, value = self.reading.steps.resolve(node)
        if not found or not isinstance(value, type) or not issubclass(value, BaseException):
            raise Refused(node, f"`except {text}` names no exception of the module", "import or define the class")
        if value in (Exception, BaseException):
            raise Refused(node, f"`except {text}` would catch too much", _NAME_THEM)
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
        outer = scope.locals.get(CAUGHT)
        scope = scope.bind(CAUGHT, value)
        reading.scope = scope.bind(node.name, value) if node.name else scope
        body = self.block(node.body)
        if reading.scope is not None:
            reading.scope = _after(reading.scope, node.name)
            if outer is not None:
                reading.scope = reading.scope.bind(CAUGHT, outer.value)
        return Handler(caught, classes, variable, body)


def _after(scope: Scope, name: str | None) -> Scope:
    """Return the scope after an `except`, where Python unbinds the error's name."""
    return scope.hide([CAUGHT, *([name] if name else [])])


_NAME_THEM = "name the errors: StepError is every failure of a step, its subclasses some of them"
