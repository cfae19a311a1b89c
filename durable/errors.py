"""Every error of the library, in one hierarchy.

    DurableError
    ├── WorkflowError            raised in `run`: ends the run as errored
    ├── StepError                a step failed, after its retries
    │   ├── PublicError          raised in a step: its message is shown to whoever started the run
    │   ├── RetryAfter           raised in a step: try again after this delay; it stands in `retries`
    │   ├── StepTimeoutError     an attempt took longer than its timeout, or no event came in time
    │   ├── CallbackFailed       whoever had the callback of the step completed it with an error
    │   ├── ChildWorkflowError   the workflow that `step.call` started did not complete
    │   ├── TooManyRounds        a loop or map passed its cap
    │   ├── InvalidTime          `sleep_until` was given no time with a zone, or one more than a year ahead
    │   └── NonRetryableError    raised in a step: fail at once
    │       ├── InvalidInput     the step's input does not fit its signature
    │       ├── InvalidResult    the step's result does not fit it, or is too large
    │       └── StaleResult      a recorded result no longer fits the code that goes on
    ├── StepInProgress           another invocation holds the step's lease (never seen by `run`)
    ├── Stopped                  the run was paused or terminated (never seen by `run`)
    ├── RunRequestError            the transition is not possible for the run
    │   ├── RunNotFound
    │   ├── RunExists
    │   ├── RunConflict   the run is in no state for the transition
    │   ├── RunClosed
    │   ├── EventExists
    │   ├── EventUnknown
    │   ├── CallbackUnknown
    │   └── Throttled
    └── ConfigurationError       wrong before anything runs
        ├── DurationError
        ├── RetriesError
        ├── ScheduleError
        ├── SignatureError
        ├── ModuleError
        ├── DeclarationError
        └── CompileError

What an error says is data of the run: recorded, readable in `run` as `str(error)`, and shown to operators. The world
outside is shown the first line of its class's docstring, which cannot hold anybody's data. A PublicError and a
WorkflowError are shown with their own message.
"""

from __future__ import annotations

from collections.abc import Sequence


class DurableError(Exception):
    """Something failed."""

    def __str__(self) -> str:
        return super().__str__() if self.args else public_message(type(self))

    @property
    def message(self) -> str:
        """What the error says; where it was raised without a message, the first line of its class's docstring."""
        return str(self)


class WorkflowError(DurableError):
    """The workflow ended itself with an error."""


class StepError(DurableError):
    """The step failed."""


class PublicError(StepError):
    """The step failed.

    Derive from it where whoever started the run may read why: the message of such an error is public.
    """


class StepTimeoutError(StepError):
    """The step took longer than its timeout."""


class CallbackFailed(StepError):
    """Whoever had the callback of the step completed it with an error."""


class ChildWorkflowError(StepError):
    """The workflow that the step called did not complete."""


class InvalidTime(StepError):
    """The time to sleep until is no ISO 8601 time with a zone, or is more than a year ahead."""


class TooManyRounds(StepError):
    """A loop or a map took more rounds than an execution can hold."""


class NonRetryableError(StepError):
    """The step failed in a way that trying again cannot mend."""


class InvalidInput(NonRetryableError):
    """The step was given input that does not fit its signature."""


class InvalidResult(NonRetryableError):
    """The step returned something that does not fit its signature, or is too large."""


class StaleResult(NonRetryableError):
    """A recorded result no longer fits the code that would use it."""


class StepInProgress(DurableError):
    """Another invocation of this step is under way."""


class Stopped(DurableError):
    """The run was paused or terminated."""


class RaceOver(DurableError):
    """Another branch of the `step.race` has won."""


class RunRequestError(DurableError):
    """The run cannot do that."""


class RunNotFound(RunRequestError):
    """There is no such run."""


class RunExists(RunRequestError):
    """A run with this id and other parameters exists."""


class RunConflict(RunRequestError):
    """The run is not in a state for that.

    Its message is a sentence of the library, fit for anyone: why not, and what to do instead.
    """


class RunClosed(RunRequestError):
    """The run has ended."""


class EventExists(RunRequestError):
    """An event with this id and another type or payload was sent before."""


class EventUnknown(RunRequestError):
    """The workflow waits for no event of this type."""


class CallbackUnknown(RunRequestError):
    """No step has a callback of this token."""


class Throttled(RunRequestError):
    """Too much at once: try the same again later."""


class ConfigurationError(DurableError):
    """The project is not written as it must be."""


class DurationError(ConfigurationError, ValueError):
    """A duration is not of the form "10 seconds"."""

    def __init__(self, got: object, why: str = "", meant: str = "") -> None:
        self.got = got
        reason = f" ({why})" if why else ""
        remedy = (
            f'write "{meant}"'
            if meant
            else "write a number and second, minute, hour, day, week, month or year,"
            ' as in "10 seconds", or pass a timedelta or a number of seconds, not negative'
        )
        super().__init__(f"not a duration: {got!r}{reason}; {remedy}")


class RetriesError(ConfigurationError, ValueError):
    """The retries of a step cannot be had."""


class ScheduleError(ConfigurationError, ValueError):
    """A schedule is not one."""

    def __init__(self, got: str, found: str, remedy: str) -> None:
        self.got, self.found, self.remedy = got, found, remedy
        super().__init__(f"not a schedule: {got!r}: {found}; {remedy}")


class SignatureError(ConfigurationError, TypeError):
    """A step's signature cannot be read."""


class ModuleError(ConfigurationError):
    """A module of the project cannot be imported.

    Its place is the line of the author's own that failed; where there is no such module, it is empty.
    """

    def __init__(self, module: str, place: str, found: str, remedy: str) -> None:
        self.module, self.place, self.found, self.remedy = module, place, found, remedy
        super().__init__(f"{place}: {found}; {remedy}".removeprefix(": "))


class DeclarationError(ConfigurationError):
    """The declarations of a project do not fit together."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class CompileError(ConfigurationError):
    """A `run` says something that cannot be compiled."""

    def __init__(self, file: str, line: int, found: str, remedy: str) -> None:
        self.file, self.line, self.found, self.remedy = file, line, found, remedy
        # The form that editors and terminals make a link of: file, line, then the text.
        super().__init__(f"{file}:{line}: {found}; {remedy}")


def public_message(error: type[BaseException]) -> str:
    """Return the sentence that may be shown to anyone: the first line of the class's docstring."""
    # The docstring was written with the class, before there was any data: so it can hold nobody's.
    return next(iter((error.__doc__ or error.__name__).strip().splitlines()), error.__name__)
