"""A small world that is deployed for real: a server process, and Dagster runs of the serving assets."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from resources.embedder import build_embedder
from resources.endpoint import Endpoint
from resources.settings import Settings
from resources.traces import Trace, new_trace_id
from resources.twins import FileSource, Twin, Twins
from tests.llm_twin_assets.serving.small import Small
from tests.llm_twin_assets.serving.test_releasing import evaluate


class Deployed:
    """A small world with the packaged embedder, and a server process of its own."""

    def __init__(self, home, models):
        from llm_twin_assets.partitions import TWIN

        self.settings = Settings(home=home, port=0, threads=1)
        self.small = Small(home, models)
        self.small.write_documents()
        self.small.publish_index(embedder=build_embedder(self.settings))
        self.endpoint = Endpoint(self.settings)
        self.releases = self.small.releases
        self.twin = TWIN.get_partition_keys()[0]
        source = FileSource(kind="folder", path="x")
        self.twins = Twins(root=Path(), sources=[source], twins=[Twin(name=self.twin, author="Ada Moss")])

    def evaluate(self, name, decision="promote"):
        self.small.adapter(name, self.twin)
        champion = self.releases.desired(self.twin)
        return evaluate(self.small, decision, champion, twin=self.twin)

    def run(self, *names, **config):
        """Materialize the named assets with their checks; returns Dagster's result."""
        from llm_twin_assets.serving import assets, checks

        chosen = [getattr(assets, name) for name in names]
        checked = [checks.serves_this_release, checks.canary_holds] if "deployed_endpoint" in names else []
        return dg.materialize(
            [*chosen, *checked],
            partition_key=self.twin,
            raise_on_error=False,
            run_config={"ops": {"deployed_endpoint": {"config": config}}} if config else None,
            resources={
                "settings": self.settings,
                "twins": self.twins,
                "store": self.small.store,
                "models": self.small.models,
                "releases": self.releases,
                "traces": self.small.traces,
                "vectors": self.small.vectors,
                "endpoint": self.endpoint,
            },
        )

    def serves(self):
        return self.endpoint.status()["twins"][self.twin]["release_id"]

    def trial(self):
        """The canary as the server tells it."""
        return self.endpoint.status()["twins"][self.twin]["canary"]

    def ask(self, arm, count, error=None):
        """So many conversations, as if they had been asked and answered in this arm."""
        recorded = {"twin": self.twin, "release_id": "r", "index_id": "i", "question": "q", "arm": arm}
        answer = {"answer": "A hive hums in winter.", "timings_ms": {"total": 10.0}, "error": error}
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        made = [Trace(new_trace_id(), created_at=moment, **recorded, **answer) for _ in range(count)]
        self.small.traces.append_all(made)

    def release(self, name, **decoding):
        """A release in the registry that nobody desires yet."""
        parent = self.releases.desired(self.twin)
        manifest = self.small.manifest(name, self.twin, parent=parent, **decoding)
        return self.releases.add(manifest, {})


def metadata(result, node):
    event = result.asset_materializations_for_node(node)[0]
    return event.tags["dagster/data_version"], {key: one.value for key, one in event.metadata.items()}


def checked(result, name="serves_this_release"):
    (evaluation,) = [one for one in result.get_asset_check_evaluations() if one.check_name == name]
    return evaluation
