"""Training jobs of the stand-in: their states, limits and interruptions, and the process that works."""

from tests.aws.sagemaker_states import Fault, Living, arn, invalid

STARTING, DOWNLOADING, UPLOADING = 60, 20, 10
OVER = ("Completed", "Failed", "Stopped")


class Job(Living):
    """`plan`: what befalls it: `seconds` of training without a process, `fails`, `interrupted` so many times
    after `seconds`."""

    def __init__(self, clock, body, containers, plan):
        super().__init__(clock)
        self.body, self.plan, self.containers = body, plan, containers
        self.status, self.state, self.reason = "InProgress", "", None
        self.transitions, self.stopping, self.billable = [], False, 0.0
        self.attempt, self.started = 0, None
        self.begin(self._lived())

    @property
    def name(self):
        return self.body["TrainingJobName"]

    @property
    def artefact(self):
        return f"{self.body['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output/model.tar.gz"

    def stop(self):
        if self.status in OVER:
            words = f"The request was rejected because the training job is in status {self.status}."
            raise invalid(words)
        self.stopping, self.status = True, "Stopping"
        self.settle()

    def _lived(self):
        while True:
            self._enter("Starting")
            yield from self.waiting(STARTING, self._is_stopping)
            self._enter("Downloading")
            yield from self.waiting(DOWNLOADING, self._is_stopping)
            if self.stopping:
                return self._end("Stopped", "Stopped")
            if self._waited_too_long():
                return self._end("Stopped", "MaxWaitTimeExceeded")
            self._enter("Training")
            self.attempt, self.started = self.attempt + 1, self.clock.now
            outcome = yield from self._trained()
            self.billable += max(1, self.clock.now - self.started)
            if outcome != "Interrupted":
                break
            self._enter("Interrupted")
            yield
        if outcome == "Failed":
            return self._end("Failed", "Failed")
        self._enter("Stopping" if self.stopping else "Uploading")
        yield from self.waiting(UPLOADING)
        if self.process is not None:
            self.process.upload_model(self.artefact)
        return self._end("Completed" if outcome == "Completed" else "Stopped", outcome)

    def _trained(self):
        """Completed, Failed, Interrupted, Stopped or MaxRuntimeExceeded, once it is."""
        self.process = self.containers.start(self) if self.containers else None
        while True:
            if (ended := self._ended()) is not None:
                if self.process is not None:
                    self.process.close()
                return ended
            yield

    def _ended(self):
        spent = self.clock.now - self.started
        if self.stopping:
            return "Stopped"
        if spent > self.body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400):
            return "MaxRuntimeExceeded"
        if self.body.get("EnableManagedSpotTraining") and self._is_taken_away(spent):
            self.plan["interrupted"] -= 1
            return "Interrupted"
        return self._exited(spent)

    def _is_taken_away(self, spent):
        if not self.plan.get("interrupted"):
            return False
        ready = self.plan.get("when", lambda job: spent >= self.plan.get("seconds", 100) / 2)
        return ready(self)

    def _exited(self, spent):
        if self.process is None:
            self.reason = self.plan.get("fails")
            over = spent >= self.plan.get("seconds", 100)
            return ("Failed" if self.reason else "Completed") if over else None
        code = self.process.poll()
        if code is None:
            return None
        if code:
            told = self.process.failure()
            self.reason = f"AlgorithmError: {told}, exit code: {code}"[:1024]
        return "Failed" if code else "Completed"

    def _waited_too_long(self):
        most = self.body.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
        return most is not None and self.clock.stamp - self.created > most

    def _is_stopping(self):
        return self.stopping

    def _enter(self, state):
        if self.transitions:
            self.transitions[-1]["EndTime"] = self.clock.stamp
        self.state, self.modified = state, self.clock.stamp
        self.transitions.append({"Status": state, "StartTime": self.clock.stamp, "StatusMessage": state})

    def _end(self, status, state):
        self._enter(state)
        self.status = status

    def described(self):
        told = {key: value for key, value in self.body.items() if key != "Tags"}
        told |= {
            "TrainingJobArn": arn("training-job", self.name),
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.state,
            "SecondaryStatusTransitions": self.transitions,
            "ModelArtifacts": {"S3ModelArtifacts": self.artefact},
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        if self.status in OVER and self.billable:
            told |= {"BillableTimeInSeconds": int(self.billable), "TrainingTimeInSeconds": int(self.billable)}
        return told | ({"FailureReason": self.reason} if self.reason and self.status == "Failed" else {})


class Jobs:
    """`plans`: what befalls the next jobs, first one first."""

    def __init__(self, clock, containers=None):
        self.clock, self.containers, self.jobs, self.plans = clock, containers, {}, []

    def create_training_job(self, body):
        name = body["TrainingJobName"]
        if name in self.jobs:
            words = "Job name must be unique within an AWS account and region, and a training job with this "
            raise Fault("ResourceInUse", f"{words}name already exists ({arn('training-job', name)})")
        _check(body)
        plan = self.plans.pop(0) if self.plans else {}
        self.jobs[name] = Job(self.clock, body, self.containers, plan)
        return {"TrainingJobArn": arn("training-job", name)}

    def describe_training_job(self, body):
        return self._job(body).settle().described()

    def stop_training_job(self, body):
        self._job(body).settle().stop()
        return {}

    def list_training_jobs(self, body):
        wanted = [
            job.settle()
            for job in self.jobs.values()
            if body.get("NameContains", "") in job.name and body.get("StatusEquals", job.status) == job.status
        ]
        wanted.sort(key=lambda job: (job.created, job.name), reverse=body.get("SortOrder") == "Descending")
        start, most = int(body.get("NextToken", 0)), body.get("MaxResults", 10)
        kept = ("TrainingJobName", "TrainingJobArn", "CreationTime", "LastModifiedTime", "TrainingJobStatus")
        shown = [job.described() for job in wanted[start : start + most]]
        more = {"NextToken": str(start + most)} if len(wanted) > start + most else {}
        return {"TrainingJobSummaries": [{key: one[key] for key in kept} for one in shown]} | more

    def list_tags(self, body):
        found = [job for job in self.jobs.values() if arn("training-job", job.name) == body["ResourceArn"]]
        if not found:
            raise invalid("Requested resource not found.")
        return {"Tags": found[0].body.get("Tags", [])}

    def _job(self, body):
        try:
            return self.jobs[body["TrainingJobName"]]
        except KeyError:
            raise invalid("Requested resource not found.") from None


def _check(body):
    """What belongs together, which no shape says."""
    algorithm, stopping = body.get("AlgorithmSpecification", {}), body.get("StoppingCondition", {})
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise invalid("Only one of TrainingImage and AlgorithmName must be given.")
    resources = body.get("ResourceConfig", {})
    if missing := {"InstanceType", "InstanceCount", "VolumeSizeInGB"} - resources.keys():
        raise invalid(f"ResourceConfig lacks {', '.join(sorted(missing))}.")
    most, wait = stopping.get("MaxRuntimeInSeconds", 86_400), stopping.get("MaxWaitTimeInSeconds")
    if body.get("EnableManagedSpotTraining"):
        if wait is None or wait < most:
            raise invalid("MaxWaitTimeInSeconds must be equal to or greater than MaxRuntimeInSeconds.")
    elif wait is not None:
        raise invalid("MaxWaitTimeInSeconds is only for managed spot training.")
    names = [channel["ChannelName"] for channel in body.get("InputDataConfig", [])]
    if len(names) != len(set(names)):
        raise invalid("Channel names must be unique.")
