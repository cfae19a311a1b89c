"""The HTTP API of a worker: its public routes and the routes of operators."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer, HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from durable.bindings.auth import IAM, JWT, Auth
from durable.bindings.domain import Domain
from durable.bindings.throttle import Throttle
from durable.bindings.worker import OTHERS
from durable.cdk.api.canary import Canary
from durable.cdk.api.domain import HttpDomain
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.foundation.vended_logs import vended_log_group
from durable.cdk.nag import acknowledge
from durable.http.api import ALLOWED_HEADERS, EXPOSED_HEADERS, PREFLIGHT_SECONDS

_ACCESS: Final = {
    "request": "$context.requestId",
    "method": "$context.httpMethod",
    "resource": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "integration": "$context.integrationStatus",
    "refused": "$context.error.responseType",
    "at": "$context.requestTimeEpoch",
}
"""A line of the access log; neither address nor path nor agent, for these are somebody's."""
OPERATORS: Final = ("/api/workflows", "/api/workflows/{proxy+}")


class HttpGateway(Construct):
    """An HTTP API in front of two Lambdas.

    Args:
        public: answers everything but the routes of operators; open to all, and throttled.
        operations: answers `/api/workflows…`, to requests that are signed by somebody IAM lets in.
        origins: the web origins that browsers may call it from; the gateway answers their preflight requests.
        throttles: of routes, as "POST /orders", and of all others, as "*".
        named: the routes that stand by name, each with whether everybody may call it.
        authorizer: asked about requests to all other routes of the worker; without one they are open to all.
        scopes: of which a token must have one.
        domain: a domain of one's own.
        canary_minutes: for how long new code of `public` answers a tenth of the requests; None changes it at once.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        public: HandlerFunction,
        operations: HandlerFunction,
        origins: Sequence[str],
        throttles: Mapping[str, Throttle],
        named: Mapping[str, bool],
        authorizer: apigateway.IHttpRouteAuthorizer | None = None,
        scopes: Sequence[str] = (),
        domain: Domain | None = None,
        canary_minutes: int | None = None,
        log_retention: logs.RetentionDays,
        log_removal: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self.api = apigateway.HttpApi(
            self, "HttpApi", api_name=name, create_default_stage=False, cors_preflight=_cors(origins)
        )
        self._scopes = list(scopes) or None
        self.served: lambda_.IFunction = public.function
        if canary_minutes is not None:
            self.served = Canary(self, "Canary", function=public.function, api=self.api, minutes=canary_minutes).alias
        routes = self._open(named, authorizer) + self._operators(operations)
        access = vended_log_group(
            self, "HttpAccess", service="apis", name=name, retention=log_retention, removal=log_removal
        )
        others = throttles[OTHERS]
        self.stage = apigateway.HttpStage(
            self,
            "HttpStage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=others.rate, burst_limit=others.burst),
        )
        self.stage.node.add_dependency(*routes)  # settings of a route that is not there are refused
        # Set on the resource below: CDK's construct has no option for the throttles of single routes.
        resource = self.stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access.log_group_arn, format=json.dumps(_ACCESS)
        )
        resource.route_settings = {
            each: {"ThrottlingRateLimit": throttles[each].rate, "ThrottlingBurstLimit": throttles[each].burst}
            for each in throttles
            if each != OTHERS
        }
        self._domain = None if domain is None else HttpDomain(self, "Domain", domain=domain, stage=self.stage)
        acknowledge(self, "APIG4", "who may call the public routes is the Worker's to say; operators' routes are IAM's")

    @property
    def url(self) -> str:
        return f"{self.api.api_endpoint}/"

    @property
    def public_url(self) -> str:
        """The URL for callers, for Lambdas that the API's own may depend on."""
        return self.url if self._domain is None else self._domain.url

    def _open(
        self, named: Mapping[str, bool], authorizer: apigateway.IHttpRouteAuthorizer | None
    ) -> list[apigateway.HttpRoute]:
        """Send everything to the worker, which knows 404 and 405; some routes stand by name."""
        # One permission for all routes: the policy of a Lambda has 20 KB, which some fifty of them would fill. The one
        # that CDK makes names stage, method and path, which a request of the default route has not.
        to_worker = HttpLambdaIntegration("Public", self.served, scope_permission_to_route=False)
        self.served.add_permission(
            "AnyRoute",
            scope=self,
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=Stack.of(self).format_arn(service="execute-api", resource=self.api.api_id, resource_name="*/*"),
        )
        others = apigateway.HttpRouteKey.DEFAULT
        routes = [self._route(f"Public {others.key}", others, to_worker, authorizer)]
        for name, is_open in named.items():
            key = _key(name)
            routes.append(self._route(f"Public {key.key}", key, to_worker, None if is_open else authorizer))
        if authorizer is not None:  # a browser's preflight request carries no credentials
            preflight = apigateway.HttpRouteKey.with_("/{proxy+}", apigateway.HttpMethod.OPTIONS)
            routes.append(self._route("Preflight", preflight, to_worker, None))
        return routes

    def _operators(self, operations: HandlerFunction) -> list[apigateway.HttpRoute]:
        to_operations = HttpLambdaIntegration("Operators", operations.function, scope_permission_to_route=False)
        return [
            self._route(f"Operators {key.key}", key, to_operations, HttpIamAuthorizer())
            for key in (apigateway.HttpRouteKey.with_(path, apigateway.HttpMethod.ANY) for path in OPERATORS)
        ]

    def _route(
        self,
        id: str,
        key: apigateway.HttpRouteKey,
        integration: HttpLambdaIntegration,
        authorizer: apigateway.IHttpRouteAuthorizer | None,
    ) -> apigateway.HttpRoute:
        # Scopes are of tokens: a route that is authorised in another way has none.
        takes_tokens = isinstance(authorizer, HttpJwtAuthorizer)
        return apigateway.HttpRoute(
            self,
            id,
            http_api=self.api,
            route_key=key,
            integration=integration,
            authorizer=authorizer,
            authorization_scopes=self._scopes if takes_tokens else None,
        )


def _cors(origins: Sequence[str]) -> apigateway.CorsPreflightOptions | None:
    """Return what the gateway answers to browsers: on its own refusals, as 429, a worker could not set headers."""
    if not origins:
        return None
    return apigateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[apigateway.CorsHttpMethod.ANY],
        allow_headers=list(ALLOWED_HEADERS),
        expose_headers=list(EXPOSED_HEADERS),
        max_age=Duration.seconds(PREFLIGHT_SECONDS),
    )


def _key(route: str) -> apigateway.HttpRouteKey:
    method, _, path = route.partition(" ")
    return apigateway.HttpRouteKey.with_(path, apigateway.HttpMethod[method])


def authorizer_of(auth: Auth | None) -> apigateway.IHttpRouteAuthorizer | None:
    """Return what API Gateway asks about a request; None where the worker's own Lambda says who calls."""
    match auth:
        case JWT():
            return HttpJwtAuthorizer("Tokens", auth.issuer, jwt_audience=list(auth.audience))
        case IAM():
            return HttpIamAuthorizer()
        case _:
            return None
