"""A small world to run the real graph in: two authors, a few pages, seconds of training."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "llm_twin_assets.cli"]
# A job's run, as the command makes them.
JOB = """
import sys
from llm_twin_assets.runs import Runner
from resources.build import build_resources
from resources.settings import Settings
from resources.twins import load_twins

settings = Settings()
twins = load_twins(settings.config)
runner = Runner(settings, twins, build_resources(settings, twins), print)
runner.report_sources(build_resources(settings, twins)["catalog"].fingerprint())
errors = runner.execute(sys.argv[1], twin=sys.argv[2] or None)
assert errors == [], errors
"""
NORA = [
    "why-we-built-a-twin",
    "the-shape-of-the-graph",
    "cleaning-without-harm",
    "grounded-answers",
    "citations-you-can-check",
    "sensors-that-only-look",
    "what-a-split-promises",
    "locks-kills-and-reruns",
]
VIKTOR = ["when-a-run-is-red", "first-run-checklist", "rolling-back-a-release"]


class World:
    """A folder with documents, a twins file and a home, and the command run in it."""

    def __init__(self, folder: Path, tokens: int = 60_000) -> None:
        self.folder = folder
        self.tokens = tokens
        self.home = folder / "home"
        self.texts = folder / "texts"
        self.texts.mkdir(parents=True)
        for name in NORA + VIKTOR:
            shutil.copy(ROOT / "docs" / "manual" / f"{name}.md", self.texts)
        (folder / "twins.yaml").write_text(
            "sources:\n- kind: folder\n  path: texts\ntwins:\n- name: nora\n  author: Nora Adeyemi\n"
        )

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            "LLM_TWIN_HOME": str(self.home),
            "LLM_TWIN_CONFIG": str(self.folder / "twins.yaml"),
            "LLM_TWIN_PRETRAIN_TOKENS": str(self.tokens),
            "LLM_TWIN_PORT": "0",
            "LLM_TWIN_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("LLM_TWIN_", "DAGSTER_"))
        }
        return kept | ours

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout if code == 0 else done.stdout + done.stderr

    def kill_during(self, asset: str, seconds: float) -> None:
        """Begin a run, and kill it so many seconds into an asset."""
        process = self.start("run")
        said = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(f"  {asset} ..."):
                break
        else:
            raise AssertionError(f"{asset} was never started:\n" + "".join(said))
        threading.Event().wait(seconds)
        process.kill()
        process.stdout.read()
        process.wait(60)

    def job(self, name: str, twin: str = "") -> str:
        """Run one job of the graph; returns what was told."""
        program = [sys.executable, "-c", JOB, name, twin]
        return subprocess.run(
            program, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.call(*arguments, "--json"))

    def versions(self) -> dict[str, str]:
        """What the stages' outputs hash to."""
        from resources.models import ModelStore
        from resources.store import Store

        store, models = Store(self.home), ModelStore(self.home)
        stages = ["raw_documents", "cleaned_documents", "cleaned_chunks", "chunk_embeddings"]
        found = {stage: store.version(stage) for stage in stages}
        for stage in ("instruct_dataset", "preference_dataset"):
            found[stage] = store.version(stage, "nora")
        for asset, twin in (("base_model", None), ("fine_tuned_model", "nora"), ("aligned_model", "nora")):
            model = models.current(asset, twin)
            assert model is not None
            found[asset] = model.version
        return found
