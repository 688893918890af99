"""A small world in which the loop turns: two twins, their readers, and all that watches and runs.

Dagster reads the twins file while it loads, so a world's graph lives in a process of its own.
"""

import json
import multiprocessing
import os
import random
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.inbox import Inbox
from tests.waiting import wait_until
from tests.world import ROOT

MANUAL = ROOT / "docs" / "manual"
TWINS = """\
sources:
- kind: folder
  path: texts
twins:
- name: nora
  author: Nora Adeyemi
  thresholds: &thresholds {min_new_words: 100000, min_feedback: 3, cooldown_minutes: 0}
- name: viktor
  author: Viktor Brandt
  thresholds: *thresholds
"""
# What the person who runs the tests has set must not reach a world.
OURS = ("LLM_TWIN_", "QDRANT_", "DAGSTER_", "OPIK_")
_HEADING = re.compile(r"^## .*$", re.MULTILINE)


class LoopWorld:
    """A folder with documents and a home, an inbox, and the loop in its process."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.inbox = folder, Inbox()
        self.texts = folder / "texts"
        self.texts.mkdir(parents=True)
        (folder / "twins.yaml").write_text(TWINS)
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None

    def write(self, name: str, text: str) -> None:
        """Put a document into the folder that is watched."""
        (self.texts / f"{name}.md").write_text(text)

    def add_twin(self, name: str, author: str) -> None:
        """Write another twin into the file, and load the code location again."""
        with (self.folder / "twins.yaml").open("a") as file:
            file.write(f"- name: {name}\n  author: {author}\n")
        self._close()

    def call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """What a method of Loop returns."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, _open, (self.folder, self._environment()))
        return self._pool.submit(_call, name, *arguments, **named).result()

    def close(self) -> None:
        self.call("stop")
        self._close()
        self.inbox.close()

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _environment(self) -> dict[str, str]:
        return {
            "LLM_TWIN_HOME": str(self.folder / "home"),
            "LLM_TWIN_CONFIG": str(self.folder / "twins.yaml"),
            "LLM_TWIN_ALERT_URLS": self.inbox.address,
            "LLM_TWIN_PRETRAIN_TOKENS": "20000",
            "LLM_TWIN_PORT": "0",
            "LLM_TWIN_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            **self._settings,
        }


def pages() -> list[str]:
    """The names of the manual's pages."""
    return sorted(path.stem for path in MANUAL.glob("*.md"))


def page(name: str, sections: int | None = None) -> str:
    """A page of the manual, or its head and the first paragraph of its first sections."""
    text = (MANUAL / f"{name}.md").read_text()
    if sections is None:
        return text
    places = [found.start() for found in _HEADING.finditer(text)]
    parts = [text[start:end] for start, end in zip(places, [*places[1:], len(text)], strict=True)]
    first = ["\n\n".join(part.split("\n\n")[:2]) for part in parts[:sections]]
    return "\n\n".join([text[: places[0]].strip(), *first]) + "\n"


def headings(name: str, sections: int | None = None) -> list[str]:
    """The headings of a page's sections."""
    return [found[0][3:] for found in _HEADING.finditer(page(name, sections))]


def sentence(name: str) -> str:
    """The first sentence of a page's first section, as its author wrote it."""
    start = _HEADING.search(page(name))
    assert start is not None
    return re.split(r"(?<=[.!?]) ", page(name)[start.end() :].strip(), maxsplit=1)[0]


def quotes(answer: dict[str, Any], file: str) -> bool:
    """Whether an answer cites a document of this file."""
    return any(citation["uri"].endswith(file) for citation in answer["citations"])


class Loop:
    """The real graph, sensors and schedules of a world, in this process."""

    def __init__(self) -> None:
        from llm_twin_assets.runs import Runner
        from llm_twin_assets.ticking import Ticker
        from resources.build import build_resources
        from resources.settings import Settings
        from resources.twins import load_twins

        settings = Settings()
        twins = load_twins(settings.config)
        self._resources = build_resources(settings, twins)
        self._names = twins.names
        self._runner = Runner(settings, twins, self._resources, lambda line: print(line, flush=True))
        self._ticker = Ticker(self._runner.definitions, self._runner.instance, self._runner)
        self._pool: dict[str, list[dict[str, Any]]] = {}
        self._errors: list[str] = []

    def run_all(self) -> list[str]:
        """What `llm-twin run` does; returns the errors."""
        self._runner.report_sources(self._resources["catalog"].fingerprint())
        jobs = [("documents_job", None), ("base_job", None), *(("twin_job", name) for name in self._names)]
        return [error for job, twin in jobs for error in self._runner.execute(job, twin=twin)]

    def tick(self) -> list[tuple[str, str, str | None]]:
        """Look at every sensor and run what they ask for, one after the other; tells what that was."""
        asked = self._ticker.tick()
        for one in asked:
            self._errors += self._ticker.execute(one)
        return [(one.trigger, one.job, one.twin) for one in asked]

    def settle(self, most: int = 12) -> list[tuple[str, str, str | None]]:
        """Tick until nothing is asked for; tells all that was."""
        done: list[tuple[str, str, str | None]] = []
        for _ in range(most):
            if not (asked := self.tick()):
                return done
            done += asked
        raise AssertionError(f"{most} ticks were not enough: {done}")

    def monitor(self) -> list[str]:
        """Run what the hourly schedule asks for; returns the errors."""
        return [error for one in self._ticker.due() for error in self._ticker.execute(one)]

    def errors(self) -> list[str]:
        """What runs have failed of since the last time."""
        found, self._errors = self._errors, []
        return found

    def train_for(self, epochs: int) -> None:
        """Have twins trained with so many passes, as when the code location is loaded with that setting."""
        self._resources["settings"].tuning_epochs = epochs

    def ask(self, twin: str, question: str) -> dict[str, Any]:
        """The served twin's answer."""
        answer: dict[str, Any] = self._resources["endpoint"].ask(twin, question)
        return answer

    def learn_traffic(self, name: str, twin: str, questions: Sequence[str]) -> None:
        """Ask the served twin these questions, and remember its traces: `say` repeats them."""
        ids = [self.ask(twin, question)["trace_id"] for question in questions]
        traces = self._resources["traces"]
        wait_until(lambda: all(traces.trace(one) for one in ids))
        self._pool[name] = [traces.trace(one) for one in ids]

    def say(self, name: str, count: int, seed: int | str) -> None:
        """So many more requests, each one of those that were learned under a name, drawn by a seed."""
        draw = random.Random(f"{name}/{seed}")
        self._resources["traces"].append_all(
            [_again(draw.choice(self._pool[name]), datetime.now(UTC)) for _ in range(count)]
        )

    def judge(self, name: str, question: str, days: int, **said: Any) -> str:
        """Somebody asked this so many days ago, got an answer of those learned under a name, and judged it.

        The answer quotes what the twin may learn from. Returns the trace's id.
        """
        from resources.traces import Feedback

        at = datetime.now(UTC) - timedelta(days=days)
        rows = self._quoting_training(name)
        trace = replace(_again(rows[days % len(rows)], at), question=question, thread_id=f"thread-{days}")
        self._resources["traces"].append_all([trace])
        self._resources["traces"].give_feedback(Feedback(trace.trace_id, at.isoformat(), **said))
        return trace.trace_id

    def _quoting_training(self, name: str) -> list[dict[str, Any]]:
        documents = self._resources["store"].read("cleaned_documents")
        learned = set(documents[documents["split"] == "train"]["document_id"])
        cited = {row["trace_id"]: json.loads(row["citations"]) for row in self._pool[name]}
        held = {one: {citation["document_id"] for citation in those} for one, those in cited.items()}
        return [row for row in self._pool[name] if held[row["trace_id"]] and held[row["trace_id"]] <= learned]

    def left_out(self, trace_id: str) -> list[str]:
        """For which reasons feedback on a trace gave no row."""
        left = self._resources["store"].rejected()
        here = (left["stage"] == "feedback_dataset") & (left["item_id"] == trace_id)
        return sorted(map(str, left[here]["reason"]))

    def rows(self, asset: str, twin: str) -> Any:
        """The rows of a twin's table."""
        return self._resources["store"].read(asset, twin).to_dict("records")

    def report(self, asset: str, twin: str) -> Any:
        """What a report says."""
        return self._resources["store"].report(asset, twin)

    def release(self, twin: str) -> str | None:
        """What the twin should serve."""
        desired: str | None = self._resources["releases"].desired(twin)
        return desired

    def trained(self, twin: str) -> str:
        """The version of the twin's tuned model."""
        version: str = self._resources["models"].current("fine_tuned_model", twin).version
        return version

    def stop(self) -> None:
        """End the server."""
        self._resources["endpoint"].stop()


def _again(row: dict[str, Any], at: datetime) -> Any:
    from resources.traces import Trace, new_trace_id

    known = {name: json.loads(row[name]) for name in ("retrieved", "timings_ms", "understood", "citations")}
    return replace(Trace(**row | known), trace_id=new_trace_id(), created_at=at.isoformat())


_LOOP: list[Loop] = []


def _open(folder: Path, environment: dict[str, str]) -> None:
    """Make this process the one of a world."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(environment)
    os.chdir(folder)


def _call(name: str, *arguments: Any, **named: Any) -> Any:
    """What a method of this process's Loop returns; of its exceptions not all can be sent."""
    try:
        if not _LOOP:
            _LOOP.append(Loop())
        return getattr(_LOOP[0], name)(*arguments, **named)
    except Exception as error:
        raise RuntimeError(f"{name}: {type(error).__name__}: {error}") from None
