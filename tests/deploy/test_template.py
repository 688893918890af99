"""The template: the linter finds nothing; what must be true of it is; and each rule sees what breaks it."""

import copy
import inspect
import json
import re
import subprocess

import pytest
import yaml
from cfnlint.api import ManualArgs, lint

from deploy.aws.reading import TEMPLATE, of_type, template
from tests.deploy.rules import (
    broad_grants,
    careless_databases,
    careless_services,
    containers,
    endless_logs,
    loose_buckets,
    loose_images,
    loose_passing,
    open_doors,
    plain_secrets,
    public_addresses,
    silent_alarms,
    unguarded_ways,
    wide_trust,
)

READ = template()
FOLDER = TEMPLATE.parent


def at(*path, value=None, drop=False):
    """A mutation: what to put at a path of the template's resources, or that it goes."""

    def mutate(read):
        place = read["Resources"]
        for step in path[:-1]:
            place = place[step]
        if drop:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return mutate


def policy(role, statement=0):
    return (role, "Properties", "Policies", 0, "PolicyDocument", "Statement", statement)


def container(task, at=0):
    return (task, "Properties", "ContainerDefinitions", at)


ANYWHERE = {"IpProtocol": "tcp", "FromPort": 3000, "ToPort": 3000, "CidrIp": "0.0.0.0/0"}
BLOCK = ("Store", "Properties", "PublicAccessBlockConfiguration", "BlockPublicAcls")
BROKEN = [
    (open_doors, at("WebGroup", "Properties", "SecurityGroupIngress", 0, value=ANYWHERE)),
    (open_doors, at("LoadBalancerGroup", "Properties", "SecurityGroupIngress", 0, "ToPort", value=444)),
    (unguarded_ways, at("Listener", "Properties", "DefaultActions", 0, drop=True)),
    (unguarded_ways, at("Listener", "Properties", "Protocol", value="HTTP")),
    (unguarded_ways, at("TwinByKey", "Properties", "Conditions", 1, drop=True)),
    (broad_grants, at(*policy("RunRole"), "Action", value="sagemaker:*")),
    (broad_grants, at(*policy("RunRole"), "Action", value="*")),
    (broad_grants, at(*policy("DaemonRole"), "Resource", value="*")),
    (loose_passing, at(*policy("DaemonRole", 3), "Resource", value="*")),
    (loose_passing, at(*policy("DaemonRole", 3), "Condition", drop=True)),
    (loose_buckets, at("LogBucket", "Properties", "VersioningConfiguration", drop=True)),
    (loose_buckets, at(*BLOCK, value=False)),
    (loose_buckets, at("Store", "Properties", "BucketEncryption", drop=True)),
    (loose_buckets, at("StorePolicy", "Properties", "PolicyDocument", "Statement", 0, drop=True)),
    (plain_secrets, at(*container("CodeTask"), "Environment", 0, "Name", value="OPIK_API_KEY")),
    (plain_secrets, at(*container("RunTask"), "Secrets", 0, "ValueFrom", value="hunter2")),
    (plain_secrets, at("Database", "Properties", "MasterUserPassword", value="hunter2")),
    (plain_secrets, at("Settings", "Properties", "SecretString", value='{"QDRANT_API_KEY": "x"}')),
    (careless_databases, at("Database", "Properties", "DeletionProtection", value=False)),
    (careless_databases, at("Database", "DeletionPolicy", value="Delete")),
    (endless_logs, at("RunLog", "Properties", "RetentionInDays", drop=True)),
    (endless_logs, at("RunLog", drop=True)),
    (public_addresses, at("Twin", "Properties", "NetworkConfiguration", "AwsvpcConfiguration",
                          "AssignPublicIp", value="ENABLED")),
    (public_addresses, at("Machine", "Properties", "LaunchTemplateData", "NetworkInterfaces", 0,
                          "AssociatePublicIpAddress", value=True)),
    (loose_images, at(*container("TwinTask"), "Image", value="llm-twin:latest")),
    (careless_services, at("Daemon", "Properties", "DeploymentConfiguration", "MaximumPercent", value=200)),
    (careless_services, at("Web", "Properties", "DeploymentConfiguration", "DeploymentCircuitBreaker",
                           value={"Enable": True, "Rollback": False})),
    (silent_alarms, at("DaemonDown", drop=True)),
    (silent_alarms, at("DatabaseFull", "Properties", "AlarmActions", value=[])),
    (wide_trust, at("DeployRole", "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Condition",
                    "StringEquals", "token.actions.githubusercontent.com:sub", value="repo:*")),
]  # fmt: skip
RULES = list(dict.fromkeys(rule for rule, _ in BROKEN))


def test_the_linter_has_nothing_to_say():
    assert lint(TEMPLATE.read_text(), config=ManualArgs(regions=["eu-west-1"])) == []


@pytest.mark.parametrize("rule", RULES, ids=[rule.__name__ for rule in RULES])
def test_a_rule_holds(rule):
    assert rule(READ) == []


NAMES = [f"{rule.__name__}-{number}" for number, (rule, _) in enumerate(BROKEN)]


@pytest.mark.parametrize(("rule", "mutate"), BROKEN, ids=NAMES)
def test_a_rule_sees_what_breaks_it(rule, mutate):
    broken = copy.deepcopy(READ)
    mutate(broken)
    assert rule(broken) != []


def test_without_a_word_nothing_is_open_nothing_is_dear_and_nobody_deploys():
    defaults = {name: one.get("Default") for name, one in READ["Parameters"].items()}
    asked = {name for name, default in defaults.items() if default is None}
    assert asked == {"DomainName", "CertificateArn", "AllowedCidr", "OwnerEmail"}
    assert (defaults["GitHubRepository"], defaults["GpuImage"], defaults["Image"]) == ("", "", "")
    assert READ["Resources"]["Machines"]["Properties"]["MinSize"] == "0"


def test_the_heartbeat_is_what_dagsters_daemon_says_at_each_tick():
    from dagster._daemon import sensor

    (one,) = of_type(READ, "AWS::Logs::MetricFilter").values()
    assert one["FilterPattern"].strip('"') in inspect.getsource(sensor)
    assert one["LogGroupName"] == {"Ref": "DaemonLog"}


# Fargate's pairs: for these cores, that much memory in GiB, from and to.
PAIRS = {256: (0.5, 2), 512: (1, 4), 1024: (2, 8), 2048: (4, 16), 4096: (8, 30), 8192: (16, 60)}


def test_the_sizes_of_jobs_are_sizes_that_fargate_has():
    from jobs.compute import GPU_SIZE, SIZES

    for size in SIZES.values():
        least, most = PAIRS[size.cpu]
        assert least <= size.memory / 1024 <= most
    gpu = of_type(READ, "AWS::ECS::TaskDefinition")["GpuTask"]
    assert (gpu["Cpu"], gpu["Memory"]) == (str(GPU_SIZE.cpu), str(GPU_SIZE.memory))


def test_what_containers_are_told_is_what_the_files_ask_for():
    asked = set(re.findall(r"env: (\w+)", (FOLDER / "dagster.yaml").read_text()))
    asked_of_pages = asked | set(re.findall(r"env: (\w+)", (FOLDER / "workspace.yaml").read_text()))
    for name, one in containers(READ):
        told = {pair["Name"] for pair in one["Environment"] if "Name" in pair}
        if one["Command"][0].startswith("dagster"):
            assert asked <= told, name
        if "deploy/aws/workspace.yaml" in one["Command"]:
            assert asked_of_pages <= told, name
        assert one["EntryPoint"] == []


def test_the_database_is_spoken_to_through_the_driver_that_is_installed():
    import sqlalchemy

    place = yaml.safe_load((FOLDER / "dagster.yaml").read_text())["storage"]["postgres"]["postgres_db"]
    engine = sqlalchemy.create_engine(f"{place['scheme']}://{place['username']}@host/{place['db_name']}")
    assert engine.dialect.driver == "psycopg2"
    assert place["params"] == {"sslmode": "require"}


def test_the_secret_has_every_key_that_a_container_is_given():
    kept = json.loads(READ["Resources"]["Settings"]["Properties"]["SecretString"])
    named = {pair["Name"] for _, one in containers(READ) for pair in one.get("Secrets", [])}
    assert named - {"PGUSER", "PGPASSWORD"} == set(kept)


def test_empty_secrets_mean_that_they_are_not_set(monkeypatch):
    from resources.opik_settings import opik_configured
    from resources.settings import Settings

    secret = json.loads(READ["Resources"]["Settings"]["Properties"]["SecretString"])
    for name, value in secret.items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert not read.qdrant_api_key
    assert not read.teacher_api_key
    assert read.alert_urls == []
    assert opik_configured() is None


@pytest.mark.parametrize("script", ["up.sh", "down.sh"])
def test_the_scripts_are_shell(script):
    path = FOLDER / script
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert path.stat().st_mode & 0o111
    outputs = set(re.findall(r"\$\(output (\w+)", path.read_text()))
    outputs |= set(re.findall(r"OutputKey=='([A-Z]\w+)'", path.read_text()))
    assert outputs
    assert outputs <= set(READ["Outputs"])
