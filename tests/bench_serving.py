"""What the server costs over its parts, and what answering many at once gains.

python -m tests.bench_serving HOME [TWIN] [--rounds N]

HOME is a finished `llm-twin run`. Everything is asked of the release that TWIN (the first, when left out)
serves, on this machine's processors, in rounds that hold every variant, so that ratios are paired:

engine      at most 64 tokens a prompt for eight prompts: one after the other; eight clients that ask all
            eight, each beginning with another; the eight at once, against transformers' own static batch
            (`generate` over the padded prompts, the adapter on the base), and against
            `transformers serve --continuous-batching` of the merged model over HTTP.
first       the time to the first piece of a streamed answer over HTTP, against retrieval and a one-token
            `generate` on the same prompt in this process.
overhead    the time of a whole answer over HTTP, less its own spans.
memory      resident memory of the server and its generation process.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

from llm_twin_assets.retrieval.search import build_searcher
from llm_twin_assets.serving.adapter_tokenizer import AdapterTokenizer
from llm_twin_assets.serving.engine import Sampling
from llm_twin_assets.serving.local_engine import LocalEngine
from resources.endpoint import Endpoint
from resources.models import Model, ModelStore
from resources.releases import Manifest, Releases
from resources.settings import Settings
from resources.store import Store
from resources.vector_store import Filters

CLIENTS, TOKENS, ASKED = 8, 64, 40


class Served:
    """A home's release: where its models lie, its prompts, and questions about its author's texts."""

    def __init__(self, settings: Settings, twin: str) -> None:
        self.settings, self.twin = settings, twin
        manifest = Releases(settings.home).champion(twin)
        assert manifest is not None, f"{settings.home} serves no twin {twin}: run `llm-twin run` first"
        self.manifest: Manifest = manifest
        models = ModelStore(settings.home)
        self.base = models.location(Model(manifest.base, "", manifest.base_folder))
        self.adapter = models.location(Model(manifest.adapter, "", manifest.adapter_folder))
        documents = Store(settings.home).read("cleaned_chunks")
        mine = documents[documents["author"] == manifest.author]
        headings = sorted({str(one).split(" > ")[-1] for one in mine["heading_path"]} - {""})
        self.questions = [f"What do you say about {one}?" for one in headings][:ASKED]
        self.prompts = [f"{text[:300]}" for text in mine["text"]][:CLIENTS]


def engine(served: Served, rounds: int) -> None:
    """Tokens per second, four ways, in rounds."""
    ours = LocalEngine(served.base, served.manifest.base_revision)
    ours.load("twin", served.adapter)
    ways: dict[str, Callable[[], int]] = {
        "one after the other": lambda: sum(_spoken(ours, one) for one in served.prompts),
        "eight clients": lambda: sum(_clients(ours, served.prompts)),
        "eight at once": lambda: sum(_together(lambda one: _spoken(ours, one), served.prompts)),
        "static batch": _static(served),
    }
    with _serving_merged(served) as stock:
        ways["transformers serve"] = lambda: sum(_together(stock, served.prompts))
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, way in ways.items():
                started = time.perf_counter()
                tokens = way()
                if number:
                    rates[name].append(tokens / (time.perf_counter() - started))
    ours.close()
    middle = {name: statistics.median(values) for name, values in rates.items()}
    for name, rate in middle.items():
        print(f"  {name}: {rate:.0f} tokens/s")
    pairs = (
        ("eight clients", "one after the other", 4.0),
        ("eight at once", "static batch", 0.85),
        ("eight at once", "transformers serve", 1.0),
    )
    for ours_is, theirs, least in pairs:
        ratio = statistics.median(a / b for a, b in zip(rates[ours_is], rates[theirs], strict=True))
        print(f"  {ours_is} / {theirs}: {ratio:.2f} (at least {least})", flush=True)


def _spoken(engine: LocalEngine, prompt: str) -> int:
    return engine.speak("twin", prompt, Sampling(TOKENS, 0, 1), lambda piece: None).completion_tokens


def _clients(engine: LocalEngine, prompts: list[str]) -> list[int]:
    """The tokens of eight clients, each of which asks everything, one question after the other."""

    def ask(first: int) -> int:
        return sum(
            _spoken(engine, prompts[(first + number) % len(prompts)]) for number in range(len(prompts))
        )

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(ask, range(CLIENTS)))


def _together(ask: Callable[[str], int], prompts: list[str]) -> list[int]:
    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(ask, prompts))


def _static(served: Served) -> Callable[[], int]:
    """transformers' `generate` over the prompts as one padded batch, with the same adapter."""
    import torch

    from llm_twin_assets.training.loading import load_adapted, load_base

    base, _ = load_base(served.base, served.manifest.base_revision)
    model, tokenizer = load_adapted(base, served.adapter), AdapterTokenizer(served.adapter)
    prompts = [tokenizer.prompt(one) for one in served.prompts]
    longest = max(map(len, prompts))
    ids = torch.tensor([[tokenizer.end] * (longest - len(one)) + list(one) for one in prompts])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts])

    def generate() -> int:
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=TOKENS,
                do_sample=False,
                eos_token_id=tokenizer.end,
                pad_token_id=tokenizer.end,
            )
        rows = out[:, longest:].tolist()
        return sum(row.index(tokenizer.end) + 1 if tokenizer.end in row else len(row) for row in rows)

    return generate


@contextlib.contextmanager
def _serving_merged(served: Served) -> Iterator[Callable[[str], int]]:
    """Stock `transformers serve` over the merged model; yields what asks it and counts the tokens."""
    from llm_twin_assets.training.loading import load_adapted, load_base

    with tempfile.TemporaryDirectory() as folder:
        base, _ = load_base(served.base, served.manifest.base_revision)
        load_adapted(base, served.adapter).merge_and_unload().save_pretrained(folder)
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(served.adapter)
        tokenizer.save_pretrained(folder)
        port = _free_port()
        command = ["-m", "transformers.cli.transformers", "serve", folder, "--device", "cpu"]
        command += ["--continuous-batching", "--cb-num-blocks", "64", "--port", str(port)]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(
            [sys.executable, *command], env=os.environ | {"HF_HUB_OFFLINE": "1"}, **quiet
        )
        try:
            yield _stock_client(f"http://127.0.0.1:{port}", folder, server)
        finally:
            server.kill()
            server.wait()


def _stock_client(address: str, model: str, server: subprocess.Popen[bytes]) -> Callable[[str], int]:
    deadline = time.monotonic() + 120
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/health", timeout=5).status_code == 200:
                break
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("`transformers serve` did not start")
        time.sleep(0.5)

    def ask(prompt: str) -> int:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": TOKENS,
            "temperature": 0,
            "stream": True,
        }
        pieces = 0
        with httpx.stream("POST", f"{address}/v1/chat/completions", json=body, timeout=300) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    delta = json.loads(line[6:])["choices"]
                    pieces += bool(delta and delta[0]["delta"].get("content"))
        return pieces

    return ask


def answers(served: Served, rounds: int) -> None:
    """The first piece and the whole answer over HTTP against the parts in this process, in rounds."""
    endpoint = Endpoint(served.settings)
    address = endpoint.ensure_running()
    endpoint.wait_until_serving(served.twin, served.manifest.release_id, 120)
    parts = _Parts(served)
    firsts, wholes, ratios = [], [], []
    with httpx.Client(base_url=address, timeout=120, headers=authorized(served)) as http:
        for number in range(rounds + 1):
            for question in served.questions:
                apart = parts.seconds(question)
                first, whole, spans = _streamed(http, served.twin, question)
                if number:
                    firsts.append(first)
                    ratios.append(first / apart)
                    wholes.append(whole - spans)
    print(
        f"  first piece: p50 {1000 * statistics.median(firsts):.1f} ms, {statistics.median(ratios):.2f} of "
    )
    print("  retrieval and a one-token generate (at most 1.30)")
    print(f"  a whole answer less its spans: p50 {1000 * statistics.median(wholes):.1f} ms (at most 10)")
    _memory(endpoint.status()["pid"])


def authorized(served: Served) -> dict[str, str]:
    from resources.api_keys import local_token

    return {"Authorization": f"Bearer {local_token(served.settings.home)}"}


class _Parts:
    """Retrieval and a one-token `generate` on the prompt that the twin is asked with."""

    def __init__(self, served: Served) -> None:
        import torch

        from llm_twin_assets.training.loading import load_adapted, load_base

        torch.set_num_threads(served.settings.threads)
        self._served = served
        self._searcher = build_searcher(served.settings)
        self._index = self._searcher.vectors.live()
        base, _ = load_base(served.base, served.manifest.base_revision)
        self._model = load_adapted(base, served.adapter)
        self._tokenizer = AdapterTokenizer(served.adapter)

    def seconds(self, question: str) -> float:
        import torch

        started = time.perf_counter()
        author = Filters(author=self._served.manifest.author)
        self._searcher.search(question, self._served.manifest.decoding["passages"], author, self._index)
        ids = torch.tensor([self._tokenizer.prompt(question)])
        with torch.inference_mode():
            self._model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=1)
        return time.perf_counter() - started


def _streamed(http: httpx.Client, twin: str, question: str) -> tuple[float, float, float]:
    """Seconds to the first piece and to the end, and the seconds that the answer's own spans took."""
    body = {"model": twin, "stream": True, "messages": [{"role": "user", "content": question}]}
    started, first, trace_id = time.perf_counter(), 0.0, ""
    with http.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            if not first and chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                first = time.perf_counter() - started
            trace_id = chunk.get("trace_id", trace_id)
    whole = time.perf_counter() - started
    return first, whole, _spans(http, trace_id)


def _spans(http: httpx.Client, trace_id: str) -> float:
    from resources.traces import TraceStore

    home = Settings().home
    for _ in range(100):
        found = TraceStore(home).trace(trace_id)
        if found:
            timings = found["timings_ms"]
            spans = json.loads(timings) if isinstance(timings, str) else timings
            return float(spans["total"]) / 1000
        time.sleep(0.02)
    raise RuntimeError(f"trace {trace_id} was not recorded")


def _memory(pid: int) -> None:
    server = psutil.Process(pid)
    sizes = [one.memory_info().rss / 2**20 for one in (server, *server.children(recursive=True))]
    said = " + ".join(f"{size:.0f}" for size in sizes)
    print(f"  resident: {said} = {sum(sizes):.0f} MiB (under 2,048)", flush=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=re.sub(r"\n.*", "", __doc__ or "", flags=re.DOTALL))
    asked.add_argument("home", type=Path)
    asked.add_argument("twin", nargs="?")
    asked.add_argument("--rounds", type=int, default=5)
    options = asked.parse_args()
    os.environ["LLM_TWIN_HOME"] = str(options.home.absolute())
    settings = Settings()
    twin = options.twin or sorted(Releases(settings.home).everything_desired())[0]
    served = Served(settings, twin)
    print(f"{twin}, {served.manifest.base_folder}, {settings.threads} threads")
    print("engine, 8 prompts, 64 tokens each:")
    engine(served, options.rounds)
    print(f"answers, {len(served.questions)} questions:")
    answers(served, options.rounds)


if __name__ == "__main__":
    main()
