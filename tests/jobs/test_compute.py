"""What jobs ask of AWS: nothing at home, their size in the cloud, and the GPU for trainings alone."""

import pytest

from jobs.compute import SIZES, TRAINING_TASK, TRAININGS, tags
from jobs.jobs import build_jobs
from jobs.triggers import LIGHT
from resources.settings import Settings
from resources.twins import load_twins

S3 = "s3://bucket/home"


def test_at_home_no_job_asks_for_anything(monkeypatch):
    monkeypatch.setenv(TRAINING_TASK, "{}")
    assert [tags(job, Settings()) for job in SIZES] == [{}] * len(SIZES)


def test_in_the_cloud_every_job_has_its_size_and_its_longest_time(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_HOME", S3)
    settings = Settings()
    jobs = {job.name: job for job in build_jobs(settings, load_twins(settings.config)).jobs}
    assert set(jobs) == set(SIZES)
    for name, job in jobs.items():
        assert job.tags["ecs/cpu"] == str(SIZES[name].cpu)
        assert job.tags["ecs/memory"] == str(SIZES[name].memory)
        assert job.tags["dagster/max_runtime"] == str(SIZES[name].hours * 3600)
        assert "ecs/run_task_kwargs" not in job.tags


def test_a_light_run_of_a_training_job_takes_neither_its_machine_nor_its_size(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_HOME", S3)
    monkeypatch.setenv(TRAINING_TASK, '{"taskDefinition": "gpu"}')
    asked = tags("twin_job", Settings()) | LIGHT
    assert (asked["ecs/run_task_kwargs"], asked["llm_twin/machine"]) == ("{}", "cpu")
    assert int(asked["ecs/memory"]) < SIZES["twin_job"].memory


@pytest.mark.parametrize("job", sorted(SIZES))
def test_only_trainings_go_to_the_gpu(job, monkeypatch):
    monkeypatch.setenv("LLM_TWIN_HOME", S3)
    monkeypatch.setenv(TRAINING_TASK, '{"taskDefinition": "gpu"}')
    asked = tags(job, Settings())
    assert (asked.get("ecs/run_task_kwargs") == '{"taskDefinition": "gpu"}') == (job in TRAININGS)
    assert (asked.get("llm_twin/machine") == "gpu") == (job in TRAININGS)
