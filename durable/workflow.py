"""What an author writes a workflow with: the class, its event and its steps.

Nothing here runs a workflow. `run` is read from its source and compiled; natively, in a test, the methods of
`WorkflowStep` are those of the runner that `durable.testing` passes in.
"""

from __future__ import annotations

import dataclasses
import typing
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, Generic, Literal, Protocol, TypeVar, overload

from durable.callback import Callback
from durable.do import Do
from durable.durations import Duration
from durable.retries import Retries

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")
A = TypeVar("A")
M = TypeVar("M")
P_contra = TypeVar("P_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class WorkflowEvent(Generic[T_co]):
    """What a run was started with."""

    payload: T_co
    timestamp: datetime
    instance_id: str
    workflow_name: str


class Called(Protocol[P_contra, R_co]):
    """A workflow as `step.call` sees it: what it takes and what it returns."""

    async def run(self, event: WorkflowEvent[P_contra], step: WorkflowStep) -> R_co: ...


class WorkflowStep(Do):
    """The durable steps that `run` may await."""

    @abstractmethod
    async def sleep(self, name: str, duration: Duration, /) -> None:
        """Wait for the duration, counted from the end of what the run did before."""

    @abstractmethod
    async def sleep_until(self, name: str, when: datetime | str, /) -> None:
        """Wait until a time: a datetime with a zone, or an ISO 8601 text with one; a past time does not wait."""

    @overload
    async def wait_for_event(
        self, name: str, /, *, type: str, payload: type[M], timeout: Duration = "24 hours"
    ) -> M: ...

    @overload
    async def wait_for_event(self, name: str, /, *, type: str, timeout: Duration = "24 hours") -> None: ...

    @abstractmethod
    async def wait_for_event(
        self, name: str, /, *, type: str, payload: Any = None, timeout: Duration = "24 hours"
    ) -> Any:
        """Wait for an event of this type that is sent to the run, and return its payload.

        An event that was sent before is kept, the first in is the first out. A payload is checked against the model
        when it is sent; without a model the event has none. The timeout is whole seconds, 365 days at most; when it
        is over the step raises StepTimeoutError.
        """

    @overload
    async def callback(
        self,
        name: str,
        function: Callable[Concatenate[Callback[M], ...], None],
        /,
        *,
        timeout: Duration = ...,
        retries: Retries = ...,
        sensitive: bool = ...,
    ) -> M: ...

    @overload
    async def callback(
        self,
        name: str,
        function: Callable[Concatenate[A, Callback[M], ...], None],
        argument: A,
        /,
        *,
        timeout: Duration = ...,
        retries: Retries = ...,
        sensitive: bool = ...,
    ) -> M: ...

    @overload
    async def callback(
        self,
        name: str,
        function: Callable[..., None],
        /,
        *arguments: Any,
        timeout: Duration = ...,
        retries: Retries = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> Any: ...

    @abstractmethod
    async def callback(
        self,
        name: str,
        function: Callable[..., None],
        /,
        *arguments: Any,
        timeout: Duration = "24 hours",
        retries: Retries = Retries(),
        sensitive: bool = False,
        **named: Any,
    ) -> Any:
        """Run a step that something else completes, and return what it is completed with.

        The function has a parameter `callback: Callback[Result]`, and begins what takes long: a task of ECS, a build, a
        person's work. Whoever has its token or its URL completes the step. Completed with an error, the step raises
        CallbackFailed; when the timeout is over, whole seconds, 365 days at most, it raises StepTimeoutError. The
        retries are the function's. An attempt of it may take 10 minutes.
        """

    @abstractmethod
    async def call(self, name: str, workflow: type[Called[P_contra, R_co]], payload: P_contra, /) -> R_co:
        """Start a run of another workflow, wait for its end, and return what its `run` returned.

        The workflow is declared in app.py. If its run does not complete, the step raises ChildWorkflowError.
        """

    @overload
    async def map(
        self,
        name: str,
        body: Callable[[A], Awaitable[R]],
        items: Sequence[A],
        /,
        *,
        concurrency: int = ...,
        return_exceptions: Literal[False] = ...,
    ) -> list[R]: ...

    @overload
    async def map(
        self,
        name: str,
        body: Callable[[A], Awaitable[R]],
        items: Sequence[A],
        /,
        *,
        concurrency: int = ...,
        return_exceptions: Literal[True],
    ) -> list[R | Exception]: ...

    @abstractmethod
    async def map(
        self,
        name: str,
        body: Callable[[Any], Awaitable[Any]],
        items: Sequence[Any],
        /,
        *,
        concurrency: int = 10,
        return_exceptions: bool = False,
    ) -> list[Any]:
        """Run the body, a nested `async def` of `run`, for each item; the results are in the order of the items.

        At most `concurrency` items, 1 to 1,600, are under way at once. When one fails, the others are stopped; with
        `return_exceptions` its error is its result, and all are done.
        """

    @overload
    async def race(self, one: Awaitable[A], other: Awaitable[R], /) -> A | R: ...

    @overload
    async def race(self, one: Awaitable[A], other: Awaitable[R], third: Awaitable[M], /) -> A | R | M: ...

    @overload
    async def race(self, /, *branches: Awaitable[A]) -> A: ...

    @abstractmethod
    async def race(self, /, *branches: Awaitable[Any]) -> Any:
        """Run two or more branches side by side, and return what the first returns that succeeds; stop the others.

        A branch is what `asyncio.gather` takes, or a sleep. A step of a branch that has lost does not begin any more;
        one that is at work ends, and its result is dropped. Where all branches fail, the error of the one that stands
        first is raised.
        """

    @abstractmethod
    async def complete(self, name: str, result: T, /) -> T:
        """Return the result under a name, for `return await step.complete(…)`: the end of a run, and no state."""


class WorkflowEntrypoint(ABC, Generic[T]):
    """A workflow: its `run` names the steps. T is the type of the payload, a pydantic model or any JSON type."""

    @abstractmethod
    async def run(self, event: WorkflowEvent[T], step: WorkflowStep) -> Any:
        """Say what the workflow does; see docs/language.md for what may stand here."""


def payload_type(workflow: type[WorkflowEntrypoint[Any]]) -> Any:
    """Return T of `class X(WorkflowEntrypoint[T])`; a type variable where the class names none."""
    # A class may derive from another workflow, which names the type.
    for cls in workflow.__mro__:
        for base in cls.__dict__.get("__orig_bases__", ()):
            if getattr(base, "__origin__", None) is WorkflowEntrypoint:
                return base.__args__[0]
    return T


def payload_fields(workflow: type[WorkflowEntrypoint[Any]]) -> dict[str, str]:
    """Return the fields of a workflow's payload by their names in Python, each with its name in JSON."""
    payload = payload_type(workflow)
    cls: Any = typing.get_origin(payload) or payload
    # Of models and of pydantic's own dataclasses; asked for by its name, since `import durable` needs no package.
    infos: dict[str, Any] | None = getattr(cls, "__pydantic_fields__", None)
    if infos is not None:
        return {name: field.serialization_alias or field.alias or name for name, field in infos.items()}
    if dataclasses.is_dataclass(cls):  # its annotations would be its own alone, without those of its bases
        return {each.name: each.name for each in dataclasses.fields(cls)}
    return {name: name for name in getattr(cls, "__annotations__", ())}


def result_type(workflow: type[WorkflowEntrypoint[Any]]) -> Any:
    """Return what a workflow's `run` says it returns; `Any` where it does not say."""
    return typing.get_type_hints(workflow.run).get("return", Any)
