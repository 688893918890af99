"""What each job asks of AWS where the home lies in S3: processor, memory, a GPU, and how long it may take.

They are tags, which Dagster's launcher for ECS and its run monitoring read. Locally there is neither, so no
job has them there.
"""

import os
from dataclasses import dataclass
from typing import Final

from resources.places import is_remote
from resources.settings import Settings

# What RunTask is told for a training, as JSON: the task definition with a GPU and the machines it runs on.
TRAINING_TASK: Final = "LLM_TWIN_TRAINING_TASK"


@dataclass(frozen=True)
class Size:
    """cpu: 1024 a core. memory: MiB. hours: after which a run is ended."""

    cpu: int
    memory: int
    hours: int


SIZES: Final = {
    "documents_job": Size(4096, 16384, 4),
    "base_job": Size(8192, 32768, 12),
    "twin_job": Size(8192, 32768, 12),
    "monitoring_job": Size(2048, 8192, 1),
    "smoke_job": Size(4096, 16384, 1),
}
# What a g6.xlarge has left for a task.
GPU_SIZE: Final = Size(4096, 14336, 12)
TRAININGS: Final = ("base_job", "twin_job")
# Of a run of one asset that only moves what is served, in place of its job's own: little, and no GPU.
SMALL: Final = {
    "ecs/cpu": "1024",
    "ecs/memory": "4096",
    "ecs/run_task_kwargs": "{}",
    "llm_twin/machine": "cpu",
}


def tags(job: str, settings: Settings) -> dict[str, str]:
    """The tags of a job; none where the home is a folder of this machine."""
    if not is_remote(settings.home):
        return {}
    task = os.environ.get(TRAINING_TASK) if job in TRAININGS else None
    size = GPU_SIZE if task else SIZES[job]
    asked = {
        "ecs/cpu": str(size.cpu),
        "ecs/memory": str(size.memory),
        "dagster/max_runtime": str(size.hours * 3600),
    }
    return asked | ({"ecs/run_task_kwargs": task, "llm_twin/machine": "gpu"} if task else {})
