"""A home with real sensors, schedules and conditions over assets that do nothing, run in this process."""

import dagster as dg

from jobs.jobs import build_jobs
from llm_twin_assets.definitions import ON_NEW_DATA
from llm_twin_assets.runs import Runner
from llm_twin_assets.ticking import Ticker
from resources.build import build_resources
from resources.settings import Settings
from tests.jobs.triggering import report, two_twins

TWIN = dg.StaticPartitionsDefinition(["ada", "bob"])
CHAIN = {"raw_documents": "sources", "cleaned_documents": "documents", "search_index": "retrieval"}
OF_TWIN = {
    "instruct_dataset": "datasets",
    "fine_tuned_model": "training",
    "deployed_endpoint": "serving",
    "drift_report": "monitoring",
}
AUTOMATION, DOCUMENTS, DRIFT = "documents_automation_sensor", "new_documents_sensor", "drift_sensor"


class World:
    """One folder of documents, and a small graph with the real triggers.

    ran: of each step its asset, its run and its configuration. broken: the assets that fail. made: what an
    asset does, and reports, instead of nothing.
    """

    def __init__(self, folder):
        self.texts = folder / "documents"
        self.texts.mkdir()
        self.ran, self.broken, self.made = [], set(), {}
        self.settings = Settings(home=folder / "home", port=0)
        self.twins = two_twins(self.texts)
        self.resources = build_resources(self.settings, self.twins)
        graph = self._graph(self.twins, self.resources)
        self.runner = Runner(self.settings, self.twins, self.resources, lambda line: None, graph)
        self.instance = self.runner.instance
        self.ticker = self.restarted()

    def restarted(self):
        return Ticker(self.runner.definitions, self.instance, self.runner)

    def write(self, name, text="# A\n\nText."):
        (self.texts / name).write_text(text)

    def settle(self):
        """Looks, and runs what is asked for, until nothing is; conditions compare with an earlier look."""
        self.ticker.tick([AUTOMATION])
        while asked := self.ticker.tick([DOCUMENTS, AUTOMATION]):
            for one in asked:
                assert self.ticker.execute(one) == []

    def drifts(self, window, twin="ada"):
        report(self.instance, "drift_report", window, twin, state="drift", drifted="questions", reason="r")

    def runs(self, **tags):
        return self.instance.get_runs(dg.RunsFilter(tags={f"llm_twin/{k}": v for k, v in tags.items()}))

    def _graph(self, twins, resources):
        jobs = build_jobs(self.settings, twins)
        above = ["source_documents", *CHAIN]
        chain = [self._asset(name, CHAIN[name], None, [up]) for up, name in zip(above, CHAIN, strict=False)]
        base = self._asset("base_model", "training", None, ["cleaned_documents"])
        before = [[], *([name] for name in OF_TWIN)]
        of_twin = [
            self._asset(name, OF_TWIN[name], TWIN, up) for up, name in zip(before, OF_TWIN, strict=False)
        ]
        return dg.Definitions(
            assets=[dg.AssetSpec("source_documents", group_name="sources"), *chain, base, *of_twin],
            resources=resources,
            jobs=jobs.jobs,
            schedules=jobs.schedules,
            sensors=jobs.sensors,
            executor=dg.in_process_executor,
        )

    def _asset(self, name, group, partitions, deps):
        condition = ON_NEW_DATA if name in CHAIN else None
        schema = {"release_id": dg.Field(str, is_required=False), "tokens": dg.Field(int, is_required=False)}

        @dg.asset(
            name=name,
            group_name=group,
            partitions_def=partitions,
            deps=deps,
            automation_condition=condition,
            config_schema=schema,
        )
        def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            self.ran.append((name, context.run.run_id, dict(context.op_execution_context.op_config)))
            if name in self.broken:
                raise ValueError(f"{name} is broken")
            texts = [path.read_text() for path in sorted(self.texts.iterdir())]
            version = dg.DataVersion(str(hash(tuple(texts))) if name in CHAIN else "v1")
            return self.made.get(name, lambda: dg.MaterializeResult(data_version=version))()

        return made
