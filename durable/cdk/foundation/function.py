"""One Lambda: its role with nothing granted, its log group, and the version that is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from durable.bindings.compute import first
from durable.cdk.foundation.options import PLAIN, FunctionOptions
from durable.cdk.nag import acknowledge, written

HANDLER: Final = "durable.aws.entry.handler"
"""The one handler of all Lambdas; DURABLE_ENTRY says what it is in this one."""
MEMORY_MIB: Final = 512

Codes = Callable[[Construct], lambda_.Code]


@dataclass(frozen=True)
class Dependencies:
    """What a Lambda imports besides the project's code: in layers, or where variables say."""

    layers: Sequence[lambda_.ILayerVersion] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


DependenciesOf = Callable[[lambda_.Architecture, FunctionOptions], Dependencies]


def code_of(path: str) -> Codes:
    """Return the code in a zip file."""
    made: dict[str, lambda_.Code] = {}

    def code(scope: Construct) -> lambda_.Code:
        # CDK refuses a Code that functions of two stacks use, and a nested stack is one of its own.
        stack = Stack.of(scope).node.path
        if stack not in made:
            made[stack] = lambda_.Code.from_asset(path)
        return made[stack]

    return code


@dataclass(frozen=True)
class Platform:
    """What all Lambdas of a deployment share.

    Attributes:
        code: returns that of the functions of a construct's stack: CDK wants one for each stack.
        dependencies: returns those of a Lambda, for a processor.
        architecture: the processor of functions whose options name none.
        has_versions: whether state machines have versions, and CodeDeploy moves aliases.
    """

    code: Codes
    dependencies: DependenciesOf
    runtime: lambda_.Runtime
    architecture: lambda_.Architecture
    log_retention: logs.RetentionDays
    log_removal: RemovalPolicy
    environment: Mapping[str, str] = field(default_factory=dict)
    has_versions: bool = True


class HandlerFunction(Construct):
    """A Lambda that runs the generic handler.

    Args:
        entry: what the handler is here: step, consumer, worker, operations, operator, completion, reconciler
            or starter.
        environment: more variables; a value that is no text is written as JSON.
        options: how it differs from the others.
        name: a fixed physical name, for one that others must know before it is made.
        dead_letters: where events go that it was sent and failed on, one that is invoked asynchronously.
        is_recursive: whether what it sends may invoke it again, as often as it likes.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        entry: str,
        environment: Mapping[str, Any],
        timeout_seconds: int,
        description: str,
        options: FunctionOptions = PLAIN,
        name: str | None = None,
        dead_letters: sqs.IQueue | None = None,
        is_recursive: bool = False,
    ) -> None:
        super().__init__(scope, id)
        # A log group of the stack's own: one that Lambda makes itself is kept for ever, and outlives the stack.
        self._log_group = logs.LogGroup(
            self, "Logs", retention=platform.log_retention, removal_policy=platform.log_removal
        )
        # Without AWS's managed policy, which would let the Lambda write to every log group of the account.
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self._log_group.grant_write(self.role)
        architecture = options.architecture or platform.architecture
        dependencies = platform.dependencies(architecture, options)
        variables = {**platform.environment, **dependencies.variables, **options.environment}
        # Ours come last: what a project sets cannot take their places.
        variables |= {"DURABLE_ENTRY": entry} | self._texts(environment)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            code=platform.code(self),
            layers=list(dependencies.layers),
            runtime=platform.runtime,
            architecture=architecture,
            handler=HANDLER,
            memory_size=first(options.memory_mib, MEMORY_MIB),
            ephemeral_storage_size=_size(options.ephemeral_storage_mib),
            timeout=Duration.seconds(timeout_seconds),
            tracing=lambda_.Tracing.ACTIVE,
            role=self.role,
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda's own lines of each start and end would be most of what is logged, and be paid for.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            description=description,
            environment=variables,
            vpc=options.vpc,
            vpc_subnets=options.vpc_subnets,
            security_groups=list(options.security_groups) if options.security_groups else None,
            reserved_concurrent_executions=options.reserved_concurrency,
            dead_letter_queue=dead_letters,
            # Lambda takes a loop for a mistake and ends it after some sixteen invocations that follow from each other.
            recursive_loop=lambda_.RecursiveLoop.ALLOW if is_recursive else None,
            # A run that sleeps goes on with the version that it began with; `OldVersions` deletes what no run needs.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE),
        )
        acknowledge(self.role, "IAM5[Resource::*]", "X-Ray takes segments for no resource in particular")
        acknowledge(self.function, "L1", "the layer's wheels are built and tested for this version of Python")

        for each in options.policies:
            self.role.add_to_policy(each)
        if options.vpc is not None:
            acknowledge(
                self.role,
                "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]",
                "the policy by which a Lambda has its network interfaces made in a VPC",
            )

    @property
    def version_arn(self) -> str:
        """The version that holds the code being deployed; it is kept, for runs that began on it."""
        return self.function.current_version.function_arn

    def _texts(self, environment: Mapping[str, Any]) -> dict[str, str]:
        """Return all values as texts; JSON goes through the stack, which joins in names known only when deployed."""
        as_json = Stack.of(self).to_json_string
        return {name: each if isinstance(each, str) else as_json(each) for name, each in environment.items()}

    def grant(
        self,
        *actions: str,
        on: Sequence[str],
        conditions: Mapping[str, Mapping[str, Any]] | None = None,
        because: str = "",
    ) -> None:
        """Allow actions on exactly these resources.

        Args:
            because: why some of them are patterns; cdk-nag refuses one without a reason.
        """
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=dict(conditions or {}))
        )
        if because:
            for each in on:
                # cdk-nag finds a pattern in each resource with a star, also in one that AWS writes so.
                if "*" in each:
                    acknowledge(self.role, f"IAM5[Resource::{written(self, each)}]", because)


def _size(mebibytes: int | None) -> Size | None:
    return None if mebibytes is None else Size.mebibytes(mebibytes)
