"""A worker's new code under a tenth of its requests first: CodeDeploy moves an alias, and back when an alarm rings."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.cdk.nag import acknowledge

PERCENT: Final = 10
ALIAS: Final = "live"


class Canary(Construct):
    """The alias that an API calls, and what moves it from one version of a Lambda to the next.

    Args:
        api: whose 5xx answers show that the new code does not work.
        minutes: for how long it answers a tenth of the requests.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.Function,
        api: apigatewayv2.HttpApi | apigateway.RestApi,
        minutes: int,
    ) -> None:
        super().__init__(scope, id)
        version = function.current_version
        version.apply_removal_policy(RemovalPolicy.DESTROY)  # no request lasts longer than the deployment
        self.alias = lambda_.Alias(self, "Alias", alias_name=ALIAS, version=version)
        failing = cloudwatch.Alarm(
            self,
            "Failing",
            metric=api.metric_server_error(statistic="Sum", period=Duration.minutes(1)),
            threshold=1,
            # One 5xx in one minute is enough: a tenth of the requests are few, and to go back costs nothing.
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="While new code is tried the API answered with a 5xx: the deployment goes back.",
        )
        routing = codedeploy.TimeBasedCanaryTrafficRouting(interval=Duration.minutes(minutes), percentage=PERCENT)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=self.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig(self, "Config", traffic_routing=routing),
            alarms=[failing],
        )
        finding = "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]"
        acknowledge(group, finding, "the policy that AWS keeps for CodeDeploy to move the aliases of Lambdas")
