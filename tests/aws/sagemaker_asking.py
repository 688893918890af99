"""Asking the stand-in through boto3: bodies that it takes, and what it says to others."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/twin"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/twin:1"
JOB = {
    "TrainingJobName": "job-1",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
    "StoppingCondition": {"MaxRuntimeInSeconds": 1000},
}
VARIANT = {"VariantName": "all", "InitialInstanceCount": 1, "InstanceType": "ml.g6.xlarge"}
CONFIG = {"EndpointConfigName": "one", "ExecutionRoleArn": ROLE, "ProductionVariants": [VARIANT]}
BASE = {
    "InferenceComponentName": "base",
    "EndpointName": "twins",
    "VariantName": "all",
    "RuntimeConfig": {"CopyCount": 1},
    "Specification": {"ModelName": "model", "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}},
}
ADAPTER = {
    "InferenceComponentName": "twins-1",
    "EndpointName": "twins",
    "Specification": {
        "BaseInferenceComponentName": "base",
        "Container": {"ArtifactUrl": "s3://bucket/adapter.tar.gz"},
    },
}
ALARMED = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
ALL_AT_ONCE = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
# One session, because each of its own reads the service's model again.
SESSION = boto3.session.Session()
ROLLING = {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 60}


def client(stand_in, service, **config):
    # Requests go out as they are written: it is the service that must refuse them.
    plain = Config(parameter_validation=False, retries={"total_max_attempts": 1}, **config)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    return SESSION.client(service, endpoint_url=stand_in.url, config=plain, **keys)


def refused(call, **body):
    with pytest.raises(ClientError) as caught:
        call(**body)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def without(body, *path):
    """A copy of a body in which one field is not."""
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def with_(body, value, *path):
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy
