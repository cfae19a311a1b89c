"""`step.do`, as type checkers see it: the arguments of a step are its function's first parameters.

A function of plain `def` and one of `async def` have an overload each, for each number of arguments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, TypeVar, overload

from durable.durations import Duration
from durable.retries import Retries

R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
# The overloads are written out because Python's types cannot say "the first n parameters of a function". Of more than
# six arguments, and of those that are given by name, the compiler alone checks the types.
F = TypeVar("F")


class Do(ABC):
    """What `step.do` is."""

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, ...], Coroutine[Any, Any, R]],
        argument: A,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, ...], R],
        argument: A,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, ...], Coroutine[Any, Any, R]],
        first: A,
        second: B,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, ...], R],
        first: A,
        second: B,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, ...], Coroutine[Any, Any, R]],
        first: A,
        second: B,
        third: C,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, ...], R],
        first: A,
        second: B,
        third: C,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, D, ...], Coroutine[Any, Any, R]],
        first: A,
        second: B,
        third: C,
        fourth: D,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, D, ...], R],
        first: A,
        second: B,
        third: C,
        fourth: D,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, D, E, ...], Coroutine[Any, Any, R]],
        first: A,
        second: B,
        third: C,
        fourth: D,
        fifth: E,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, D, E, ...], R],
        first: A,
        second: B,
        third: C,
        fourth: D,
        fifth: E,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, D, E, F, ...], Coroutine[Any, Any, R]],
        first: A,
        second: B,
        third: C,
        fourth: D,
        fifth: E,
        sixth: F,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[Concatenate[A, B, C, D, E, F, ...], R],
        first: A,
        second: B,
        third: C,
        fourth: D,
        fifth: E,
        sixth: F,
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[..., Coroutine[Any, Any, R]],
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @overload
    async def do(
        self,
        name: str,
        function: Callable[..., R],
        /,
        *,
        retries: Retries = ...,
        timeout: Duration = ...,
        undo: Callable[Concatenate[R, ...], Any] | None = ...,
        after_rollback: Callable[Concatenate[R, ...], Any] | None = ...,
        sensitive: bool = ...,
        **named: Any,
    ) -> R: ...

    @abstractmethod
    async def do(
        self,
        name: str,
        function: Callable[..., Any],
        /,
        *arguments: Any,
        retries: Retries = Retries(),
        timeout: Duration = "10 minutes",
        undo: Callable[..., Any] | None = None,
        after_rollback: Callable[..., Any] | None = None,
        sensitive: bool = False,
        **named: Any,
    ) -> Any:
        """Run a step: the function on a Lambda of its own, its result recorded.

        The name is unique in `run` and at most 80 characters long. The timeout is for each attempt, whole seconds,
        895 at most. The arguments are those of the function, in order or by their names; bindings and the StepContext
        in its signature are injected.

        When the run fails, or is terminated with rollback, `undo` takes back what the step did: a function that is
        given the step's result, and of the step's arguments those that it names. The steps are undone newest first,
        each with its own retries and timeout. `after_rollback`, in place of `undo`, is given the same, and is called
        when all is undone that has an undo. Of a step that is `sensitive` no data is shown to operators.
        """
