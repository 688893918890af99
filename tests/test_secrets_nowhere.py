"""Secrets of the settings stay in the settings: planted, they come out nowhere.

A canary stands in every setting that is a secret, in Opik's key, and in addresses with a password. With them
go a run that stores documents and then fails because nothing answers, alerts that nobody takes, a server
that cannot serve, and settings that are wrong. Then everything that was written or said is searched.
"""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from llm_twin_assets.documents.secrets_found import secrets
from resources.settings import Settings
from tests.deploy.scripts import ROOT, ignored
from tests.waiting import wait_until

PAGE = "grounded-answers.md"
TWINS = """
sources: [{kind: folder, path: texts}]
twins: [{name: nora, author: Nora Adeyemi}]
"""
# Nothing listens there.
DEAD = "127.0.0.1:9"


def is_secret(annotation):
    return annotation is SecretStr or any(is_secret(part) for part in get_args(annotation))


def variable(name, field):
    return str(field.validation_alias or f"LLM_TWIN_{name.upper()}")


SECRET = sorted(
    variable(name, field) for name, field in Settings.model_fields.items() if is_secret(field.annotation)
)
CANARIES = {name: f"Canary{at}x{name.replace('_', '').title()}" for at, name in enumerate(SECRET)}
CANARIES |= {
    name: f"Canary{name.title()}" for name in ("OPIK_API_KEY", "TEACHER_URL", "ENGINE_URL", "QDRANT_URL")
}
VALUES = {name: CANARIES[name] for name in [*SECRET, "OPIK_API_KEY"]}
VALUES["LLM_TWIN_ALERT_URLS"] = (
    f"json://user:{CANARIES['LLM_TWIN_ALERT_URLS']}@{DEAD}/,jsons://{DEAD}/{CANARIES['LLM_TWIN_ALERT_URLS']}"
)
LIVE = {
    "LLM_TWIN_ENGINE": "openai",
    "LLM_TWIN_ENGINE_MODEL": "base",
    "LLM_TWIN_ENGINE_URLS": f"http://user:{CANARIES['ENGINE_URL']}@{DEAD}/v1",
    "LLM_TWIN_TEACHER_MODEL": "teacher",
    "LLM_TWIN_TEACHER_URL": f"http://user:{CANARIES['TEACHER_URL']}@{DEAD}/v1",
    "QDRANT_URL": f"http://user:{CANARIES['QDRANT_URL']}@{DEAD}",
}


def told(text):
    """The names of the settings whose canaries a text holds."""
    data = text if isinstance(text, bytes) else text.encode()
    return {name for name, canary in CANARIES.items() if canary.encode() in data}


class Planted:
    """A home with secrets, and what is said while things are done in it."""

    def __init__(self, folder):
        self.folder, self.said = folder, {}
        (folder / "texts").mkdir()
        shutil.copy(ROOT / "docs" / "manual" / PAGE, folder / "texts")
        (folder / "twins.yaml").write_text(TWINS)
        home = {"LLM_TWIN_HOME": str(folder / "home"), "LLM_TWIN_CONFIG": str(folder / "twins.yaml")}
        self.variables = VALUES | home | {"LLM_TWIN_THREADS": "1", "HF_HUB_OFFLINE": "1"}

    def parts(self):
        from resources.build import build_resources
        from resources.twins import load_twins

        settings = Settings()
        twins = load_twins(settings.config)
        return settings, twins, build_resources(settings, twins)

    def run(self):
        """The documents' job, and what it tells."""
        from llm_twin_assets.runs import Runner

        lines = []
        errors = Runner(*self.parts(), lines.append).execute("documents_job")
        return errors, "\n".join([*lines, *errors])

    def alert(self):
        from resources.alerting import Alert

        settings, _, parts = self.parts()
        body = "\n".join([*VALUES.values(), *map(str, settings)])
        parts["alerting"].send(Alert("run_failed", "a run failed", body, "1"))

    def status(self):
        from llm_twin_assets.cli import main

        done = [CliRunner().invoke(main, [name, "--json"]) for name in ("status", "lineage")]
        assert not any(one.exit_code for one in done), done[0].output
        return "".join(one.output for one in done)

    def serve(self):
        """What a server says, in bodies and in its log, that has neither index nor engine."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = self.folder / "server.log"
        with log.open("wb") as written:
            server = subprocess.Popen(
                [sys.executable, "-m", "llm_twin_assets.serving.app"],
                env=os.environ | {"LLM_TWIN_PORT": str(port)},
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: server.poll() is not None or fetched(port, "/healthz")[0] == 200, 120)
            bodies = [fetched(port, path, body) for path, body in REQUESTS]
        finally:
            server.terminate()
            server.wait(60)
        assert [status for status, _ in bodies] == [503, 404, 404, 422, 200], log.read_text()
        return "".join(body for _, body in bodies), log.read_text()


REQUESTS = [
    ("/readyz", None),
    ("/rag", {"twin": "nora", "query": "Why?"}),
    ("/v1/chat/completions", {"model": "nora", "messages": [{"role": "user", "content": "Why?"}]}),
    ("/rag", {"twin": "nora", "wrong": True}),
    ("/metrics", None),
]


def fetched(port, path, body=None):
    data = json.dumps(body).encode() if body else None
    headers = {
        "Authorization": f"Bearer {CANARIES['LLM_TWIN_ENGINE_API_KEY']}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Heard(logging.Handler):
    """What was logged, as it is written."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(logging.Formatter().format(record))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The home after everything was done in it, with all that was said by where it was heard."""
    made, heard = Planted(tmp_path_factory.mktemp("secrets")), Heard()
    logging.getLogger().addHandler(heard)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(Settings.model_config, "env_file", None)
        for name in [
            one for one in os.environ if one.startswith(("LLM_TWIN_", "QDRANT_", "OPIK_", "DAGSTER_"))
        ]:
            patched.delenv(name)
        for name, value in (made.variables | LIVE).items():
            patched.setenv(name, value)
        errors, made.said["a run"] = made.run()
        assert "Connection refused" in errors[0]
        made.alert()
        made.said["answers"], made.said["the server's log"] = made.serve()
        for name in LIVE:
            patched.delenv(name)
        made.said["commands"] = made.status()
    logging.getLogger().removeHandler(heard)
    made.said["this process's log"] = "\n".join(heard.lines)
    return made


def test_every_secret_setting_has_a_canary_and_arrives(monkeypatch):
    assert {"QDRANT_API_KEY", "LLM_TWIN_TEACHER_API_KEY", "LLM_TWIN_ALERT_URLS"} <= set(SECRET)
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    from resources.masking import secrets_of

    assert told("\n".join(secrets_of(Settings()))) == {*SECRET, "OPIK_API_KEY"}


@pytest.mark.parametrize("place", ["a run", "answers", "the server's log", "commands", "this process's log"])
def test_none_is_said(planted, place):
    assert planted.said[place]
    assert told(planted.said[place]) == set()


@pytest.mark.parametrize("folder", ["dagster", "store", "alerts", "serving", "locks"])
def test_none_is_written(planted, folder):
    files = [path for path in (planted.folder / "home" / folder).rglob("*") if path.is_file()]
    assert files
    assert {path.name: told(path.read_bytes()) for path in files if told(path.read_bytes())} == {}


def test_none_is_written_anywhere_else_and_dagsters_records_were_among_what_was_read(planted):
    files = [path for path in planted.folder.rglob("*") if path.is_file()]
    assert {str(path): told(path.read_bytes()) for path in files if told(path.read_bytes())} == {}
    records = b"".join(path.read_bytes() for path in files if path.suffix == ".db")
    assert b"ASSET_MATERIALIZATION" in records
    assert b"STEP_FAILURE" in records


def test_a_releases_manifest_is_made_without_any(monkeypatch):
    from llm_twin_assets.serving.decoding import configured

    for name, value in (VALUES | LIVE).items():
        monkeypatch.setenv(name, value)
    assert told(json.dumps(configured(Settings()), default=str)) == set()
    assert told(repr(Settings()) + str(Settings().model_dump())) <= {
        "TEACHER_URL",
        "ENGINE_URL",
        "QDRANT_URL",
    }


@pytest.mark.parametrize("wrong", sorted({"LLM_TWIN_PORT", "LLM_TWIN_HOME", "LLM_TWIN_GENERATION", *SECRET}))
def test_settings_that_are_wrong_do_not_quote_what_was_given(monkeypatch, wrong):
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(wrong, VALUES.get(wrong, CANARIES["QDRANT_API_KEY"]).replace("://", " "))
    monkeypatch.setenv("LLM_TWIN_QUEUE_SIZE", CANARIES["OPIK_API_KEY"])
    with pytest.raises(ValueError, match="queue_size") as error:
        Settings()
    assert told("".join(traceback.format_exception(error.value))) == set()


def test_none_reaches_the_images_build_context(tmp_path):
    shutil.copy(ROOT / ".dockerignore", tmp_path)
    planted = (
        ".env", ".env.production", ".llm_twin/serving/keys.json", "resources/.env", "docs/manual/.env.local",
        "jobs/.llm_twin/traces.db", "my/.llm_twin/alerts/1.json", "deploy/aws/.env", "notes/secrets.yaml",
    )  # fmt: skip
    for name in planted:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(CANARIES.values()))
    (tmp_path / "resources" / "store.py").write_text("# goes along")
    context = [path for path in tmp_path.rglob("*") if path.is_file()]
    context = [path for path in context if not ignored(path.relative_to(tmp_path).as_posix())]
    assert [path.name for path in context] == ["store.py"]


@pytest.mark.parametrize(
    "folder", ["llm_twin_assets", "resources", "jobs", "deploy", "docs", ".github", ".ci"]
)
def test_no_file_of_the_repository_holds_one(folder):
    texts = {".py", ".yml", ".yaml", ".md", ".toml", ".html", ".js", ".txt", ""}
    found = {}
    for path in sorted(Path(ROOT / folder).rglob("*")):
        if path.is_file() and path.suffix in texts and "__pycache__" not in path.parts:
            text = path.read_text()
            if marked := [text[one.start : one.end] for one in secrets(text)]:
                found[path.relative_to(ROOT).as_posix()] = marked
    assert found == {}
