"""A training job's command as a process of this machine, with a folder of its own in place of /opt/ml."""

import contextlib
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

GROUP = "/aws/sagemaker/TrainingJobs"


def place(uri):
    parts = urlsplit(uri)
    return parts.netloc, parts.path.strip("/")


class Containers:
    """Starts jobs; `s3` and `logs` are clients, `environment` what a container finds beside its own."""

    def __init__(self, folder, s3, logs, environment):
        self.folder, self.s3, self.logs, self.environment = Path(folder), s3, logs, environment
        self.running = []

    def start(self, job):
        made = Container(self, job)
        self.running.append(made)
        return made

    def close(self):
        for container in self.running:
            container.kill()


class Container:
    def __init__(self, owner, job):
        self.owner, self.body = owner, job.body
        self.root = owner.folder / job.name / str(job.attempt)
        self.stream = f"{job.name}/algo-1-{job.attempt}"
        for folder in ("input/data", "model", "output", "checkpoints"):
            (self.root / folder).mkdir(parents=True)
        for channel in self.body.get("InputDataConfig", []):
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            self._download(uri, self.root / "input" / "data" / channel["ChannelName"])
        if checkpoints := self.body.get("CheckpointConfig"):
            self._download(checkpoints["S3Uri"], self.root / "checkpoints")
        self._start()

    def _start(self):
        algorithm = self.body["AlgorithmSpecification"]
        words = [*algorithm.get("ContainerEntrypoint", []), *algorithm.get("ContainerArguments", [])]
        command = [sys.executable if word == "python" else self._here(word) for word in words]
        own = {name: self._here(value) for name, value in self.body.get("Environment", {}).items()}
        self.process = subprocess.Popen(
            command,
            env={**self.owner.environment, **own, "TRAINING_JOB_NAME": self.body["TrainingJobName"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        self._told = threading.Thread(target=self._tell, daemon=True)
        self._told.start()

    def _here(self, text):
        return text.replace("/opt/ml", str(self.root))

    def _tell(self):
        """Its output as CloudWatch has it: a stream for each attempt."""
        logs = self.owner.logs
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName=self.stream)
        for line in self.process.stdout:
            event = {"timestamp": int(time.time() * 1000), "message": line.rstrip("\n") or " "}
            logs.put_log_events(logGroupName=GROUP, logStreamName=self.stream, logEvents=[event])

    def poll(self):
        return self.process.poll()

    def close(self):
        """End it where it still runs, and keep what it left under checkpoints."""
        self.kill()
        if checkpoints := self.body.get("CheckpointConfig"):
            self._upload(self.root / "checkpoints", checkpoints["S3Uri"])

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._told.join(30)

    def failure(self):
        written = self.root / "output" / "failure"
        return written.read_text() if written.exists() else "the container ended"

    def upload_model(self, uri):
        packed = self.root / "model.tar.gz"
        with tarfile.open(packed, "w:gz") as archive:
            for file in sorted((self.root / "model").iterdir()):
                archive.add(file, file.name)
        bucket, key = place(uri)
        self.owner.s3.upload_file(str(packed), bucket, key)

    def _download(self, uri, folder):
        bucket, prefix = place(uri)
        folder.mkdir(parents=True, exist_ok=True)
        listed = self.owner.s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
        for key in (one["Key"] for one in listed):
            target = folder / key.removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            self.owner.s3.download_file(bucket, key, str(target))

    def _upload(self, folder, uri):
        bucket, prefix = place(uri)
        for file in (one for one in folder.rglob("*") if one.is_file()):
            self.owner.s3.upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder).as_posix()}")
