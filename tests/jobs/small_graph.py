"""A graph with the groups, partitions and jobs of the real one, and assets that do nothing."""

import dagster as dg

from jobs.jobs import build_jobs

TWIN = dg.StaticPartitionsDefinition(["ada", "bob"])
PLAIN = {"cleaned_documents": "documents", "search_index": "retrieval", "base_model": "training"}
OF_TWIN = {
    "instruct_dataset": "datasets",
    "fine_tuned_model": "training",
    "model_evaluation": "evaluation",
    "release": "serving",
    "deployed_endpoint": "serving",
    "drift_report": "monitoring",
}


def repository(settings, twins, resources):
    """What Dagster would load, with the real jobs, schedules and sensors."""
    jobs = build_jobs(settings, twins)
    assets = [_asset(name, group) for name, group in PLAIN.items()]
    assets += [_asset(name, group, TWIN) for name, group in OF_TWIN.items()]
    definitions = dg.Definitions(
        assets=[dg.AssetSpec("source_documents", group_name="sources"), *assets],
        resources=resources,
        jobs=jobs.jobs,
        schedules=jobs.schedules,
        sensors=jobs.sensors,
    )
    return definitions.get_repository_def()


def _asset(name, group, partitions=None):
    schema = {"release_id": dg.Field(str, is_required=False), "tokens": dg.Field(int, is_required=False)}

    @dg.asset(name=name, group_name=group, partitions_def=partitions, config_schema=schema)
    def made():
        return None

    return made
