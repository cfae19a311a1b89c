"""What a project's own stack says of single functions and resources; without it each is as the library makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from durable.bindings.compute import Compute
from durable.bindings.worker import ApiKind
from durable.compiler import Compiled
from durable.project import Project


@dataclass(frozen=True)
class FunctionOptions:
    """How one Lambda differs from the others.

    Attributes:
        memory_mib: 512 where nothing is said; a Lambda's share of a processor grows with it.
        architecture: arm64 where nothing is said.
        vpc: in which it runs. It reaches DynamoDB, Step Functions and whatever its bindings are by the VPC's NAT or
            endpoints alone.
        vpc_subnets: of that VPC; its private ones where nothing is said.
        security_groups: in that VPC; one of its own where nothing is said.
        environment: more variables.
        policies: what it may do besides what its signature names.
        reserved_concurrency: how many of it run at once, at the most; 0 stops it.
        ephemeral_storage_mib: of /tmp; 512 where nothing is said.
        packages: what it imports and other Lambdas do not, each with its version: see `Compute`.
        layers: those that it has besides the library's.
    """

    memory_mib: int | None = None
    architecture: lambda_.Architecture | None = None
    vpc: ec2.IVpc | None = None
    vpc_subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    policies: Sequence[iam.PolicyStatement] = ()
    reserved_concurrency: int | None = None
    ephemeral_storage_mib: int | None = None
    packages: Sequence[str] = ()
    layers: Sequence[lambda_.ILayerVersion] = ()

    def __post_init__(self) -> None:
        # What Compute refuses is refused here too; the rest are CDK's own constructs, which check themselves.
        Compute(
            memory=self.memory_mib,
            ephemeral_storage=self.ephemeral_storage_mib,
            concurrency=self.reserved_concurrency,
            environment=self.environment,
            packages=self.packages,
        )


PLAIN: Final = FunctionOptions()


def pins_of(packages: Sequence[str]) -> tuple[str, ...]:
    """Return packages in one order: what is asked for in another order is the same layer."""
    return tuple(sorted(packages))


@dataclass(frozen=True)
class Options:
    """What differs in one stage of a project.

    Attributes:
        steps: by the workflow's declared name and the step's; what is said here comes before what app.py says.
        consumers: by the queue's declared name.
        workers: by the worker's declared name.
        authorizers: a CDK authorizer in the place of a worker's `auth`, as a Lambda that is there already, by the
            worker's declared name.
        rest_authorizers: the same for workers with `api="rest"`.
        tables: tables that are there already, by the KVNamespace's declared name: partition key `pk` and sort key `sk`,
            both text, and `expires` as the time to live.
        buckets: buckets that are there already, by the Bucket's declared name.
    """

    steps: Mapping[tuple[str, str], FunctionOptions] = field(default_factory=dict)
    consumers: Mapping[str, FunctionOptions] = field(default_factory=dict)
    workers: Mapping[str, FunctionOptions] = field(default_factory=dict)
    authorizers: Mapping[str, apigatewayv2.IHttpRouteAuthorizer] = field(default_factory=dict)
    rest_authorizers: Mapping[str, apigateway.IAuthorizer] = field(default_factory=dict)
    tables: Mapping[str, dynamodb.ITable] = field(default_factory=dict)
    buckets: Mapping[str, s3.IBucket] = field(default_factory=dict)


_AUTHORIZERS: Final = {
    "authorizers": "name it in rest_authorizers",
    "rest_authorizers": "name it in authorizers",
}


def unknown_names(options: Options, project: Project, programs: Mapping[str, Compiled]) -> Iterator[str]:
    """Yield a sentence for each name in the options that nothing declared has, and for options that contradict."""
    steps = {(name, use.name): use.placeholder for name, each in programs.items() for use in each.steps}
    yield from _undeclared(options, project, list(steps))
    for worker in project.workers:
        if worker.auth is not None and worker.name in {**options.authorizers, **options.rest_authorizers}:
            yield f"{worker!r} has auth in {project.name}, and an authorizer in the options; take one of them away"
    # Steps of one function are one Lambda, which cannot have two sets of options.
    shared: dict[tuple[str, str], FunctionOptions] = {}
    for (workflow, step), each in options.steps.items():
        function = (workflow, steps.get((workflow, step), ""))
        if shared.setdefault(function, each) != each:
            yield f"step {step!r} of {workflow!r} shares its function with another step; give both the same options"


def _undeclared(options: Options, project: Project, steps: list[tuple[str, str]]) -> Iterator[str]:
    apis = {
        kind: [each.name for each in project.workers if each.url and each.api == kind] for kind in get_args(ApiKind)
    }
    # A misspelt name would else have no effect, and nobody would notice.
    known: dict[str, tuple[Mapping[Any, object], list[Any]]] = {
        "steps": (options.steps, steps),
        "consumers": (options.consumers, [each.name for each in project.queues if each.consumer is not None]),
        "workers": (options.workers, [each.name for each in project.workers]),
        "authorizers": (options.authorizers, apis["http"]),
        "rest_authorizers": (options.rest_authorizers, apis["rest"]),
        "tables": (options.tables, [each.name for each in project.declarations if each.kind == "kv"]),
        "buckets": (options.buckets, [each.name for each in project.declarations if each.kind == "bucket"]),
    }
    for field_name, (given, names) in known.items():
        for name in given:
            if field_name in _AUTHORIZERS and name in [*apis["http"], *apis["rest"]] and name not in names:
                remedy = _AUTHORIZERS[field_name]
                yield f"the options of {field_name} name {name!r}, whose API is of another kind; {remedy}"
            elif name not in names:
                there = ", ".join(map(repr, names)) or "none"
                yield f"the options of {field_name} name {name!r}, which is not declared; there are: {there}"
