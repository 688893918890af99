"""Endpoint, bases and adapters come up, are changed, rolled back and removed; against the stand-in."""

import secrets
from dataclasses import replace

import pytest

from resources.sagemaker import COMPONENT, ENDPOINT, SageMakerError
from resources.sagemaker_endpoint import Base, Hosting, RolledBack, SageMakerHosting
from tests.aws.sagemaker_states import Fault
from tests.aws.sagemaker_world import IMAGE, ROLE, world

BASE = Base("b" * 64, "s3://bucket/base", {"SM_VLLM_MODEL": "/opt/ml/model"})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with world(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture
def aws(cloud):
    cloud.sagemaker.forget()
    return cloud


@pytest.fixture
def hosting():
    # CloudWatch of moto is one for all tests of a process.
    name = f"twins-{secrets.token_hex(3)}"
    return Hosting(name, ROLE, IMAGE, "ml.g6.xlarge", 1, 12_288, 1800, 1, 2, {"SM_VLLM_ENABLE_LORA": "true"})


def opened(aws, hosting):
    return SageMakerHosting(aws.control, hosting)


def deploy(aws, hosting, adapter="1111", base=BASE):
    """One deployment, as the asset does it; returns the base's component."""
    made = opened(aws, hosting)
    made.ensure_endpoint()
    component = made.ensure_base(base)
    key = f"{adapter}.tar.gz"
    aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=b"packed")
    made.ensure_adapter(f"{hosting.endpoint}-{adapter}", component, f"s3://{aws.bucket}/{key}")
    return component


def state(aws, kind, name):
    told = aws.control.found(kind, name)
    return told and told[kind.status]


def changing(aws):
    """The operations that changed something, without those that say again what is."""
    return [name for name in aws.sagemaker.operations() if name[:3] not in ("Reg", "Put")]


def test_everything_comes_up_and_doing_it_again_changes_nothing(aws, hosting):
    base = deploy(aws, hosting)
    assert state(aws, ENDPOINT, hosting.endpoint) == "InService"
    assert (state(aws, COMPONENT, base), state(aws, COMPONENT, f"{hosting.endpoint}-1111")) == (
        "InService",
    ) * 2
    assert changing(aws) == [
        "CreateEndpointConfig",
        "CreateEndpoint",
        "CreateModel",
        "CreateInferenceComponent",
        "CreateInferenceComponent",
    ]
    (config,) = [body for name, body in aws.sagemaker.asked if name == "CreateEndpointConfig"]
    (variant,) = config["ProductionVariants"]
    assert variant["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 1,
        "MaxInstanceCount": 2,
    }
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 1800
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 1800
    before = changing(aws)
    deploy(aws, hosting)
    assert changing(aws) == before


def test_each_release_has_an_adapter_of_its_own_and_others_go(aws, hosting):
    base, name = deploy(aws, hosting), hosting.endpoint
    deploy(aws, hosting, "2222")
    other = deploy(aws, hosting, "3333", replace(BASE, version="c" * 64))
    made = opened(aws, hosting)
    assert made.remove_others({f"{name}-1111", f"{name}-2222", f"{name}-3333", base, other}) == []
    assert made.remove_others({f"{name}-3333", other}) == [f"{name}-1111", f"{name}-2222", base]
    assert state(aws, COMPONENT, base) is None
    assert list(aws.sagemaker.components.all) == [other, f"{name}-3333"]
    assert len(aws.sagemaker.endpoints.models) == 1
    assert list(aws.sagemaker.scaling.targets) == [f"inference-component/{other}"]


def test_a_container_that_does_not_start_is_told_with_its_last_words_and_made_again(aws, hosting):
    base = f"{hosting.endpoint}-base-{'b' * 10}"
    aws.sagemaker.components.fails[base] = "The container did not pass the ping health check."
    aws.say(f"/aws/sagemaker/InferenceComponents/{base}", "all/1", "loading", "CUDA out of memory")
    with pytest.raises(SageMakerError, match=r"(?s)is Failed: .*ping health.*loading\nCUDA out of memory"):
        deploy(aws, hosting)
    aws.sagemaker.components.fails.clear()
    assert deploy(aws, hosting) == base
    assert state(aws, COMPONENT, base) == "InService"


def test_an_adapter_that_does_not_load_is_told_with_its_bases_words(aws, hosting):
    base, name = deploy(aws, hosting), f"{hosting.endpoint}-2222"
    aws.sagemaker.components.fails[name] = "The adapter cannot be loaded."
    aws.say(f"/aws/sagemaker/InferenceComponents/{base}", "all/1", "rank 512 is too large")
    with pytest.raises(SageMakerError, match=r"(?s)cannot be loaded.*rank 512"):
        deploy(aws, hosting, "2222")
    assert state(aws, COMPONENT, f"{hosting.endpoint}-1111") == "InService"


def test_an_endpoint_that_fails_is_told_and_made_again(aws, hosting):
    aws.sagemaker.endpoints.fails[opened(aws, hosting)._config()] = "There is no capacity."
    with pytest.raises(SageMakerError, match="is Failed: There is no capacity"):
        deploy(aws, hosting)
    aws.sagemaker.endpoints.fails.clear()
    deploy(aws, hosting)


def test_what_does_not_come_in_time_is_told(aws, hosting):
    aws.sagemaker.clock.tick = 0.0
    made = aws.control
    config = opened(aws, hosting)._config()
    made.api.create_endpoint(EndpointName=hosting.endpoint, EndpointConfigName=config)
    with pytest.raises(SageMakerError, match="was Creating for 0 s"):
        made.in_service(ENDPOINT, hosting.endpoint, 0.01)


def test_what_cannot_be_removed_or_is_out_of_service_is_told_instead_of_used(aws, hosting):
    base = deploy(aws, hosting)
    made, component = opened(aws, hosting), aws.sagemaker.components.all[base]
    component._enter("Failed", "There is no capacity.")
    component.delete = lambda: None
    with pytest.raises(SageMakerError, match="is Failed: There is no capacity"):
        made.ensure_base(BASE)
    for state in ("OutOfService", "UpdateRollbackFailed"):
        aws.sagemaker.endpoints.endpoints[hosting.endpoint]._enter(state)
        with pytest.raises(SageMakerError, match=f"is {state}"):
            made.ensure_endpoint()


def updates(aws, kind):
    return [body for name, body in aws.sagemaker.asked if name == kind]


def alarmed_once_updating(aws, hosting, alarm):
    """Let an alarm go off as soon as a change is watched."""
    operations = ("UpdateEndpoint", "UpdateInferenceComponent")
    aws.sagemaker.endpoints.alarms = lambda names: (
        [alarm] if alarm in names and any(updates(aws, one) for one in operations) else []
    )


def roll(aws, hosting, other, alarm):
    """Deploy another one, during which this alarm, if there is one, takes it back."""
    if alarm is None:
        deploy(aws, other)
        return
    alarmed_once_updating(aws, hosting, alarm)
    with pytest.raises(RolledBack, match=alarm):
        deploy(aws, other)


@pytest.mark.parametrize("alarmed", [False, True])
def test_what_a_copy_takes_reaches_a_base_that_stands_and_replaces_no_machine(aws, hosting, alarmed):
    base = deploy(aws, hosting)
    other = replace(hosting, accelerators=2, memory_mb=24_576)
    roll(aws, hosting, other, f"{base}-errors" if alarmed else None)
    if not alarmed:
        deploy(aws, other)
    needs = aws.sagemaker.components.all[base].specification["ComputeResourceRequirements"]
    assert needs["MinMemoryRequiredInMb"] == (12_288 if alarmed else 24_576)
    assert (len(updates(aws, "UpdateInferenceComponent")), updates(aws, "UpdateEndpoint")) == (1, [])


@pytest.mark.parametrize("alarmed", [False, True])
def test_another_container_rolls_through_its_base_or_is_taken_back(aws, hosting, alarmed):
    base = deploy(aws, hosting)
    before = aws.sagemaker.components.all[base].specification["ModelName"]
    other = replace(hosting, image=f"{IMAGE}-next")
    roll(aws, hosting, other, f"{base}-errors" if alarmed else None)
    after = aws.sagemaker.components.all[base].specification["ModelName"]
    assert (after == before) is alarmed
    (update,) = updates(aws, "UpdateInferenceComponent")
    assert update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"] == [
        {"AlarmName": f"{base}-errors"}
    ]
    assert state(aws, COMPONENT, f"{hosting.endpoint}-1111") == "InService"


@pytest.mark.parametrize(
    ("alarmed", "stuck"), [(False, False), (True, False), (True, True)], ids=["good", "alarm", "stuck"]
)
def test_other_machines_take_over_or_are_taken_back(aws, hosting, alarmed, stuck):
    deploy(aws, hosting)
    before = aws.sagemaker.endpoints.endpoints[hosting.endpoint].config["EndpointConfigName"]
    aws.sagemaker.endpoints.rollback_fails = stuck
    other = replace(hosting, instance="ml.g6.2xlarge")
    if alarmed:
        alarmed_once_updating(aws, hosting, f"{hosting.endpoint}-errors")
        told = "is UpdateRollbackFailed" if stuck else "was rolled back"
        with pytest.raises(SageMakerError, match=f"{told}.*{hosting.endpoint}-errors"):
            deploy(aws, other)
    else:
        deploy(aws, other)
    after = aws.sagemaker.endpoints.endpoints[hosting.endpoint].config["EndpointConfigName"]
    assert (after == before) is alarmed
    (update,) = updates(aws, "UpdateEndpoint")
    assert update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 300


def test_a_real_alarm_of_cloudwatch_takes_a_change_back(aws, hosting):
    base = deploy(aws, hosting)
    made = opened(aws, hosting)
    made._scaling.error_alarm(base, {"InferenceComponentName": base})
    put = made._scaling.error_alarm
    # Saying again what an alarm watches makes its state anew, so it goes off right after that.
    made._scaling.error_alarm = lambda *asked: (put(*asked), aws.set_off(f"{base}-errors"))[0]
    made._hosting = replace(hosting, image=f"{IMAGE}-next")
    with pytest.raises(RolledBack, match=f"{base}-errors"):
        made.ensure_base(BASE)


def test_a_base_sleeps_while_nobody_asks_where_that_is_allowed(aws, hosting):
    base = deploy(aws, replace(hosting, least_copies=0))
    (target,) = aws.sagemaker.scaling.targets.values()
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 2)
    assert {name for _, name in aws.sagemaker.scaling.policies} == {"by-load", "wake"}
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[f"{base}-asleep"])["MetricAlarms"]
    wake = aws.sagemaker.scaling.policies[f"inference-component/{base}", "wake"]
    assert alarm["AlarmActions"] == [wake["PolicyARN"]]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("NoCapacityInvocationFailures", 1.0)


def test_throttling_is_waited_out(aws, hosting):
    aws.sagemaker.happens.extend([Fault("ThrottlingException", "Rate exceeded")] * 2)
    opened(aws, hosting).ensure_endpoint()
    assert state(aws, ENDPOINT, hosting.endpoint) == "InService"


def test_what_is_refused_is_told_as_it_is(aws, hosting):
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match="none of its values"):
        opened(aws, replace(hosting, instance="ml.none.large")).ensure_endpoint()
