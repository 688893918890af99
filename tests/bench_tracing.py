"""What recording a request costs it, and whether an Opik that is ill costs a request anything.

python -m tests.bench_tracing [--rounds N] [--seconds S]

A server in a process of its own, with an engine that only echoes, answers for one twin at two addresses that
differ in one thing: at one every request is recorded by the trace writer, at the other by nobody. One client
asks twenty questions a second, S seconds at a time, in N rounds that hold every variant, each round in
another order, so that what the machine does meanwhile hits all alike. Reported is the difference of the
medians and of the 99th percentiles, with the 95 % interval of whole rounds drawn again (bootstrap).

tracing     recorded against not recorded.
opik        recorded, while a third process exports to a contract server of Opik that refuses connections,
            never answers, answers 500 or 429, or is well, against recorded while nothing is exported. What
            had arrived at the end, once Opik was well, is counted: nothing may be lost or stand there twice.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
import numpy as np

RATE = 20.0
QUESTIONS = ("Why does the hive hum in winter?", "What does smoke do?", "When is honey ripe enough?")
FAULTS = ("refused", "hang", "500", "429", "well")
DRAWS = 2000
# Longer than any pause that the exporter keeps after a fault, so that it tries again at once.
LATER = 3600.0


@dataclass
class Variant:
    """The milliseconds of each block of requests, and how many requests failed."""

    blocks: list[list[float]] = field(default_factory=list)
    failed: int = 0


def serve(folder: str) -> None:
    """The server's process: prints both addresses, and answers until its input ends."""
    from llm_twin_assets.serving.answering import Answerer
    from llm_twin_assets.serving.app import AppParts, create_app
    from llm_twin_assets.serving.pages import Sources
    from llm_twin_assets.serving.service import Service
    from llm_twin_assets.serving.state import Serving
    from resources.settings import Settings
    from resources.trace_writer import TraceWriter
    from tests.llm_twin_assets.serving.asking import two_twins
    from tests.llm_twin_assets.serving.engines import EchoEngine
    from tests.llm_twin_assets.serving.small import Small, following, listening, make_models

    models = Path(folder) / "models"
    make_models(models)
    small = two_twins(Small(Path(folder) / "home", models))
    serving = Serving(small.releases, small.models, small.searcher, open_engine=EchoEngine().opened)
    writer, parts = TraceWriter(small.traces), AppParts(Settings(home=small.home, requests_per_minute=10**6))

    def app(put: Any) -> Any:
        return create_app(Service(serving, Answerer(small.searcher), put), Sources(small.store), parts)

    with following(serving), listening(app(writer)) as on, listening(app(_Nowhere())) as off:
        print(json.dumps([on, off]), flush=True)
        sys.stdin.read()
    writer.close()


class _Nowhere:
    """A writer that writes nothing."""

    def put(self, trace: object) -> None:
        """Drop it."""


def export(folder: str) -> None:
    """The exporter's process: takes a fault a line, "rest" in between; at the end says what has arrived."""
    from resources.opik_export import export as send
    from resources.traces import TraceStore
    from tests.resources.opik_server import OpikServer
    from tests.resources.opik_world import Clock, plain

    traces, server, clock = TraceStore(Path(folder) / "home"), OpikServer(), Clock()
    at_work, idle = threading.Event(), threading.Event()

    def work() -> None:
        while True:
            idle.set()
            at_work.wait()
            idle.clear()
            clock.ahead += LATER
            send(traces, server.place(), ["ada"], plain, within=2.0, clock=clock)
            time.sleep(0.2)

    threading.Thread(target=work, daemon=True).start()
    for line in sys.stdin:
        fault = line.strip()
        if fault == "rest":
            at_work.clear()
            _mend(server)
            idle.wait()
        else:
            _break(server, fault)
            at_work.set()
        print(fault, flush=True)
    done = send(traces, server.place(), ["ada"], plain, clock=_ahead(clock))
    there, ids = list(server.state.traces), {row["trace_id"] for row in traces.since("ada")}
    found = {"asked": len(ids), "arrived": len(set(there) & ids), "twice": len(there) - len(set(there))}
    print(json.dumps(found | {"pending": done.pending, "rejected": done.rejected}), flush=True)


def _ahead(clock: Any) -> Any:
    clock.ahead += LATER
    return clock


def _break(server: Any, fault: str) -> None:
    if fault == "refused":
        server.stop()
    elif fault == "hang":
        server.misbehave("hang")
    elif fault.isdigit():
        server.misbehave(int(fault))


def _mend(server: Any) -> None:
    server.behave()
    with contextlib.suppress(OSError):
        server.start()


@contextlib.contextmanager
def _process(part: str, folder: str) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "tests.bench_tracing", part, folder]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield made
    finally:
        _pipe(made.stdin).close()
        made.wait()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def ask(client: httpx.Client, url: str, seconds: float, into: Variant) -> None:
    """A block of questions at the rate, one after the other; a late one does not wait for its time."""
    started, took = time.perf_counter(), []
    for number in range(round(seconds * RATE)):
        time.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        begun = time.perf_counter()
        body = {"query": QUESTIONS[number % len(QUESTIONS)], "twin": "ada"}
        into.failed += client.post(f"{url}/rag", json=body).status_code != 200
        took.append((time.perf_counter() - begun) * 1000)
    into.blocks.append(took)


def in_rounds(rounds: int, blocks: dict[str, Callable[[Variant], None]]) -> dict[str, Variant]:
    """Every variant's block once a round, in an order that is drawn anew for each."""
    found: dict[str, Variant] = defaultdict(Variant)
    draw = random.Random(0)
    for _ in range(rounds):
        for name in draw.sample(list(blocks), len(blocks)):
            blocks[name](found[name])
    return found


def compared(one: Variant, base: Variant) -> str:
    """How much slower a variant is than another at its median and 99th percentile, in milliseconds."""
    draw = np.random.default_rng(0)
    told = []
    for percent in (50, 99):
        point = _gap(one.blocks, base.blocks, percent)
        drawn = []
        for _ in range(DRAWS):
            at = draw.integers(0, len(one.blocks), len(one.blocks))
            drawn.append(_gap([one.blocks[n] for n in at], [base.blocks[n] for n in at], percent))
        low, high = np.percentile(drawn, [2.5, 97.5])
        told.append(f"p{percent} {point:+.2f} ms [{low:+.2f}, {high:+.2f}]")
    return ", ".join(told)


def _gap(one: Sequence[Sequence[float]], base: Sequence[Sequence[float]], percent: int) -> float:
    first, second = (np.percentile(np.concatenate([*blocks]), percent) for blocks in (one, base))
    return float(first - second)


def show(name: str, one: Variant, base: Variant) -> None:
    """A line: how many requests, how many failed, and the differences."""
    asked = sum(map(len, one.blocks))
    p50, p99 = np.percentile(np.concatenate(one.blocks), [50, 99])
    told = f"{asked} requests, {one.failed} failed, p50 {p50:.1f} p99 {p99:.1f} ms"
    print(f"  {name}: {told}" + ("" if one is base else f"; {compared(one, base)}"), flush=True)


def tracing(client: httpx.Client, urls: tuple[str, str], rounds: int, seconds: float) -> None:
    """Recorded against not recorded."""
    found = in_rounds(
        rounds,
        {
            name: lambda into, url=url: ask(client, url, seconds, into)  # type: ignore[misc]
            for name, url in zip(("recorded", "not recorded"), urls, strict=True)
        },
    )
    print("tracing: against not recorded (at most +1 ms at p50, +5 ms at p99)")
    for name, one in found.items():
        show(name, one, found["not recorded"])


def opik(client: httpx.Client, url: str, rounds: int, seconds: float, folder: str) -> None:
    """Recorded while Opik is ill in each way, against recorded while nothing is exported."""
    with _process("export", folder) as exporter:

        def say(line: str) -> None:
            _pipe(exporter.stdin).write(f"{line}\n")
            _pipe(exporter.stdin).flush()
            _pipe(exporter.stdout).readline()

        def while_it_is(fault: str, into: Variant) -> None:
            say(fault)
            ask(client, url, seconds, into)
            say("rest")

        blocks = {fault: lambda into, fault=fault: while_it_is(fault, into) for fault in FAULTS}  # type: ignore[misc]
        found = in_rounds(
            rounds, {"nothing is exported": lambda into: ask(client, url, seconds, into), **blocks}
        )
        print("opik: against nothing is exported")
        for name, one in found.items():
            show(f"Opik {name}" if name in FAULTS else name, one, found["nothing is exported"])
        _pipe(exporter.stdin).close()
        print(f"  at the end: {_pipe(exporter.stdout).readline().strip()}")


def main(*arguments: str) -> None:
    """Both measurements, beside a server that is started for them."""
    parser = argparse.ArgumentParser(prog="tests.bench_tracing")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, _process("serve", folder) as server:
        urls = json.loads(_pipe(server.stdout).readline())
        with httpx.Client(timeout=60, trust_env=False) as client:
            for url in urls:
                while client.get(f"{url}/readyz").status_code != 200:
                    time.sleep(0.1)
                ask(client, url, 2.0, Variant())
            tracing(client, urls, given.rounds, given.seconds)
            opik(client, urls[0], given.rounds, given.seconds, folder)


if __name__ == "__main__":
    if sys.argv[1:2] in (["serve"], ["export"]):
        {"serve": serve, "export": export}[sys.argv[1]](sys.argv[2])
    else:
        main(*sys.argv[1:])
