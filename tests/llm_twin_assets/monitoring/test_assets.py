"""production_traces as Dagster runs it."""

import dagster as dg
import pytest

from resources.traces import Trace, TraceStore, new_trace_id


@pytest.fixture
def materialize(store):
    from llm_twin_assets.monitoring.assets import production_traces
    from llm_twin_assets.partitions import TWIN

    twin = TWIN.get_partition_keys()[0]
    traces = TraceStore(store.home)

    def run():
        done = dg.materialize(
            [production_traces], partition_key=twin, resources={"store": store, "traces": traces}
        )
        event = done.asset_materializations_for_node("production_traces")[0]
        return event.tags["dagster/data_version"], {key: one.value for key, one in event.metadata.items()}

    run.twin, run.traces = twin, traces
    return run


def record(run, **fields):
    run.traces.append(
        Trace(new_trace_id(), run.twin, "t", "r", "i", "Why?", timings_ms={"total": 7.0}, **fields)
    )


def test_it_grows_with_the_requests_and_is_reused_without_new_ones(materialize, store):
    version, numbers = materialize()
    assert (numbers["requests"], numbers["reused"]) == (0, False)
    record(materialize)
    record(materialize, declined=True)
    later, numbers = materialize()
    assert later != version
    assert numbers["requests"] == numbers["dagster/row_count"] == numbers["new_requests"] == 2
    assert (numbers["declined_share"], numbers["latency_p95_ms"]) == (0.5, 7.0)
    again, numbers = materialize()
    assert (again, numbers["reused"], numbers["requests"]) == (later, True, 2)
    assert len(store.read("production_traces", materialize.twin)) == 2


def test_it_belongs_to_monitoring_and_grows_stale():
    from llm_twin_assets.monitoring.assets import production_traces

    spec = production_traces.get_asset_spec()
    assert spec.group_name == "monitoring"
    assert spec.owners == ["team:monitoring"]
    assert spec.freshness_policy is not None
    assert {dep.asset_key.to_user_string() for dep in spec.deps} == {"deployed_endpoint"}
