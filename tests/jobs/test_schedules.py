"""What runs by the clock: for which twins, and whether it is on."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from resources.settings import Settings
from tests.jobs.small_graph import repository
from tests.jobs.triggering import begin, two_twins


class World:
    """The schedules over two twins, with an hour between two trainings."""

    def __init__(self, folder, instance, automation="on"):
        self.instance = instance
        settings = Settings(home=folder / "home", automation=automation)
        self.repository = repository(settings, two_twins(folder, cooldown_minutes=60), {})

    def tick(self, name):
        """One evaluation, on a Sunday at four."""
        context = dg.build_schedule_context(
            instance=self.instance,
            repository_def=self.repository,
            scheduled_execution_time=datetime(2026, 1, 4, 4, tzinfo=UTC),
        )
        return self.repository.get_schedule_def(name).evaluate_tick(context)

    def keys(self, name):
        """The twins that it asks for."""
        return [request.tags["dagster/partition"] for request in self.tick(name).run_requests]


@pytest.fixture
def world(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield World(tmp_path, instance)


@pytest.mark.parametrize(("automation", "status"), [("on", "RUNNING"), ("off", "STOPPED")])
def test_schedules_start_as_the_settings_say_and_weekly_training_never_by_itself(
    tmp_path, automation, status
):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        made = World(tmp_path, instance, automation).repository.schedule_defs
    assert {schedule.name: schedule.default_status.value for schedule in made} == {
        "nightly_reconcile_schedule": status,
        "hourly_monitoring_schedule": status,
        "weekly_training_schedule": "STOPPED",
    }


def test_every_hour_each_twin_is_looked_at(world):
    assert world.keys("hourly_monitoring_schedule") == ["ada", "bob"]


def test_a_tick_that_is_repeated_asks_for_no_second_run(world):
    def keys():
        return [request.run_key for request in world.tick("hourly_monitoring_schedule").run_requests]

    assert keys() == keys() == ["ada/2026-01-04T04:00:00+00:00", "bob/2026-01-04T04:00:00+00:00"]


def test_every_week_each_twin_is_trained_unless_it_just_was_or_is_being_trained(world):
    assert world.keys("weekly_training_schedule") == ["ada", "bob"]
    (request, _) = world.tick("weekly_training_schedule").run_requests
    assert request.tags["llm_twin/trigger"] == "weekly"
    begin(world.instance, twin="ada", status=dg.DagsterRunStatus.SUCCESS)
    assert world.keys("weekly_training_schedule") == ["bob"]
    begin(world.instance, twin="bob")
    assert "just trained" in world.tick("weekly_training_schedule").skip_message


def test_at_night_only_what_is_stale_is_made_again(world):
    (request,) = world.tick("nightly_reconcile_schedule").run_requests
    assert (request.stale_assets_only, request.partition_key, request.run_key) == (True, None, None)
