"""An author's exception, as `run` sees it: of a class that the step reports, with the text that travels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from durable.compiler.types.errornames import Errors, as_step_error
from durable.errors import NonRetryableError, StepError
from durable.signature import Signature, caught_classes
from durable.store.failure import OURS, failure_of


def reported(
    error: Exception, signature: Signature, *, sensitive: bool = False, catches: Sequence[str] = ()
) -> Exception:
    """Return an author's exception as it is reported: of a class that its step reports, with what it says."""
    named, foreign = signature.errors(), caught_classes(catches)
    failure = failure_of(error, {**foreign, **named}, sensitive=sensitive)
    is_itself = type(error) in named.values() or isinstance(error, OURS)
    # Itself, and not another one of its class: an `except` may read the attributes that its constructor set.
    if is_itself and error.args and str(error) == failure.text:
        return error
    cls = _reported_class(error, failure.name, named, foreign)
    said = _saying(type(error) if is_itself else cls, failure.text)
    vars(said).update(vars(error) if is_itself else {})
    return said


def _reported_class(error: Exception, name: str, named: Errors, foreign: Errors) -> type[Exception]:
    """Return the class that `run` sees."""
    if name in named:
        return named[name]
    if name in foreign:
        return as_step_error(foreign[name])
    return NonRetryableError if isinstance(error, NonRetryableError) else StepError


def _saying(cls: type[Exception], text: str) -> Exception:
    """Return an exception of a class that says a text, whatever the class makes of its arguments."""
    named = type(cls.__name__, (cls,), {"__str__": lambda self: text, "__doc__": cls.__doc__})
    solid = next(each for each in cls.__mro__ if each.__module__ == "builtins")  # OSError wants its own `__new__`
    return cast("Exception", solid.__new__(named, text))
