"""moto's Step Functions interpreter, made to run a deployment's machine on the deployment's own Lambdas.

What moto lacks is given to it here: JSONata, strings that survive it, Lambda without Docker, and a retry's delay that
moves the deployment's clock in place of sleeping. Lambdas are invoked in the test's thread, as in Lambda's main one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, Final

import pytest
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from moto.awslambda.models import LambdaFunction

from tests.integration.aws.deployment import SECONDS, Deployment
from tests.integration.aws.lambdas import Invoked

_ASL: Final = "moto.stepfunctions.parser.asl"
_PATIENCE_SECONDS: Final = 30
"""How long to wait for moto's next move; it takes milliseconds."""


@dataclass(slots=True)
class _Call:
    """An invocation that an execution waits for."""

    function: str
    event: Mapping[str, Any]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Invoked | None = None


class Interpreter:
    """Executes the machine of a deployment.

    Attributes:
        delays: the seconds that each retry waited.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.delays: list[float] = []
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._stopped = False

    def run(self, id: str) -> dict[str, Any]:
        """Invoke what the instance's execution asks for until it has ended, and return how it is described then."""
        while (call := self._calls.get(timeout=_PATIENCE_SECONDS)) is not None:
            call.answer = self.deployment.invoke_named(call.function, call.event)
            call.answered.set()
        return next(each for each in self.deployment.executions() if each["name"].startswith(f"{id}."))

    def stop(self) -> None:
        """Let no execution wait for an answer that will never come."""
        self._stopped = True
        while not self._calls.empty():
            if call := self._calls.get():
                call.answered.set()

    def patch(self, patches: pytest.MonkeyPatch) -> None:
        """Put in what moto lacks."""
        lend_jsonata(patches)
        skip_delays(patches, self._wait)
        patches.setattr(LambdaFunction, "_invoke_lambda", lambda function, event: self._invoke(function, event))
        tell_ends(patches, lambda: self._calls.put(None))

    def _wait(self, seconds: float) -> None:
        self.delays.append(seconds)
        self.deployment.later(round(seconds * SECONDS))

    def _invoke(self, function: LambdaFunction, event: Mapping[str, Any]) -> tuple[str, bool, str]:
        call = _Call(function.function_name, event)
        self._calls.put(call)
        if self._stopped or not call.answered.wait(_PATIENCE_SECONDS) or call.answer is None:
            return json.dumps({"errorType": "Lambda.Unknown", "errorMessage": "the test is over"}), True, ""
        return json.dumps(call.answer.payload), call.answer.error is not None, ""


def lend_jsonata(patches: pytest.MonkeyPatch) -> None:
    """Give moto JSONata, and variables that survive it."""
    patches.setattr(f"{_ASL}.jsonata.jsonata._eval_jsonata", _evaluate)
    for module in ("jsonata.jsonata", "eval.states", "eval.variable_store"):
        patches.setattr(f"{_ASL}.{module}.encode_jsonata_variable_declarations", _declarations)


def skip_delays(patches: pytest.MonkeyPatch, wait: Callable[[float], None]) -> None:
    """Have a retry's delay, in seconds, told in place of slept."""
    patches.setattr(f"{_ASL}.component.common.retry.retrier_decl.time", SimpleNamespace(sleep=wait))


def tell_ends(patches: pytest.MonkeyPatch, ended: Callable[[], None]) -> None:
    """Have it told when an execution has ended."""
    # Imported where it is used: moto's interpreter imports its EC2, for seconds, and every process collects this file.
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

    reflect = BaseExecutionWorkerCommunication.terminated

    def terminated(execution: BaseExecutionWorkerCommunication) -> None:
        reflect(execution)
        ended()

    patches.setattr(BaseExecutionWorkerCommunication, "terminated", terminated)


def _evaluate(expression: str) -> Any:
    from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException

    try:
        return Jsonata(expression).evaluate(None)
    except JException as error:
        raise JSONataException(error.error, str(error)) from None


def _declarations(bindings: Mapping[str, Any]) -> str:
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    return "".join(f"{name}:={to_json_str(value)};" for name, value in bindings.items())
