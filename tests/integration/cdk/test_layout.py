"""Projects that are too large for one stack: which workflows are nested, and that every template keeps AWS's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

import pytest

from durable import KVNamespace, Queue, Schedule, Workflow
from durable.aws.open_runs import NESTED
from durable.bindings.workflow import MachineKind
from durable.cdk.deployment.layout import nested_workflows, operated_workflows, resources
from durable.cdk.foundation.limits import NEEDS_BYTES, RESOURCES, TEMPLATE_BYTES, exceeded
from durable.compiler import compile_workflow
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.operated import JobWorkflow
from tests.integration.cdk.sample import (
    BookingWorkflow,
    CallingWorkflow,
    FourStepWorkflow,
    PatientWorkflow,
    RelayWorkflow,
)
from tests.integration.cdk.template import Template, dangling, references, text

STACK: Final = "durable-workflows-dev"
SYNTHESISED: Final = 20
ALL: Final = 300
MAIN: Final = 59
"""Resources of the main stack, and of an operator, as `test_operated` counts them."""
OPERATOR: Final = 6
ROOM: Final = RESOURCES - 30


def patients(number: int, kind: MachineKind = "express") -> list[Workflow[Any]]:
    return [Workflow(f"patient-{each}", PatientWorkflow, kind=kind) for each in range(number)]


def nested(*workflows: Workflow[Any], room: int) -> list[str]:
    programs = {each.name: compile_workflow(each.workflow) for each in workflows}
    return sorted(nested_workflows(Project("app", workflows), programs, room))


def test_a_project_that_fits_into_one_stack_has_one() -> None:
    assert nested(*patients(10), room=470) == []


def test_the_last_workflows_of_a_large_project_are_nested_and_stay_so_when_one_is_added() -> None:
    ten, eleven = nested(*patients(10), room=200), nested(*patients(11), room=200)
    assert ten == [f"patient-{each}" for each in range(10 - len(ten), 10)] != []
    assert set(eleven) - set(ten) == {"patient-10"}


def test_a_declaration_says_whether_its_workflow_is_nested() -> None:
    kept = Workflow("kept", PatientWorkflow, nested=False)
    asked = Workflow("asked", PatientWorkflow, nested=True)
    assert nested(*patients(3), asked, kept, room=10_000) == ["asked"]
    assert nested(*patients(3), asked, kept, room=0) == ["asked", "patient-0", "patient-1", "patient-2"]


def test_the_operators_of_workflows_that_code_operates_take_room_too() -> None:
    jobs = [Workflow(f"job-{each}", JobWorkflow, nested=False) for each in range(4)]
    for each in jobs:
        each.bindings["jobs"] = each  # its steps terminate its own runs
    last = Workflow("last", PatientWorkflow)
    declared = Project("app", (*jobs, last))
    programs = {each.name: compile_workflow(each.workflow) for each in (*jobs, last)}
    assert operated_workflows(declared, programs) == {each.name for each in jobs}
    full = next(room for room in range(RESOURCES) if not nested_workflows(declared, programs, room))
    planned = sum(resources(each, programs[each.name]) for each in (*jobs, last))
    assert full - planned == len(jobs) * OPERATOR + MAIN


def project() -> Project:
    """Return a project with a nested workflow of each kind that is built in another way, and one of the main stack."""
    notes, unread = KVNamespace[str]("notes"), Queue("unread")
    relay: Workflow[Any] = Workflow("relay", RelayWorkflow, nested=True)
    relay.bindings["relay"] = relay
    hourly = Schedule(every="1 hour", params=1)
    return Project(
        "app",
        (
            notes,
            unread,
            relay,
            Workflow("patient", PatientWorkflow, nested=True, schedules=[hourly]),
            Workflow("calling", CallingWorkflow, nested=True),
            Workflow("booking", BookingWorkflow, bindings={"notes": notes}, nested=True),
            Workflow("standard-booking", BookingWorkflow, bindings={"notes": notes}, nested=True, kind="standard"),
            Workflow("main-booking", BookingWorkflow, bindings={"notes": notes}),
        ),
    )


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory, synthesise: Synthesise) -> dict[str, Template]:
    """The templates of that project by the workflow; the main stack's by an empty name."""
    folder = tmp_path_factory.mktemp("nested")
    synthesise(folder, project=project())
    return by_workflow(folder)


def by_workflow(folder: Path) -> dict[str, Template]:
    found = {}
    for path in folder.glob("*.template.json"):
        template = Template.read(path)
        parameters = [each["Properties"]["Name"] for each in template.of("SSM::Parameter").values()]
        found[parameters[0].rpartition("/")[2] if ".nested." in path.name else ""] = template
    return found


def test_each_nested_workflow_has_a_template_and_is_made_after_the_guard(templates: Mapping[str, Template]) -> None:
    assert templates.keys() == {"", "relay", "patient", "calling", "booking", "standard-booking"}
    stacks = templates[""].of("CloudFormation::Stack")
    assert len(stacks) == 5
    (guard,) = (name for name, each in templates[""].resources.items() if each["Type"] == "Custom::OpenRuns")
    assert all(guard in each["DependsOn"] for each in stacks.values())
    needs = templates[""].resources[guard]["Properties"]["Needs"]
    assert {name for name, each in needs.items() if NESTED in each} == templates.keys() - {""}


def test_nested_machines_have_names_that_no_other_stack_has(templates: Mapping[str, Template]) -> None:
    names = {
        each["Properties"]["StateMachineName"]
        for workflow in ("relay", "booking", "standard-booking")
        for each in templates[workflow].of("StepFunctions::StateMachine").values()
    }
    assert names == {
        *(f"{STACK}.relay", f"{STACK}.relay-express"),
        *(f"{STACK}.booking", f"{STACK}.booking-express", f"{STACK}.booking-rollback"),
        *(f"{STACK}.standard-booking", f"{STACK}.standard-booking-rollback"),
    }


def test_the_lambdas_of_all_workflows_reach_nested_machines_by_those_names(templates: Mapping[str, Template]) -> None:
    for lambda_ in ("operations", "completion", "reconciler", "waker"):
        grants = {(action, resource.rpartition(":")[2]) for action, resource in templates[""].grants(lambda_)}
        assert ("states:StartExecution", f"{STACK}.*") in grants
        assert ("ssm:GetParametersByPath", f"parameter/{STACK}/workflows") in grants
        variables = templates[""].functions()[lambda_]["Properties"]["Environment"]["Variables"]
        assert variables["DURABLE_REGISTRY"] == f"/{STACK}/workflows"
    patterns = [each["Properties"].get("EventPattern") for each in templates[""].of("Events::Rule").values()]
    prefixes = [
        text(each["prefix"])
        for pattern in patterns
        if pattern
        for each in pattern["detail"]["stateMachineArn"]
        if "prefix" in each
    ]
    assert [each.rpartition(":")[2] for each in prefixes] == [f"{STACK}."]


def test_what_is_registered_of_a_nested_workflow_is_what_the_lambdas_need(templates: Mapping[str, Template]) -> None:
    _, parameter = templates["booking"].one("SSM::Parameter")
    told = json.loads(text(parameter["Properties"]["Value"]))
    assert told.keys() == {
        *("class", "events", "retention", "definition", "machine", "rollback"),
        *("kind", "express", "versions"),
    }


def test_each_template_refers_to_what_it_has(templates: Mapping[str, Template]) -> None:
    assert {name: found for name, each in templates.items() if (found := dangling(each))} == {}


def test_no_resource_depends_on_itself_by_any_way(templates: Mapping[str, Template]) -> None:
    for template in templates.values():
        graph = {}
        for name, resource in template.resources.items():
            depends = resource.get("DependsOn", [])
            before = {depends} if isinstance(depends, str) else set(depends)
            graph[name] = (before | set(references(resource))) & set(template.resources)
        assert len(list(TopologicalSorter(graph).static_order())) == len(template.resources)


def test_a_workflow_has_no_more_resources_than_are_planned_for_it(templates: Mapping[str, Template]) -> None:
    for each in project().workflows:
        if each.nested:
            planned = resources(each, compile_workflow(each.workflow)) - len(each.schedules)
            assert planned - 10 <= len(templates[each.name].resources) <= planned


def test_every_template_keeps_the_limits(templates: Mapping[str, Template]) -> None:
    assert list(exceeded(templates[""].path.parent)) == []


def four_steps(number: int) -> tuple[Any, ...]:
    notes, unread = KVNamespace[str]("notes"), Queue("unread")
    bindings = {"notes": notes, "unread": unread}
    workflows = [Workflow(f"fulfilment-{each}", FourStepWorkflow, bindings=bindings) for each in range(number)]
    return (notes, unread, *workflows)


@pytest.mark.slow
def test_three_hundred_workflows_of_four_steps_keep_the_limits(tmp_path: Path, synthesise: Synthesise) -> None:
    """Some are synthesised; each further one adds as much to the main stack, and its template is like the others."""
    synthesise(tmp_path, project=Project("app", four_steps(SYNTHESISED)))
    assert list(exceeded(tmp_path)) == []
    main, *nested_templates = sorted(tmp_path.glob("*.template.json"), key=lambda each: ".nested." in each.name)
    stacks, needs = added(Template.read(main))
    further, moved = ALL - SYNTHESISED, in_main_stack(SYNTHESISED) - in_main_stack(ALL)
    assert in_main_stack(ALL) > 0, "where all are nested, the main stack has no room for more"
    of_one = min(each.stat().st_size for each in nested_templates)
    assert main.stat().st_size + further * (max(stacks) + max(needs)) - moved * of_one < TEMPLATE_BYTES
    assert sum(needs) + further * max(needs) < NEEDS_BYTES


def added(main: Template) -> tuple[list[int], list[int]]:
    """Return the bytes that each nested workflow adds to the main stack: of its stack, and of what its runs need."""
    stacks = [len(json.dumps(each, separators=(",", ":"))) for each in main.of("CloudFormation::Stack").values()]
    (guard,) = (each for each in main.resources.values() if each["Type"] == "Custom::OpenRuns")
    return stacks, [len(json.dumps(each)) for each in guard["Properties"]["Needs"].values()]


def in_main_stack(number: int) -> int:
    """Return how many of so many workflows are not nested."""
    workflows = [each for each in four_steps(number) if isinstance(each, Workflow)]
    return number - len(nested(*workflows, room=ROOM))
