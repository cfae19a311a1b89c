"""One stage of a project as a stack: each declaration handed to its construct, and the constructs to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aws_cdk import Aspects, NestedStack, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable
from typing_extensions import Unpack

from durable.adapters import adapter_of
from durable.aws.resources import construct_id
from durable.bindings import Binding, Queue, SendEmail, Workflow
from durable.bindings.kinds import KINDS, part
from durable.cdk.api.apis import Apis
from durable.cdk.api.gateway import Gateway
from durable.cdk.api.http_gateway import HttpGateway
from durable.cdk.api.methods import methods_called
from durable.cdk.api.routes import wrong_routes
from durable.cdk.api.worker import Operations, granted_to
from durable.cdk.bindings.bucket import ObjectBucket
from durable.cdk.bindings.kv import Namespace
from durable.cdk.bindings.queue import Consumer, MessageQueue, comes_back
from durable.cdk.deployment.changes import Changes
from durable.cdk.deployment.deployed import DeployedWorkflow, functions_of, named
from durable.cdk.deployment.deployment import Deployment
from durable.cdk.deployment.known import known
from durable.cdk.deployment.layout import NESTED_SEPARATOR, nested_workflows, operated_workflows
from durable.cdk.deployment.platform import lambda_platform
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.alarms import Alarms, RunMetrics
from durable.cdk.foundation.compute import Existing, owned, step_options, unknown_steps
from durable.cdk.foundation.encryption import Encrypted, key_of
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.foundation.options import PLAIN, Options, unknown_names
from durable.cdk.foundation.refusal import refusals, refuse, same_ids
from durable.cdk.foundation.resource import Bindings, Bound, Resource
from durable.cdk.monitoring import Monitoring, Watched
from durable.cdk.workflows.machine import Machine
from durable.cdk.workflows.plane import Keeper, OperatorFunction, Plane
from durable.cdk.workflows.record import Record
from durable.cdk.workflows.schedule import Scheduled, Schedules
from durable.cdk.workflows.turns import SegmentOptions
from durable.cdk.workflows.versions import OldVersions
from durable.cdk.workflows.wakes import WakeQueue
from durable.cdk.workflows.workflow import Limited, WorkflowResource, operator_name, registry_path
from durable.compiler import compile_workflow
from durable.durations import whole_seconds
from durable.errors import DeclarationError
from durable.project import Project
from durable.runs.scheduled import scheduled_params
from durable.signature import Signature, signature_of
from durable.workflow import payload_type

R = TypeVar("R")
V = TypeVar("V")


class DurableStack(Stack):
    """Everything that one stage of a project is on AWS."""

    def __init__(self, scope: Construct, id: str, **deployment: Unpack[Deployment]) -> None:
        project, settings = deployment["project"], deployment["settings"]
        super().__init__(scope, id, description=f"{settings.name}, stage {settings.stage}")
        # What is wrong is told before anything is built: CDK's own errors come one at a time, and with a traceback of
        # Node.
        refuse([*refusals(project.declarations, KINDS), *same_ids(project.declarations)])
        refuse(sentence for worker in project.workers for sentence in wrong_routes(worker))
        self._project = project
        self._settings = settings
        self._metrics = RunMetrics(settings.stack, settings.name)
        self._programs = {each.name: compile_workflow(each.workflow) for each in project.workflows}
        nested = nested_workflows(project, self._programs)
        self._deployed = {each.name: self._deploy(each, is_nested=each.name in nested) for each in project.workflows}
        refuse(sentence for each in self._deployed.values() for sentence in each.problems())
        self._options = self.options()
        refuse(unknown_names(self._options, project, self._programs))
        refuse(s for each in project.workflows for s in unknown_steps(each, self._programs[each.name]))
        existing = Existing(self)
        self._step_options = {
            each.name: step_options(each, self._programs[each.name], self._options, existing)
            for each in project.workflows
        }
        owns = owned(project, self._programs, self._step_options, self._options)
        platform = deployment.get("platform", lambda_platform)
        self._platform = platform(self, settings, self._modules(), owns, functions_of(self._programs))
        values = self._values()
        self._record = Record(self, "Record", production=settings.production, values=values)
        self._changes = Changes(self, "Changes", platform=self._platform, record=self._record)
        # CloudFormation deletes no bucket that holds objects. In production the bucket stays, and all in it.
        if values is not None and not settings.production:
            self._changes.empty("ValuesEmptied", values)
        self._guard = self._changes.guard(self._deployed)
        self._resources: dict[Binding, Resource] = {}
        self._operated = operated_workflows(project, self._programs)
        self._declare_data(project)
        is_woken = any(each.machine_kind == "express" or each.limits is not None for each in project.workflows)
        self._wakes = WakeQueue(self, "Wakes") if is_woken else None
        self._machines = self._declare_workflows()
        self._schedules = self._declare_schedules(project.workflows)
        self._consumers: dict[str, Consumer] = {}
        self._declare_consumers(project.queues)
        self._apis = self._declare_apis(project)
        # Nearly last: it waits in the deployment until all that begins runs is updated, so it has to know all of it.
        self._changes.drain(self._guard, self._begun_by())
        key = key_of(self, settings)
        if key is not None:
            # An Aspect is asked of all constructs when the app is synthesised, also of those that a project's own stack
            # makes after this.
            Aspects.of(self).add(Encrypted(key))

    def _values(self) -> s3.IBucket | None:
        """Return the bucket of large values, where a workflow passes on what may be large."""
        if not any(each.values for each in self._programs.values()):
            return None
        settings = self._settings
        return ObjectBucket(self, "Values", removal=settings.data_removal, versioned=settings.production).bucket

    def options(self) -> Options:
        """Return how single functions and resources differ. To be overridden; constructs may be made here."""
        return Options()

    def step(self, workflow: str, step: str) -> HandlerFunction:
        """Return the Lambda of a step, by the names that `Workflow(…)` and `step.do(…)` give."""
        uses = {each.name: each.placeholder for each in _named_one(self._programs, workflow).steps}
        return self._machines[workflow].steps[_named_one(uses, step)].handler

    def workflow(self, name: str) -> sfn.StateMachine:
        """Return the state machine of a workflow."""
        return _named_one(self._machines, name).state_machine

    def consumer(self, queue: str) -> HandlerFunction:
        """Return the Lambda of a queue's consumer."""
        return _named_one(self._consumers, queue).handler

    def worker(self, name: str) -> HandlerFunction:
        """Return the Lambda of a worker."""
        return _named_one(self._apis.workers, name).handler

    def api(self, worker: str) -> apigatewayv2.HttpApi:
        """Return the HTTP API of a worker that has a URL."""
        gateway = _named_one(self._apis.gateways, worker)
        if not isinstance(gateway, HttpGateway):
            raise DeclarationError([f"the API of {worker!r} is a REST API; get it by rest_api({worker!r})"])
        return gateway.api

    def rest_api(self, worker: str) -> apigateway.RestApi:
        """Return the REST API of a worker that is declared with `api="rest"`."""
        gateway = _named_one(self._apis.gateways, worker)
        if not isinstance(gateway, Gateway):
            raise DeclarationError([f"the API of {worker!r} is an HTTP API; get it by api({worker!r})"])
        return gateway.api

    def namespace(self, name: str) -> Namespace:
        """Return the counterpart of a KVNamespace."""
        return self._of(Namespace, "kv", name)

    def bucket(self, name: str) -> ObjectBucket:
        """Return the counterpart of a Bucket."""
        return self._of(ObjectBucket, "bucket", name)

    def queue(self, name: str) -> MessageQueue:
        """Return the counterpart of a Queue."""
        return self._of(MessageQueue, "queue", name)

    def _of(self, kind: type[R], binding: str, name: str) -> R:
        resources = {declared.name: each for declared, each in self._resources.items() if declared.kind == binding}
        found = _named_one(resources, name)
        assert isinstance(found, kind)
        return found

    def _modules(self) -> set[str]:
        """Return the modules that Lambdas begin with."""
        functions = [use.signature.function for each in self._programs.values() for use in each.steps]
        functions += [each.consumer for each in self._project.queues if each.consumer is not None]
        modules = {each.__module__ for each in functions} | {each.module for each in self._project.workers}
        return modules | {each.workflow.__module__ for each in self._project.workflows}

    def _declare_data(self, project: Project) -> None:
        stage = Stage(self, self._settings, self._changes, self._options, self._platform)
        for each in project.declarations:
            construct = KINDS[each.kind].construct
            if construct is not None:
                self._resources[each] = part(construct)(each, stage)

    def _deploy(self, workflow: Workflow[Any], *, is_nested: bool) -> DeployedWorkflow:
        program = self._programs[workflow.name]
        called = {each.name: self._project.declared(each.workflow)[0] for each in program.calls}
        return DeployedWorkflow(workflow, program, self, self._settings.stack, called, is_nested)

    def _declare_workflows(self) -> dict[str, Machine]:
        """Build the machines; one that a Lambda of a step names has a fixed name: its ARN is known before it is."""
        deployed = self._deployed.values()
        # Such an ARN is written down before the machine exists: a step's Lambda names the machine that it may start,
        # and that machine may name the Lambda (a workflow that starts itself, two that start each other).
        named = {name for each in deployed for name in each.started_by_steps()}
        named |= {callee.name for each in deployed for callee in each.called.values()}
        named |= {each.name for each in deployed if each.is_answered or each.is_nested}
        for each in deployed:
            if each.name in named:
                self._resources[each.declared] = self._workflow_resource(each)
        machines = {each.name: self._machine(each, has_name=each.name in named) for each in deployed}
        for each in deployed:
            if each.is_nested:  # other stacks name its machines by their fixed names
                continue
            if each.segmented is not None or each.name not in named:
                self._resources[each.declared] = self._workflow_resource(each, machines[each.name])
        return machines

    def _workflow_resource(self, deployed: DeployedWorkflow, made: Machine | None = None) -> WorkflowResource:
        """Return a workflow as what is bound to it sees it: by its machine, or before that is made by a fixed name."""
        return WorkflowResource(
            name=deployed.name,
            implementation=deployed.implementation,
            events=deployed.events,
            definition=deployed.definition,
            machine_arn=deployed.arn if made is None else made.state_machine.state_machine_arn,
            record=self._record,
            segmented=deployed.segmented if made is None else made.segmented,
            operator=operator_name(self._settings.stack, deployed.name),
            limited=self._limited(deployed.declared),
            search=deployed.declared.search,
            parameter=deployed.parameter if deployed.is_nested else None,
            may_return=deployed.program.may_return,
        )

    def _limited(self, workflow: Workflow[Any]) -> Limited | None:
        if workflow.limits is None or self._wakes is None:
            return None
        return Limited(workflow.limits, self._wakes)

    def _machine(self, deployed: DeployedWorkflow, *, has_name: bool) -> Machine:
        workflow, program = deployed.declared, deployed.program
        scope = NestedStack(self, f"{construct_id(workflow)}Stack") if deployed.is_nested else self
        machine = Machine(
            scope,
            construct_id(workflow),
            platform=self._platform,
            workflow=workflow.name,
            definition=program.definition,
            steps=[(step, self._bound(step.signature, workflow)) for step in deployed.steps],
            record=self._record,
            name=deployed.machine_name if has_name else None,
            arn=deployed.arn if has_name else "",
            events=deployed.program.has_waits,
            callees={
                step: self._workflow_resource(self._deployed[each.name]) for step, each in deployed.called.items()
            },
            options=self._step_options[workflow.name],
            segments=self._segments(deployed),
            rollback_name=f"{deployed.machine_name}-rollback" if deployed.is_nested else None,
            parameter=deployed.parameter,
            registered=deployed.registered(),
        )
        # The guard is asked first, and fails the update while an open run needs what would go.
        machine.node.add_dependency(self._guard)
        if deployed.is_nested:
            alarms = Alarms(Construct(scope, "Monitoring"), self._settings.alarm_topic)
            alarms.watch_workflow(workflow.name, machine.state_machine, machine.express, self._metrics)
        return machine

    def _segments(self, deployed: DeployedWorkflow) -> SegmentOptions | None:
        segmented, workflow = deployed.segmented, deployed.declared
        if segmented is None or self._wakes is None:
            return None
        return SegmentOptions(deployed.express_name, segmented, workflow.retention, self._wakes, workflow.limits)

    def _declare_schedules(self, workflows: Sequence[Workflow[Any]]) -> Schedules | None:
        scheduled = [self._scheduled(each) for each in workflows if each.schedules]
        if not scheduled:
            return None
        return Schedules(
            self,
            "Schedules",
            platform=self._platform,
            record=self._record,
            scheduled=scheduled,
            removal=self._settings.data_removal,
        )

    def _scheduled(self, workflow: Workflow[Any]) -> Scheduled:
        deployed = self._deployed[workflow.name]
        resource = self._workflow_resource(deployed, None if deployed.is_nested else self._machines[workflow.name])
        adapter = adapter_of(payload_type(workflow.workflow))
        return Scheduled(resource, [(each, scheduled_params(adapter, each)) for each in workflow.schedules])

    def _bound(self, signature: Signature, owner: Binding) -> Bindings:
        bound = named(signature, owner).items()
        return {name: Bound(each.name, self._used(each, signature.function, name)) for name, each in bound}

    def _used(self, binding: Binding, function: Callable[..., Any], parameter: str) -> Resource:
        """Return the counterpart of a binding as a function's code uses it."""
        resource = self._resources[binding]
        if not isinstance(resource, WorkflowResource):
            return resource
        return resource.used(methods_called(function, parameter))

    def _declare_consumers(self, queues: Sequence[Queue]) -> None:
        for each in queues:
            queue = self._resources[each]
            # A queue without a consumer is read by something else, which the project's own stack grants.
            if each.consumer is None or not isinstance(queue, MessageQueue):
                continue
            signature = signature_of(each.consumer)
            self._consumers[each.name] = Consumer(
                queue,
                "Consumer",
                platform=self._platform,
                queue=queue,
                signature=signature,
                bindings=self._bound(signature, each),
                batch_size=each.batch_size,
                timeout_seconds=whole_seconds(each.timeout),
                is_recursive=comes_back(each, queues),
                options=self._options.consumers.get(each.name, PLAIN),
            )

    def _declare_apis(self, project: Project) -> Apis:
        plane = self._plane()
        keeper = Keeper(self, "Keeper", plane=plane, wakes=self._wakes)
        operations = Operations(self, "Operations", plane=plane).handler
        if self._machines:
            OldVersions(self, "OldVersions", plane=plane)
        self._begin = [keeper.completion, keeper.reconciler, operations]
        shared = (self._settings, self._options, self._platform, self._record, self._machines)
        apis = Apis(self, *shared, operations)
        for each in project.workers:
            apis.add(each, self._bound(granted_to(each), each))
        for workflow in project.workflows:
            if workflow.name in self._operated:
                name = operator_name(self._settings.stack, workflow.name)
                OperatorFunction(
                    self, f"{construct_id(workflow)}Operator", plane=plane, workflow=workflow.name, name=name
                )
        watched = self._watched(plane, keeper, apis)
        Monitoring(self, "Monitoring", watched=watched, alarm_topic=self._settings.alarm_topic)
        return apis

    def _begun_by(self) -> list[IDependable]:
        """Return what is updated before all runs begin on new code: the registry, and the Lambdas that begin runs."""
        handlers = [each.handler for each in self._apis.workers.values()]
        handlers += [each.handler for each in self._consumers.values()]
        handlers += [*self._begin, *([self._schedules.starter] if self._schedules else ())]
        functions = [*(each.function for each in handlers), *(each.served for each in self._apis.gateways.values())]
        return [*(each.parameter for each in self._machines.values()), *functions]

    def _plane(self) -> Plane:
        # A policy holds 10,240 characters, and each machine costs some: nested stacks are granted by a prefix.
        own = {name: each for name, each in self._deployed.items() if not each.is_nested}
        made = {name: self._machines[name] for name in own}
        return Plane(
            platform=self._platform,
            record=self._record,
            known=known(self._deployed, self._machines),
            registry=registry_path(self._settings.stack),
            machines={name: each.state_machine for name, each in made.items()},
            rollbacks={name: each.rollback for name, each in made.items() if each.rollback},
            answered={name for name, each in own.items() if each.is_answered},
            segmented={name: each.segmented for name, each in own.items() if each.segmented},
            nested=None if len(own) == len(self._deployed) else f"{self._settings.stack}{NESTED_SEPARATOR}",
            limited={name: limit for name, each in self._deployed.items() if (limit := self._limited(each.declared))},
            hands_over=any(
                self._deployed[callee.name].program.may_return
                for each in self._deployed.values()
                for callee in each.called.values()
            ),
        )

    def _watched(self, plane: Plane, keeper: Keeper, apis: Apis) -> Watched:
        queues = {each.name: found for each, found in self._resources.items() if isinstance(found, MessageQueue)}
        return Watched(
            metrics=self._metrics,
            record=self._record,
            machines=plane.machines,
            express={name: express for name in plane.machines if (express := self._machines[name].express)},
            nested=plane.nested is not None,
            completion=keeper.completion.function,
            reconciler=keeper.reconciler.function,
            queues=queues,
            consumed=frozenset(self._consumers),
            wakes=self._wakes,
            apis={name: each.api for name, each in apis.gateways.items()},
            missed=self._schedules.dead_letters if self._schedules else None,
            sends_mail=any(isinstance(each, SendEmail) for each in self._resources),
        )


def _named_one(known: Mapping[str, V], name: str) -> V:
    """Return what has a name.

    Raises:
        DeclarationError: nothing has it, with the names that there are.
    """
    if name not in known:
        raise DeclarationError([f"app.py declares no {name!r} here; there are: {', '.join(known) or 'none'}"])
    return known[name]
