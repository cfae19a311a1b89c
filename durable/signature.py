"""The contract of a step, read off its signature: data in, the bindings it may touch, data out."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from durable.adapters import adapter_of
from durable.bindings.base import Binding
from durable.bindings.workflow import Workflow
from durable.callback import Callback
from durable.context import StepContext
from durable.errors import NonRetryableError, SignatureError


@dataclass(frozen=True, slots=True)
class DataParameter:
    """A parameter that carries data."""

    name: str
    type: Any
    required: bool
    adapter: TypeAdapter[Any]


@dataclass(frozen=True, slots=True)
class BindingParameter:
    """A parameter that is given a binding's client; `value` is V of `KVNamespace[V]`, Any where none is named."""

    name: str
    binding: type[Binding]
    value: Any


@dataclass(frozen=True, slots=True)
class CallbackParameter:
    """A parameter that is given the step's callback; `type` is that of the result that completes it."""

    name: str
    type: Any


@dataclass(frozen=True, slots=True)
class Signature:
    """What a step's function takes and returns."""

    function: Callable[..., Any]
    data: tuple[DataParameter, ...]
    bindings: tuple[BindingParameter, ...]
    context: str | None
    returns: Any
    result: TypeAdapter[Any]
    callback: CallbackParameter | None = None

    @property
    def import_name(self) -> str:
        """`module:function`, by which a Lambda imports it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def place(self) -> str:
        """Where the function stands, for messages."""
        code = getattr(self.function, "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else self.import_name

    def errors(self) -> Mapping[str, type[Exception]]:
        """The exception classes that the step's module names, by their class name: those reported as themselves.

        They are the exceptions among the module's globals. The built-in ones are not, so a ValueError is a StepError.
        """
        found = vars(sys.modules[self.function.__module__]).values()
        return {each.__name__: each for each in found if isinstance(each, type) and issubclass(each, Exception)}

    def non_retryable(self) -> tuple[str, ...]:
        """The names of those that are never retried, sorted."""
        return tuple(sorted(name for name, each in self.errors().items() if issubclass(each, NonRetryableError)))


@functools.cache
def signature_of(function: Callable[..., Any]) -> Signature:
    """Return the contract of a step's function.

    Raises:
        SignatureError: it is no plain function that can be imported by name, or a part of its signature
            has no type or one that cannot be written as JSON.
    """
    signature = _read(function)
    if "return" not in _hints(function):
        raise SignatureError(f"{_where(function)} does not say what it returns; annotate it, with None for nothing")
    if signature.callback is not None:
        if signature.returns is not type(None):
            raise SignatureError(
                f"{_where(function)} has a callback and returns something; annotate it with None: the step's result is"
                " what its callback is completed with"
            )
        # What is recorded of the function is the type of the event that completes its step.
        return replace(signature, returns=str, result=TypeAdapter(str))
    return replace(signature, result=_adapter(function, "its result", signature.returns))


def is_injected(function: Callable[..., Any]) -> bool:
    """True if a function takes a binding, a `StepContext` or a callback: nothing but a step is given these."""
    try:
        signature = _read(function)
    except SignatureError:
        return False
    return bool(signature.bindings or signature.context or signature.callback)


@functools.cache
def entry_of(function: Callable[..., Any]) -> Signature:
    """Return the contract of a worker's `fetch`: bindings only, and an API out, which never travels.

    Raises:
        SignatureError: it takes anything else.
    """
    signature = _read(function)
    if inspect.iscoroutinefunction(function):
        raise SignatureError(f"{_where(function)} is async; write a worker's fetch with a plain `def`")
    if signature.data or signature.context or signature.callback:
        raise SignatureError(f"{_where(function)} takes more than bindings; a worker's fetch is given nothing else")
    return signature


@functools.cache
def authorizer_of(function: Callable[..., Any], request: type[Any], caller: type[Any]) -> Signature:
    """Return the contract of a function that says who calls a worker: a request and bindings in, a caller out.

    Raises:
        SignatureError: it takes or returns anything else.
    """
    signature = _read(function)
    if inspect.iscoroutinefunction(function):
        raise SignatureError(f"{_where(function)} is async; write an Authorizer's function with a plain `def`")
    if [each.type for each in signature.data] != [request] or signature.context or signature.callback:
        raise SignatureError(f"{_where(function)} is an Authorizer's; let it take one Request, and bindings")
    if signature.returns is not caller:
        raise SignatureError(f"{_where(function)} is an Authorizer's; let it return a Caller, and say so: -> Caller")
    if workflows := [each.name for each in signature.bindings if issubclass(each.binding, Workflow)]:
        raise SignatureError(
            f"{_where(function)} is an Authorizer's and names the workflow {workflows[0]}; keep what it looks up in a"
            " KVNamespace, a Database or a Secret"
        )
    return signature


def _read(function: Callable[..., Any]) -> Signature:
    _importable(function)
    hints = _hints(function)
    data: list[DataParameter] = []
    bindings: list[BindingParameter] = []
    context: str | None = None
    callback: CallbackParameter | None = None
    for parameter in inspect.signature(function).parameters.values():
        annotation = _annotation(function, parameter, hints)
        # `KVNamespace[Order]` is an alias; its origin is the class of the binding.
        kind = typing.get_origin(annotation) or annotation
        if kind is StepContext:
            context = parameter.name
        elif kind is Callback:
            (completes,) = typing.get_args(annotation) or (Any,)
            _adapter(function, parameter.name, completes)
            callback = CallbackParameter(parameter.name, completes)
        elif isinstance(kind, type) and issubclass(kind, Binding):
            values = typing.get_args(annotation)
            bindings.append(BindingParameter(parameter.name, kind, values[0] if values else Any))
        else:
            required = parameter.default is inspect.Parameter.empty
            adapter = _adapter(function, parameter.name, annotation)
            data.append(DataParameter(parameter.name, annotation, required, adapter))
    return Signature(function, tuple(data), tuple(bindings), context, hints.get("return"), TypeAdapter(Any), callback)


def _where(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"


def _importable(function: Callable[..., Any]) -> None:
    if not inspect.isfunction(function):
        raise SignatureError(f"{function!r} is not a function; a step is a plain function of a module")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SignatureError(f"{_where(function)} is a generator; let it return a list")
    module = sys.modules.get(function.__module__)
    # A Lambda imports it by this name: what it finds there must be the function that was compiled.
    if getattr(module, function.__qualname__, None) is not function:
        raise SignatureError(
            f"{_where(function)} cannot be imported by its name; a step is a function at the top level of a module,"
            " neither a lambda nor nested nor decorated"
        )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise SignatureError(
            f"{_where(function)} has an annotation that cannot be read: {error}; import the name at run time,"
            " not under TYPE_CHECKING"
        ) from None
    except Exception as error:  # an annotation is an expression of the author's: it may raise anything
        raise SignatureError(
            f"{_where(function)} has an annotation that cannot be read: {type(error).__name__}: {error}; mend it"
        ) from None


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter, hints: dict[str, Any]) -> Any:
    if parameter.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
        raise SignatureError(
            f"{_where(function)}: parameter {parameter.name} is positional-only or starred; name each one"
        )
    if parameter.name not in hints:
        raise SignatureError(f"{_where(function)}: parameter {parameter.name} has no type; annotate it")
    return hints[parameter.name]


def _adapter(function: Callable[..., Any], name: str, annotation: Any) -> TypeAdapter[Any]:
    return adapter_of(annotation, f"{_where(function)}: {name}")


def class_path(cls: type[Exception]) -> str:
    """Return `module:class`, by which a step's Lambda finds a class that an `except` of `run` names."""
    return f"{cls.__module__}:{cls.__qualname__}"


def caught_classes(paths: Iterable[str]) -> dict[str, type[Exception]]:
    """Return the exception classes of such paths, by their names.

    One whose module was not imported is left out: nothing can have raised it.
    """
    found: dict[str, type[Exception]] = {}
    for path in paths:
        module, _, name = path.partition(":")
        value: Any = sys.modules.get(module)
        for part in name.split("."):
            value = getattr(value, part, None)
        if isinstance(value, type) and issubclass(value, Exception):
            found[value.__name__] = value
    return found
