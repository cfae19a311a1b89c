"""The names under which errors are reported, and which classes they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from durable import wire
from durable.compiler.types.terms import (
    TEXT,
    Conditional,
    Constant,
    Expression,
    RawExpression,
    is_one_of,
)
from durable.errors import (
    CallbackFailed,
    ChildWorkflowError,
    DurableError,
    InvalidInput,
    InvalidResult,
    NonRetryableError,
    StaleResult,
    StepError,
    StepInProgress,
    StepTimeoutError,
    Stopped,
)
from durable.signature import Signature

Errors = Mapping[str, type[Exception]]

_ANY_STEP: Final[Errors] = {
    **{each.__name__: each for each in (StepError, StepTimeoutError, NonRetryableError, InvalidInput, InvalidResult)},
    **dict.fromkeys((*wire.CRASHES, *wire.UNUSABLE, *wire.LAMBDA_FAULTS), StepError),
    **dict.fromkeys(wire.TIMEOUTS, StepTimeoutError),
}
WAIT_ERRORS: Final[Errors] = {
    **dict.fromkeys((*wire.CRASHES, *wire.UNUSABLE, *wire.LAMBDA_FAULTS), StepError),
    **dict.fromkeys(wire.TIMEOUTS, StepTimeoutError),
}
"""What a wait for an event can end with."""
CALLBACK_ERRORS: Final[Errors] = {**WAIT_ERRORS, CallbackFailed.__name__: CallbackFailed}
"""What a wait for a callback can end with."""
CALL_ERRORS: Final[Errors] = {
    **WAIT_ERRORS,
    **{each.__name__: each for each in (ChildWorkflowError, InvalidInput)},
}
"""What a call of another workflow can end with."""
NEVER_CAUGHT: Final = (Stopped, StepInProgress, StaleResult)
"""What ends a run whatever its `except`s say."""
_REPORTED: Final = RawExpression("$states.errorOutput.Error", TEXT)


def step_errors(signature: Signature, foreign: Errors) -> Errors:
    """Return the errors that a step can report.

    Args:
        foreign: those of them that an `except` of `run` has it report, though its module does not name them.
    """
    named = {name: each for name, each in signature.errors().items() if not issubclass(each, NEVER_CAUGHT)}
    # A class that the step's module names is reported as itself, whatever an `except` names by the same name.
    own = {**foreign, **named}
    return dict(sorted({**own, **_ANY_STEP, **_final(own)}.items()))


def foreign_errors(signature: Signature, classes: Iterable[type[Exception]]) -> Errors:
    """Return the classes that a step's module does not name, as the errors that they are for `run`.

    Each is a StepError too, as every failure of a step is: `except StepError` around a narrower `except` catches it.
    """
    own = signature.errors()
    # A TimeoutError is asked for by who means the step's own timeout, which is a StepTimeoutError.
    wanted = (each for each in classes if not issubclass(each, DurableError) and each not in (Exception, TimeoutError))
    return {each.__name__: as_step_error(each) for each in wanted if own.get(each.__name__) is not each}


_STEP_ERRORS: Final[dict[type[Exception], type[StepError]]] = {}


def as_step_error(cls: type[Exception]) -> type[StepError]:
    """Return the class of a step's failures that `except cls` catches: always the same one."""
    # One class for each: `except` compares classes by identity.
    if cls not in _STEP_ERRORS:
        _STEP_ERRORS[cls] = _step_error(cls)
    return _STEP_ERRORS[cls]


def _step_error(cls: type[Exception]) -> type[StepError]:
    said = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": StepError.__doc__}
    try:
        return type(cls.__name__, (StepError, cls), said)
    except TypeError:  # a class that cannot be derived from
        return StepError


def _final(own: Errors) -> Errors:
    retried = {name: each for name, each in own.items() if not issubclass(each, (NonRetryableError, *NEVER_CAUGHT))}
    retried |= {each.__name__: each for each in (StepError, StepTimeoutError)}
    return {wire.FINAL + name: each for name, each in retried.items()}


def caught_by(classes: Iterable[type[Exception]], errors: Errors) -> Errors:
    """Return those of the errors that an `except` of these classes catches."""
    wanted = tuple(classes)
    return {name: each for name, each in errors.items() if issubclass(each, wanted)}


def name_of(errors: Errors) -> Expression:
    """Return, where one of these errors was caught, its class's name."""
    names = sorted({each.__name__ for each in errors.values()})
    if len(names) == 1:
        return Constant(names[0], TEXT)
    # Crashes and throttles have names of AWS, which no `type(error).__name__` in CPython could give: these are
    # replaced.
    name: Expression = _REPORTED
    for known in names:
        others = [reported for reported, each in errors.items() if each.__name__ == known and reported != known]
        if others:
            name = Conditional(is_one_of(_REPORTED, others), Constant(known, TEXT), name, TEXT)
    return name
