"""What a running server depends on: the settings that are carried to it, and the code it runs."""

import hashlib
import os
from pathlib import Path
from typing import Any, Final

from resources.settings import Settings

# The settings a running server depends on, and the variable that carries each to it.
CARRIED: Final = {
    "home": "LLM_TWIN_HOME",
    "scratch": "LLM_TWIN_SCRATCH",
    "config": "LLM_TWIN_CONFIG",
    "embedding_model": "LLM_TWIN_EMBEDDING_MODEL",
    "reranker": "LLM_TWIN_RERANKER",
    "wordings": "LLM_TWIN_WORDINGS",
    "teacher_url": "LLM_TWIN_TEACHER_URL",
    "teacher_model": "LLM_TWIN_TEACHER_MODEL",
    "teacher_api_key": "LLM_TWIN_TEACHER_API_KEY",
    "threads": "LLM_TWIN_THREADS",
    "host": "LLM_TWIN_HOST",
    "port": "LLM_TWIN_PORT",
    "requests_per_minute": "LLM_TWIN_REQUESTS_PER_MINUTE",
    "concurrent_requests": "LLM_TWIN_CONCURRENT_REQUESTS",
    "running_answers": "LLM_TWIN_RUNNING_ANSWERS",
    "queue_size": "LLM_TWIN_QUEUE_SIZE",
    "max_body_bytes": "LLM_TWIN_MAX_BODY_BYTES",
    "request_seconds": "LLM_TWIN_REQUEST_SECONDS",
    "cors_origins": "LLM_TWIN_CORS_ORIGINS",
    "opik_webhook_secret": "LLM_TWIN_OPIK_WEBHOOK_SECRET",
    "engine": "LLM_TWIN_ENGINE",
    "engine_urls": "LLM_TWIN_ENGINE_URLS",
    "engine_model": "LLM_TWIN_ENGINE_MODEL",
    "engine_api_key": "LLM_TWIN_ENGINE_API_KEY",
    "engine_home": "LLM_TWIN_ENGINE_HOME",
    "engine_context": "LLM_TWIN_ENGINE_CONTEXT",
    "qdrant_url": "QDRANT_URL",
    "qdrant_api_key": "QDRANT_API_KEY",
}
SOURCES: Final = frozenset({".py", ".html", ".css", ".js"})


def fingerprint(settings: Settings) -> str:
    """A hash of the settings that a server depends on, and of the code it runs."""
    return hashlib.sha256(f"{sorted(_carried(settings).items())}{_code()}".encode()).hexdigest()


def environment(settings: Settings) -> dict[str, str]:
    """This process's variables with the settings over them, so that the server reads the same ones."""
    carried = _carried(settings)
    kept = {name: value for name, value in os.environ.items() if name not in carried}
    code = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [code, kept.get("PYTHONPATH")]))
    return kept | {name: value for name, value in carried.items() if value} | {"PYTHONPATH": path}


def insists_on_port(settings: Settings) -> bool:
    """Whether somebody chose the port: then no other will do."""
    return "port" in settings.model_fields_set


def _carried(settings: Settings) -> dict[str, str | None]:
    """Each variable with its value, or None for what the server is not to find in its surroundings."""
    values = {variable: _plain(getattr(settings, name)) for name, variable in CARRIED.items()}
    return values if insists_on_port(settings) else values | {CARRIED["port"]: None}


def _plain(value: Any) -> str | None:
    """A value as a variable holds it; None where there is nothing to hold."""
    if isinstance(value, list):
        return ",".join(value) or None
    if value is None:
        return None
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def _code() -> str:
    """A hash of the sources of the packages, so that a server of an older version is replaced."""
    root, total = Path(__file__).resolve().parents[1], hashlib.sha256()
    for package in ("llm_twin_assets", "resources"):
        for file in sorted((root / package).rglob("*")):
            if file.suffix in SOURCES:
                total.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return total.hexdigest()
