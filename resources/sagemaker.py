"""SageMaker's control plane through boto3: asked, waited for, and its containers' last words.

Credentials, region and AWS_ENDPOINT_URL_SAGEMAKER are found by boto3 itself.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

POLL_SECONDS: Final = 15.0
MOST_TRIES: Final = 8
LAST_LINES: Final = 20
MOST_STREAMS: Final = 50
# Names are matched by what the service says, because it has one code for everything it does not take.
_MISSING: Final = ("could not find", "not found", "does not exist")


class SageMakerError(RuntimeError):
    """Something did not become what it should; the message says why, and what its container said last."""


@dataclass(frozen=True)
class Kind:
    """One kind of thing: its operations' and fields' names, and where its containers write.

    group: the log group, into which the name goes. stream: how its streams begin. transient: the states that
    pass by themselves.
    """

    title: str
    name: str
    status: str
    group: str
    stream: str
    transient: frozenset[str]

    @property
    def operation(self) -> str:
        """How its operations end, as boto3 spells them."""
        return self.title.replace(" ", "_")


JOB: Final = Kind(
    "training job",
    "TrainingJobName",
    "TrainingJobStatus",
    "/aws/sagemaker/TrainingJobs",
    "{name}/",
    frozenset({"InProgress", "Stopping"}),
)
ENDPOINT: Final = Kind(
    "endpoint",
    "EndpointName",
    "EndpointStatus",
    "/aws/sagemaker/Endpoints/{name}",
    "",
    frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}),
)
COMPONENT: Final = Kind(
    "inference component",
    "InferenceComponentName",
    "InferenceComponentStatus",
    "/aws/sagemaker/InferenceComponents/{name}",
    "",
    frozenset({"Creating", "Updating", "Deleting"}),
)
MODEL: Final = Kind("model", "ModelName", "", "", "", frozenset())
CONFIG: Final = Kind("endpoint config", "EndpointConfigName", "", "", "", frozenset())


class SageMaker:
    """Asks and waits. Constructing opens nothing."""

    def __init__(self, poll_seconds: float | None = None) -> None:
        self.poll_seconds = POLL_SECONDS if poll_seconds is None else poll_seconds
        self._clients: dict[str, Any] = {}

    @property
    def api(self) -> Any:
        """The `sagemaker` client; throttled requests are tried again, ever more slowly."""
        return self.client("sagemaker")

    def client(self, service: str) -> Any:
        """A client of another service with the same patience."""
        from botocore.config import Config

        if service not in self._clients:
            patient = Config(retries={"total_max_attempts": MOST_TRIES, "mode": "standard"})
            self._clients[service] = self._session.client(service, config=patient)
        return self._clients[service]

    @cached_property
    def _session(self) -> Any:
        # One of its own: the default one may not be used by two threads at once.
        from boto3.session import Session

        return Session()

    def found(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """What describing it says, or None where there is none of this name."""
        from botocore.exceptions import ClientError

        describe = getattr(self.api, f"describe_{kind.operation}")
        try:
            told: dict[str, Any] = describe(**{kind.name: name})
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return told

    def settled(self, kind: Kind, name: str, seconds: float) -> dict[str, Any] | None:
        """What it says once its state passes no more by itself; None where it is gone.

        Raises SageMakerError when that takes longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            told = self.found(kind, name)
            if told is None or told[kind.status] not in kind.transient:
                return told
            if time.monotonic() > deadline:
                raise SageMakerError(
                    f"{kind.title} {name} was {told[kind.status]} for {seconds:.0f} s"
                    f"{self.last_words(kind, name)}"
                )
            time.sleep(self.poll_seconds)

    def in_service(self, kind: Kind, name: str, seconds: float) -> dict[str, Any]:
        """Return what it says once it is in service; raises SageMakerError, with the reason, else."""
        told = self.settled(kind, name, seconds)
        if told is None or told[kind.status] != "InService":
            raise self.failed(kind, name, told)
        return told

    def failed(self, kind: Kind, name: str, told: dict[str, Any] | None) -> SageMakerError:
        """An error with the state, the reason and the container's last lines."""
        state = told[kind.status] if told else "gone"
        reason = f": {told['FailureReason']}" if told and told.get("FailureReason") else ""
        return SageMakerError(f"{kind.title} {name} is {state}{reason}{self.last_words(kind, name)}")

    def deleted(self, kind: Kind, name: str) -> None:
        """Delete it; nothing happens where there is none."""
        from botocore.exceptions import ClientError

        try:
            getattr(self.api, f"delete_{kind.operation}")(**{kind.name: name})
        except ClientError as error:
            if not is_missing(error):
                raise

    def listed(self, operation: str, field: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """Every summary that a list operation has under `field`, page by page."""
        more: dict[str, Any] = {}
        while True:
            page = getattr(self.api, operation)(MaxResults=100, **asked, **more)
            yield from page[field]
            if "NextToken" not in page:
                return
            more = {"NextToken": page["NextToken"]}

    def last_words(self, kind: Kind, name: str) -> str:
        """The end of its containers' logs, to put behind an error; empty where there are none."""
        lines = self.last_lines(kind, name)
        return "; its log ends with:\n" + "\n".join(lines) if lines else ""

    def last_lines(self, kind: Kind, name: str) -> list[str]:
        """The last lines that its containers wrote, oldest first; none where CloudWatch has nothing."""
        from botocore.exceptions import BotoCoreError, ClientError

        logs, group = self.client("logs"), kind.group.format(name=name)
        try:
            events = [
                event
                for stream in streams(logs, group, kind.stream.format(name=name))
                for event in logs.get_log_events(
                    logGroupName=group, logStreamName=stream, limit=LAST_LINES, startFromHead=False
                )["events"]
            ]
        except (BotoCoreError, ClientError):
            # What is told beside an error must not take its place.
            return []
        events.sort(key=lambda event: event["timestamp"])
        return [str(event["message"]).rstrip() for event in events[-LAST_LINES:]]


def streams(logs: Any, group: str, prefix: str) -> list[str]:
    """The names of a group's log streams; none where the group is not there yet."""
    begins = {"logStreamNamePrefix": prefix} if prefix else {}
    try:
        page = logs.describe_log_streams(logGroupName=group, limit=MOST_STREAMS, **begins)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [stream["logStreamName"] for stream in page["logStreams"]]


def is_missing(error: Any) -> bool:
    """Whether an error of the API says that there is nothing of this name."""
    told = error.response.get("Error", {})
    words = str(told.get("Message", "")).lower()
    known = told.get("Code") in ("ValidationException", "ResourceNotFound")
    return known and any(missing in words for missing in _MISSING)
