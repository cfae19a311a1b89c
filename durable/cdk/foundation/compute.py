"""Compute of steps → the options of their Lambdas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.bindings import Workflow
from durable.bindings.compute import Compute, Network, first, packages_over
from durable.cdk.foundation.options import PLAIN, FunctionOptions, Options, pins_of
from durable.cdk.foundation.sources import Own
from durable.compiler import Compiled
from durable.project import Project

_ARCHITECTURES: Final = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class Existing:
    """The networks and layers that are there already, each once in the stack."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self._made: dict[str, ec2.IVpc] = {}
        self._groups: dict[str, ec2.ISecurityGroup] = {}
        self._layers: dict[str, lambda_.ILayerVersion] = {}

    def vpc(self, network: Network) -> ec2.IVpc:
        # Imported once: two constructs of one id in a stack are an error.
        key = f"Network{network.vpc}{'-'.join(network.subnets)}"
        if key not in self._made:
            self._made[key] = ec2.Vpc.from_vpc_attributes(
                self._scope,
                key,
                vpc_id=network.vpc,
                availability_zones=list(network.zones),
                private_subnet_ids=list(network.subnets),
            )
        return self._made[key]

    def groups(self, network: Network) -> list[ec2.ISecurityGroup]:
        for each in network.security_groups:
            if each not in self._groups:
                self._groups[each] = ec2.SecurityGroup.from_security_group_id(self._scope, each, each)
        return [self._groups[each] for each in network.security_groups]

    def layer(self, arn: str) -> lambda_.ILayerVersion:
        if arn not in self._layers:
            self._layers[arn] = lambda_.LayerVersion.from_layer_version_arn(self._scope, arn, arn)
        return self._layers[arn]


def _options_of(compute: Compute, own: FunctionOptions, existing: Existing) -> FunctionOptions:
    """Return the options of a step's Lambda: what the project's own stack says, else what app.py says."""
    options = replace(
        own,
        memory_mib=first(own.memory_mib, compute.memory),
        ephemeral_storage_mib=first(own.ephemeral_storage_mib, compute.ephemeral_storage),
        reserved_concurrency=first(own.reserved_concurrency, compute.concurrency),
        environment={**compute.environment, **own.environment},
        packages=packages_over(own.packages, compute.packages),
        layers=[*map(existing.layer, compute.layers), *own.layers],
    )
    if own.architecture is None and compute.architecture is not None:
        options = replace(options, architecture=_ARCHITECTURES[compute.architecture])
    if own.vpc is None and compute.network is not None:
        groups = existing.groups(compute.network)
        options = replace(options, vpc=existing.vpc(compute.network), security_groups=groups)
    return options


def step_options(
    workflow: Workflow[Any], program: Compiled, options: Options, existing: Existing
) -> dict[str, FunctionOptions]:
    """Return the options of the Lambda of each step, by its placeholder."""
    named = {use.placeholder: PLAIN for use in program.steps}
    for use in program.steps:  # of steps that share a function, one may be named
        named[use.placeholder] = options.steps.get((workflow.name, use.name), named[use.placeholder])
    computes = {
        use.placeholder: workflow.steps.get(use.name, Compute()).over(workflow.compute) for use in program.steps
    }
    return {each: _options_of(compute, named[each], existing) for each, compute in computes.items()}


def unknown_steps(workflow: Workflow[Any], program: Compiled) -> Iterator[str]:
    """Yield a sentence for each step that a declaration names and the workflow has not, and for those that share a
    Lambda and are given different things.
    """
    placeholders = {use.name: use.placeholder for use in program.steps}
    shared: dict[str, Compute] = {}
    for name, compute in workflow.steps.items():
        if name not in placeholders:
            there = ", ".join(map(repr, placeholders)) or "none"
            yield f"{workflow!r} has no step {name!r}; it has {there}"
        elif shared.setdefault(placeholders[name], compute) != compute:
            yield f"step {name!r} of {workflow!r} shares its function with another step; give both the same Compute"


def owned(
    project: Project,
    programs: Mapping[str, Compiled],
    steps: Mapping[str, Mapping[str, FunctionOptions]],
    options: Options,
) -> list[Own]:
    """Return what single Lambdas of steps, consumers and workers can import and others cannot.

    Args:
        steps: the options of the Lambdas of steps, by the workflow's name and the placeholder.
    """
    found: list[tuple[str, str, FunctionOptions]] = [
        (f"step {use.name!r} of {workflow!r}", use.signature.function.__module__, steps[workflow.name][use.placeholder])
        for workflow in project.workflows
        for use in programs[workflow.name].steps
    ]
    found += [
        (f"the consumer of {each!r}", each.consumer.__module__, options.consumers.get(each.name, PLAIN))
        for each in project.queues
        if each.consumer is not None
    ]
    found += [(repr(each), each.module, options.workers.get(each.name, PLAIN)) for each in project.workers]
    return [
        Own(what, module, pins_of(each.packages), bool(each.layers))
        for what, module, each in found
        if each.packages or each.layers
    ]
