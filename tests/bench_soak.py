"""Whether a server stays what it is under load, and comes back from too much of it.

python -m tests.bench_soak HOME [TWIN] [--minutes N]

HOME is a finished `llm-twin run`. First the rate that two closed-loop clients reach is taken for the
sustainable one; then questions arrive at four fifths of it, at random, for N minutes (3; 30 for the whole
soak). Then they arrive at ten times that rate for half a minute. Printed: answers, errors by status, the
middle and the slowest time, the minutes with slow answers or errors, how long this process itself was kept
waiting by the machine, resident memory of the server and its generation process at the beginning and the
end, and how long after the overload a single question is again answered at once.
"""

import argparse
import os
import random
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from resources.endpoint import Endpoint
from resources.releases import Releases
from resources.settings import Settings
from tests.bench_serving import Served, authorized

WARM_SECONDS, OVERLOAD_SECONDS = 20, 30
FACTOR, SHARE = 10, 0.8
CROWD = 256
# Of an answer: what is told with its moment. Of the machine: what is no longer its usual jitter.
SLOW_SECONDS, STALL_SECONDS = 2.0, 0.25


class Client:
    """Asks one question and notes what came of it."""

    def __init__(self, address: str, served: Served) -> None:
        limits = httpx.Limits(max_connections=CROWD)
        self._http = httpx.Client(
            base_url=address, timeout=150, headers=authorized(served), limits=limits, trust_env=False
        )
        self._served = served
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.odd: Counter[int] = Counter()
        self.begun = time.monotonic()
        self._lock = threading.Lock()

    def ask(self) -> None:
        body = {"twin": self._served.twin, "query": random.choice(self._served.questions)}
        begun = time.monotonic()
        try:
            status = str(self._http.post("/rag", json=body).status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        took = time.monotonic() - begun
        with self._lock:
            self.statuses[status] += 1
            self.odd[int((begun - self.begun) // 60)] += status != "200" or took > SLOW_SECONDS
            if status == "200":
                self.seconds.append(took)

    def forget(self) -> None:
        self.seconds, self.statuses, self.odd = [], Counter(), Counter()
        self.begun = time.monotonic()

    def told(self) -> str:
        middle = statistics.median(self.seconds) if self.seconds else float("nan")
        slowest = max(self.seconds, default=float("nan"))
        return f"{dict(self.statuses)}, p50 {1000 * middle:.0f} ms, slowest {1000 * slowest:.0f} ms"


class Pulse:
    """Sleeps a little again and again, and notes when it woke much too late: then the machine stood still."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.stalls: list[str] = []
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while True:
            before = time.monotonic()
            time.sleep(0.05)
            late = time.monotonic() - before - 0.05
            if late > STALL_SECONDS:
                self.stalls.append(f"{late:.1f} s at {before - self.begun:.0f} s")


def closed_loop(client: Client, seconds: float) -> float:
    """Answers a second of two clients that ask without pause."""
    until = time.monotonic() + seconds

    def ask() -> None:
        while time.monotonic() < until:
            client.ask()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return client.statuses["200"] / seconds


def arrivals(client: Client, rate: float, seconds: float) -> None:
    """Questions that arrive at random at some rate, whether or not the last was answered."""
    with ThreadPoolExecutor(CROWD) as crowd:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            crowd.submit(client.ask)
            time.sleep(random.expovariate(rate))


def resident(pid: int) -> float:
    """MiB of the server and its children."""
    server = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (server, *server.children(recursive=True))) / 2**20


def recovered(client: Client, usual: float) -> float:
    """Seconds until a single question takes no longer than three times the usual."""
    begun = time.monotonic()
    while time.monotonic() - begun < 60:
        client.forget()
        client.ask()
        if client.seconds and client.seconds[0] <= 3 * usual:
            break
    return time.monotonic() - begun


def main() -> None:
    """Soak, overload, and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("home", type=Path)
    asked.add_argument("twin", nargs="?")
    asked.add_argument("--minutes", type=float, default=3)
    options = asked.parse_args()
    os.environ["LLM_TWIN_HOME"] = str(options.home.absolute())
    # One address asks everything here: what is measured is the queue, not the limit of one client.
    os.environ["LLM_TWIN_REQUESTS_PER_MINUTE"] = "1000000"
    settings = Settings()
    served = Served(settings, options.twin or sorted(Releases(settings.home).everything_desired())[0])
    endpoint = Endpoint(settings)
    address = endpoint.ensure_running()
    endpoint.wait_until_serving(served.twin, served.manifest.release_id, 120)
    client, pid = Client(address, served), endpoint.status()["pid"]
    closed_loop(client, WARM_SECONDS)
    client.forget()
    rate = SHARE * closed_loop(client, WARM_SECONDS)
    usual = statistics.median(client.seconds)
    before = resident(pid)
    client.forget()
    pulse = Pulse()
    arrivals(client, rate, 60 * options.minutes)
    print(f"{options.minutes:g} minutes at {rate:.1f} a second: {client.told()}")
    odd = {minute: count for minute, count in sorted(client.odd.items()) if count}
    print(f"  slower than {SLOW_SECONDS:g} s or refused, by the minute of asking: {odd or 'none'}")
    print(f"  this process woke too late: {', '.join(pulse.stalls) or 'never'}")
    after = resident(pid)
    print(f"  resident {before:.0f} -> {after:.0f} MiB, {after / before - 1:+.1%} (at most 5 %)", flush=True)
    client.forget()
    arrivals(client, FACTOR * rate, OVERLOAD_SECONDS)
    print(f"{FACTOR} times that for {OVERLOAD_SECONDS} s: {client.told()}")
    print(
        f"  resident {resident(pid):.0f} MiB; as before after {recovered(client, usual):.1f} s (at most 10)"
    )


if __name__ == "__main__":
    main()
