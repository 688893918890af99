"""The retrieval stage as a run executes it, on stored chunks."""

import dagster as dg

from llm_twin_assets.contracts import digest
from llm_twin_assets.retrieval import assets, checks
from resources.settings import Settings
from resources.store import Table
from resources.twins import Twins
from tests.llm_twin_assets.retrieval.words import WordEmbedder, chunk_table

STAGE = [assets.chunk_embeddings, assets.retrieval_evaluation, assets.search_index]
CHECKS = [
    checks.vectors_are_the_chunks,
    checks.vectors_are_the_models,
    checks.not_worse_than_live,
    checks.not_crowded_out,
    checks.live_is_this_index,
]


class Ran:
    """What a run did: each asset's metadata and data version, each check's verdict."""

    def __init__(self, result):
        self.success = result.success
        self.metadata, self.versions = {}, {}
        for event in result.get_asset_materialization_events():
            made = event.materialization
            name = made.asset_key.to_user_string()
            self.metadata[name] = {key: value.value for key, value in made.metadata.items()}
            self.versions[name] = made.tags["dagster/data_version"]
        self.checks = {check.check_name: check for check in result.get_asset_check_evaluations()}

    @property
    def passed(self):
        return {name: check.passed for name, check in self.checks.items()}


class Stage:
    """A store with chunks in it, and the stage run on them."""

    instance = dg.DagsterInstance.ephemeral()

    def __init__(self, store, vectors):
        self.store, self.vectors = store, vectors
        self.embedder = WordEmbedder()
        self.twins = Twins.model_construct(questions=None)

    def put(self, *rows):
        table = chunk_table(*rows)
        self.store.materialize("cleaned_chunks", digest(rows), lambda: Table(table))

    def run(self, *only):
        self.embedder.calls.clear()
        resources = {"store": self.store, "embedder": self.embedder, "vectors": self.vectors}
        resources |= {"settings": Settings(), "twins": self.twins}
        selected = [*(only or STAGE), *(CHECKS if not only else [])]
        done = dg.materialize(selected, instance=self.instance, resources=resources, raise_on_error=False)
        return Ran(done)

    def embedded(self):
        return sum(len(call) for call in self.embedder.calls)
