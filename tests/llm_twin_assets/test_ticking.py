"""Real sensors, schedules and conditions over assets that do nothing, looked at and run in this process."""

import dagster as dg
import pytest

from jobs.triggers import REASON, TRIGGER
from tests.jobs.triggering import begin
from tests.llm_twin_assets.replay.world import AUTOMATION, CHAIN, DOCUMENTS, DRIFT, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_new_document_becomes_one_run_of_the_chain_and_then_nothing_more_is_asked_for(world):
    world.write("a.md")
    world.settle()
    world.ran.clear()
    world.write("b.md", "# B\n\nMore.")
    (asked,) = world.ticker.tick([DOCUMENTS, AUTOMATION])
    assert (asked.trigger, asked.twin) == (AUTOMATION, None)
    assert world.ticker.execute(asked) == []
    assert [name for name, _, _ in world.ran] == list(CHAIN)
    assert len({run_id for _, run_id, _ in world.ran}) == 1
    assert world.ticker.tick([DOCUMENTS, AUTOMATION]) == []
    assert world.ticker.said == {
        DOCUMENTS: "the sources are as they were",
        AUTOMATION: "no condition holds",
    }


def test_what_a_documents_run_asks_of_the_base_model_is_seen_at_the_next_tick(world):
    world.write("a.md")
    world.settle()
    (asked,) = world.ticker.tick(["new_training_data_sensor"])
    assert (asked.job, asked.twin) == ("base_job", None)
    assert world.ticker.execute(asked) == []
    assert world.ran[-1][0] == "base_model"


def test_a_twin_that_drifted_is_trained_once_for_a_window(world):
    world.drifts("w1")
    (asked,) = world.ticker.tick([DRIFT])
    assert (asked.job, asked.twin) == ("twin_job", "ada")
    assert world.ticker.execute(asked) == []
    assert [name for name, _, _ in world.ran] == ["instruct_dataset", "fine_tuned_model", "deployed_endpoint"]
    assert world.ticker.tick([DRIFT]) == []
    world.drifts("w2")
    assert [one.twin for one in world.ticker.tick([DRIFT])] == ["ada"]


def test_a_run_has_the_tags_the_partition_and_the_selection_that_were_asked_for(world):
    world.drifts("w1")
    (asked,) = world.ticker.tick([DRIFT])
    world.ticker.execute(asked)
    (run,) = world.runs(trigger="drift")
    expected = {TRIGGER: "drift", REASON: "r", "dagster/partition": "ada", "dagster/sensor_name": DRIFT}
    assert expected.items() <= run.tags.items()
    assert run.tags["llm_twin/local"] == "true"


def test_a_run_is_given_the_configuration_that_was_asked_for(world):
    world.drifts("w1")
    (asked,) = world.ticker.tick([DRIFT])
    config = {"ops": {"deployed_endpoint": {"config": {"release_id": "r0"}}}}
    request = asked.request.with_replaced_attrs(
        run_config=config, asset_selection=[dg.AssetKey("deployed_endpoint")]
    )
    world.ticker.execute(type(asked)(asked.trigger, asked.job, asked.twin, request))
    assert [(name, given.get("release_id")) for name, _, given in world.ran] == [("deployed_endpoint", "r0")]


def test_a_run_that_fails_tells_why_and_is_not_asked_for_again(world):
    world.broken.add("fine_tuned_model")
    world.drifts("w1")
    (asked,) = world.ticker.tick([DRIFT])
    assert world.ticker.execute(asked) == ["fine_tuned_model: ValueError: fine_tuned_model is broken"]
    assert world.ticker.tick([DRIFT]) == []


def test_a_run_of_a_process_that_is_gone_does_not_stand_in_the_way(world):
    world.drifts("w1")
    begin(world.instance, llm_twin__local="true")
    assert [one.twin for one in world.ticker.tick([DRIFT])] == ["ada"]
    begin(world.instance)
    assert world.ticker.tick([DRIFT]) == []


def test_cursors_are_kept_by_a_ticker_and_not_by_its_successor(world):
    def reported():
        return len(world.instance.fetch_materializations(dg.AssetKey("source_documents"), limit=10).records)

    for _ in range(2):
        world.ticker.tick([DOCUMENTS])
    assert reported() == 1
    world.restarted().tick([DOCUMENTS])
    assert reported() == 2


def test_every_hour_each_twin_is_asked_for(world):
    asked = world.ticker.due()
    assert [(one.job, one.twin) for one in asked] == [("monitoring_job", "ada"), ("monitoring_job", "bob")]
    assert world.ticker.execute(asked[1]) == []
    assert [name for name, _, _ in world.ran] == ["drift_report"]


def test_all_sensors_are_looked_at_where_none_is_named(world):
    world.ticker.tick()
    assert {AUTOMATION, DRIFT, "alert_sensor"} <= set(world.ticker.said) == set(world.ticker.sensors)


def test_what_a_sensor_raises_is_raised_with_its_name(world, monkeypatch):
    monkeypatch.setattr(type(world.runner.definitions), "resolve_asset_graph", _broken)
    with pytest.raises(RuntimeError, match="broken") as raised:
        world.ticker.tick([AUTOMATION])
    assert raised.value.__notes__ == [f"while looking at {AUTOMATION}"]


def _broken(self):
    raise RuntimeError("broken")
