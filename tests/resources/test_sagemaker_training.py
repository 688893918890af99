"""Training jobs as a Pipes client, against the stand-in, which runs a script as the container."""

import http.server
import io
import tarfile
from contextlib import contextmanager
from dataclasses import replace

import dagster as dg
import pytest
from botocore.exceptions import ClientError
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.pipes import utils

from resources import sagemaker_training
from resources.sagemaker import SageMakerError
from resources.sagemaker_training import PipesSageMakerTrainingClient, TrainingJob
from tests.aws.sagemaker_world import IMAGE, ROLE, world
from tests.loopback import served

JOB = TrainingJob(
    title="llm-twin-tests",
    inputs="1" * 64,
    image=IMAGE,
    role=ROLE,
    instance="ml.g6.xlarge",
    command=["python", "-m", "tests.aws.sagemaker_script", "/opt/ml"],
    output="",
    seconds=36_000,
    tags={"llm-twin:twin": "ada"},
)


class Killed(BaseException):
    """The run is gone, and did nothing more."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with world(tmp_path_factory.mktemp("cloud"), runs_jobs=True) as made:
        made.s3.put_object(Bucket=made.bucket, Key="words/word.txt", Body=b"hive")
        yield made


@pytest.fixture
def aws(cloud, monkeypatch):
    cloud.sagemaker.forget()
    cloud.sagemaker.clock.tick, cloud.control.poll_seconds = 5.0, 0.05
    # How long a session goes on looking for messages of a job that never said good-bye.
    monkeypatch.setattr(utils, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 0)
    return cloud


def job_of(aws, inputs, **changes):
    """A job with inputs of its own."""
    bucket = f"s3://{aws.bucket}"
    return replace(
        JOB, inputs=inputs * 64, output=f"{bucket}/out", channels={"words": f"{bucket}/words"}, **changes
    )


def run(aws, job, output=None, **extras):
    """Materialize an asset that runs the job; returns the invocation."""
    done = []
    client = PipesSageMakerTrainingClient(aws.control, aws.bucket, "pipes", output or io.StringIO())

    @dg.asset
    def trained(context: dg.AssetExecutionContext):
        done.append(client.run(context=context, job=job, extras={"word": "hums", **extras}))
        return done[-1].get_materialize_result()

    dg.materialize([trained])
    return done[-1]


@contextmanager
def refusing(status):
    """A service on loopback that refuses to say whether something is there; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *words):
            pass

    with served(Handler) as address:
        yield address


def created(aws):
    return [body for name, body in aws.sagemaker.asked if name == "CreateTrainingJob"]


def test_a_job_runs_and_what_it_says_comes_back_and_it_is_not_paid_twice(aws):
    output, job = io.StringIO(), job_of(aws, "1")
    done = run(aws, job, output)
    assert list(done.get_custom_messages()) == [{"resumed": False, "told": "hums"}]
    assert "the data is hive\n" in output.getvalue()
    (asked,) = created(aws)
    assert asked["TrainingJobName"].startswith(f"llm-twin-tests-{'1' * 16}-")
    assert {"Key": "llm-twin:twin", "Value": "ada"} in asked["Tags"]
    artefact = done.metadata["artefact"].value.removeprefix(f"s3://{aws.bucket}/")
    packed = aws.s3.get_object(Bucket=aws.bucket, Key=artefact)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as opened:
        assert opened.getnames() == ["weights"]
    assert run(aws, job).metadata["job"].value == asked["TrainingJobName"]
    assert len(created(aws)) == 1
    aws.s3.delete_object(Bucket=aws.bucket, Key=artefact)
    run(aws, job)
    assert len(created(aws)) == 2


def test_an_artefact_that_cannot_be_looked_at_starts_no_job(aws, monkeypatch):
    job = job_of(aws, "9")
    run(aws, job)
    for status in (403, 503):
        with refusing(status) as address, monkeypatch.context() as patched:
            patched.setenv("AWS_ENDPOINT_URL_S3", address)
            with pytest.raises(ClientError, match=str(status)):
                run(aws, job)
    assert len(created(aws)) == 1


def test_a_failed_job_is_told_with_its_reason_and_last_lines(aws):
    with pytest.raises(SageMakerError) as caught:
        run(aws, job_of(aws, "2"), fails="no bees")
    told = str(caught.value)
    assert "is Failed, Failed: AlgorithmError: the words are wrong, exit code: 1" in told
    assert "the data is hive" in told
    assert told.endswith("ValueError: no bees")


def test_a_spot_instance_that_is_taken_away_is_followed_by_one_that_goes_on(aws):
    gone = {"interrupted": 1, "when": lambda job: (job.process.root / "checkpoints/step").exists()}
    aws.sagemaker.jobs.plans.append(gone)
    kept = f"s3://{aws.bucket}/checkpoints"
    done = run(aws, job_of(aws, "3", spot_seconds=86_400, checkpoints=kept), waits=True)
    # The second start writes behind the first: both were heard.
    assert [one["resumed"] for one in done.get_custom_messages()] == [False, True]
    (asked,) = created(aws)
    assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 36_000, "MaxWaitTimeInSeconds": 86_400}


def raising(monkeypatch, aws, error):
    """Let the wait end with this once the job trains."""

    def pause(seconds):
        (job,) = aws.sagemaker.jobs.jobs.values()
        if job.state == "Training":
            raise error

    monkeypatch.setattr(sagemaker_training.time, "sleep", pause)


def test_an_interrupted_run_stops_its_job(aws):
    with pytest.MonkeyPatch.context() as patched, pytest.raises(DagsterExecutionInterruptedError):
        raising(patched, aws, DagsterExecutionInterruptedError())
        run(aws, job_of(aws, "4"), waits=True)
    (job,) = aws.sagemaker.jobs.jobs.values()
    assert job.status == "Stopping"
    assert job.process.poll() is not None


def test_the_job_of_a_run_that_was_killed_is_joined(aws):
    job = job_of(aws, "5")
    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        raising(patched, aws, Killed())
        run(aws, job)
    done = run(aws, job)
    assert len(created(aws)) == 1
    assert list(done.get_custom_messages()) == [{"resumed": False, "told": "hums"}]
    # Other inputs are another job.
    run(aws, replace(job, inputs="5" * 16 + "6" * 48))
    assert len(created(aws)) == 2


@pytest.mark.parametrize(
    ("plan", "stop", "told"),
    [
        ({"seconds": 9000}, False, "Stopped, MaxRuntimeExceeded .*LLM_TWIN_SAGEMAKER_TRAINING_SECONDS"),
        ({"seconds": 9000}, True, "is Stopped, Stopped"),
    ],
    ids=["too long", "stopped"],
)
def test_a_job_that_somebody_or_its_limit_stops_is_told(aws, monkeypatch, plan, stop, told):
    aws.sagemaker.jobs.containers = None
    aws.sagemaker.jobs.plans.append(plan)
    aws.sagemaker.clock.tick = 40.0
    if stop:

        def pause(seconds):
            (job,) = aws.sagemaker.jobs.jobs.values()
            if job.state == "Training" and not job.stopping:
                job.stop()

        monkeypatch.setattr(sagemaker_training.time, "sleep", pause)
    with pytest.raises(SageMakerError, match=told):
        run(aws, job_of(aws, "7" if stop else "8", seconds=600))
