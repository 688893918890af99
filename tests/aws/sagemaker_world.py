"""The stand-in of SageMaker beside moto's S3, CloudWatch and its logs, and the variables that lead there."""

import os
import secrets
import time
from contextlib import contextmanager

import boto3
import pytest
from moto.server import ThreadedMotoServer

from resources import sagemaker as control
from resources.places import place
from tests.aws.sagemaker_containers import Containers
from tests.aws.sagemaker_stand_in import SageMaker

ROLE = "arn:aws:iam::123456789012:role/twin"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/twin:1"


class World:
    """`sagemaker`: the stand-in. `bucket`: a fresh one. `home`: an address in it.
    `control`: the client under test, which waits for hardly anything."""

    def __init__(self, folder, runs_jobs):
        # One session, because each of its own reads the services' models again.
        self._session, self._clients = boto3.session.Session(), {}
        self.bucket = f"twins-{secrets.token_hex(6)}"
        self.address = f"s3://{self.bucket}/home"
        region = {"LocationConstraint": os.environ["AWS_DEFAULT_REGION"]}
        self.s3 = self.client("s3")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=region)
        self.home = place(self.address, folder / "scratch")
        containers = None
        if runs_jobs:
            containers = Containers(folder / "jobs", self.s3, self.client("logs"), dict(os.environ))
        self.sagemaker = SageMaker(containers, self.alarms, self.is_there, tick=30.0)

    def client(self, service):
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def alarms(self, names):
        """Of these, those that CloudWatch says went off."""
        found = self.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
        return [one["AlarmName"] for one in found if one["StateValue"] == "ALARM"]

    def set_off(self, name):
        self.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    def is_there(self, uri):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return key in self.keys(bucket=bucket)

    def keys(self, prefix="", bucket=None):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket or self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def say(self, group, stream, *lines):
        """What a container wrote."""
        logs = self.client("logs")
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


@contextmanager
def world(folder, runs_jobs=False):
    """One for a module: clients take long to make. `sagemaker.forget()` empties it between tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _world(monkeypatch, folder, runs_jobs)


def _world(monkeypatch, folder, runs_jobs):
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    surroundings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        # The library behind homes in S3 reads this one before the general one.
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    made = World(folder, runs_jobs)
    for name, value in made.sagemaker.variables.items():
        monkeypatch.setenv(name, value)
    made.control = control.SageMaker(poll_seconds=0.001)
    try:
        yield made
    finally:
        made.sagemaker.close()
        server.stop()
