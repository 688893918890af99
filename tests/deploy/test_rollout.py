"""Rolling an image out on moto's CloudFormation, and one-off tasks on a stand-in for ECS and its logs."""

import json

import boto3
import pytest
from click.testing import CliRunner
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.server import ThreadedMotoServer

from tests.deploy.scripts import script, serving

rollout = script("rollout")
OLD, NEW = (f"1.dkr.ecr.eu-central-1.amazonaws.com/trial@sha256:{digit * 64}" for digit in "ab")
TASK = "arn:aws:ecs:eu-central-1:123456789012:task/trial/0123"
OUTPUTS = {
    "ClusterName": "trial",
    "RunTaskFamily": "trial-run",
    "RunLogName": "/trial/run",
    "TaskSubnets": "subnet-1,subnet-2",
    "TaskGroup": "sg-1",
    "ReleaseRoleArn": "arn:aws:iam::123456789012:role/release",
}
TEMPLATE = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {
        "Image": {"Type": "String", "Default": ""},
        "GpuImage": {"Type": "String", "Default": ""},
        "LogDays": {"Type": "Number", "Default": 30},
    },
    "Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "trial"}}},
    "Outputs": {name: {"Value": value} for name, value in OUTPUTS.items()},
}


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def stack(moto, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rollout, "POLL_SECONDS", 0.01)
    client = boto3.client("cloudformation")
    given = [
        {"ParameterKey": "Image", "ParameterValue": OLD},
        {"ParameterKey": "LogDays", "ParameterValue": "7"},
    ]
    client.create_stack(StackName="trial", TemplateBody=json.dumps(TEMPLATE), Parameters=given)
    yield client
    client.delete_stack(StackName="trial")


def call(*arguments):
    return CliRunner().invoke(rollout.main, arguments)


def parameters(client):
    found = client.describe_stacks(StackName="trial")["Stacks"][0]
    return {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}


def test_a_stack_is_shown_as_a_steps_outputs_are_written(stack):
    lines = dict(line.split("=", 1) for line in call("show", "trial").output.splitlines())
    assert lines == OUTPUTS | {"Image": OLD, "GpuImage": ""}


def test_an_image_is_rolled_out_and_nothing_else_is_changed(stack):
    done = call("deploy", "trial", "--image", NEW)
    assert done.exit_code == 0, done.output
    assert parameters(stack) == {"Image": NEW, "GpuImage": "", "LogDays": "7"}
    assert stack.describe_stacks(StackName="trial")["Stacks"][0]["RoleARN"] == OUTPUTS["ReleaseRoleArn"]
    assert "::warning::the stack has another template" in done.output


def test_the_image_that_runs_is_not_rolled_out_again(stack):
    done = call("deploy", "trial", "--image", OLD)
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "the stack runs this image already")
    assert stack.describe_stacks(StackName="trial")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_that_is_being_changed_is_left_alone(stack):
    (found,) = get_backend("cloudformation")[ACCOUNT]["eu-central-1"].stacks.values()
    found.status = "UPDATE_IN_PROGRESS"
    for image in (OLD, NEW):
        done = call("deploy", "trial", "--image", image)
        assert done.exit_code == 1
        assert "stack trial is UPDATE_IN_PROGRESS: wait, then run again" in done.output
    assert parameters(stack)["Image"] == OLD


def test_a_stack_that_is_not_there_is_named(stack):
    done = call("show", "nowhere")
    assert done.exit_code == 1
    assert "stack nowhere" in done.output


class Ecs:
    """What RunTask, DescribeTasks, StopTask and GetLogEvents say of one task, and what they were asked."""

    def __init__(self, ended=None, lines=(), statuses=("PENDING", "RUNNING", "STOPPED")):
        self.ended = ended or {"containers": [{"name": "run", "exitCode": 0}]}
        self.lines = list(lines)
        self.statuses = list(statuses)
        self.asked = {}

    def __call__(self, path, headers, body):
        name = headers["X-Amz-Target"].split(".")[-1]
        self.asked[name] = body
        return 200, getattr(self, f"_{name}")(body)

    def _RunTask(self, body):
        return {"tasks": [{"taskArn": TASK}], "failures": []}

    def _DescribeTasks(self, body):
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"tasks": [{"lastStatus": status, **self.ended}] if status else []}

    def _StopTask(self, body):
        return {"task": {}}

    def _GetLogEvents(self, body):
        at = int(body.get("nextToken", "f/0")[2:])
        events = [{"message": line} for line in self.lines[at : at + 2]]
        return {"events": events, "nextForwardToken": f"f/{at + len(events)}"}


@pytest.fixture
def trying(stack, monkeypatch):
    """Run a command on a stand-in."""

    def tried(ecs, *arguments):
        with serving(ecs) as url:
            for service in ("ECS", "CLOUDWATCH_LOGS"):
                monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
            return call("task", "trial", *arguments)

    return tried


def test_a_command_is_run_in_the_stack_and_its_log_is_shown(trying):
    ecs = Ecs(lines=["one", "two", "three"])
    done = trying(ecs, "--", "llm-twin", "rollback", "nora", "--to", "r1")
    assert (done.exit_code, done.output.split()) == (0, ["one", "two", "three"])
    asked = ecs.asked["RunTask"]
    command = ["llm-twin", "rollback", "nora", "--to", "r1"]
    assert asked["overrides"] == {"containerOverrides": [{"name": "run", "command": command}]}
    assert asked["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "DISABLED",
    }
    assert ecs.asked["GetLogEvents"]["logStreamName"] == "ecs/run/0123"


def test_a_command_that_fails_fails_the_step_as_it_failed(trying):
    ended = {"containers": [{"exitCode": 3}], "stoppedReason": "Essential container in task exited"}
    done = trying(Ecs(ended, ["what went wrong"]), "false")
    assert done.exit_code == 3
    assert "what went wrong" in done.output
    assert "ended with 3: Essential container" in done.output


def test_a_container_that_never_began_is_a_failure_with_its_reason(trying):
    ended = {"containers": [{}], "stoppedReason": "CannotPullContainerError"}
    done = trying(Ecs(ended), "true")
    assert done.exit_code == 1
    assert "CannotPullContainerError" in done.output


def test_a_task_that_is_not_known_yet_is_waited_for(trying):
    assert trying(Ecs(statuses=["", "RUNNING", "STOPPED"]), "true").exit_code == 0


def test_a_command_that_takes_too_long_is_stopped_and_its_log_is_shown(trying):
    ecs = Ecs(lines=["how far it came"], statuses=["RUNNING"])
    done = trying(ecs, "--seconds", "0", "sleep")
    assert done.exit_code == 1
    assert ecs.asked["StopTask"]["task"] == TASK
    assert "how far it came" in done.output


def test_a_task_that_cannot_be_placed_is_told_of(trying):
    ecs = Ecs()
    ecs._RunTask = lambda body: {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}
    done = trying(ecs, "true")
    assert done.exit_code == 1
    assert "RESOURCE:MEMORY" in done.output


def test_the_first_failure_of_the_last_update_is_the_reason():
    def event(status, name, reason=None):
        return {"ResourceStatus": status, "LogicalResourceId": name, "ResourceStatusReason": reason}

    class Events:
        def describe_stack_events(self, StackName):
            newest_first = [
                event("UPDATE_ROLLBACK_COMPLETE", "trial"),
                event("UPDATE_FAILED", "Code", "Resource update cancelled"),
                event("UPDATE_FAILED", "Twin", "ECS Deployment Circuit Breaker was triggered"),
                event("UPDATE_IN_PROGRESS", "trial"),
                event("UPDATE_FAILED", "Web", "of an earlier update"),
            ]
            return {"StackEvents": newest_first}

    assert rollout.why(Events(), "trial") == "Twin: ECS Deployment Circuit Breaker was triggered"
