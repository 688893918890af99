import pytest
from pydantic import ValidationError

from resources.settings import Settings


def test_the_home_is_absolute_and_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_TWIN_HOME", "elsewhere")
    assert Settings().home == tmp_path / "elsewhere"


def test_a_home_in_s3_has_a_folder_of_this_machine_beside_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("LLM_TWIN_HOME", "s3://bucket/twin/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    usual = Settings()
    assert str(usual.home) == "s3://bucket/twin"
    assert usual.local.parent == tmp_path / "cache" / "llm-twin"
    monkeypatch.setenv("LLM_TWIN_SCRATCH", str(tmp_path / "scratch"))
    assert Settings().local == tmp_path / "scratch"
    monkeypatch.setenv("LLM_TWIN_HOME", str(tmp_path / "home"))
    assert Settings().local == tmp_path / "home"


def test_qdrant_settings_carry_their_own_names_and_the_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("QDRANT_URL", "http://localhost:6333")
    monkeypatch.setenv("QDRANT_API_KEY", "very-secret")
    settings = Settings()
    assert settings.qdrant_url == "http://localhost:6333"
    assert settings.qdrant_api_key.get_secret_value() == "very-secret"
    assert "very-secret" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("LLM_TWIN_HOME", "s3://", "s3://bucket/prefix"),
        ("LLM_TWIN_HOME", "s3://bucket//twin", "s3://bucket/prefix"),
        ("LLM_TWIN_SCRATCH", "s3://bucket/twin", "LLM_TWIN_SCRATCH"),
        ("LLM_TWIN_GENERATION", "wild", "grounded"),
        ("LLM_TWIN_PRETRAIN_TOKENS", "5", "1000"),
        ("LLM_TWIN_FETCH_ALLOW", "10.0.0.0/8, somewhere", "somewhere"),
        ("LLM_TWIN_REDACTION", "all", "presidio"),
        ("LLM_TWIN_REQUESTS_PER_MINUTE", "0", "1"),
        ("LLM_TWIN_CONCURRENT_REQUESTS", "0", "1"),
        ("LLM_TWIN_RUNNING_ANSWERS", "0", "1"),
        ("LLM_TWIN_QUEUE_SIZE", "-1", "0"),
        ("LLM_TWIN_MAX_BODY_BYTES", "10", "1024"),
        ("LLM_TWIN_REQUEST_SECONDS", "0", "greater than 0"),
        (
            "LLM_TWIN_CORS_ORIGINS",
            "https://a.example, b.example",
            "origin 2 of LLM_TWIN_CORS_ORIGINS is none",
        ),
        ("LLM_TWIN_CORS_ORIGINS", "https://a.example/page", "write scheme, host and port"),
        ("LLM_TWIN_ENGINE", "magic", "sagemaker"),
        ("LLM_TWIN_ENGINE_URLS", "gpu1:8000", "address 1 of LLM_TWIN_ENGINE_URLS is none"),
        ("LLM_TWIN_ENGINE_CONTEXT", "10", "256"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(monkeypatch, name, value, word):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=word):
        Settings()


def test_networks_are_written_one_behind_the_other(monkeypatch):
    assert Settings().fetch_allow == []
    monkeypatch.setenv("LLM_TWIN_FETCH_ALLOW", "10.0.0.0/8, ::1/128")
    assert Settings().fetch_allow == ["10.0.0.0/8", "::1/128"]


def test_what_a_server_bears_has_defaults_for_one_machine():
    settings = Settings()
    assert (settings.requests_per_minute, settings.concurrent_requests) == (600, 16)
    assert (settings.running_answers, settings.queue_size) == (16, 64)
    assert (settings.max_body_bytes, settings.request_seconds) == (256 * 1024, 120)
    assert (settings.engine, settings.engine_context, settings.canary) == ("local", 4096, False)
    assert settings.cors_origins == settings.engine_urls == []


def test_the_server_may_be_told_to_listen_anywhere(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_HOST", "0.0.0.0")
    assert Settings().host == "0.0.0.0"


def test_origins_and_replicas_are_written_one_behind_the_other(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_CORS_ORIGINS", " https://a.example/, http://localhost:3000,")
    monkeypatch.setenv("LLM_TWIN_ENGINE_URLS", "http://gpu1:8000/v1/,http://gpu2:8000/v1")
    settings = Settings()
    assert settings.cors_origins == ["https://a.example", "http://localhost:3000"]
    assert settings.engine_urls == ["http://gpu1:8000/v1", "http://gpu2:8000/v1"]
    monkeypatch.setenv("LLM_TWIN_CORS_ORIGINS", "*")
    assert Settings().cors_origins == ["*"]


@pytest.mark.parametrize(
    ("engine", "given", "missing"),
    [
        ("vllm", {"engine_model": "base"}, "LLM_TWIN_ENGINE_URLS"),
        ("openai", {"engine_model": "base"}, "LLM_TWIN_ENGINE_URLS"),
        ("openai", {"engine_urls": ["http://a/v1"]}, "LLM_TWIN_ENGINE_MODEL"),
        ("vllm", {"engine_urls": ["http://a/v1"], "engine_model": ""}, "LLM_TWIN_ENGINE_MODEL"),
        ("sagemaker", {}, "LLM_TWIN_ENGINE_MODEL"),
    ],
)
def test_an_engine_elsewhere_needs_to_be_named_in_whole(engine, given, missing):
    with pytest.raises(ValidationError, match=f"LLM_TWIN_ENGINE is {engine}: .*{missing}"):
        Settings(engine=engine, **given)


def test_an_engine_named_in_whole_is_taken_and_its_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_ENGINE_API_KEY", "very-secret")
    settings = Settings(engine="vllm", engine_urls="http://a/v1", engine_model="base")
    assert settings.engine_api_key.get_secret_value() == "very-secret"
    assert "very-secret" not in repr(settings) + settings.model_dump_json()
    assert Settings(engine="sagemaker", engine_model="endpoint").engine_urls == []
