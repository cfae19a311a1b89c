"""Reading `raise`: which errors a run may end with."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Final

from durable.compiler.expressions.formats import spelled
from durable.compiler.expressions.refusals import refuse_none
from durable.compiler.program.tree import Raise, RaiseAgain
from durable.compiler.source.names import HOISTED
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.definitions import DefinitionReader
from durable.compiler.statements.reading import Reading
from durable.compiler.types.errornames import NEVER_CAUGHT
from durable.compiler.types.kinds import (
    Boolean,
    Caught,
    Float,
    Integer,
    Kind,
    Null,
    Text,
    acts_as,
    describe,
    is_error,
    is_text,
    is_unknown,
    members,
)
from durable.compiler.types.terms import TEXT, Constant, Expression
from durable.errors import DurableError, StepError, WorkflowError, public_message

_CLASSES: Final = (WorkflowError, StepError)
_BUILTIN: Final = frozenset(
    {
        *(Exception, ArithmeticError, AssertionError, IndexError, LookupError, NotImplementedError, OverflowError),
        *(ConnectionError, PermissionError, RuntimeError, TimeoutError, TypeError, ValueError, ZeroDivisionError),
    }
)
"""Those of Python that say the text they are given, and mean nothing else to an event loop or a generator."""
CAUGHT: Final = "<caught>"
"""The name under which a scope holds the error that is being handled."""


_PLAIN: Final = (Null, Boolean, Integer, Float, Text)


@dataclass(frozen=True, slots=True)
class RaiseReader:
    """Reads `raise` statements."""

    reading: Reading
    definitions: DefinitionReader

    def read(self, node: ast.Raise) -> Raise | RaiseAgain:
        """Return a `raise`.

        Raises:
            Refused: what it raises is no error of a workflow.
        """
        reading = self.reading
        label = reading.source(node)
        # The cause is checked and then left out: a run ends with one error, and no state machine keeps a chain of them.
        if node.cause is not None and not (isinstance(node.cause, ast.Constant) and node.cause.value is None):
            self._caught(node.cause)
        again = self._again(node)
        if again is not None:
            errors = {name: error for each in members(again.kind) for name, error in _errors(each)}
            reading.fails(errors)
            return RaiseAgain(again, label, errors)
        assert node.exc is not None
        call = node.exc if isinstance(node.exc, ast.Call) else None
        error = self._error(call.func if call else node.exc)
        message = self._own_message(node.exc, error) if _words_itself(error) else self._message(call, error)
        reading.fails({error.__name__: error})
        return Raise(error, message, label)

    def checked(self, node: ast.Assert) -> ast.stmt:
        """Return an `assert` as an `if` with a `raise`."""
        name = ast.Name(f"AssertionError{HOISTED}", ast.Load())
        error = ast.Call(name, [node.msg], []) if node.msg is not None else name
        return placed(ast.If(placed(ast.UnaryOp(ast.Not(), node.test), node.test), [ast.Raise(error)], []), node)

    def _again(self, node: ast.Raise) -> Expression | None:
        scope = self.reading.here()
        if node.exc is None:
            if CAUGHT not in scope.locals:
                remedy = "outside of an `except`, name the error: raise WorkflowError(…)"
                raise Refused(node, "`raise` alone stands in no `except`", remedy)
            return scope.locals[CAUGHT].value
        of = node.exc.value if isinstance(node.exc, ast.Subscript) else node.exc
        if isinstance(of, ast.Name) and of.id in scope.locals:
            return self._caught(node.exc)
        return None

    def _caught(self, node: ast.expr) -> Expression:
        value = self.reading.value(node)
        refuse_none(node, value, f"`{self.reading.source(node)}`")
        if not is_error(value.kind) and not is_unknown(value.kind):
            raise Refused(node, f"`{self.reading.source(node)}` is no error", "raise WorkflowError(…)")
        return value

    def _error(self, node: ast.expr) -> type[Exception]:
        if isinstance(node, ast.Name) and node.id.endswith(HOISTED):
            return AssertionError
        text = self.reading.source(node)
        found, value = self.reading.steps.resolve(node)
        if not found:
            raise Refused(node, f"`{text}` is not an exception of the module", "import or define the class")
        return raisable(node, value, text)

    def _own_message(self, node: ast.expr, error: type[Exception]) -> Expression:
        """Return what an error says whose class words it: worked out here, or by its `__init__` in the run."""
        call = node if isinstance(node, ast.Call) else ast.copy_location(ast.Call(node, [], []), node)
        given = [*call.args, *(each.value for each in call.keywords)]
        values = [self.reading.value(each) for each in given]
        # All arguments are known: the class itself says what it makes of them, when compiling.
        if all(isinstance(each, Constant) and isinstance(each.kind, _PLAIN) for each in values) and all(
            each.arg for each in call.keywords
        ):
            known = [each.value for each in values if isinstance(each, Constant)]
            named = {str(each.arg): value for each, value in zip(call.keywords, known[len(call.args) :], strict=True)}
            return Constant(self._made(node, error, known[: len(call.args)], named), TEXT)
        definition = self.definitions.initializer(error) if error.__str__ is DurableError.__str__ else None
        if definition is None:
            found = f"`{self.reading.source(node)}` words its message in {error.__name__}, which no state machine runs"
            raise Refused(node, found, f'let {error.__name__} say what it is given: `raise {error.__name__}(f"…")`')
        message = self.definitions.placed(call, definition, self.reading.here())
        return message if is_text(message.kind) or is_unknown(message.kind) else spelled(node, message, error.__name__)

    def _made(self, node: ast.expr, error: type[Exception], given: list[Any], named: dict[str, Any]) -> str:
        try:
            return str(error(*given, **named))
        except Exception as failure:  # whatever the author's class raises
            found = f"`{self.reading.source(node)}` fails: {failure}"
            raise Refused(node, found, f"give {error.__name__} what its `__init__` takes") from None

    def _message(self, call: ast.Call | None, error: type[Exception]) -> Expression:
        if call is None or not (call.args or call.keywords):
            return Constant("" if error in _BUILTIN else public_message(error), TEXT)
        if len(call.args) != 1 or call.keywords:
            raise Refused(call, f"`{self.reading.source(call)}` has several arguments", "give it one message")
        message = self.reading.value(call.args[0])
        if not isinstance(acts_as(message.kind), Text) and not is_unknown(message.kind):
            raise Refused(call, f"the message of an error is {describe(message.kind)}", "write a string or an f-string")
        return message


def _words_itself(error: type[Exception]) -> bool:
    """Whether an author's class has an `__init__` or `__str__` of its own."""
    own = [
        each for each in error.__mro__ if not each.__module__.startswith("durable.") and each.__module__ != "builtins"
    ]
    return any(vars(each).keys() & {"__init__", "__new__", "__str__"} for each in own)


def _errors(kind: Kind) -> tuple[tuple[str, type[Exception]], ...]:
    return kind.errors if isinstance(kind, Caught) else ()


def raisable(node: ast.AST, value: Any, text: str) -> type[Exception]:
    """Return a class that `run` may raise."""
    if isinstance(value, type) and issubclass(value, _CLASSES) and not issubclass(value, NEVER_CAUGHT):
        return value
    if isinstance(value, type) and value in _BUILTIN:
        return value
    remedy = "raise WorkflowError, a class of your own derived from it, or ValueError, RuntimeError and the like"
    raise Refused(node, f"`raise {text}` is no error that ends a run", remedy)
