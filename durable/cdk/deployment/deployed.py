"""What a deployment knows of a workflow before its state machines are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from aws_cdk import ArnFormat, Stack

from durable.aws.open_runs import NESTED, STEP, WAITS
from durable.bindings import Binding, Workflow
from durable.cdk.deployment.layout import NESTED_SEPARATOR
from durable.cdk.foundation.limits import long_name
from durable.cdk.workflows.step_functions import Step
from durable.cdk.workflows.workflow import Segmented, registry_path
from durable.compiler import Compiled
from durable.signature import Signature
from durable.store.values import hash_of, text_of
from durable.wire import CALLS, EVENTS, STEPS_FILE

_COLONS: Final = ArnFormat.COLON_RESOURCE_NAME


@dataclass(frozen=True)
class DeployedWorkflow:
    """A workflow in one stage of a project.

    Attributes:
        stack: the main stack.
        stack_name: the name of the project and of the stage.
        called: the workflows that it calls, by the name of the step.
        is_nested: whether it has a nested stack.
    """

    declared: Workflow[Any]
    program: Compiled
    stack: Stack
    stack_name: str
    called: Mapping[str, Workflow[Any]]
    is_nested: bool

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def machine_name(self) -> str:
        """The name of its Standard machine, where that has a fixed one."""
        return f"{self.stack_name}{NESTED_SEPARATOR if self.is_nested else '-'}{self.name}"

    @property
    def express_name(self) -> str:
        return f"{self.machine_name}-express"

    @property
    def arn(self) -> str:
        """The ARN under that name."""
        # Written from the name and not from the machine: CloudFormation would have to make the machine first.
        return self._arn(self.machine_name)

    def _arn(self, machine: str) -> str:
        return self.stack.format_arn(
            service="states", resource="stateMachine", resource_name=machine, arn_format=_COLONS
        )

    @property
    def parameter(self) -> str:
        """The name of the parameter in which Lambdas find it."""
        return f"{registry_path(self.stack_name)}/{self.name}"

    @cached_property
    def segmented(self) -> Segmented | None:
        """What an Express workflow has besides, as the Lambdas of machines see it."""
        if self.declared.machine_kind == "standard":
            return None
        return Segmented(self._arn(self.express_name), self.parameter)

    @property
    def events(self) -> dict[str, str]:
        """How the payload of each type of event that it waits for is written in its module."""
        return {use.type: use.source for use in self.program.events}

    @property
    def is_answered(self) -> bool:
        """Whether a function that it has may answer Tasks of its machine by tokens."""
        return self.program.has_waits or bool(self.called)

    @property
    def implementation(self) -> str:
        """`module:class`, by which a Lambda imports it."""
        cls = self.declared.workflow
        return f"{cls.__module__}:{cls.__qualname__}"

    @cached_property
    def definition(self) -> str:
        """What tells a compiled workflow from another: it stays while the code of steps changes."""
        return hash_of(text_of(self.program.definition))

    @property
    def steps(self) -> list[Step]:
        """One step for each Lambda; where two uses share one, it has the longer of their timeouts."""
        steps: dict[str, Step] = {}
        for use in self.program.steps:
            before = steps.get(use.placeholder)
            # A Lambda has one timeout; the step's own, which is in its payload, ends it sooner.
            seconds = max(use.timeout_seconds, before.timeout_seconds if before else 0)
            has_values = use.placeholder in self.program.values
            steps[use.placeholder] = Step(
                use.placeholder, use.signature, seconds, use.undoes is not None, has_values=has_values
            )
        return list(steps.values())

    def started_by_steps(self) -> Iterator[str]:
        """Yield the names of the workflows that its steps are bound to."""
        for use in self.program.steps:
            yield from (
                each.name for each in named(use.signature, self.declared).values() if isinstance(each, Workflow)
            )

    def registered(self) -> dict[str, Any]:
        """Return what Lambdas need to know of it besides its machines."""
        limits = self.declared.limits
        return {
            "class": self.implementation,
            "events": self.events,
            **self.declared.retention.registered(),
            "definition": self.definition,
            **({} if limits is None else {"limits": limits.as_json()}),
            **({"search": dict(self.declared.search)} if self.declared.search else {}),
        }

    def needs(self) -> dict[str, str | None]:
        """Return what goes with a change of the steps or their bindings, though an open run may still need it.

        Each is a few words, in order, with the placeholder of the Lambda that it goes with; None where a run needs it
        wherever it is.
        """
        needs: dict[str, str | None] = {}
        for step in self.steps:
            by = None if step.undoes else step.placeholder  # what is undone may have been done before
            needs[f"{STEP}{step.placeholder}"] = by
            bound = named(step.signature, self.declared).values()
            needs |= {f"{each!r} in step {step.placeholder}": by for each in bound}
        needs |= {WAITS: EVENTS} if self.events else {}
        needs |= {f"call of {each!r}": CALLS for each in self.called.values()}
        # A run that is parked needs the Express machine, whatever step it comes to.
        needs |= {"kind='express'": None} if self.declared.machine_kind == "express" else {}
        needs |= {NESTED: None} if self.is_nested else {}
        return dict(sorted(needs.items()))

    def problems(self) -> Iterator[str]:
        """Yield a sentence if the longest name of a machine is too long."""
        yield from long_name(self.machine_name if self.segmented is None else self.express_name)


def named(signature: Signature, owner: Binding) -> dict[str, Binding]:
    """Return the declarations that a signature names, by parameter."""
    bound = owner.uses()
    return {each.name: bound[each.name] for each in signature.bindings}


def functions_of(programs: Mapping[str, Compiled]) -> dict[str, str]:
    """Return the file of the code that says how the function of each step is imported, by its name."""
    steps = {name: {use.name: use.signature.import_name for use in each.steps} for name, each in programs.items()}
    return {STEPS_FILE: text_of(steps)}
