"""Workers → their Lambdas and the APIs in front of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aws_cdk import CfnOutput, Stack

from durable.aws.resources import construct_id, url_output
from durable.bindings import JWT, Worker, Workflow
from durable.bindings.compute import distribution
from durable.cdk.api.gateway import Gateway
from durable.cdk.api.http_gateway import HttpGateway, authorizer_of
from durable.cdk.api.routes import named_routes
from durable.cdk.api.worker import WorkerFunction
from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.options import PLAIN, FunctionOptions, Options
from durable.cdk.foundation.resource import Bindings
from durable.cdk.foundation.settings import Settings
from durable.cdk.foundation.sources import REQUIREMENTS, PackagingError, lacking
from durable.cdk.workflows.machine import Machine
from durable.cdk.workflows.record import Record

_FOR_TOKENS: Final = ("cryptography", "pyjwt")


@dataclass
class Apis:
    """The workers of a stack and their gateways, by the names of the workers.

    Attributes:
        stack: what they become children of.
        machines: those of the workflows, by name: steps that hand out callbacks get the URL of an API.
        operations: the Lambda behind the operators' routes.
    """

    stack: Stack
    settings: Settings
    options: Options
    platform: Platform
    record: Record
    machines: Mapping[str, Machine]
    operations: HandlerFunction
    workers: dict[str, WorkerFunction] = field(default_factory=dict)
    gateways: dict[str, Gateway | HttpGateway] = field(default_factory=dict)

    def add(self, worker: Worker, bindings: Bindings) -> None:
        """Make the Lambda of a worker, and an API if it has a URL.

        Raises:
            PackagingError: the Lambda would lack what it verifies tokens with.
        """
        options = self.options.workers.get(worker.name, PLAIN)
        if isinstance(worker.auth, JWT) and worker.api == "rest":
            self._hold_packages(worker, options)
        function = self.workers[worker.name] = WorkerFunction(
            self.stack,
            construct_id(worker),
            platform=self.platform,
            module=worker.module,
            bindings=bindings,
            record=self.record,
            origins=worker.origins,
            auth=worker.auth,
            api=worker.api,
            options=options,
        )
        # Without a URL it is a Lambda that other parts of the project's own stack may invoke.
        if not worker.url:
            return
        machines = [self.machines[each.name] for each in worker.uses().values() if isinstance(each, Workflow)]
        # A callback can be completed by each API whose worker has the workflow among its bindings: that worker has the
        # route.
        handing_out = [step for each in machines for step in each.callbacks]
        gateway = self.gateways[worker.name] = self._gateway(worker, function, completes=bool(handing_out))
        for step in handing_out:
            step.add_environment("DURABLE_URL", gateway.public_url)
        name, description = url_output(worker.name)
        CfnOutput(self.stack, name, value=gateway.url, description=description)

    def _hold_packages(self, worker: Worker, options: FunctionOptions) -> None:
        own = {distribution(each) for each in options.packages}
        missing = [each for each in lacking(self.settings.root, _FOR_TOKENS) if each not in own]
        if missing:
            raise PackagingError(
                f"{REQUIREMENTS} lacks {' and '.join(missing)}, with which {worker!r} verifies tokens: a REST API"
                f" verifies none; write pyjwt[crypto] into {REQUIREMENTS.removesuffix('.txt')}.in and lock it again, or"
                " write api='http'"
            )

    def _gateway(self, worker: Worker, function: WorkerFunction, *, completes: bool) -> Gateway | HttpGateway:
        settings = self.settings
        shared: dict[str, Any] = {
            "name": f"{settings.stack}-{worker.name}",
            "public": function.handler,
            "operations": self.operations,
            "origins": worker.origins,
            "throttles": worker.throttles,
            "named": named_routes(worker, callbacks=completes),
            "domain": worker.domain,
            "canary_minutes": worker.canary_minutes if self.platform.has_versions else None,
            "log_retention": settings.log_retention,
            "log_removal": settings.data_removal,
        }
        if worker.api == "rest":
            shared |= {"stage": settings.stage, "auth": worker.auth}
            return Gateway(function, "Gateway", authorizer=self.options.rest_authorizers.get(worker.name), **shared)
        authorizer = self.options.authorizers.get(worker.name) or authorizer_of(worker.auth)
        scopes = worker.auth.scopes if isinstance(worker.auth, JWT) else ()
        return HttpGateway(function, "Gateway", authorizer=authorizer, scopes=scopes, **shared)
