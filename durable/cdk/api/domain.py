"""Domain → a domain name of API Gateway, its certificate, and the record that points at it."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from durable.bindings.domain import Domain


class HttpDomain(Construct):
    """The domain of an HTTP API."""

    def __init__(self, scope: Construct, id: str, *, domain: Domain, stage: apigatewayv2.HttpStage) -> None:
        super().__init__(scope, id)
        self.url = f"https://{domain.name}/"
        name = apigatewayv2.DomainName(self, "Name", domain_name=domain.name, certificate=certificate_of(self, domain))
        apigatewayv2.ApiMapping(self, "Mapping", api=stage.api, domain_name=name, stage=stage)
        point(self, domain, name.regional_domain_name, name.regional_hosted_zone_id)


class RestDomain(Construct):
    """The domain of a REST API."""

    def __init__(self, scope: Construct, id: str, *, domain: Domain, api: apigateway.RestApi) -> None:
        super().__init__(scope, id)
        self.url = f"https://{domain.name}/"
        name = apigateway.DomainName(
            self,
            "Name",
            domain_name=domain.name,
            certificate=certificate_of(self, domain),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
            mapping=api,
        )
        point(self, domain, name.domain_name_alias_domain_name, name.domain_name_alias_hosted_zone_id)


def certificate_of(scope: Construct, domain: Domain) -> acm.ICertificate:
    """Return the certificate that is there, or one that Route 53 proves the right to."""
    arn = domain.certificate
    if arn is None:
        # Constructs of the first level: of the zone its id is enough for them. CDK's own would want its name, too, or
        # look it up, for which `cdk synth` would need an account.
        made = acm.CfnCertificate(
            scope,
            "Certificate",
            domain_name=domain.name,
            validation_method="DNS",
            domain_validation_options=[
                acm.CfnCertificate.DomainValidationOptionProperty(domain_name=domain.name, hosted_zone_id=domain.zone)
            ],
        )
        arn = made.ref
    return acm.Certificate.from_certificate_arn(scope, "Named", arn)


def point(scope: Construct, domain: Domain, target: str, zone: str) -> None:
    """Point the name at API Gateway, or say where it has to be pointed by hand."""
    if domain.zone is None:
        CfnOutput(scope, "Target", value=target, description=f"what {domain.name} has to point at, by a CNAME")
        return
    route53.CfnRecordSet(
        scope,
        "Record",
        name=domain.name,
        type="A",
        hosted_zone_id=domain.zone,
        alias_target=route53.CfnRecordSet.AliasTargetProperty(dns_name=target, hosted_zone_id=zone),
    )
