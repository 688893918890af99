"""`make bench`: the figures of docs/benchmarks.md, as ratios within one run where they are compared.

python -m tests.bench              everything
python -m tests.bench load         what loading the code location costs against an empty one
python -m tests.bench run          a first and a second `llm-twin run` on the sample corpus
python -m tests.bench run FILE     the same on another twins file
python -m tests.bench cleaning     what cleaning keeps and removes, on the sample corpus or on FILE
python -m tests.bench copies       whether a copy is missed, and who the guests are; or on FILE
python -m tests.bench change       what a second run costs, and one after a single change; or on FILE
python -m tests.bench embedding    tokens per second against sentence-transformers; or on FILE
python -m tests.bench_evaluation HOME      a twin's evaluation, and its guards against the model itself
python -m tests.bench retrieval    four retrievers on headings and questions; or on FILE
python -m tests.bench reindex      what a change costs in retrieval; or on FILE
python -m tests.bench search       latency by size on Edge, local mode and an exact scan
python -m tests.bench style        whether style tells authors apart; on FILE
python -m tests.bench gate         how often the gate is wrong, simulated
python -m tests.bench datasets     whether answers are the author's and nothing leaks; or on FILE
python -m tests.bench training     tokens per second against a plain loop
python -m tests.bench drift        false alarms and power of drift rules; or on FILE
python -m tests.bench canary       how often a canary is decided wrongly, simulated
python -m tests.bench_serving HOME         the server against its parts
python -m tests.bench tracing      what recording a request costs it, and whether Opik's faults cost it any
python -m tests.bench scale        whether 100, 1,000 and 10,000 documents cost the same each
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAIRS = 5
EMPTY = "import dagster as dg; dg.Definitions(assets=[]).get_repository_def()"
OURS = "from llm_twin_assets.definitions import defs; defs().get_repository_def()"


def _cpu(program: str) -> float:
    """CPU seconds (user and system) of a Python process that runs this program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def load() -> None:
    """Median of paired ratios; one pair before, so that both are read from the page cache."""
    _cpu(EMPTY), _cpu(OURS)
    pairs = [(_cpu(EMPTY), _cpu(OURS)) for _ in range(PAIRS)]
    ratio = statistics.median(ours / empty for empty, ours in pairs)
    empty, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"load: empty {empty:.2f} s CPU, ours {ours:.2f} s CPU, median ratio {ratio:.2f} (at most 1.30)")


def _timed_run(environment: dict[str, str]) -> str:
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "llm_twin_assets.cli", "run"]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (
        f"exit {done.returncode}, {time.monotonic() - started:.0f} s wall, {cpu:.0f} s CPU, "
        f"largest process {after.ru_maxrss / 2**20:.2f} GiB"
    )


def run(config: str = "twins.yaml") -> None:
    """A first run in an empty home and a second one, in which nothing changed."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "LLM_TWIN_HOME": home,
            "LLM_TWIN_CONFIG": str((ROOT / config).resolve()),
            "LLM_TWIN_PORT": "0",
        }
        print(f"first run of {config}: {_timed_run(environment)}", flush=True)
        print(f"second run: {_timed_run(environment)}")
        subprocess.run([sys.executable, "-m", "llm_twin_assets.cli", "stop"], env=environment, check=True)


def main(chosen: str, *rest: str) -> None:
    """One benchmark by its name, or all."""
    from tests import (
        bench_canary,
        bench_cleaning,
        bench_copies,
        bench_datasets,
        bench_drift,
        bench_embedding,
        bench_gate,
        bench_reindex,
        bench_retrieval,
        bench_scale,
        bench_search,
        bench_style,
        bench_tracing,
        bench_training,
    )

    benches = {
        "load": load,
        "run": run,
        "cleaning": bench_cleaning.main,
        "copies": bench_copies.main,
        "change": bench_scale.change,
        "embedding": bench_embedding.main,
        "retrieval": bench_retrieval.main,
        "reindex": bench_reindex.main,
        "search": bench_search.main,
        "style": bench_style.main,
        "gate": bench_gate.main,
        "datasets": bench_datasets.main,
        "training": bench_training.main,
        "drift": lambda *rest: bench_drift.main(*(rest or ("--quick",))),
        "canary": bench_canary.main,
        "tracing": bench_tracing.main,
        "scale": bench_scale.main,
    }
    for name, bench in benches.items():
        if chosen in ("all", name):
            print(f"\n== {name}", flush=True)
            bench(*rest)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["all"]))
