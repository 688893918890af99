import pytest
from pydantic import ValidationError

from resources.settings import Settings


def test_the_home_is_absolute_and_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_TWIN_HOME", "elsewhere")
    assert Settings().home == tmp_path / "elsewhere"


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
        ("LLM_TWIN_HOME", "s3://bucket/twin", "LLM_TWIN_HOME"),
        ("LLM_TWIN_HOST", "0.0.0.0", "loopback"),
        ("LLM_TWIN_GENERATION", "wild", "grounded"),
        ("LLM_TWIN_PRETRAIN_TOKENS", "5", "1000"),
        ("LLM_TWIN_FETCH_ALLOW", "10.0.0.0/8, somewhere", "somewhere"),
        ("LLM_TWIN_REDACTION", "all", "presidio"),
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
