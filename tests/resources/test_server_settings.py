"""What a server depends on is carried to it, and told apart by its fingerprint."""

import os
import re
from pathlib import Path

from resources.server_settings import CARRIED, environment, fingerprint, insists_on_port
from resources.settings import Settings

# Settings that only runs of the graph, or whoever waits for the server, depend on.
NOT_THE_SERVERS = {
    "automation",
    "poll_minutes",
    "fetch_pause_seconds",
    "fetch_allow",
    "redaction",
    "teacher_input_price",
    "teacher_output_price",
    "teacher_cost_cap",
    "base_model",
    "base_revision",
    "pretrain_tokens",
    "quantized",
    "tuning_epochs",
    "generation",
    "server_start_seconds",
    "canary",
    "alert_urls",
    "trace_days",
    "training",
    "endpoint",
    "sagemaker_role",
    "sagemaker_training_image",
    "sagemaker_training_instance",
    "sagemaker_training_seconds",
    "sagemaker_spot_seconds",
    "sagemaker_image",
    "sagemaker_instance",
    "sagemaker_accelerators",
    "sagemaker_memory_mb",
    "sagemaker_least_copies",
    "sagemaker_most_copies",
    "sagemaker_start_seconds",
}
OTHERS = {
    "scratch": Path("/var/scratch"),
    "embedding_model": "other",
    "reranker": "other",
    "wordings": 7,
    "teacher_url": "http://127.0.0.1:1",
    "port": 8123,
    "requests_per_minute": 7,
    "concurrent_requests": 7,
    "running_answers": 7,
    "queue_size": 7,
    "max_body_bytes": 7_000,
    "request_seconds": 7.5,
    "cors_origins": ["https://a.example", "https://b.example"],
    "opik_webhook_secret": "hush-hush-hush-hush",
    "engine": "vllm",
    "engine_urls": ["http://gpu1:8000/v1", "http://gpu2:8000/v1"],
    "engine_model": "other",
    "engine_api_key": "hush",
    "engine_home": "/mnt/home",
    "engine_context": 512,
    "qdrant_url": "http://127.0.0.1:6333",
}


def settings_of(home, **fields):
    return Settings(**{"home": home, "port": 0, "threads": 1} | fields)


def read_back(carried, monkeypatch):
    """The settings that a process with these variables reads."""
    for name in list(os.environ):
        if name.startswith(("LLM_TWIN_", "QDRANT_")):
            monkeypatch.delenv(name)
    for name, value in carried.items():
        if name.startswith(("LLM_TWIN_", "QDRANT_")):
            monkeypatch.setenv(name, value)
    return Settings()


def test_every_setting_is_the_servers_or_is_known_not_to_be():
    assert CARRIED.keys() | NOT_THE_SERVERS == set(Settings.model_fields)
    assert not CARRIED.keys() & NOT_THE_SERVERS


def test_the_fingerprint_is_that_of_what_the_server_depends_on(tmp_path):
    settings = settings_of(tmp_path)
    same = fingerprint(settings)
    assert re.fullmatch("[0-9a-f]{64}", same)
    for name, other in OTHERS.items():
        assert fingerprint(settings.model_copy(update={name: other})) != same, name
    for name, other in {"pretrain_tokens": 5000, "automation": "off", "canary": True}.items():
        assert fingerprint(settings.model_copy(update={name: other})) == same, name


def test_the_server_reads_the_settings_it_was_started_with(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    monkeypatch.setenv("QDRANT_URL", "http://from.the.environment")
    monkeypatch.setenv("LLM_TWIN_PORT", "9999")
    monkeypatch.setenv("LLM_TWIN_CORS_ORIGINS", "https://from.the.environment")
    carried = environment(settings)
    assert carried["LLM_TWIN_HOME"] == str(settings.home)
    assert carried["LLM_TWIN_PORT"] == "0"
    assert not carried.keys() & {"QDRANT_URL", "LLM_TWIN_CORS_ORIGINS"}
    assert fingerprint(read_back(carried, monkeypatch)) == fingerprint(settings)


def test_lists_secrets_and_numbers_arrive_as_they_were(tmp_path, monkeypatch):
    settings = settings_of(tmp_path, **OTHERS, teacher_model="m", qdrant_api_key="hush")
    read = read_back(environment(settings), monkeypatch)
    assert {name: getattr(read, name) for name in CARRIED} == {
        name: getattr(settings, name) for name in CARRIED
    }
    assert fingerprint(read) == fingerprint(settings)


def test_a_port_that_nobody_chose_is_not_insisted_on_by_the_server_either(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_TWIN_PORT", "9999")
    assert insists_on_port(Settings(home=tmp_path))
    monkeypatch.delenv("LLM_TWIN_PORT")
    nobody, chosen = Settings(home=tmp_path), Settings(home=tmp_path, port=8010)
    assert nobody.port == chosen.port
    assert "LLM_TWIN_PORT" not in environment(nobody)
    assert environment(chosen)["LLM_TWIN_PORT"] == "8010"
    assert fingerprint(nobody) != fingerprint(chosen)
    assert not insists_on_port(read_back(environment(nobody), monkeypatch))
    assert insists_on_port(read_back(environment(chosen), monkeypatch))
