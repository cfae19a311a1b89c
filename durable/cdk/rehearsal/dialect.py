"""Where MiniStack differs from AWS: an Aspect that rewrites a stack for it, in a rehearsal only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsii
from aws_cdk import IAnyProducer, IAspect, IResolveContext, Lazy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

SYNONYMS: Final = {"sqs:SendMessage": "sqs:SendMessageBatch"}
"""Actions that it also asks for by another name."""
UNKNOWN: Final = frozenset({"ses:FromAddress"})
"""Keys of conditions that it never fills in, so that no such condition holds."""
UNPLACED: Final = frozenset(
    {
        *("ses:SendEmail", "ses:SendRawEmail"),
        *("states:SendTaskSuccess", "states:SendTaskFailure"),
        "ssm:GetParametersByPath",
    }
)
"""Actions that it asks for on no resource in particular."""
_SHORTEST: Final = re.compile(r"\$min\(\[(\d+),")
"""Finds the step's own timeout in that of a Task which ends before its execution does."""
_RESULT: Final = ("Assign", "Output", "Next", "End")


@jsii.implements(IAspect)
class Dialect:
    """Rewrites the policies and the state machines of a stack as MiniStack reads them."""

    def visit(self, node: IConstruct) -> None:
        match node:
            case iam.CfnPolicy():
                node.policy_document = Lazy.uncached_any(Translated(node.policy_document))
            case sfn.CfnStateMachine() if node.definition_string:
                node.definition_string = json.dumps(definition(json.loads(node.definition_string)))


@jsii.implements(IAnyProducer)
class Translated:
    """A policy document that is rewritten when the template is written.

    CDK knows only then how a nested stack names another stack's resources: by parameters that it is given.
    """

    def __init__(self, document: Any) -> None:
        self._document = document

    def produce(self, context: IResolveContext) -> Any:
        """Return the document in MiniStack's words."""
        return policy(context.resolve(self._document))


def policy(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy in its words."""
    return {**document, "Statement": [each for given in document["Statement"] for each in _statements(given)]}


def _statements(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a statement, and one of its own for what is asked for on no resource."""
    given = statement["Action"]
    actions = [given] if isinstance(given, str) else list(given)
    actions += [SYNONYMS[each] for each in actions if each in SYNONYMS]
    known = {
        operator: {key: value for key, value in tests.items() if key not in UNKNOWN}
        for operator, tests in statement.get("Condition", {}).items()
    }
    written = {name: each for name, each in statement.items() if name != "Condition"}
    if conditions := {operator: tests for operator, tests in known.items() if tests}:
        written["Condition"] = conditions
    if placed := [each for each in actions if each not in UNPLACED]:
        yield written | {"Action": placed}
    if unplaced := [each for each in actions if each in UNPLACED]:
        yield written | {"Action": unplaced, "Resource": "*"}


def definition(value: Any) -> Any:
    """Return a definition in which a Pass takes the result of each Parallel, whose own Assign and Output it ignores,
    and a Task's timeout is a number.
    """
    if isinstance(value, list):
        return [definition(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    written = {name: definition(each) for name, each in value.items()}
    if isinstance(written.get("TimeoutSeconds"), str) and (found := _SHORTEST.search(written["TimeoutSeconds"])):
        written["TimeoutSeconds"] = int(found[1])
    if "States" in written:
        states = written["States"].items()
        written["States"] = {name: each for pair in states for name, each in _without_result(*pair)}
    return written


def _without_result(name: str, state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a state, and after a Parallel that assigns or has an output a Pass that does it."""
    if state["Type"] != "Parallel" or not {"Assign", "Output"} & state.keys():
        yield name, state
        return
    # With the end, 80 characters at the most, as Step Functions takes them.
    after = f"{name[:71]} (result)"
    yield name, {field: each for field, each in state.items() if field not in _RESULT} | {"Next": after}
    result = json.dumps({field: state[field] for field in _RESULT if field in state})
    yield after, {"Type": "Pass"} | json.loads(result.replace("$states.result", "$states.input"))
