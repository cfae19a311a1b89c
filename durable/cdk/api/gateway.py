"""The REST API of a worker: its public routes, the routes of operators, and answers of the gateway's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from durable.bindings.auth import IAM, ApiKeys, Auth
from durable.bindings.domain import Domain
from durable.bindings.throttle import Throttle
from durable.bindings.worker import OTHERS
from durable.cdk.api.canary import Canary
from durable.cdk.api.domain import RestDomain
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.nag import acknowledge

_ACCESS: Final = {
    "request": "$context.requestId",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "integration": "$context.integrationStatus",
    "refused": "$context.error.responseType",
    "trace": "$context.xrayTraceId",
    "at": "$context.requestTimeEpoch",
}
"""A line of the access log; neither address nor path nor agent, for these are somebody's."""


_OPEN: Final[Mapping[str, Any]] = {"authorization_type": apigateway.AuthorizationType.NONE}


@dataclass(frozen=True)
class _Access:
    """How methods of the worker are protected.

    Attributes:
        options: those of a method.
        asks: whether API Gateway asks for credentials.
    """

    options: Mapping[str, Any]
    asks: bool

    @classmethod
    def of(cls, auth: Auth | None, authorizer: apigateway.IAuthorizer | None) -> _Access:
        match auth:
            case IAM():
                return cls({"authorization_type": apigateway.AuthorizationType.IAM}, asks=True)
            case ApiKeys() if auth.limit is not None:
                return cls({"api_key_required": True}, asks=True)
            case _:
                return cls({"authorizer": authorizer}, asks=authorizer is not None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway itself answers, as problem+json."""

    status: int
    title: str
    detail: str
    retry_after_seconds: int | None = None


ANSWERS: Final = {
    "MISSING_AUTHENTICATION_TOKEN": Answer(403, "Forbidden", "Sign the request with SigV4."),
    "INVALID_SIGNATURE": Answer(403, "Forbidden", "The signature of the request is not valid."),
    "EXPIRED_TOKEN": Answer(403, "Forbidden", "The credentials of the request have expired."),
    "ACCESS_DENIED": Answer(403, "Forbidden", "These credentials may not do this."),
    "UNAUTHORIZED": Answer(401, "Unauthorized", "What the request has to say who calls is missing or wrong."),
    "INVALID_API_KEY": Answer(401, "Unauthorized", "The header X-Api-Key is missing or wrong."),
    "RESOURCE_NOT_FOUND": Answer(404, "Not Found", "There is nothing under this path."),
    "REQUEST_TOO_LARGE": Answer(413, "Content Too Large", "A body is 128 KB at most."),
    "UNSUPPORTED_MEDIA_TYPE": Answer(415, "Unsupported Media Type", "Send application/json."),
    "THROTTLED": Answer(429, "Too Many Requests", "Try again in a moment.", 1),
    "QUOTA_EXCEEDED": Answer(429, "Too Many Requests", "Try again later.", 60),
    "INTEGRATION_FAILURE": Answer(502, "Bad Gateway", "Try again in a moment.", 1),
    "INTEGRATION_TIMEOUT": Answer(504, "Gateway Timeout", "Try again in a moment.", 1),
    "DEFAULT_4XX": Answer(400, "Bad Request", "The request cannot be read."),
    "DEFAULT_5XX": Answer(500, "Internal Server Error", "Something went wrong on our side."),
}


class Gateway(Construct):
    """A REST API in front of two Lambdas.

    Args:
        public: answers everything but the routes of operators; open to all, and throttled.
        operations: answers `/api/workflows…`, to requests that are signed by somebody IAM lets in.
        throttles: of routes, as "POST /orders", and of all others, as "*".
        named: the routes that stand by name, each with whether everybody may call it.
        auth: who may call all other routes of the worker; without it they are open to all.
        authorizer: a project's own construct in its place.
        domain: a domain of one's own.
        canary_minutes: for how long new code of `public` answers a tenth of the requests; None changes it at once.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        stage: str,
        public: HandlerFunction,
        operations: HandlerFunction,
        origins: Sequence[str],
        throttles: Mapping[str, Throttle],
        named: Mapping[str, bool],
        auth: Auth | None = None,
        authorizer: apigateway.IAuthorizer | None = None,
        domain: Domain | None = None,
        canary_minutes: int | None = None,
        log_retention: logs.RetentionDays,
        log_removal: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self._stage_name = stage
        self._access = logs.LogGroup(self, "Access", retention=log_retention, removal_policy=log_removal)
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            # Without the CloudFront that an endpoint of type EDGE has in front.
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # The role of the account by which API Gateway writes the access log; a region has one for all its REST
            # APIs.
            cloud_watch_role=True,
            deploy_options=self._stage(stage, throttles),
        )
        # The CDK's own output of the URL: the stack has one under a name that people know.
        self.api.node.try_remove_child("Endpoint")
        self.served: lambda_.IFunction = public.function
        if canary_minutes is not None:
            self.served = Canary(self, "Canary", function=public.function, api=self.api, minutes=canary_minutes).alias
        self._open(self.served, named, _Access.of(auth, authorizer), bool(origins))
        self._operators(operations.function)
        if isinstance(auth, ApiKeys) and auth.limit is not None:
            self._make_keys(auth, auth.limit, name, public)
        self._domain = None if domain is None else RestDomain(self, "Domain", domain=domain, api=self.api)
        self._answers(origins)
        self._acknowledge()

    @property
    def url(self) -> str:
        return self.api.url

    @property
    def public_url(self) -> str:
        """The URL for callers, for Lambdas that the API's own may depend on: it names the API, not its deployment."""
        if self._domain is not None:
            return self._domain.url
        stack = Stack.of(self)
        return f"https://{self.api.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}/{self._stage_name}/"

    def _stage(self, name: str, throttles: Mapping[str, Throttle]) -> apigateway.StageOptions:
        others = throttles[OTHERS]
        return apigateway.StageOptions(
            stage_name=name,
            tracing_enabled=True,
            throttling_rate_limit=others.rate,
            throttling_burst_limit=others.burst,
            method_options={
                _key(route): apigateway.MethodDeploymentOptions(
                    throttling_rate_limit=each.rate, throttling_burst_limit=each.burst
                )
                for route, each in throttles.items()
                if route != OTHERS
            },
            access_log_destination=apigateway.LogGroupLogDestination(self._access),
            access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS)),
        )

    def _open(self, public: lambda_.IFunction, named: Mapping[str, bool], access: _Access, browsers: bool) -> None:
        """Send everything to the worker, which knows 404 and 405; some routes stand by name.

        A path that stands by name is no longer matched by `/{proxy+}`, nor are those that lead to it.
        """
        to_worker = self._integration("Public", public)
        root = self.api.root
        paths = dict.fromkeys(["/", "/{proxy+}", *(each for route in named for each in _leading_to(route))])
        for path in paths:
            resource = root.resource_for_path(path)
            resource.add_method("ANY", to_worker, **access.options)
            # "ANY" covers OPTIONS too; a method of its own goes before it.
            if access.asks and browsers:  # a browser's preflight carries no credentials
                resource.add_method("OPTIONS", to_worker, **_OPEN)
        for route, is_open in named.items():
            method, _, path = route.partition(" ")
            root.resource_for_path(path).add_method(method, to_worker, **(_OPEN if is_open else access.options))

    def _integration(self, id: str, function: lambda_.IFunction) -> apigateway.Integration:
        """Return what sends requests to a Lambda, which this stage of the API may invoke: by one permission for all
        methods, for the policy of a Lambda has 20 KB, which some fifty of CDK's own would fill.
        """
        stack = Stack.of(self)
        function.add_permission(
            id,
            scope=self,
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self.api.arn_for_execute_api(method="*", path="/*", stage=self._stage_name),
        )
        return apigateway.Integration(
            type=apigateway.IntegrationType.AWS_PROXY,
            integration_http_method="POST",
            uri=f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions/"
            f"{function.function_arn}/invocations",
        )

    def _make_keys(self, auth: ApiKeys, limit: Throttle, name: str, public: HandlerFunction) -> None:
        """Make a key for each client, whose text API Gateway draws, and a plan that limits each of them."""
        quota = None
        if auth.per_day is not None:
            quota = apigateway.QuotaSettings(limit=auth.per_day, period=apigateway.Period.DAY)
        plan = self.api.add_usage_plan(
            "Clients",
            name=name,
            throttle=apigateway.ThrottleSettings(rate_limit=limit.rate, burst_limit=limit.burst),
            quota=quota,
            api_stages=[apigateway.UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)],
        )
        ids: dict[str, str] = {}
        for client in auth.clients:
            made = apigateway.ApiKey(self, f"Key {client}", api_key_name=f"{name}-{client}")
            plan.add_api_key(made)
            ids[client] = made.key_id
        public.function.add_environment("DURABLE_CLIENTS", Stack.of(self).to_json_string(ids))

    def _operators(self, operations: lambda_.IFunction) -> None:
        to_operations = self._integration("Operators", operations)
        for path in ("/api/workflows", "/api/workflows/{proxy+}"):
            self.api.root.resource_for_path(path).add_method(
                "ANY", to_operations, authorization_type=apigateway.AuthorizationType.IAM
            )

    def _answers(self, origins: Sequence[str]) -> None:
        for type_name, answer in ANSWERS.items():
            self.api.add_gateway_response(
                "".join(word.title() for word in type_name.split("_")),
                type=apigateway.ResponseType.of(type_name),
                status_code=str(answer.status),
                response_headers=_headers(answer, origins),
                templates={"application/json": _problem(answer)},
            )

    def _acknowledge(self) -> None:
        acknowledge(self, "APIG2", "the Lambda validates, field by field, and answers with problem+json")
        acknowledge(self, "APIG3", "a web ACL costs by the month; throttling is on; docs say how to add one")
        acknowledge(self, "APIG4", "signing up is for everybody; operators' routes are IAM's")
        acknowledge(self, "APIG6", "execution logs can hold bodies; the access log and the Lambdas' say what happened")
        acknowledge(self, "COG4", "signing up is for everybody; operators' routes are IAM's")
        acknowledge(
            self,
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
            "the one policy by which API Gateway may write its access log",
        )


def _key(route: str) -> str:
    """Return how a stage names a route: `/orders/POST`."""
    method, _, path = route.partition(" ")
    return f"{path.rstrip('/')}/{method}"


def _leading_to(route: str) -> Iterator[str]:
    """Yield the path of a route and, before it, those above it."""
    parts = route.partition(" ")[2].strip("/").split("/")
    yield from ("/" + "/".join(parts[: count + 1]) for count in range(len(parts)) if parts[count])


def _problem(answer: Answer) -> str:
    problem = {"type": "about:blank", "title": answer.title, "status": answer.status, "detail": answer.detail}
    return json.dumps(problem)


def _headers(answer: Answer, origins: Sequence[str]) -> dict[str, str]:
    """Return the headers of an answer; a web page of a declared origin may read it, to know that it must wait."""
    headers = {"Content-Type": "'application/problem+json'", "Cache-Control": "'no-store'"}
    if answer.retry_after_seconds is not None:
        headers["Retry-After"] = f"'{answer.retry_after_seconds}'"
    if len(origins) == 1:
        headers["Access-Control-Allow-Origin"] = f"'{origins[0]}'"
    elif origins:
        headers |= {"Access-Control-Allow-Origin": "method.request.header.Origin", "Vary": "'Origin'"}
    return headers
