"""Every setting of the platform: environment variables with the prefix LLM_TWIN_, or `.env`."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Where things lie and which real thing takes each embedded default's place."""

    model_config = SettingsConfigDict(env_prefix="LLM_TWIN_", env_file=".env", extra="ignore")

    home: Path = Field(Path(".llm_twin"), description="everything the program writes lies here")
    config: Path = Field(Path("twins.yaml"), description="the file that declares sources and twins")
    automation: Literal["on", "off"] = Field(
        "on", description="whether sensors and schedules start switched on"
    )

    poll_minutes: int = Field(60, ge=1, description="how often feeds, sites and repositories are looked at")
    fetch_pause_seconds: float = Field(1.0, ge=0, description="between two requests to one host")
    fetch_allow: Annotated[list[str], NoDecode] = Field(
        [], description="private networks that may be fetched from: 10.0.0.0/8,192.168.0.0/16"
    )
    redaction: Literal["patterns", "presidio"] = "patterns"

    embedding_model: str = Field("bundled", description="bundled, or a sentence-transformers id or folder")
    qdrant_url: str | None = Field(None, validation_alias="QDRANT_URL")
    qdrant_api_key: SecretStr | None = Field(None, validation_alias="QDRANT_API_KEY")

    reranker: str | None = Field(None, description="a cross-encoder's hub id or folder; none: MMR")
    wordings: int = Field(3, ge=1, le=10, description="in how many ways a question is searched for")

    teacher_url: str | None = Field(None, description="an OpenAI-compatible server; none: rules")
    teacher_model: str | None = Field(None, description="the model that is asked there")
    teacher_api_key: SecretStr | None = None
    teacher_input_price: float = Field(0.0, ge=0, description="of a million tokens that it reads")
    teacher_output_price: float = Field(0.0, ge=0, description="of a million tokens that it writes")
    teacher_cost_cap: float | None = Field(None, gt=0, description="what a run may cost at most")

    base_model: str = Field("bundled", description="bundled, or a causal language model's hub id or folder")
    base_revision: str = Field("main", description="the hub revision of the base model")
    pretrain_tokens: int = Field(1_200_000, ge=1_000, description="tokens the bundled base model sees")
    quantized: bool = Field(False, description="whether a base is held in 4 bits while it is tuned (QLoRA)")
    tuning_epochs: int = Field(2, ge=1, description="passes over a twin's training rows")
    threads: int = Field(default_factory=lambda: min(8, os.cpu_count() or 1), ge=1, description="CPU threads")

    generation: Literal["grounded", "free"] = "grounded"
    host: str = Field("127.0.0.1", description="address the local server binds to")
    port: int = Field(8010, ge=0, le=65535, description="its port; another free one is taken when it is busy")
    server_start_seconds: int = Field(120, ge=1, description="how long a deployment waits for the server")

    @field_validator("home")
    @classmethod
    def _local_and_absolute(cls, home: Path) -> Path:
        if str(home).startswith("s3:"):
            raise ValueError("LLM_TWIN_HOME must be a folder of this machine, not an s3 address")
        return home.expanduser().absolute()

    @field_validator("fetch_allow", mode="before")
    @classmethod
    def _networks(cls, written: str | list[str]) -> list[str]:
        networks = written.split(",") if isinstance(written, str) else written
        return [str(ip_network(network.strip())) for network in networks if network.strip()]

    @model_validator(mode="after")
    def _whole_teacher(self) -> "Settings":
        if self.teacher_url and not self.teacher_model:
            raise ValueError("LLM_TWIN_TEACHER_URL is set: name the model in LLM_TWIN_TEACHER_MODEL")
        return self

    @field_validator("config")
    @classmethod
    def _absolute(cls, config: Path) -> Path:
        return config.expanduser().absolute()

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if host not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("LLM_TWIN_HOST must be a loopback address: the server has no authentication")
        return host
