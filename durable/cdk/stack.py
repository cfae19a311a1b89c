"""One stage of a project as a stack: each declaration handed to its construct, and the constructs to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict, TypeVar

from aws_cdk import ArnFormat, Aspects, CfnOutput, NestedStack, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from typing_extensions import Unpack

from durable.adapters import adapter_of
from durable.aws.changes import NESTED
from durable.aws.resources import construct_id
from durable.bindings import JWT, Binding, Queue, Worker, Workflow
from durable.bindings.kinds import KINDS, part
from durable.cdk.bucket import ObjectBucket
from durable.cdk.changes import Changes
from durable.cdk.compute import Networks, computes, options_of, unknown_steps
from durable.cdk.encryption import Encrypted, key_of
from durable.cdk.function import HandlerFunction, Platform
from durable.cdk.gateway import Gateway
from durable.cdk.http_gateway import HttpGateway, authorizer_of
from durable.cdk.kv import Namespace
from durable.cdk.layout import NESTED_SEPARATOR, nested_workflows
from durable.cdk.limits import long_name
from durable.cdk.machine import Machine, Step
from durable.cdk.methods import methods_called
from durable.cdk.monitoring import Monitoring, WatchedSegments
from durable.cdk.options import PLAIN, FunctionOptions, Options, unknown_names
from durable.cdk.plane import Keeper, OperatorFunction, Plane
from durable.cdk.platform import lambda_platform
from durable.cdk.queue import Consumer, MessageQueue
from durable.cdk.record import Record
from durable.cdk.refusal import refusals, refuse
from durable.cdk.resource import Bindings, Bound, Resource
from durable.cdk.routes import named_routes, wrong_routes
from durable.cdk.schedule import Scheduled, Schedules
from durable.cdk.settings import Settings
from durable.cdk.stage import Stage
from durable.cdk.turns import SegmentOptions
from durable.cdk.wakes import WakeQueue
from durable.cdk.worker import Operations, WorkerFunction, granted_to
from durable.cdk.workflow import Limited, Segmented, WorkflowResource, operator_name, registry_path
from durable.compiler import Compiled, compile_workflow
from durable.durations import whole_seconds
from durable.errors import DeclarationError
from durable.project import Project
from durable.runs.scheduled import scheduled_params
from durable.signature import Signature, signature_of
from durable.store.values import hash_of, text_of
from durable.workflow import payload_type

R = TypeVar("R")
V = TypeVar("V")

PlatformOf = Callable[[Construct, Settings, Iterable[str]], Platform]


class Deployment(TypedDict):
    """What a DurableStack is made of: a stack of one's own hands it on.

    Attributes:
        project: what app.py declares: `build(load("app")).project`.
        platform: what the Lambdas run on; AWS where it is not given.
    """

    project: Project
    settings: Settings
    platform: NotRequired[PlatformOf]


class DurableStack(Stack):
    """Everything that one stage of a project is on AWS."""

    def __init__(self, scope: Construct, id: str, **deployment: Unpack[Deployment]) -> None:
        project, settings = deployment["project"], deployment["settings"]
        super().__init__(scope, id, description=f"{settings.name}, stage {settings.stage}")
        refuse(refusals(project.declarations, KINDS))
        refuse(sentence for worker in project.workers for sentence in wrong_routes(worker))
        self._project = project
        self._settings = settings
        self._programs = {each.name: compile_workflow(each.workflow) for each in project.workflows}
        self._nested = nested_workflows(project, self._programs)
        refuse(sentence for each in project.workflows for sentence in long_name(self._longest_name(each)))
        self._platform = deployment.get("platform", lambda_platform)(self, settings, self._modules())
        self._options = self.options()
        refuse(unknown_names(self._options, project, self._programs))
        refuse(s for each in project.workflows for s in unknown_steps(each, self._programs[each.name]))
        self._networks = Networks(self)
        self._record = Record(self, "Record", production=settings.production)
        self._changes = Changes(self, "Changes", platform=self._platform, record=self._record)
        self._guard = self._changes.guard({each.name: self._needs(each) for each in project.workflows})
        self._resources: dict[Binding, Resource] = {}
        self._operated = set[str]()
        self._declare_data(project)
        is_woken = any(each.machine_kind == "express" or each.limits is not None for each in project.workflows)
        self._wakes = WakeQueue(self, "Wakes") if is_woken else None
        self._made: dict[str, Machine] = {}
        self._machines = self._declare_workflows(project.workflows)
        self._schedules = self._declare_schedules(project.workflows)
        self._consumers: dict[str, Consumer] = {}
        self._declare_consumers(project.queues)
        self._workers: dict[str, WorkerFunction] = {}
        self._gateways: dict[str, Gateway | HttpGateway] = {}
        self._declare_apis(project)
        key = key_of(self, settings)
        if key is not None:
            Aspects.of(self).add(Encrypted(key))

    def options(self) -> Options:
        """Return how single functions and resources differ. To be overridden; constructs may be made here."""
        return Options()

    def step(self, workflow: str, step: str) -> HandlerFunction:
        """Return the Lambda of a step, by the names that `Workflow(…)` and `step.do(…)` give."""
        uses = {each.name: each.placeholder for each in _named_one(self._programs, workflow).steps}
        return self._made[workflow].steps[_named_one(uses, step)].handler

    def workflow(self, name: str) -> sfn.StateMachine:
        """Return the state machine of a workflow."""
        return _named_one(self._machines, name)

    def consumer(self, queue: str) -> HandlerFunction:
        """Return the Lambda of a queue's consumer."""
        return _named_one(self._consumers, queue).handler

    def worker(self, name: str) -> HandlerFunction:
        """Return the Lambda of a worker."""
        return _named_one(self._workers, name).handler

    def api(self, worker: str) -> apigatewayv2.HttpApi:
        """Return the HTTP API of a worker that has a URL."""
        return self._http(worker).api

    def api_stage(self, worker: str) -> apigatewayv2.HttpStage:
        """Return the one stage of that API, which a domain of one's own is mapped to."""
        return self._http(worker).stage

    def _http(self, worker: str) -> HttpGateway:
        gateway = _named_one(self._gateways, worker)
        if not isinstance(gateway, HttpGateway):
            raise DeclarationError([f"the API of {worker!r} is a REST API; get it by rest_api({worker!r})"])
        return gateway

    def rest_api(self, worker: str) -> apigateway.RestApi:
        """Return the REST API of a worker that is declared with `api="rest"`."""
        gateway = _named_one(self._gateways, worker)
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

    def _declare_workflows(self, workflows: Sequence[Workflow[Any]]) -> dict[str, sfn.StateMachine]:
        """Build the machines; one that a Lambda of a step names has a fixed name: its ARN is known before it is."""
        named = self._started_by_steps(workflows) | self._answered(workflows) | self._nested
        arns = {each.name: self._fixed_arn(each) for each in workflows if each.name in named}
        for each in workflows:
            if each.name in arns:
                self._resources[each] = self._workflow_resource(each, arns[each.name])
        self._made = {each.name: self._machine(each, arns.get(each.name)) for each in workflows}
        machines = {name: each.state_machine for name, each in self._made.items()}
        self._rollbacks = {name: each.rollback for name, each in self._made.items() if each.rollback}
        for each in workflows:
            if each.name in self._nested:  # other stacks name its machines by their fixed names
                continue
            arn = machines[each.name].state_machine_arn
            if each.machine_kind == "express":
                self._resources[each] = self._workflow_resource(each, arn, self._made[each.name].segmented)
            self._resources.setdefault(each, self._workflow_resource(each, arn))
        return machines

    def _segmented(self, workflow: Workflow[Any]) -> Segmented | None:
        """Return what an Express workflow has besides, as the Lambdas of machines see it."""
        if workflow.machine_kind == "standard":
            return None
        name = f"{self._machine_name(workflow)}-express"
        arn = self.format_arn(service="states", resource="stateMachine", resource_name=name, arn_format=_COLONS)
        return Segmented(arn, self._parameter(workflow))

    def _parameter(self, workflow: Workflow[Any]) -> str:
        return f"{registry_path(self._settings.stack)}/{workflow.name}"

    def _fixed_arn(self, workflow: Workflow[Any]) -> str:
        name = self._machine_name(workflow)
        return self.format_arn(service="states", resource="stateMachine", resource_name=name, arn_format=_COLONS)

    def _answered(self, workflows: Sequence[Workflow[Any]]) -> set[str]:
        """Return the workflows whose machines are answered by tokens, and those that are called."""
        called = {each.name for workflow in workflows for each in self._called(workflow).values()}
        return called | {each.name for each in workflows if self._events(each) or self._called(each)}

    def _called(self, workflow: Workflow[Any]) -> dict[str, Workflow[Any]]:
        """Return the workflows that one calls, by the name of the step."""
        calls = self._programs[workflow.name].calls
        return {each.name: self._project.declared(each.workflow)[0] for each in calls}

    def _started_by_steps(self, workflows: Sequence[Workflow[Any]]) -> set[str]:
        return {
            bound.name
            for each in workflows
            for use in self._programs[each.name].steps
            for bound in _named(use.signature, each).values()
            if isinstance(bound, Workflow)
        }

    def _needs(self, workflow: Workflow[Any]) -> list[str]:
        """Return what goes with a change of the steps or their bindings, though an open run may still need it."""
        needs = list[str]()
        for step in _steps(self._programs[workflow.name]):
            needs.append(f"step {step.placeholder}")
            bound = _named(step.signature, workflow).values()
            needs += [f"{each!r} in step {step.placeholder}" for each in bound]
        needs += ["waits for events"] if self._events(workflow) else []
        needs += [f"call of {each!r}" for each in self._called(workflow).values()]
        needs += ["kind='express'"] if workflow.machine_kind == "express" else []
        needs += [NESTED] if workflow.name in self._nested else []
        return sorted(set(needs))

    def _machine_name(self, workflow: Workflow[Any]) -> str:
        separator = NESTED_SEPARATOR if workflow.name in self._nested else "-"
        return f"{self._settings.stack}{separator}{workflow.name}"

    def _longest_name(self, workflow: Workflow[Any]) -> str:
        """Return the longest name of a machine of a workflow, if its machines have fixed names."""
        suffix = "-express" if workflow.machine_kind == "express" else ""
        return self._machine_name(workflow) + suffix

    def _workflow_resource(
        self, workflow: Workflow[Any], arn: str, segmented: Segmented | None = None
    ) -> WorkflowResource:
        return WorkflowResource(
            name=workflow.name,
            implementation=_import_name(workflow),
            events=self._events(workflow),
            definition=self._definition(workflow),
            machine_arn=arn,
            record=self._record,
            segmented=segmented or self._segmented(workflow),
            operator=operator_name(self._settings.stack, workflow.name),
            limited=self._limited(workflow),
            search=workflow.search,
            parameter=self._parameter(workflow) if workflow.name in self._nested else None,
        )

    def _limited(self, workflow: Workflow[Any]) -> Limited | None:
        if workflow.limits is None or self._wakes is None:
            return None
        return Limited(workflow.limits, self._wakes)

    def _definition(self, workflow: Workflow[Any]) -> str:
        """Return what tells a compiled workflow from another: it stays while the code of steps changes."""
        return hash_of(text_of(self._programs[workflow.name].definition))

    def _events(self, workflow: Workflow[Any]) -> dict[str, str]:
        return {use.type: use.source for use in self._programs[workflow.name].events}

    def _machine(self, workflow: Workflow[Any], fixed_arn: str | None) -> Machine:
        program = self._programs[workflow.name]
        segmented = self._segmented(workflow)
        segments: SegmentOptions | None = None
        if segmented is not None and self._wakes is not None:
            name = f"{self._machine_name(workflow)}-express"
            segments = SegmentOptions(name, segmented, workflow.retention_seconds, self._wakes, workflow.limits)
        is_nested = workflow.name in self._nested
        machine = Machine(
            NestedStack(self, f"{construct_id(workflow)}Stack") if is_nested else self,
            construct_id(workflow),
            platform=self._platform,
            workflow=workflow.name,
            definition=program.definition,
            steps=[(step, self._bound(step.signature, workflow)) for step in _steps(program)],
            record=self._record,
            name=self._machine_name(workflow) if fixed_arn else None,
            arn=fixed_arn or "",
            events=bool(self._events(workflow)),
            callees={
                step: self._workflow_resource(each, self._fixed_arn(each))
                for step, each in self._called(workflow).items()
            },
            options=self._function_options(workflow),
            segments=segments,
            rollback_name=f"{self._machine_name(workflow)}-rollback" if is_nested else None,
            parameter=self._parameter(workflow),
            registered=self._registered(workflow),
        )
        machine.node.add_dependency(self._guard)
        return machine

    def _registered(self, workflow: Workflow[Any]) -> dict[str, Any]:
        """Return what Lambdas need to know of a workflow besides its machines."""
        limits = {} if workflow.limits is None else {"limits": workflow.limits.as_json()}
        search = {"search": dict(workflow.search)} if workflow.search else {}
        return {
            "class": _import_name(workflow),
            "events": self._events(workflow),
            "retention": workflow.retention_seconds,
            "definition": self._definition(workflow),
            **limits,
            **search,
        }

    def _function_options(self, workflow: Workflow[Any]) -> dict[str, FunctionOptions]:
        program = self._programs[workflow.name]
        own = {use.placeholder: self._options.steps.get((workflow.name, use.name), PLAIN) for use in program.steps}
        for use in program.steps:  # of steps that share a function, one may be named
            own[use.placeholder] = self._options.steps.get((workflow.name, use.name), own[use.placeholder])
        return {
            placeholder: options_of(compute, own[placeholder], self._networks)
            for placeholder, compute in computes(workflow, program).items()
        }

    def _known(self) -> dict[str, Any] | None:
        """Return what fits into the environment of the Lambdas that know all workflows, if it does: reading the
        parameters instead takes a cold start longer.
        """
        registered = {each.name: self._registered(each) for each in self._project.workflows}
        size = sum(len(text_of(each)) + _LONGEST_ARNS for each in registered.values())
        if self._nested or size > _KNOWN_BYTES:
            return None
        return {each.name: self._known_of(each, registered[each.name]) for each in self._project.workflows}

    def _known_of(self, workflow: Workflow[Any], registered: Mapping[str, Any]) -> dict[str, Any]:
        segmented = self._segmented(workflow)
        if segmented is not None:
            return {name: each for name, each in registered.items() if name != "definition"} | segmented.told()
        machines = {"machine": self._machines[workflow.name].state_machine_arn}
        rollback = self._rollbacks.get(workflow.name)
        return {**registered, **machines} | ({"rollback": rollback.state_machine_arn} if rollback else {})

    def _declare_schedules(self, workflows: Sequence[Workflow[Any]]) -> Schedules | None:
        scheduled = [self._scheduled(each) for each in workflows if each.schedules]
        if not scheduled:
            return None
        return Schedules(self, "Schedules", platform=self._platform, record=self._record, scheduled=scheduled)

    def _scheduled(self, workflow: Workflow[Any]) -> Scheduled:
        made, resource = self._made[workflow.name], self._resources[workflow]
        if workflow.name not in self._nested:
            resource = self._workflow_resource(workflow, made.state_machine.state_machine_arn, made.segmented)
        assert isinstance(resource, WorkflowResource)
        adapter = adapter_of(payload_type(workflow.workflow))
        return Scheduled(resource, [(each, scheduled_params(adapter, each)) for each in workflow.schedules])

    def _bound(self, signature: Signature, owner: Binding) -> Bindings:
        named = _named(signature, owner).items()
        return {name: Bound(each.name, self._used(each, signature.function, name)) for name, each in named}

    def _used(self, binding: Binding, function: Callable[..., Any], parameter: str) -> Resource:
        """Return the counterpart of a binding as a function's code uses it."""
        resource = self._resources[binding]
        if not isinstance(resource, WorkflowResource):
            return resource
        used = resource.used(methods_called(function, parameter))
        if used.operates:
            self._operated.add(resource.name)
        return used

    def _declare_consumers(self, queues: Sequence[Queue]) -> None:
        for each in queues:
            queue = self._resources[each]
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
                options=self._options.consumers.get(each.name, PLAIN),
            )

    def _declare_apis(self, project: Project) -> None:
        own = [each for each in project.workflows if each.name not in self._nested]
        plane = Plane(
            platform=self._platform,
            record=self._record,
            known=self._known(),
            registry=registry_path(self._settings.stack),
            machines={each.name: self._machines[each.name] for each in own},
            rollbacks={name: each for name, each in self._rollbacks.items() if name not in self._nested},
            answered={each.name for each in own if self._events(each) or self._called(each)},
            segmented={each.name: found for each in own if (found := self._segmented(each))},
            nested=f"{self._settings.stack}{NESTED_SEPARATOR}" if self._nested else None,
            limited={each.name: limit for each in project.workflows if (limit := self._limited(each))},
        )
        keeper = Keeper(self, "Keeper", plane=plane, wakes=self._wakes)
        operations = Operations(self, "Operations", plane=plane)
        for each in project.workers:
            self._worker(each, operations)
        for workflow in project.workflows:
            if workflow.name in self._operated:
                name = operator_name(self._settings.stack, workflow.name)
                OperatorFunction(
                    self, f"{construct_id(workflow)}Operator", plane=plane, workflow=workflow.name, name=name
                )
        Monitoring(
            self,
            "Monitoring",
            machines=plane.machines,
            dead_letters={
                queue.name: each.dead_letters
                for queue, each in self._resources.items()
                if isinstance(each, MessageQueue)
            },
            apis={name: each.api for name, each in self._gateways.items()},
            starter=self._schedules.starter.function if self._schedules else None,
            alarm_topic=self._settings.alarm_topic,
            segments=self._watched(keeper),
        )

    def _watched(self, keeper: Keeper) -> WatchedSegments | None:
        """Return what there is to watch where runs execute in segments."""
        if self._wakes is None:
            return None
        machines = {
            name: each.express for name, each in self._made.items() if each.express and name not in self._nested
        }
        service = (self._settings.stack, self._settings.name)
        return WatchedSegments(machines, keeper.reconciler.function, self._wakes, service)

    def _worker(self, worker: Worker, operations: Operations) -> None:
        function = self._workers[worker.name] = WorkerFunction(
            self,
            construct_id(worker),
            platform=self._platform,
            module=worker.module,
            bindings=self._bound(granted_to(worker), worker),
            record=self._record,
            origins=worker.origins,
            auth=worker.auth,
            options=self._options.workers.get(worker.name, PLAIN),
        )
        if not worker.url:
            return
        gateway = self._gateways[worker.name] = self._gateway(worker, function, operations)
        for each in worker.uses().values():
            if isinstance(each, Workflow):
                self._tell_url(each, gateway.public_url)
        CfnOutput(self, f"{construct_id(worker)}Url", value=gateway.url, description=f"where {worker.name} is")

    def _tell_url(self, workflow: Workflow[Any], url: str) -> None:
        """Have the steps that hand out callbacks know where these are completed."""
        steps = self._made[workflow.name].steps
        for use in self._programs[workflow.name].steps:
            if use.signature.callback is not None:
                steps[use.placeholder].handler.function.add_environment("DURABLE_URL", url)

    def _gateway(self, worker: Worker, function: WorkerFunction, operations: Operations) -> Gateway | HttpGateway:
        settings = self._settings
        shared: dict[str, Any] = {
            "name": f"{settings.stack}-{worker.name}",
            "public": function.handler,
            "operations": operations.handler,
            "origins": worker.origins,
            "throttles": worker.throttles,
            "named": named_routes(worker, callbacks=self._completes(worker)),
            "domain": worker.domain,
            "log_retention": settings.log_retention,
            "log_removal": settings.data_removal,
        }
        if worker.api == "rest":
            shared |= {"stage": settings.stage, "auth": worker.auth}
            return Gateway(function, "Gateway", authorizer=self._options.rest_authorizers.get(worker.name), **shared)
        authorizer = self._options.authorizers.get(worker.name) or authorizer_of(worker.auth)
        scopes = worker.auth.scopes if isinstance(worker.auth, JWT) else ()
        return HttpGateway(function, "Gateway", authorizer=authorizer, scopes=scopes, **shared)

    def _completes(self, worker: Worker) -> bool:
        """Return whether a worker has the route that completes callbacks."""
        workflows = [self._programs[each.name] for each in worker.uses().values() if isinstance(each, Workflow)]
        return any(use.signature.callback is not None for each in workflows for use in each.steps)


_KNOWN_BYTES: Final = 3_000
"""Of 4,096 for all variables of an environment."""
_LONGEST_ARNS: Final = 150
"""Of the machines of a workflow, or the name of its parameter, which stand beside what is registered."""
_COLONS: Final = ArnFormat.COLON_RESOURCE_NAME


def _named_one(known: Mapping[str, V], name: str) -> V:
    """Return what has a name.

    Raises:
        DeclarationError: nothing has it, with the names that there are.
    """
    if name not in known:
        raise DeclarationError([f"app.py declares no {name!r} here; there are: {', '.join(known) or 'none'}"])
    return known[name]


def _named(signature: Signature, owner: Binding) -> dict[str, Binding]:
    """Return the declarations that a signature names, by parameter."""
    bound = owner.uses()
    return {each.name: bound[each.name] for each in signature.bindings}


def _steps(program: Compiled) -> list[Step]:
    """Return one step for each Lambda; where two uses share one, it has the longer of their timeouts."""
    steps: dict[str, Step] = {}
    for use in program.steps:
        before = steps.get(use.placeholder)
        seconds = max(use.timeout_seconds, before.timeout_seconds if before else 0)
        steps[use.placeholder] = Step(use.placeholder, use.signature, seconds, use.undoes is not None)
    return list(steps.values())


def _import_name(workflow: Workflow[Any]) -> str:
    cls = workflow.workflow
    return f"{cls.__module__}:{cls.__qualname__}"
