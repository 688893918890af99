"""The template on moto's server: what moto knows is created; the rest is left out, and stood in for."""

import json
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

from deploy.aws.reading import template

STACK = "twin-test"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{STACK}@sha256:{'a' * 64}"
PARAMETERS = {
    "DomainName": "dagster.example.org",
    "AllowedCidr": "203.0.113.0/24",
    "OwnerEmail": "owner@example.org",
    "Image": IMAGE,
    "GpuImage": IMAGE,
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1",
    "GitHubRepository": "example/llm-twin",
}
# Moto has no model of these, so `create_stack` makes none of them.
UNSUPPORTED = {
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::Cognito::UserPoolUser",
    "AWS::ECS::CapacityProvider",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::IAM::OIDCProvider",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::ServiceDiscovery::PrivateDnsNamespace",
    "AWS::ServiceDiscovery::Service",
}
# Moto makes these resources, but not these attributes of theirs.
ATTRIBUTES = {
    ("Database", "DbiResourceId"),
    ("Database", "MasterUserSecret.SecretArn"),
    ("LoadBalancer", "CanonicalHostedZoneID"),
}


def simulated():
    """The template without what moto has no model of, a stand-in wherever that is named, and no Fn::Cidr."""
    read = template()
    left_out = {name for name, one in read["Resources"].items() if one["Type"] in UNSUPPORTED}
    kept = {name: one for name, one in read["Resources"].items() if name not in left_out}
    return _stubbed(read | {"Resources": kept}, left_out)


def _stubbed(value, left_out):
    if isinstance(value, list):
        return [_stubbed(one, left_out) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in left_out:
        return f"stand-in-{value['Ref']}"
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        if name in left_out or (name, attribute) in ATTRIBUTES:
            return _arn(name, attribute)
    if "Fn::Cidr" in value:
        return [f"10.42.{16 * block}.0/20" for block in range(4)]
    if "Fn::Sub" in value:
        value = {"Fn::Sub": _without(value["Fn::Sub"], left_out)}
    return {key: _stubbed(one, left_out) for key, one in value.items() if key != "DependsOn"} | (
        _dependencies(value, left_out)
    )


def _dependencies(value, left_out):
    if "DependsOn" not in value or "Type" not in value:
        return {"DependsOn": value["DependsOn"]} if "DependsOn" in value else {}
    named = value["DependsOn"] if isinstance(value["DependsOn"], list) else [value["DependsOn"]]
    kept = [name for name in named if name not in left_out]
    return {"DependsOn": kept} if kept else {}


def _without(text, left_out):
    if isinstance(text, list):
        return [_without(text[0], left_out), text[1]]
    for name in left_out:
        text = text.replace(f"${{{name}}}", f"stand-in-{name}")
    for name, attribute in ATTRIBUTES:
        text = text.replace(f"${{{name}.{attribute}}}", _arn(name, attribute))
    return text


def _arn(name, attribute):
    return f"arn:aws:stand-in:{REGION}:{ACCOUNT}:{name}/{attribute}"


@contextmanager
def simulator(monkeypatch):
    """Moto's server, and the environment that leads every client to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield
    finally:
        server.stop()


def create(read, **parameters):
    """The stack from these sections; returns its outputs by name."""
    client = boto3.client("cloudformation")
    given = PARAMETERS | parameters
    client.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(read),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = client.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def belongings():
    """What a person has before the stack, on moto: a certificate and a zone."""
    certificate = boto3.client("acm").request_certificate(DomainName=PARAMETERS["DomainName"])
    zone = boto3.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    return {
        "CertificateArn": certificate["CertificateArn"],
        "HostedZoneId": zone["HostedZone"]["Id"].removeprefix("/hostedzone/"),
    }
