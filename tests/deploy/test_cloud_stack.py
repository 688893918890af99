"""The part of the template that moto knows, created by `create_stack` on its server and looked at."""

import ast
import json

import boto3
import pytest

from deploy.aws.reading import template
from tests.deploy import cloud


@pytest.fixture(scope="module")
def stack():
    patch = pytest.MonkeyPatch()
    with cloud.simulator(patch):
        yield cloud.create(cloud.simulated(), **cloud.belongings())
    patch.undo()


@pytest.fixture(scope="module")
def made(stack):
    """The logical names of what was made, with the physical ones."""
    listed = (
        boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=cloud.STACK)
    )
    found = [one for page in listed for one in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def test_what_is_not_made_is_what_moto_has_no_model_of(made):
    wanted = {name for name, one in template()["Resources"].items() if one["Type"] not in cloud.UNSUPPORTED}
    assert set(made) == wanted
    assert len(made) > 60


def test_the_list_of_what_moto_does_not_know_is_true(stack):
    from moto.cloudformation.parsing import get_model_map

    types = {one["Type"] for one in template()["Resources"].values()}
    assert types - set(get_model_map()) == cloud.UNSUPPORTED


def test_every_task_is_made_with_its_image_and_its_command(stack):
    ecs, commands = boto3.client("ecs"), {}
    for family in ("web", "daemon", "code", "run", "gpu", "twin"):
        task = ecs.describe_task_definition(taskDefinition=f"{cloud.STACK}-{family}")["taskDefinition"]
        commands[family] = task["containerDefinitions"][-1]["command"][:2]
        assert all(one["image"] == cloud.IMAGE for one in task["containerDefinitions"])
    assert commands["twin"] == ["llm-twin", "serve"]
    assert commands["daemon"] == ["dagster-daemon", "run"]
    assert commands["code"] == ["dagster", "api"]


def test_the_settings_of_a_run_lead_to_the_store_and_to_the_training_task(stack, made):
    ecs = boto3.client("ecs")
    run = ecs.describe_task_definition(taskDefinition=f"{cloud.STACK}-run")["taskDefinition"]
    # Moto keeps an empty place for what AWS::NoValue takes out.
    told = {one["name"]: one["value"] for one in run["containerDefinitions"][0]["environment"] if one}
    assert told["LLM_TWIN_HOME"] == stack["Home"] == f"s3://{made['Store']}/home"
    assert "QDRANT_URL" not in told
    code = ecs.describe_task_definition(taskDefinition=f"{cloud.STACK}-code")["taskDefinition"]
    told = {one["name"]: one["value"] for one in code["containerDefinitions"][0]["environment"] if one}
    training = json.loads(told["LLM_TWIN_TRAINING_TASK"])
    assert training["taskDefinition"] == f"{cloud.STACK}-gpu"
    network = training["networkConfiguration"]["awsvpcConfiguration"]
    assert network == {"subnets": [made["PrivateA"], made["PrivateB"]], "securityGroups": [made["WorkGroup"]]}


def test_buckets_and_database_are_encrypted(made):
    """Moto takes over no versioning and no public access block: rules.py looks at the template."""
    found = {}
    for name in ("Store", "LogBucket"):
        kept = boto3.client("s3").get_bucket_encryption(Bucket=made[name])
        (rule,) = kept["ServerSideEncryptionConfiguration"]["Rules"]
        found[name] = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    assert found == {"Store": "aws:kms", "LogBucket": "AES256"}
    (database,) = boto3.client("rds").describe_db_instances()["DBInstances"]
    assert database["StorageEncrypted"]


def test_nobody_but_the_load_balancer_is_spoken_to_from_outside(made):
    groups = boto3.client("ec2").describe_security_groups(
        GroupIds=[made[name] for name in made if name.endswith("Group")]
    )["SecurityGroups"]
    open_to = {
        (group["GroupId"], rule["FromPort"], address["CidrIp"])
        for group in groups
        for rule in group["IpPermissions"]
        for address in rule["IpRanges"]
    }
    assert open_to == {(made["LoadBalancerGroup"], 443, cloud.PARAMETERS["AllowedCidr"])}


def test_the_daemon_may_pass_two_roles_to_tasks_and_nothing_else(made):
    iam = boto3.client("iam")
    document = iam.get_role_policy(RoleName=made["DaemonRole"], PolicyName="own")["PolicyDocument"]
    # Moto keeps a template's policy as Python writes it.
    document = ast.literal_eval(document)
    (passing,) = [one for one in document["Statement"] if one["Action"] == "iam:PassRole"]
    names = {arn.rsplit("/")[-1] for arn in passing["Resource"]}
    assert names == {made["RunRole"], made["ExecutionRole"]}
