"""A SageMaker endpoint with a component for each base model and one for each adapter on it.

Everything is named by a hash of what it is made of and looked at before it is made, so a deployment that
was killed goes on where it was, and a second one changes nothing. A base's container or an endpoint's
machines are changed in place, watched by alarms that roll the change back; adapters are never changed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from resources.sagemaker import COMPONENT, CONFIG, ENDPOINT, MODEL, Kind, SageMaker, SageMakerError
from resources.sagemaker_scaling import Scaling

VARIANT: Final = "all"
# What a change may take: instances, weights and a container's start, and the time that it is watched.
BAKE_SECONDS: Final = 300
UPDATE_SECONDS: Final = 3 * 3600
HASH_CHARACTERS: Final = 10


class RolledBack(SageMakerError):
    """A change was taken back: an alarm went off, or what should have come did not."""


@dataclass(frozen=True)
class Hosting:
    """What an endpoint's machines and containers are.

    accelerators, memory_mb: what a copy of a base takes. start_seconds: how long weights may take to load,
    and a container to start. least_copies, most_copies: of each base; 0 is none while nobody asks.
    """

    endpoint: str
    role: str
    image: str
    instance: str
    accelerators: int
    memory_mb: int
    start_seconds: int
    least_copies: int
    most_copies: int
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Base:
    """A base model: its version, and where its weights are: an S3 prefix, or in the environment."""

    version: str
    weights: str | None
    environment: Mapping[str, str]


class SageMakerHosting:
    """Makes and removes what an endpoint is made of. Constructing asks nothing."""

    def __init__(self, sagemaker: SageMaker, hosting: Hosting) -> None:
        self._sagemaker, self._hosting = sagemaker, hosting
        self._scaling = Scaling(sagemaker, hosting.least_copies, hosting.most_copies)

    def ensure_endpoint(self) -> None:
        """The endpoint is in service on these machines; raises SageMakerError, RolledBack."""
        name, config = self._hosting.endpoint, self._config()
        told = self._standing(ENDPOINT, name)
        if told is None:
            self._sagemaker.api.create_endpoint(EndpointName=name, EndpointConfigName=config)
            self._sagemaker.in_service(ENDPOINT, name, self._creation_seconds)
        elif told["EndpointConfigName"] != config:
            self._update_endpoint(name, config)

    def ensure_base(self, base: Base) -> str:
        """The name of the base's component, in service in this container, with its scaling.

        Raises SageMakerError, RolledBack.
        """
        name = self.base_name(base.version)
        specification = self._base_specification(self._model(base))
        told = self._standing(COMPONENT, name)
        if told is None:
            self._create_base(name, specification)
        elif not _is_as(told, specification):
            self._update_base(name, specification)
        self._scaling.ensure(name)
        return name

    def ensure_adapter(self, name: str, base: str, artefact: str) -> None:
        """The adapter's component is in service on a base's; raises SageMakerError."""
        if self._standing(COMPONENT, name) is not None:
            return
        specification = {"BaseInferenceComponentName": base, "Container": {"ArtifactUrl": artefact}}
        self._sagemaker.api.create_inference_component(
            InferenceComponentName=name, EndpointName=self._hosting.endpoint, Specification=specification
        )
        try:
            self._sagemaker.in_service(COMPONENT, name, self._creation_seconds)
        except SageMakerError as error:
            # An adapter has no container of its own: its base's says why.
            raise SageMakerError(f"{error}{self._sagemaker.last_words(COMPONENT, base)}") from error

    def remove_others(self, wanted: set[str]) -> list[str]:
        """Delete every component that is not wanted, adapters before bases; returns their names."""
        found = self._sagemaker.listed(
            "list_inference_components", "InferenceComponents", EndpointNameEquals=self._hosting.endpoint
        )
        others = {str(one["InferenceComponentName"]) for one in found} - wanted
        left = sorted(others, key=lambda name: (self._is_base(name), name))
        for name in left:
            self._remove(name)
        return left

    def base_name(self, version: str) -> str:
        """The name of the component of a base model's version."""
        return f"{self._hosting.endpoint}-base-{version[:HASH_CHARACTERS]}"

    def _is_base(self, name: str) -> bool:
        return name.startswith(f"{self._hosting.endpoint}-base-")

    @property
    def _creation_seconds(self) -> float:
        return 2 * self._hosting.start_seconds + UPDATE_SECONDS / 3

    def _standing(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """What it says in service, or None; one that failed to come up is removed, to be made again.

        Raises SageMakerError where it is in another state.
        """
        told = self._sagemaker.settled(kind, name, UPDATE_SECONDS)
        if told is not None and told[kind.status] == "Failed":
            self._sagemaker.deleted(kind, name)
            told = self._sagemaker.settled(kind, name, UPDATE_SECONDS)
        if told is not None and told[kind.status] != "InService":
            raise self._sagemaker.failed(kind, name, told)
        return told

    def _config(self) -> str:
        """The name of the configuration, which is made where there is none of its content."""
        role, variant = self._hosting.role, _variant(self._hosting)
        name = self._named("c", [role, variant])
        if self._sagemaker.found(CONFIG, name) is None:
            self._sagemaker.api.create_endpoint_config(
                EndpointConfigName=name, ExecutionRoleArn=role, ProductionVariants=[variant]
            )
        return name

    def _model(self, base: Base) -> str:
        """The name of the model: a base's weights in this container."""
        container: dict[str, Any] = {
            "Image": self._hosting.image,
            "Environment": {**self._hosting.environment, **base.environment},
        }
        if base.weights:
            source = {"S3Uri": f"{base.weights}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
            container["ModelDataSource"] = {"S3DataSource": source}
        name = self._named("m", [base.version, container])
        if self._sagemaker.found(MODEL, name) is None:
            self._sagemaker.api.create_model(
                ModelName=name, ExecutionRoleArn=self._hosting.role, PrimaryContainer=container
            )
        return name

    def _named(self, kind: str, content: Any) -> str:
        written = json.dumps(content, sort_keys=True)
        return f"{self._hosting.endpoint}-{kind}-{hashlib.sha256(written.encode()).hexdigest()[:12]}"

    def _base_specification(self, model: str) -> dict[str, Any]:
        hosting = self._hosting
        return {
            "ModelName": model,
            "ComputeResourceRequirements": {
                "NumberOfAcceleratorDevicesRequired": hosting.accelerators,
                "MinMemoryRequiredInMb": hosting.memory_mb,
            },
            "StartupParameters": _timeouts(hosting),
            "DataCacheConfig": {"EnableCaching": True},
        }

    def _create_base(self, name: str, specification: dict[str, Any]) -> None:
        self._sagemaker.api.create_inference_component(
            InferenceComponentName=name,
            EndpointName=self._hosting.endpoint,
            VariantName=VARIANT,
            Specification=specification,
            RuntimeConfig={"CopyCount": max(1, self._hosting.least_copies)},
        )
        self._sagemaker.in_service(COMPONENT, name, self._creation_seconds)

    def _update_endpoint(self, name: str, config: str) -> None:
        """Blue and green: the old machines go once the new ones have been watched for a while."""
        routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        blue_green = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": BAKE_SECONDS}
        dimensions = {"EndpointName": name, "VariantName": VARIANT}
        deployment = {"BlueGreenUpdatePolicy": blue_green, **self._watched(name, dimensions)}
        self._sagemaker.api.update_endpoint(
            EndpointName=name, EndpointConfigName=config, DeploymentConfig=deployment
        )
        told = self._sagemaker.in_service(ENDPOINT, name, UPDATE_SECONDS)
        if told["EndpointConfigName"] != config:
            raise self._rolled_back(ENDPOINT, name, told)

    def _update_base(self, name: str, specification: dict[str, Any]) -> None:
        """Copy by copy, each watched for a while."""
        one = {"Type": "COPY_COUNT", "Value": 1}
        rolling = {"MaximumBatchSize": one, "WaitIntervalInSeconds": BAKE_SECONDS}
        deployment = {"RollingUpdatePolicy": rolling, **self._watched(name, {"InferenceComponentName": name})}
        self._sagemaker.api.update_inference_component(
            InferenceComponentName=name, Specification=specification, DeploymentConfig=deployment
        )
        told = self._sagemaker.in_service(COMPONENT, name, UPDATE_SECONDS)
        if not _is_as(told, specification):
            raise self._rolled_back(COMPONENT, name, told)

    def _watched(self, name: str, dimensions: dict[str, str]) -> dict[str, Any]:
        """What rolls a change back: an alarm on errors, which is made here."""
        alarm = self._scaling.error_alarm(name, dimensions)
        return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]}}

    def _rolled_back(self, kind: Kind, name: str, told: dict[str, Any]) -> RolledBack:
        reason = told.get("FailureReason", "no reason is told")
        words = self._sagemaker.last_words(kind, name)
        return RolledBack(f"the change of {kind.title} {name} was rolled back: {reason}{words}")

    def _remove(self, name: str) -> None:
        told = self._sagemaker.settled(COMPONENT, name, UPDATE_SECONDS)
        if self._is_base(name):
            self._scaling.remove(name)
        self._sagemaker.deleted(COMPONENT, name)
        if self._sagemaker.settled(COMPONENT, name, UPDATE_SECONDS) is not None:
            raise SageMakerError(f"inference component {name} cannot be deleted")
        if told and (model := told["Specification"].get("ModelName")):
            self._sagemaker.deleted(MODEL, model)


def _is_as(told: dict[str, Any], specification: dict[str, Any]) -> bool:
    """Whether a component runs this model with these resources; the service may tell more of them."""
    standing, needs = told["Specification"], "ComputeResourceRequirements"
    same_model = standing.get("ModelName") == specification["ModelName"]
    return same_model and specification[needs].items() <= standing.get(needs, {}).items()


def _variant(hosting: Hosting) -> dict[str, Any]:
    return {
        "VariantName": VARIANT,
        "InstanceType": hosting.instance,
        "InitialInstanceCount": 1,
        "ManagedInstanceScaling": {
            "Status": "ENABLED",
            "MinInstanceCount": hosting.least_copies,
            "MaxInstanceCount": hosting.most_copies,
        },
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        **_timeouts(hosting),
    }


def _timeouts(hosting: Hosting) -> dict[str, int]:
    """Without these a large model is given up before it has loaded."""
    return {
        "ModelDataDownloadTimeoutInSeconds": hosting.start_seconds,
        "ContainerStartupHealthCheckTimeoutInSeconds": hosting.start_seconds,
    }
