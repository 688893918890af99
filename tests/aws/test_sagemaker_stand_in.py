"""The stand-in takes training jobs as the API does, refuses others, and goes through their states."""

import httpx
import pytest

from tests.aws.sagemaker_asking import JOB, client, refused, with_, without
from tests.aws.sagemaker_stand_in import SageMaker
from tests.aws.sagemaker_states import Fault


@pytest.fixture
def stand_in():
    made = SageMaker()
    yield made
    made.close()


@pytest.fixture
def api(stand_in):
    return client(stand_in, "sagemaker")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (without(JOB, "RoleArn"), "RoleArn"),
        (with_(JOB, "r" * 20, "RoleArn"), "does not match"),
        (with_(JOB, "a_b", "TrainingJobName"), "does not match"),
        (with_(JOB, "j" * 64, "TrainingJobName"), "more than 63"),
        (with_(JOB, "ml.none", "ResourceConfig", "InstanceType"), "none of its values"),
        (with_(JOB, 0, "StoppingCondition", "MaxRuntimeInSeconds"), "valid min value: 1"),
        (with_(JOB, {"K": "v" * 513}, "Environment"), "more than 512"),
        (with_(JOB, {f"K{n}": "v" for n in range(101)}, "Environment"), "more than 100"),
        (with_(JOB, {"1K": "v"}, "Environment"), "does not match"),
        (with_(JOB, "big", "ResourceConfig", "InstanceCount"), "Invalid type"),
        (without(JOB, "AlgorithmSpecification", "TrainingImage"), "TrainingImage"),
        (without(JOB, "ResourceConfig", "VolumeSizeInGB"), "VolumeSizeInGB"),
        (with_(JOB, True, "EnableManagedSpotTraining"), "MaxWaitTimeInSeconds"),
        (with_(JOB, 2000, "StoppingCondition", "MaxWaitTimeInSeconds"), "only for managed spot"),
        (with_(JOB, [{"Key": "k", "Value": "v\n\u0000"}], "Tags"), "does not match"),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)
def test_a_training_job_that_the_api_would_not_take_is_refused(api, body, told):
    code, words = refused(api.create_training_job, **body)
    assert code == "ValidationException"
    assert told in words


def test_a_field_that_no_shape_has_is_refused(stand_in):
    headers = {"X-Amz-Target": "SageMaker.CreateTrainingJob", "Authorization": "AWS4-HMAC-SHA256 ..."}
    for body, told in ((with_(JOB, True, "Wish"), "Wish"), (with_(JOB, 1, "ResourceConfig", "X"), "X")):
        answer = httpx.post(stand_in.url, json=body, headers=headers)
        assert (answer.status_code, told in answer.json()["message"]) == (400, True)
    assert httpx.post(stand_in.url, json=JOB, headers=headers | {"Authorization": ""}).status_code == 403


def states(stand_in, look, *field):
    """The states that something goes through, a minute at a time."""
    seen = []
    for _ in range(60):
        told = look()
        if not seen or seen[-1] != tuple(told[one] for one in field):
            seen.append(tuple(told[one] for one in field))
        stand_in.clock.advance(30)
    return seen


def test_a_job_goes_through_its_states(stand_in, api):
    api.create_training_job(**JOB, Tags=[{"Key": "a", "Value": "b"}])

    def look():
        return api.describe_training_job(TrainingJobName="job-1")

    assert states(stand_in, look, "TrainingJobStatus", "SecondaryStatus") == [
        ("InProgress", "Starting"),
        ("InProgress", "Downloading"),
        ("InProgress", "Training"),
        ("InProgress", "Uploading"),
        ("Completed", "Completed"),
    ]
    told = look()
    assert told["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/out/job-1/output/model.tar.gz"
    assert 100 <= told["BillableTimeInSeconds"] < 200
    assert api.list_tags(ResourceArn=told["TrainingJobArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert refused(api.create_training_job, **JOB)[0] == "ResourceInUse"
    assert "is in status Completed" in refused(api.stop_training_job, TrainingJobName="job-1")[1]
    assert "not found" in refused(api.describe_training_job, TrainingJobName="job-2")[1]


@pytest.mark.parametrize(
    ("plan", "body", "ends"),
    [
        ({"fails": "AlgorithmError: no memory"}, JOB, ("Failed", "Failed")),
        ({"seconds": 5000}, JOB, ("Stopped", "MaxRuntimeExceeded")),
    ],
)
def test_a_job_that_does_not_end_well(stand_in, api, plan, body, ends):
    stand_in.jobs.plans.append(plan)
    api.create_training_job(**body)
    seen = states(
        stand_in,
        lambda: api.describe_training_job(TrainingJobName="job-1"),
        "TrainingJobStatus",
        "SecondaryStatus",
    )
    assert seen[-1] == ends
    reason = api.describe_training_job(TrainingJobName="job-1").get("FailureReason")
    assert reason == plan.get("fails")


def test_a_stopped_job_stops_where_it_is(stand_in, api):
    api.create_training_job(**JOB)
    for _ in range(4):
        stand_in.clock.advance(30)
        api.describe_training_job(TrainingJobName="job-1")
    api.stop_training_job(TrainingJobName="job-1")
    assert api.describe_training_job(TrainingJobName="job-1")["TrainingJobStatus"] == "Stopping"
    stand_in.clock.advance(30)
    assert api.describe_training_job(TrainingJobName="job-1")["TrainingJobStatus"] == "Stopped"


def test_a_spot_instance_is_taken_away_and_another_goes_on(stand_in, api):
    spot = with_(JOB, True, "EnableManagedSpotTraining")
    stand_in.jobs.plans.append({"interrupted": 1})
    api.create_training_job(**with_(spot, 9000, "StoppingCondition", "MaxWaitTimeInSeconds"))
    for _ in range(40):
        stand_in.clock.advance(30)
        told = api.describe_training_job(TrainingJobName="job-1")
    names = [one["Status"] for one in told["SecondaryStatusTransitions"]]
    first, second = ["Starting", "Downloading", "Training", "Interrupted"], ["Starting", "Downloading"]
    assert names == [*first, *second, "Training", "Uploading", "Completed"]


def test_jobs_are_listed_page_by_page(stand_in, api):
    for number in range(5):
        api.create_training_job(**with_(JOB, f"job-{number}", "TrainingJobName"))
        stand_in.clock.advance(1)
    page = api.list_training_jobs(NameContains="job", MaxResults=3, SortOrder="Descending")
    more = api.list_training_jobs(
        NameContains="job", MaxResults=3, SortOrder="Descending", NextToken=page["NextToken"]
    )
    listed = [one["TrainingJobName"] for one in page["TrainingJobSummaries"] + more["TrainingJobSummaries"]]
    assert listed == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    assert "NextToken" not in more


def test_faults_come_before_anything_happens(stand_in, api):
    stand_in.happens.append(Fault("ThrottlingException", "Rate exceeded"))
    assert refused(api.create_training_job, **JOB) == ("ThrottlingException", "Rate exceeded")
    assert stand_in.jobs.jobs == {}
    code, words = refused(api.create_hub, HubName="hub", HubDescription="d")
    assert (code, "CreateHub" in words) == ("UnknownOperationException", True)
