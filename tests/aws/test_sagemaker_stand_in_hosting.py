"""The stand-in hosts as the API does: endpoints, components, roll-backs, what is refused, and scaling."""

import pytest

from tests.aws.sagemaker_asking import (
    ADAPTER,
    ALARMED,
    ALL_AT_ONCE,
    BASE,
    CONFIG,
    IMAGE,
    ROLE,
    ROLLING,
    client,
    refused,
    with_,
    without,
)
from tests.aws.sagemaker_stand_in import SageMaker


@pytest.fixture
def alarms():
    return set()


@pytest.fixture
def stand_in(alarms):
    made = SageMaker(alarms=lambda names: [name for name in names if name in alarms])
    yield made
    made.close()


@pytest.fixture
def api(stand_in):
    return client(stand_in, "sagemaker")


@pytest.fixture
def hosted(stand_in, api):
    """An endpoint in service with a base component."""
    api.create_model(ModelName="model", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    api.create_endpoint_config(**CONFIG)
    api.create_endpoint(EndpointName="twins", EndpointConfigName="one")
    stand_in.clock.advance(300)
    api.create_inference_component(**BASE)
    stand_in.clock.advance(300)
    return api


def endpoint_state(api):
    return api.describe_endpoint(EndpointName="twins")["EndpointStatus"]


def component_state(api, name):
    return api.describe_inference_component(InferenceComponentName=name)["InferenceComponentStatus"]


@pytest.mark.parametrize(
    ("operation", "body", "told"),
    [
        ("create_model", {"ModelName": "m", "ExecutionRoleArn": ROLE, "PrimaryContainer": {}}, "Image"),
        ("create_model", {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}}, "ExecutionRoleArn"),
        (
            "create_endpoint_config",
            without(with_(CONFIG, "new", "EndpointConfigName"), "ExecutionRoleArn"),
            "ExecutionRoleArn",
        ),
        ("create_endpoint_config", without(CONFIG, "ProductionVariants"), "ProductionVariants"),
        (
            "create_endpoint_config",
            with_(CONFIG, "ml.x1.large", "ProductionVariants", 0, "InstanceType"),
            "none of",
        ),
        ("create_endpoint", {"EndpointName": "new", "EndpointConfigName": "none"}, "Could not find"),
        ("create_endpoint", {"EndpointName": "twins", "EndpointConfigName": "one"}, "already existing"),
        ("create_endpoint_config", CONFIG, "already existing"),
        ("create_inference_component", BASE, "already existing"),
        (
            "create_inference_component",
            with_(ADAPTER, "none", "Specification", "BaseInferenceComponentName"),
            "Could not find base",
        ),
        ("create_inference_component", with_(ADAPTER, "all", "VariantName"), "has no VariantName"),
        (
            "create_inference_component",
            with_(ADAPTER, {"MinMemoryRequiredInMb": 128}, "Specification", "ComputeResourceRequirements"),
            "has no ComputeResourceRequirements",
        ),
        (
            "create_inference_component",
            with_(ADAPTER, {"ArtifactUrl": "s3://b/x.zip"}, "Specification", "Container"),
            "artefact",
        ),
        (
            "create_inference_component",
            without(with_(BASE, "b", "InferenceComponentName"), "RuntimeConfig"),
            "Runtime",
        ),
        ("delete_endpoint", {"EndpointName": "twins"}, "hosts inference components"),
        ("describe_endpoint", {"EndpointName": "none"}, "Could not find"),
        ("describe_inference_component", {"InferenceComponentName": "none"}, "Could not find"),
        ("delete_model", {"ModelName": "none"}, "Could not find"),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)
def test_what_hosting_would_not_take_is_refused(hosted, operation, body, told):
    code, words = refused(getattr(hosted, operation), **body)
    assert code == "ValidationException"
    assert told in words


def test_adapters_live_on_their_base_and_go_before_it(stand_in, hosted):
    hosted.create_inference_component(**ADAPTER)
    assert component_state(hosted, "twins-1") == "Creating"
    assert "in-progress" in refused(hosted.delete_inference_component, InferenceComponentName="twins-1")[1]
    stand_in.clock.advance(300)
    assert component_state(hosted, "twins-1") == "InService"
    assert (
        "adapters stand on it" in refused(hosted.delete_inference_component, InferenceComponentName="base")[1]
    )
    hosted.delete_inference_component(InferenceComponentName="twins-1")
    assert component_state(hosted, "twins-1") == "Deleting"
    stand_in.clock.advance(300)
    assert (
        "Could not find" in refused(hosted.describe_inference_component, InferenceComponentName="twins-1")[1]
    )
    hosted.delete_inference_component(InferenceComponentName="base")


def test_an_endpoint_is_asked_through_its_component(stand_in, hosted):
    runtime = client(stand_in, "sagemaker-runtime")
    asked = {"EndpointName": "twins", "ContentType": "application/json", "Body": b"{}"}
    code, words = refused(
        runtime.invoke_endpoint_with_response_stream, **asked, InferenceComponentName="none"
    )
    assert (code, "is not found" in words) == ("ValidationError", True)
    answer = runtime.invoke_endpoint_with_response_stream(**asked, InferenceComponentName="base")
    said = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    assert said.endswith(b"data: [DONE]\n\n")
    assert b"base" in runtime.invoke_endpoint(**asked, InferenceComponentName="base")["Body"].read()
    hosted.update_inference_component_runtime_config(
        InferenceComponentName="base", DesiredRuntimeConfig={"CopyCount": 0}
    )
    for _ in range(2):
        stand_in.clock.advance(300)
        component_state(hosted, "base")
    assert "no capacity" in refused(runtime.invoke_endpoint, **asked, InferenceComponentName="base")[1]


@pytest.mark.parametrize("rollback_fails", [False, True])
def test_an_alarm_rolls_an_endpoint_back(stand_in, hosted, alarms, rollback_fails):
    stand_in.endpoints.rollback_fails = rollback_fails
    hosted.create_endpoint_config(**with_(CONFIG, "two", "EndpointConfigName"))
    deployment = {"BlueGreenUpdatePolicy": ALL_AT_ONCE, **ALARMED}
    update = {"EndpointName": "twins", "EndpointConfigName": "two", "DeploymentConfig": deployment}
    hosted.update_endpoint(**update)
    assert "in-progress" in refused(hosted.update_endpoint, **update)[1]
    seen = [endpoint_state(hosted)]
    for number in range(60):
        stand_in.clock.advance(30)
        if number == 10:
            alarms.add("errors")
        if (state := endpoint_state(hosted)) != seen[-1]:
            seen.append(state)
    assert seen == ["Updating", "RollingBack", "UpdateRollbackFailed" if rollback_fails else "InService"]
    told = hosted.describe_endpoint(EndpointName="twins")
    assert (told["EndpointConfigName"], "errors" in told["FailureReason"]) == ("one", True)


def test_an_update_without_an_alarm_goes_through(stand_in, hosted):
    hosted.create_endpoint_config(**with_(CONFIG, "two", "EndpointConfigName"))
    other = with_(CONFIG, "three", "EndpointConfigName")
    hosted.create_endpoint_config(**with_(other, "other", "ProductionVariants", 0, "VariantName"))
    deployment = {"BlueGreenUpdatePolicy": ALL_AT_ONCE, **ALARMED}
    update = {"EndpointName": "twins", "DeploymentConfig": deployment}
    assert "variant names" in refused(hosted.update_endpoint, **update, EndpointConfigName="three")[1]
    hosted.update_endpoint(**update, EndpointConfigName="two")
    for _ in range(4):
        stand_in.clock.advance(300)
        endpoint_state(hosted)
    told = hosted.describe_endpoint(EndpointName="twins")
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", "two")


@pytest.mark.parametrize("alarmed", [False, True])
def test_an_alarm_rolls_a_component_back(stand_in, hosted, alarms, alarmed):
    hosted.create_model(ModelName="next", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    hosted.update_inference_component(
        InferenceComponentName="base",
        Specification=BASE["Specification"] | {"ModelName": "next"},
        DeploymentConfig={"RollingUpdatePolicy": ROLLING, **ALARMED},
    )
    assert component_state(hosted, "base") == "Updating"
    if alarmed:
        alarms.add("errors")
    for _ in range(6):
        stand_in.clock.advance(150)
        state = component_state(hosted, "base")
    told = hosted.describe_inference_component(InferenceComponentName="base")
    assert (state, told["Specification"]["ModelName"]) == ("InService", "model" if alarmed else "next")
    assert ("errors" in told.get("FailureReason", "")) is alarmed


def test_weights_of_variants(hosted):
    weights = [{"VariantName": "all", "DesiredWeight": 0.5}]
    hosted.update_endpoint_weights_and_capacities(EndpointName="twins", DesiredWeightsAndCapacities=weights)
    (variant,) = hosted.describe_endpoint(EndpointName="twins")["ProductionVariants"]
    assert variant["DesiredWeight"] == 0.5
    wrong = [{"VariantName": "none", "DesiredWeight": 0.5}]
    call = hosted.update_endpoint_weights_and_capacities
    assert "Could not find" in refused(call, EndpointName="twins", DesiredWeightsAndCapacities=wrong)[1]


def test_scaling_is_for_base_components_that_are_there(stand_in, hosted):
    scaling = client(stand_in, "application-autoscaling")
    place = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/base",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    policy = {"PolicyName": "p", "PolicyType": "StepScaling"}
    assert refused(scaling.put_scaling_policy, **place, **policy)[0] == "ObjectNotFoundException"
    scaling.register_scalable_target(**place, MinCapacity=0, MaxCapacity=2)
    assert "needs its configuration" in refused(scaling.put_scaling_policy, **place, **policy)[1]
    nothing = place | {"ResourceId": "inference-component/none"}
    assert "No scalable" in refused(scaling.register_scalable_target, **nothing, MaxCapacity=1)[1]
    assert (
        "none of its values"
        in refused(scaling.register_scalable_target, **place | {"ScalableDimension": "x"})[1]
    )
    scaling.deregister_scalable_target(**place)
