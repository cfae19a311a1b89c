"""The machine of a rollback, the same for all workflows: ask what to undo next, undo it or wait, ask again."""

from __future__ import annotations

from typing import Any, Final

from durable.wire import LAMBDA_FAULTS, MAX_STEP_TIMEOUT_SECONDS, TASK_MARGIN_SECONDS, lambda_seconds

ROLLBACK: Final = "Rollback"
"""The placeholder of the function that says what is next."""
_INVOKE: Final = "arn:aws:states:::lambda:invoke"
_SOON: Final = {"IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 6, "MaxDelaySeconds": 30}
_INPUT: Final = "$states.context.Execution.Input"

DEFINITION: Final[dict[str, Any]] = {
    "QueryLanguage": "JSONata",
    "StartAt": "ask",
    "States": {
        "ask": {
            "Type": "Task",
            "Resource": _INVOKE,
            "Arguments": {
                "FunctionName": f"${{{ROLLBACK}}}",
                "Payload": {"run": f"{{% {_INPUT}.run %}}", "execution": "{% $states.context.Execution.Name %}"},
            },
            "Assign": {"answer": "{% $states.result.Payload %}"},
            "TimeoutSeconds": 60,
            # To ask changes nothing but the end of the run, which is one conditional write: it may be asked as often as
            # it takes.
            "Retry": [{"ErrorEquals": ["States.ALL"], **_SOON}],
            "Next": "which",
        },
        "which": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $answer.do = 'undo' %}", "Next": "undo"},
                {"Condition": "{% $answer.do = 'wait' %}", "Next": "wait"},
            ],
            "Default": "end",
        },
        "wait": {"Type": "Wait", "Seconds": "{% $answer.seconds %}", "Next": "ask"},
        "undo": {
            "Type": "Task",
            "Resource": _INVOKE,
            "Arguments": {"FunctionName": "{% $answer.function %}", "Payload": "{% $answer.payload %}"},
            # The machine is one for all undos: so this is the longest that any of their Lambdas may take.
            "TimeoutSeconds": lambda_seconds(MAX_STEP_TIMEOUT_SECONDS) + TASK_MARGIN_SECONDS,
            "Retry": [{"ErrorEquals": list(LAMBDA_FAULTS), **_SOON, "MaxAttempts": 20}],
            # Also for an error of the undo itself: the wrapper has recorded it, and what is asked next says whether to
            # try again.
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "ask"}],
            "Next": "ask",
        },
        "end": {"Type": "Succeed"},
    },
}
"""In Amazon States Language. A failed undo is in the record: so the machine goes on and asks. Where it cannot even ask,
its execution fails, and the run is closed by `durable.runs.runs`."""


def rollback_of(workflow: str) -> str:
    """Return under which name a workflow's rollbacks are executed: no workflow can have it."""
    return f"{workflow}/rollback"


def rolled_back(machine: str) -> str | None:
    """Return the workflow whose rollbacks are executed under a name; None where it is a workflow's own."""
    return machine.removesuffix("/rollback") if machine.endswith("/rollback") else None
