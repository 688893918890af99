"""Every setting of the platform: environment variables with the prefix LLM_TWIN_, or `.env`."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resources.places import Place, place, scratch_of


class Settings(BaseSettings):
    """Where things lie and which real thing takes each embedded default's place."""

    # What is refused may be a secret that stands in the wrong place.
    model_config = SettingsConfigDict(
        env_prefix="LLM_TWIN_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    # Before the home, which is given it.
    scratch: Path | None = Field(
        None,
        description="with a home in S3: the folder for what cannot lie there; none: a cache folder",
    )
    home: Place = Field(
        Path(".llm_twin"),
        description="everything the program writes lies here: a folder, or s3://bucket/prefix",
    )
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

    alert_urls: Annotated[list[SecretStr], NoDecode] = Field(
        [], description="who is told what happened: apprise addresses, one behind the other; none: the log"
    )
    opik_webhook_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="what Opik's alerts show at /opik/webhook, in ASCII; none: no such route",
    )
    trace_days: int | None = Field(None, ge=1, description="how long traces are kept; none: for good")

    generation: Literal["grounded", "free"] = "grounded"
    host: str = Field("127.0.0.1", description="address the local server binds to")
    port: int = Field(8010, ge=0, le=65535, description="its port; another free one is taken when it is busy")
    server_start_seconds: int = Field(120, ge=1, description="how long a deployment waits for the server")
    canary: bool = Field(
        False, description="whether a promoted release begins with a share of the conversations"
    )

    requests_per_minute: int = Field(600, ge=1, description="of one API key; each key may have its own")
    concurrent_requests: int = Field(16, ge=1, description="of one API key at once, waiting ones included")
    running_answers: int = Field(16, ge=1, description="how many answers are given at once")
    queue_size: int = Field(64, ge=0, description="how many questions wait for their turn; more are refused")
    max_body_bytes: int = Field(262_144, ge=1_024, description="the longest request body that is read")
    request_seconds: float = Field(120.0, gt=0, description="how long an answer may take, waiting included")
    cors_origins: Annotated[list[str], NoDecode] = Field(
        [], description="other sites whose pages may ask: https://a.example,https://b.example; or *"
    )

    engine: Literal["local", "openai", "vllm", "sagemaker"] = Field(
        "local", description="what generates: a process here, or a server of this kind"
    )
    engine_urls: Annotated[list[str], NoDecode] = Field(
        [], description="that server's addresses, one a replica: http://gpu1:8000/v1,http://gpu2:8000/v1"
    )
    engine_model: str | None = Field(None, description="the base model's name there; SageMaker: the endpoint")
    engine_api_key: SecretStr | None = Field(None, description="what that server wants to be shown")
    engine_home: str | None = Field(None, description="where that server sees LLM_TWIN_HOME, if elsewhere")
    engine_context: int = Field(4096, ge=256, description="tokens that prompt and answer may have there")

    training: Literal["local", "sagemaker"] = Field(
        "local", description="where models are trained: a process here, or a training job"
    )
    endpoint: Literal["local", "sagemaker"] = Field(
        "local", description="sagemaker: deployments make the endpoint that LLM_TWIN_ENGINE_MODEL names"
    )
    sagemaker_role: str | None = Field(None, description="the role's ARN that jobs and endpoint run as")
    sagemaker_training_image: str | None = Field(None, description="this project's image, in ECR")
    sagemaker_training_instance: str = "ml.g6.xlarge"
    sagemaker_training_seconds: int = Field(86_400, ge=60, description="how long a job may train")
    sagemaker_spot_seconds: int | None = Field(
        None, ge=60, description="how long a job may take on spot instances, waits included; none: on demand"
    )
    sagemaker_image: str | None = Field(None, description="AWS's vLLM image, which serves the base model")
    sagemaker_instance: str = "ml.g6.xlarge"
    sagemaker_accelerators: int = Field(1, ge=1, description="GPUs of a copy of the base model")
    sagemaker_memory_mb: int = Field(12_288, ge=128, description="memory of a copy of the base model")
    sagemaker_least_copies: int = Field(1, ge=0, description="of the base model; 0: none while nobody asks")
    sagemaker_most_copies: int = Field(2, ge=1, description="of the base model, and instances for them")
    sagemaker_start_seconds: int = Field(
        1800, ge=60, le=3600, description="how long weights may load, and a container may start"
    )

    @model_validator(mode="after")
    def _whole_endpoint(self) -> "Settings":
        if self.endpoint == "sagemaker" and self.engine != "sagemaker":
            raise ValueError("LLM_TWIN_ENDPOINT is sagemaker: let LLM_TWIN_ENGINE be sagemaker too")
        return self

    @property
    def local(self) -> Path:
        """The folder of this machine for databases, working folders, and what a server tells of itself."""
        return scratch_of(self.home)

    @field_validator("scratch")
    @classmethod
    def _local_and_absolute(cls, scratch: Path | None) -> Path | None:
        if scratch is not None and str(scratch).startswith("s3:"):
            raise ValueError("LLM_TWIN_SCRATCH must be a folder of this machine, not an s3 address")
        return scratch.expanduser().absolute() if scratch else None

    @field_validator("home")
    @classmethod
    def _home(cls, home: Place, known: ValidationInfo) -> Place:
        return place(home, known.data.get("scratch"))

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

    @field_validator("alert_urls", mode="before")
    @classmethod
    def _places(cls, written: str | list[SecretStr]) -> list[SecretStr]:
        """Addresses may hold commas themselves; never quotes one, for each may be a secret."""
        if not isinstance(written, str):
            return written
        parts = [part.strip(" ,") for part in re.split(r",(?=\s*[a-z][a-z0-9+.-]*://)", written)]
        if bad := [number for number, part in enumerate(parts, 1) if part and "://" not in part]:
            raise ValueError(
                f"address {bad[0]} of LLM_TWIN_ALERT_URLS has no scheme: write it as mailto://..."
            )
        return [SecretStr(part) for part in parts if part]

    @field_validator("cors_origins", "engine_urls", mode="before")
    @classmethod
    def _listed(cls, written: str | list[str]) -> list[str]:
        parts = written.split(",") if isinstance(written, str) else written
        return [part.strip().rstrip("/") for part in parts if part.strip()]

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: list[str]) -> list[str]:
        for number, origin in enumerate(origins, 1):
            parts = urlsplit(origin)
            if origin != "*" and f"{parts.scheme}://{parts.netloc}" != origin:
                raise ValueError(
                    f"origin {number} of LLM_TWIN_CORS_ORIGINS is none: "
                    "write scheme, host and port, https://a.example"
                )
        return origins

    @field_validator("engine_urls")
    @classmethod
    def _addresses(cls, urls: list[str]) -> list[str]:
        for number, url in enumerate(urls, 1):
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
                raise ValueError(
                    f"address {number} of LLM_TWIN_ENGINE_URLS is none: write it as http://host:8000/v1"
                )
        return urls

    @model_validator(mode="after")
    def _whole_engine(self) -> "Settings":
        if self.engine in ("openai", "vllm") and not self.engine_urls:
            raise ValueError(f"LLM_TWIN_ENGINE is {self.engine}: give its address in LLM_TWIN_ENGINE_URLS")
        if self.engine != "local" and not self.engine_model:
            raise ValueError(f"LLM_TWIN_ENGINE is {self.engine}: name its model in LLM_TWIN_ENGINE_MODEL")
        return self
