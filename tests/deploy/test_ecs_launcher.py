"""The launcher of the cloud's dagster.yaml starts the real jobs on moto's ECS, each with its own size.

Three things differ from the cloud: the history is SQLite; the network is named here, because no task is there
to take it from; and moto wants a memory limit on the container itself.
"""

import json
from collections import namedtuple

import boto3
import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import in_process_test_workspace
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from deploy.aws.reading import TEMPLATE, of_type, template
from tests.deploy import cloud

World = namedtuple("World", ["instance", "workspace", "repository", "ecs"])
TRAINING = {
    "taskDefinition": f"{cloud.STACK}-gpu",
    "capacityProviderStrategy": [{"capacityProvider": f"{cloud.STACK}-gpu"}],
}
BUCKET = "stand-in-store"


def network():
    """A subnet and a security group of moto's default network, as RunTask wants them."""
    ec2 = boto3.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    vpc = {"subnets": [subnet], "securityGroups": [group], "assignPublicIp": "DISABLED"}
    return {"awsvpcConfiguration": vpc}


def cluster_and_tasks(ecs):
    """The cluster, and the template's two task definitions of runs, as far as the launcher looks at them."""
    ecs.create_cluster(clusterName=cloud.STACK)
    tasks = of_type(template(), "AWS::ECS::TaskDefinition")
    for name in ("RunTask", "GpuTask"):
        (container,) = tasks[name]["ContainerDefinitions"]
        ecs.register_task_definition(
            family=tasks[name]["Family"]["Fn::Sub"].replace("${AWS::StackName}", cloud.STACK),
            requiresCompatibilities=tasks[name]["RequiresCompatibilities"],
            networkMode=tasks[name]["NetworkMode"],
            cpu=tasks[name]["Cpu"],
            memory=tasks[name]["Memory"],
            containerDefinitions=[{"name": container["Name"], "image": cloud.IMAGE, "memory": 1024}],
        )


def machine(ecs):
    """A machine in the cluster, as the capacity provider would start one; moto has none by itself."""
    ec2 = boto3.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="g6.xlarge")
    document = json.dumps({"instanceId": started["Instances"][0]["InstanceId"]})
    ecs.register_container_instance(cluster=cloud.STACK, instanceIdentityDocument=document)


def instance_of(folder):
    """Dagster's instance from the cloud's file, with what differs here."""
    config = yaml.safe_load((TEMPLATE.parent / "dagster.yaml").read_text())
    config["storage"] = {"sqlite": {"base_dir": str(folder)}}
    config["local_artifact_storage"]["config"]["base_dir"] = str(folder)
    config["run_launcher"]["config"] |= {
        "use_current_ecs_task_config": False,
        "run_task_kwargs": {
            "cluster": cloud.STACK,
            "launchType": "FARGATE",
            "networkConfiguration": network(),
        },
    }
    folder.mkdir()
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
    return dg.DagsterInstance.from_config(str(folder))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("LLM_TWIN_HOME", f"s3://{BUCKET}/home")
    patch.setenv("LLM_TWIN_TRAINING_TASK", json.dumps(TRAINING))
    patch.setenv("DAGSTER_BUCKET", BUCKET)
    patch.setenv("DAGSTER_RUN_TASK", f"{cloud.STACK}-run")
    origin = LoadableTargetOrigin(module_name="llm_twin_assets.definitions")
    with cloud.simulator(patch):
        ecs = boto3.client("ecs")
        cluster_and_tasks(ecs)
        machine(ecs)
        with (
            instance_of(tmp_path_factory.mktemp("instance") / "dagster") as instance,
            in_process_test_workspace(instance, origin, container_image=cloud.IMAGE) as workspace,
        ):
            # Made at its first use, when a test's own surroundings have hidden the variables that it reads.
            assert instance.run_launcher
            (location,) = workspace.code_locations
            (repository,) = location.get_repositories().values()
            yield World(instance, workspace, repository, ecs)
    patch.undo()


def launched(world, name, **tags):
    """A run of the job as the daemon makes it, launched; returns it with its task as ECS has it."""
    job = world.repository.get_full_job(name)
    run = world.instance.create_run(
        job_name=name,
        run_id=None,
        run_config=None,
        status=dg.DagsterRunStatus.NOT_STARTED,
        tags=dict(job.tags) | tags,
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=None,
        execution_plan_snapshot=None,
        job_snapshot=job.job_snapshot,
        parent_job_snapshot=None,
        asset_selection=None,
        asset_check_selection=None,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        asset_graph=world.repository.asset_graph,
    )
    world.instance.launch_run(run.run_id, world.workspace)
    run = world.instance.get_run_by_id(run.run_id)
    found = world.ecs.describe_tasks(
        cluster=run.tags["ecs/cluster"], tasks=[run.tags["ecs/task_arn"]], include=["TAGS"]
    )
    return run, found["tasks"][0]


def test_a_job_runs_in_a_task_of_its_size_that_carries_its_run_and_can_be_ended(world):
    run, task = launched(world, "documents_job")
    assert f":task-definition/{cloud.STACK}-run:" in task["taskDefinitionArn"]
    (container,) = task["overrides"]["containerOverrides"]
    assert (task["overrides"]["cpu"], task["overrides"]["memory"]) == ("4096", "16384")
    assert (container["name"], container["cpu"], container["memory"]) == ("run", 4096, 16384)
    assert container["command"][:3] == ["dagster", "api", "execute_run"]
    assert run.run_id in container["command"][3]
    told = {tag["key"]: tag["value"] for tag in task["tags"]}
    assert told["dagster/run_id"] == run.run_id
    assert told["dagster/job_name"] == "documents_job"
    assert run.tags["dagster/max_runtime"] == str(4 * 3600)
    launcher = world.instance.run_launcher
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    assert launcher.terminate(run.run_id)
    stopped = world.ecs.describe_tasks(cluster=cloud.STACK, tasks=[task["taskArn"]])["tasks"][0]
    assert stopped["desiredStatus"] == "STOPPED"


def test_a_training_goes_to_the_task_and_the_machines_with_a_gpu(world):
    run, task = launched(world, "twin_job", **{"dagster/partition": "nora"})
    assert f":task-definition/{cloud.STACK}-gpu:" in task["taskDefinitionArn"]
    assert (task["overrides"]["cpu"], task["overrides"]["memory"]) == ("4096", "14336")
    assert run.tags["llm_twin/machine"] == "gpu"
    assert {"key": "dagster/partition", "value": "nora"} in task["tags"]


def test_what_is_asked_for_stays_below_what_ecs_takes(world):
    for job in world.repository.get_all_jobs():
        if "ecs/run_task_kwargs" in job.tags:
            assert len(job.tags["ecs/run_task_kwargs"]) < 2000


def test_the_cloud_has_limits_where_a_launcher_can_tell_that_a_run_is_dead(world):
    instance = world.instance
    assert instance.run_monitoring_enabled
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_retries_max_retries == 1
    limits = instance.get_concurrency_config().run_queue_config.tag_concurrency_limits
    assert {"key": "llm_twin/machine", "value": "gpu", "limit": 1} in limits
    assert {"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1} in limits
    limits = instance.get_concurrency_config().run_queue_config
    assert limits.max_concurrent_runs == 4
