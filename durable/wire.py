"""What travels between the state machine, the steps and the record: names of fields, limits, names of errors.

The input of an execution, built from the record's header alone:

    {"run": {"workflow": "order", "instance": "…", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"},
     "payload": …}

What a Task sends to its step's Lambda ("key" only where blocks or rounds make it differ from the step's name):

    {"run": <as above>, "execution": "<execution name>", "step": "charge", "key": "load[3]/page",
     "attempts": 6, "timeout": 600, "input": {"user": …}, "sensitive": true, "caught": ["EmailTakenError"],
     "undo": {"function": "<ARN>", "attempts": 6, "timeout": 600, "delay": 10, "rate": 2, "input": false}}

`attempts` is how many the Task's Retry allows in all, `timeout` is in seconds, `input` holds the data arguments
by parameter name. `sensitive` is there for a step of which no data is shown, `caught` where an `except` around the
step catches errors of these names, `catches` where some of them are classes that the step's module does not name, each
as `module:class`, `says` where `run` reads what errors of these names say, `once` where errors of
these names are not tried again, `undo` where the step can be undone: by which function, with which retries, and whether
that takes the step's input too. `by_reference` is there where `run` only passes the result on, so that the step may
answer with a reference to it, above `inline` bytes where that is said; else `read` says what looks into it.
`references` names the parameters of the input that may hold such a reference, `lists` those that may hold a list of
them. What the step returns (`at` in milliseconds since 1970, when it ended):

    {"result": …, "at": 1767225600000}

What a wait for an event sends to the Lambda of the workflow's waits ("key" as above; `timeout` in seconds from
`entered`; "sensitive" as above), which answers by the token, in its own time, with what a step returns:

    {"run": <as above>, "execution": "<execution name>", "step": "approval", "token": "<task token>",
     "entered": "2026-01-01T00:00:00.000Z", "tried": 0, "type": "approved", "timeout": 86400}

`tried` is how often the Task was tried before in its execution: a later try has another token.
A call of another workflow does the same, with the child's payload as `input` in place of `type` and `timeout`, and
`by_reference` or `read` as a step has them: what the child returned may be large too.

A failed step raises; Lambda reports the exception's class as the error's name, and as its cause
`{"errorMessage": "<key>: \\n… (at=1767225600000)", "errorType": "…", …}`: the step's key, which has no line break, then
what the exception said, if it is final and "says" names it, then when the step failed. Of a sensitive step it says only
what kind of error it was.
Before the name of an error that is tried again stands `Final.` when it is not any more.
An attempt that says when the next one is due is reported as `RetryLater`, with `<key>: \n(retry=1767225630000)`.
`later` says that the machine knows it, and of a linear backoff its delay and jitter.
Where the answer comes by a token the cause is the same, and has `at` besides.
`races` are the keys of the `step.race`s around a step, the outermost first; see RaceTask.
"""

from __future__ import annotations

import re
from typing import Any, Final, NotRequired, TypedDict

STEPS_FILE: Final = "durable-steps.json"
"""In the code of every Lambda, as an environment has no room for it: {workflow: {step: "module:function"}}."""
MAX_PAYLOAD_BYTES: Final = 131_072
MAX_RESULT_BYTES: Final = 245_760
MAX_VALUE_BYTES: Final = 104_857_600
"""How large a result may be that `run` only passes on."""
MAX_KEPT_INPUT_BYTES: Final = 98_304
"""A row holds a step's input as far as this; with the largest result it stays below DynamoDB's 400 KB."""
MAX_STEP_NAME: Final = 80
# A Lambda runs for 900 seconds at the most, of which some are kept to write the outcome: see `lambda_seconds`.
MAX_STEP_TIMEOUT_SECONDS: Final = 895
MAX_WAIT_SECONDS: Final = 31_536_000
"""How long a run may wait for an event: a year, which is also how long an execution lasts."""
# A type stands in URLs and in keys of rows: none of these letters has to be quoted there.
EVENT_TYPE: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
# Numbers of JSON are doubles in JSONata and in JavaScript: above this one two whole numbers can be the same double.
MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 64
"""How deep lists and objects may be nested in a value: what is stored adds a few levels, and 200 can be read back."""

LAMBDA_MARGIN_SECONDS: Final = 20
"""How much longer than a step its Lambda may take, to write the outcome while the table is throttled."""
_MOST_LAMBDA_SECONDS: Final = 900
TASK_MARGIN_SECONDS: Final = 5
"""How much longer than the Lambda its Task waits."""


def lambda_seconds(timeout: int) -> int:
    """Return the timeout of the Lambda of a step, given the step's, in seconds."""
    # For a step of the longest timeout, 895 seconds, five are left to write its outcome.
    return min(timeout + LAMBDA_MARGIN_SECONDS, _MOST_LAMBDA_SECONDS)


LAMBDA_FAULTS: Final = (
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
    "Lambda.ENILimitReachedException",
    "Lambda.ResourceConflictException",
    "Lambda.ResourceNotReadyException",
    "Lambda.SnapStartNotReadyException",
    "Lambda.SnapStartTimeoutException",
)
"""Faults and throttles of Lambda itself, retried outside of the author's attempts."""
EVENTS: Final = "wait_for_event"
"""Stands in a definition for the Lambda of the workflow's waits; no step's placeholder begins with a small letter."""
CALLBACK: Final = "/callback/"
"""How the types of events begin by which callbacks are completed; none of an author's begins so."""
CALLBACK_WAIT: Final = ": callback"
"""How the name ends of the wait that follows a step with a callback."""
CALLS: Final = "call"
"""Stands there for the Lambda of its calls of other workflows."""
RACES: Final = "race"
"""Stands there for the function that decides the workflow's races."""
RACE_OVER: Final = "RaceOver"
"""The error that ends a race: of the branch that won, and of a step that would begin after that."""
TURN: Final = "turn"
"""Stands there for the Lambda that parks, moves and closes runs."""
HAND_OVER: Final = "HandOver"
"""The error of a step that an execution has no time left for."""
CRASHES: Final = ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Extension.Crash")
"""A Lambda that died: read as StepError. The step's row still holds its lease, and has counted the attempt."""
DATA_LIMIT: Final = "States.DataLimitExceeded"
"""A state whose result or variables are larger than 256 KiB."""
UNUSABLE: Final = (
    "Lambda.InvalidParameterValueException",
    "Lambda.InvalidRuntimeException",
    "Lambda.KMSAccessDeniedException",
    "Lambda.KMSDisabledException",
    "Lambda.RequestTooLargeException",
    "Lambda.ResourceNotFoundException",
    "Lambda.SnapStartException",
    "Runtime.HandlerNotFound",
    "Runtime.ImportModuleError",
    "Runtime.MarshalError",
    "Runtime.UserCodeSyntaxError",
    DATA_LIMIT,
)
"""A Lambda that cannot run, or whose answer cannot be taken: read as StepError too."""
LEASE_HELD: Final = ("StepInProgress", "TableBusy")
"""Another invocation holds the step's lease, or nothing could be written: no attempt was begun."""
TIMEOUTS: Final = ("StepTimeoutError", "States.Timeout")
FINAL: Final = "Final."
"""Stands before the name of an error that ends a step though others of its name are retried: no Retry has it, so that
a run that goes on does not wait for attempts that were made before."""
REPORTED_BY_AWS: Final = (*LAMBDA_FAULTS, *CRASHES, *UNUSABLE, "States.Timeout")
"""Errors of a step that its wrapper never reports itself."""


PUBLIC: Final = "public"
"""Stands in the cause of an error that `run` itself raises, where its class derives from PublicError."""
FAILED_AT: Final = r'\(at=([0-9]+)\)"'
"""Finds in a cause when a step failed."""


def waited_in_vain(type: str) -> str:
    """Return what a wait for an event of a type, or for a callback, says that ended at its timeout."""
    what = "The callback was not completed" if type.startswith(CALLBACK) else f"No event of type {type} came"
    return f"{what} in time."


def failure_message(key: str, message: str, at: int | None) -> str:
    """Return the message of a failed step's cause; `at` is when it failed, None for what is no outcome of it."""
    # The key comes first, and has no line break: by it the record finds which step failed, whatever its message holds.
    return f"{key}: \n{message}" if at is None else f"{key}: \n{message} (at={at})"


RETRY_LATER: Final = "RetryLater"
"""The error of an attempt that is followed by another at a time that the step says; no author's error has the name."""
RETRY_AT: Final = r'\(retry=([0-9]+)\)"'
"""Finds in a cause when the next attempt is due, in milliseconds since 1970."""
AGAIN: Final = " [again]"
"""How the names of Wait states end that wait for a step's next attempt: no name of an author has a bracket."""


def retry_message(key: str, at: int) -> str:
    """Return the message of an attempt that is followed by another at a time."""
    return f"{key}: \n(retry={at})"


class Run(TypedDict):
    """Which run an execution belongs to."""

    workflow: str
    instance: str
    epoch: int
    createdAt: str
    incarnation: NotRequired[str]
    generation: NotRequired[int]


class Later(TypedDict, total=False):
    """How a step waits for its next attempt by itself: of a linear backoff the delay in seconds, and whether it is
    drawn.
    """

    delay: int
    jitter: bool


class Undo(TypedDict):
    """How a step is undone; `delay` is in seconds, `last` says that it is done after all other undos."""

    function: str
    attempts: int
    timeout: int
    delay: int
    rate: int
    input: bool
    linear: NotRequired[bool]
    last: NotRequired[bool]


class StepEvent(TypedDict, total=False):
    """What a Task sends to its step."""

    run: Run
    execution: str
    step: str
    key: str
    title: str
    attempts: int
    timeout: int
    input: dict[str, Any]
    sensitive: bool
    caught: list[str]
    catches: list[str]
    says: list[str]
    once: list[str]
    undo: Undo
    until: int
    later: Later
    races: list[str]
    by_reference: bool
    inline: int
    read: str
    references: list[str]
    lists: list[str]


class Where(TypedDict):
    """Where a run is to be entered again: the state, and the variables that are read from there on."""

    state: str
    vars: dict[str, Any]


class WaitTask(TypedDict, total=False):
    """What a wait for an event sends to the Lambda of the workflow's waits."""

    run: Run
    execution: str
    step: str
    key: str
    title: str
    token: str
    entered: str
    tried: int
    type: str
    timeout: int
    sensitive: bool
    caught: list[str]
    says: list[str]
    park: Where
    races: list[str]


class ParkedRun(TypedDict):
    """What a wait on Express returns in place of an Envelope, where it has parked its run."""

    parked: bool


class CallTask(TypedDict, total=False):
    """What a call of another workflow sends to the Lambda of the workflow's calls."""

    run: Run
    execution: str
    step: str
    key: str
    title: str
    token: str
    entered: str
    tried: int
    input: Any
    by_reference: bool
    read: str
    caught: list[str]
    says: list[str]
    park: Where
    races: list[str]


class RaceTask(TypedDict, total=False):
    """What a race sends to the function of the workflow's races.

    Attributes:
        step: how the race is called; `key` as in a StepEvent.
        races: the keys of the races around, the outermost first.
        branch: which branch has succeeded, counted from 0; a task without it asks what the winner returned.
        value: what that branch returned.
        at: when it ended, in milliseconds since 1970; without it, now.
        waits: whether a branch may wait for an event.
    """

    run: Run
    execution: str
    step: str
    key: str
    races: list[str]
    branch: int
    value: Any
    at: int
    waits: bool


class Envelope(TypedDict):
    """What a step returns."""

    result: Any
    at: int
