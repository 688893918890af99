"""What the workflows do to a stack of deploy/aws/template.yaml: another image, a command run in it.

The stack's template stays as it is: a change of the template is a person's, see deploy/aws/README.md. Needs
boto3 and click alone.
"""

import sys
import time
from pathlib import Path
from typing import Any, Final

import boto3
import click
from botocore.exceptions import ClientError, WaiterError

TEMPLATE: Final = Path(__file__).parent / "aws" / "template.yaml"
POLL_SECONDS: Final = 5.0
Output = dict[str, str]


@click.group()
def main() -> None:
    """Read a stack, give it another image, run a command in it."""


@main.command()
@click.argument("stack")
def show(stack: str) -> None:
    """Print `name=value` of the stack's outputs and of its two images, as a step's outputs are written."""
    found = described(stack)
    for name, value in (outputs(found) | images(found)).items():
        click.echo(f"{name}={value}")


@main.command()
@click.argument("stack")
@click.option("--image", required=True, help="REPOSITORY@sha256:..., what everything runs from.")
@click.option("--gpu-image", default="", help="The same for GPUs; empty: trainings run on CPUs.")
def deploy(stack: str, image: str, gpu_image: str) -> None:
    """Roll an image out and wait; CloudFormation goes back by itself when a service is not steady."""
    client = boto3.client("cloudformation")
    found = described(stack)
    refuse_while_changing(found)
    warn_of_another_template(client, stack)
    new = {"Image": image, "GpuImage": gpu_image}
    if images(found) == new:
        click.echo("the stack runs this image already")
        return
    client.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        RoleARN=outputs(found)["ReleaseRoleArn"],
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[parameter(one["ParameterKey"], new) for one in found["Parameters"]],
    )
    try:
        client.get_waiter("stack_update_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 15, "MaxAttempts": 160}
        )
    except WaiterError as error:
        raise click.ClickException(f"the stack did not take the image: {why(client, stack)}") from error
    click.echo(f"{stack} runs {image}")


@main.command()
@click.argument("stack")
@click.option("--seconds", default=3600.0, help="How long it may run; it is stopped then.")
@click.argument("command", nargs=-1, required=True)
def task(stack: str, seconds: float, command: tuple[str, ...]) -> None:
    """Run a command as a task of its own, print its log, and end as it ended."""
    found = outputs(described(stack))
    client = boto3.client("ecs")
    arn = started(client, found, command)
    try:
        ended = wait_until_stopped(client, found["ClusterName"], arn, seconds)
    finally:
        for line in log_of(found["RunLogName"], arn):
            click.echo(line)
    code = ended["containers"][0].get("exitCode")
    if code != 0:
        said = ended.get("stoppedReason", "it says no reason")
        click.echo(f"task {arn} ended with {code}: {said}", err=True)
    sys.exit(1 if code is None else code)


def described(stack: str) -> dict[str, Any]:
    """The stack as CloudFormation describes it."""
    try:
        found: dict[str, Any] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise click.ClickException(f"stack {stack}: {error}") from error
    return found


def outputs(stack: dict[str, Any]) -> Output:
    """The outputs by name."""
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def images(stack: dict[str, Any]) -> Output:
    """The parameters that name images."""
    values = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    return {name: values[name] for name in ("Image", "GpuImage")}


def parameter(name: str, new: Output) -> dict[str, Any]:
    """What an update gives for a parameter: what is new, and else what was."""
    if name in new:
        return {"ParameterKey": name, "ParameterValue": new[name]}
    return {"ParameterKey": name, "UsePreviousValue": True}


def refuse_while_changing(stack: dict[str, Any]) -> None:
    """Raise while a change of the stack is under way: its parameters are already those of the change."""
    state = stack["StackStatus"]
    if state.endswith("_IN_PROGRESS"):
        raise click.ClickException(f"stack {stack['StackName']} is {state}: wait, then run again")


def warn_of_another_template(client: Any, stack: str) -> None:
    """Say so on the run's page when the stack was made from another template than this one."""
    body = client.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    if str(body).strip() != TEMPLATE.read_text().strip():
        click.echo("::warning::the stack has another template than this revision: see deploy/aws/README.md")


def why(client: Any, stack: str) -> str:
    """The oldest failure of the last update."""
    reasons = []
    for event in client.describe_stack_events(StackName=stack)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED"):
            reasons.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}")
        if event["ResourceStatus"] == "UPDATE_IN_PROGRESS" and event["LogicalResourceId"] == stack:
            break
    return reasons[-1] if reasons else "its events name no failure"


def started(client: Any, found: Output, command: tuple[str, ...]) -> str:
    """Start the task; returns its ARN."""
    network = {"subnets": found["TaskSubnets"].split(","), "securityGroups": [found["TaskGroup"]]}
    reply = client.run_task(
        cluster=found["ClusterName"],
        taskDefinition=found["RunTaskFamily"],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network | {"assignPublicIp": "DISABLED"}},
        overrides={"containerOverrides": [{"name": "run", "command": list(command)}]},
    )
    if not reply["tasks"]:
        raise click.ClickException(f"the task was not started: {reply['failures']}")
    return str(reply["tasks"][0]["taskArn"])


def wait_until_stopped(client: Any, cluster: str, arn: str, seconds: float) -> dict[str, Any]:
    """The task once it has stopped; raises, and stops it, when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        found: list[dict[str, Any]] = client.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        # Right after its start a task may not be known yet.
        if found and found[0]["lastStatus"] == "STOPPED":
            return found[0]
        if time.monotonic() > deadline:
            client.stop_task(cluster=cluster, task=arn, reason="took too long")
            raise click.ClickException(f"task {arn} has not ended in {seconds:.0f} s: it is stopped")
        time.sleep(POLL_SECONDS)


def log_of(group: str, arn: str) -> list[str]:
    """The lines that the task's container wrote; none where it did not come so far."""
    stream = f"ecs/run/{arn.rsplit('/', 1)[-1]}"
    client = boto3.client("logs")
    given: dict[str, Any] = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
    lines: list[str] = []
    try:
        while True:
            page = client.get_log_events(**given)
            lines += [event["message"] for event in page["events"]]
            if page["nextForwardToken"] == given.get("nextToken"):
                return lines
            given["nextToken"] = page["nextForwardToken"]
    except client.exceptions.ResourceNotFoundException:
        return lines


if __name__ == "__main__":
    main()
