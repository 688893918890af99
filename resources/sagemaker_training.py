"""Training jobs of SageMaker as a Dagster Pipes client.

Context and messages go through S3, under the job's own name, so that whoever comes after a killed run joins
the job that still runs and reads what it said. The job's log lines go to this process's output.
"""

import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.pipes.client import PipesClientCompletedInvocation
from dagster_aws.pipes import PipesS3ContextInjector, PipesS3MessageReader
from dagster_pipes import PipesContextData, PipesParams

from resources.places import place
from resources.s3 import etag
from resources.sagemaker import JOB, SageMaker, SageMakerError, streams

INPUTS_TAG: Final = "llm-twin:inputs"
SUFFIX_BYTES: Final = 4
INPUTS_CHARACTERS: Final = 16
# The API takes 63 characters: what the job is, its inputs and what tells two tries apart.
MOST_CHARACTERS: Final = 63 - INPUTS_CHARACTERS - 2 * SUFFIX_BYTES - 2


@dataclass(frozen=True)
class TrainingJob:
    """What to run. Jobs with the same `inputs` come to the same, so one that is there already is joined.

    title: how its name begins. channels: S3 prefixes, mounted by name under /opt/ml/input/data. output: where
    model.tar.gz goes. checkpoints: the S3 prefix behind /opt/ml/checkpoints, or None. seconds: how long it
    may train; spot_seconds: how long with the waits for a spot instance, or None for one on demand.
    """

    title: str
    inputs: str
    image: str
    role: str
    instance: str
    command: list[str]
    output: str
    seconds: int
    channels: Mapping[str, str] = field(default_factory=dict)
    checkpoints: str | None = None
    spot_seconds: int | None = None
    volume_gb: int = 100
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """What the name of every job with these inputs begins with."""
        return f"{self.title[:MOST_CHARACTERS].rstrip('-')}-{self.inputs[:INPUTS_CHARACTERS]}"


class PipesSageMakerTrainingClient(dg.PipesClient):
    """Runs a training job and waits for it; `bucket` and `prefix` are where context and messages lie.

    What lies there is left to the bucket's life-cycle rules: somebody may still join.
    """

    def __init__(
        self, sagemaker: SageMaker, bucket: str, prefix: str = "", output: TextIO | None = None
    ) -> None:
        self._sagemaker = sagemaker
        self._bucket, self._prefix = bucket, prefix
        self._output = output

    def run(  # type: ignore[override]
        self, *, context: Any, job: TrainingJob, extras: dict[str, Any] | None = None
    ) -> PipesClientCompletedInvocation:
        """Run the job, or join the one with its inputs, to its end.

        The invocation's metadata names the job (`job`) and its artefact (`artefact`). Raises SageMakerError,
        with the reason and the job's last lines, where it does not complete.
        """
        name = self._standing(job)
        joined = name is not None
        name = name or f"{job.prefix}-{secrets.token_hex(SUFFIX_BYTES)}"
        s3, under = self._sagemaker.client("s3"), f"{self._prefix.strip('/')}/{name}".lstrip("/")
        with dg.open_pipes_session(
            context=context,
            extras=extras,
            context_injector=_Context(bucket=self._bucket, client=s3, key_prefix=under),
            message_reader=_Messages(under, self._sagemaker.poll_seconds, bucket=self._bucket, client=s3),
        ) as session:
            if joined:
                context.log.info(f"[pipes] joining training job {name}, which an earlier run started")
            else:
                asked = _request(job, name, session.get_bootstrap_env_vars())
                self._sagemaker.api.create_training_job(**asked)
                context.log.info(f"[pipes] started training job {name}")
            told = self._followed(context, name)
        artefact = told["ModelArtifacts"]["S3ModelArtifacts"]
        return PipesClientCompletedInvocation(session, metadata={"job": name, "artefact": artefact})

    def _standing(self, job: TrainingJob) -> str | None:
        """The newest job with these inputs that runs, or has completed and left its artefact."""
        newest = {"SortBy": "CreationTime", "SortOrder": "Descending"}
        found = self._sagemaker.listed(
            "list_training_jobs", "TrainingJobSummaries", NameContains=job.prefix, **newest
        )
        for one in found:
            if one["TrainingJobStatus"] in ("InProgress", "Completed") and self._is_of(one, job):
                return str(one["TrainingJobName"])
        return None

    def _is_of(self, summary: dict[str, Any], job: TrainingJob) -> bool:
        tags = self._sagemaker.api.list_tags(ResourceArn=summary["TrainingJobArn"])["Tags"]
        if {"Key": INPUTS_TAG, "Value": job.inputs} not in tags:
            return False
        return summary["TrainingJobStatus"] == "InProgress" or self._has_artefact(summary["TrainingJobName"])

    def _has_artefact(self, name: str) -> bool:
        told = self._sagemaker.api.describe_training_job(TrainingJobName=name)
        artefact: Any = place(str(told["ModelArtifacts"]["S3ModelArtifacts"]))
        return etag(artefact) is not None

    def _followed(self, context: Any, name: str) -> dict[str, Any]:
        """What the job says once it completed; an interrupted run stops it."""
        tail = _Tail(self._sagemaker.client("logs"), name, self._output or sys.stdout)
        try:
            while True:
                told = self._sagemaker.api.describe_training_job(TrainingJobName=name)
                tail.forward()
                if told["TrainingJobStatus"] not in JOB.transient:
                    break
                time.sleep(self._sagemaker.poll_seconds)
        except (DagsterExecutionInterruptedError, KeyboardInterrupt):
            context.log.warning(f"[pipes] interrupted: stopping training job {name}")
            self._sagemaker.api.stop_training_job(TrainingJobName=name)
            raise
        if told["TrainingJobStatus"] != "Completed":
            raise _failed(self._sagemaker, name, told)
        return dict(told)


def _request(job: TrainingJob, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The body of CreateTrainingJob."""
    asked: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": job.role,
        "AlgorithmSpecification": {
            "TrainingImage": job.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": job.command[:1],
            "ContainerArguments": job.command[1:],
        },
        "OutputDataConfig": {"S3OutputPath": job.output},
        "ResourceConfig": {
            "InstanceType": job.instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": job.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": job.seconds},
        "Environment": dict(environment),
        "Tags": [{"Key": key, "Value": one} for key, one in {**job.tags, INPUTS_TAG: job.inputs}.items()],
    }
    if job.channels:
        asked["InputDataConfig"] = [_channel(*one) for one in job.channels.items()]
    if job.checkpoints:
        asked["CheckpointConfig"] = {"S3Uri": job.checkpoints, "LocalPath": "/opt/ml/checkpoints"}
    if job.spot_seconds:
        asked["EnableManagedSpotTraining"] = True
        asked["StoppingCondition"]["MaxWaitTimeInSeconds"] = job.spot_seconds
    return asked


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _failed(sagemaker: SageMaker, name: str, told: dict[str, Any]) -> SageMakerError:
    mends = {
        "MaxRuntimeExceeded": " (it needed longer than LLM_TWIN_SAGEMAKER_TRAINING_SECONDS)",
        "MaxWaitTimeExceeded": " (there was no spot instance within LLM_TWIN_SAGEMAKER_SPOT_SECONDS)",
    }
    state = f"{told['TrainingJobStatus']}, {told['SecondaryStatus']}{mends.get(told['SecondaryStatus'], '')}"
    reason = f": {told['FailureReason']}" if told.get("FailureReason") else ""
    return SageMakerError(f"training job {name} is {state}{reason}{sagemaker.last_words(JOB, name)}")


class _Context(PipesS3ContextInjector):
    """Puts the context under the job's name and leaves it there: a job may start again and read it again."""

    @contextmanager
    def inject_context(self, context: PipesContextData) -> Iterator[PipesParams]:
        import json

        key = f"{self.key_prefix}/context.json"
        self.client.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(context).encode())
        yield {"bucket": self.bucket, "key": key}


class _Messages(PipesS3MessageReader):
    """Reads the messages under the job's name, also those that were there before."""

    def __init__(self, place: str, interval: float, **kwargs: Any) -> None:
        super().__init__(interval=interval, **kwargs)
        self._place = place

    @contextmanager
    def get_params(self) -> Iterator[PipesParams]:
        yield {"bucket": self.bucket, "key_prefix": f"{self._place}/messages"}


class _Tail:
    """Forwards a job's log lines, each stream from where it stopped reading."""

    def __init__(self, logs: Any, name: str, output: TextIO) -> None:
        self._logs, self._name, self._output = logs, name, output
        self._read: dict[str, str] = {}

    def forward(self) -> None:
        """Write what came since; CloudWatch that cannot be asked just now is asked again later."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for stream in streams(self._logs, JOB.group, JOB.stream.format(name=self._name)):
                self._forward(stream)
        except (BotoCoreError, ClientError) as error:
            self._output.write(f"the log of {self._name} cannot be read just now: {error}\n")

    def _forward(self, stream: str) -> None:
        while True:
            since = {"nextToken": self._read[stream]} if stream in self._read else {}
            page = self._logs.get_log_events(
                logGroupName=JOB.group, logStreamName=stream, startFromHead=True, **since
            )
            for event in page["events"]:
                self._output.write(f"{event['message']}\n")
            if self._read.get(stream) == page["nextForwardToken"]:
                return
            self._read[stream] = page["nextForwardToken"]
