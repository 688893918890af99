"""SageMaker endpoints with one inference component an adapter, asked as any OpenAI-compatible server is.

Credentials, region and AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME are found by boto3 itself.
"""

import json
from collections.abc import Generator
from contextlib import closing
from functools import cached_property
from typing import Any, Final

from llm_twin_assets.serving.completion_stream import Chunks, StreamFault, chunks
from llm_twin_assets.serving.engine import EngineDown
from llm_twin_assets.serving.replicas import Refused
from resources.openai_server import excerpt

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 60
MOST_TRIES: Final = 3
MOST_CONNECTIONS: Final = 64
# Of a component's name: what tells one adapter from another, and the most that the API allows in all.
ADAPTER_CHARACTERS: Final = 16
MOST_CHARACTERS: Final = 63


def component_of(endpoint: str, adapter: str) -> str:
    """The name of the inference component that holds an adapter on an endpoint."""
    return f"{endpoint}-{adapter[:ADAPTER_CHARACTERS]}"


class SageMakerEndpoint:
    """A transport over `invoke_endpoint_with_response_stream` (see remote_engine.Transport).

    The container behind it takes OpenAI's chat completions: AWS's vLLM and DJL images do. Who makes and
    deletes the components is whoever deploys; probing tells whether one answers.
    """

    def __init__(self, endpoint: str) -> None:
        most = MOST_CHARACTERS - ADAPTER_CHARACTERS - 1
        if len(endpoint) > most:
            raise ValueError(
                f"LLM_TWIN_ENGINE_MODEL: {endpoint} is longer than {most} characters, which leaves "
                "no room for an adapter in a component's name"
            )
        self._endpoint = endpoint
        self._closed = False

    def load(self, adapter: str, folder: str) -> None:
        """Nothing is loaded: the component is there, or the probe says that it is not."""

    def unload(self, adapter: str) -> None:
        """Nothing is unloaded."""

    def stream(self, adapter: str, body: dict[str, Any]) -> Chunks:
        """The chunks of one completion; raises EngineDown."""
        pieces = self._pieces(adapter, body)
        try:
            with closing(pieces):
                yield from chunks(pieces)
        except StreamFault as fault:
            raise EngineDown(f"{self._named(adapter)} failed: {excerpt(str(fault))}") from None

    def probe(self, adapter: str, body: dict[str, Any]) -> None:
        """Let the component answer; raises EngineDown."""
        for _ in self.stream(adapter, body):
            pass

    def close(self) -> None:
        """What is being answered ends with EngineDown at its next piece."""
        self._closed = True

    @cached_property
    def _client(self) -> Any:
        # A session of its own: the default one may not be used by two threads at once.
        from boto3.session import Session
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": MOST_TRIES, "mode": "standard"},
            max_pool_connections=MOST_CONNECTIONS,
        )
        return Session().client("sagemaker-runtime", config=config)

    def _pieces(self, adapter: str, body: dict[str, Any]) -> Generator[bytes, None, None]:
        from botocore.eventstream import ParserError
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        try:
            answer = self._client.invoke_endpoint_with_response_stream(
                EndpointName=self._endpoint,
                InferenceComponentName=component_of(self._endpoint, adapter),
                ContentType="application/json",
                Body=json.dumps(body).encode(),
            )
            with closing(answer["Body"]) as events:
                for event in events:
                    if self._closed:
                        raise EngineDown("the engine was closed")
                    yield event.get("PayloadPart", {}).get("Bytes", b"")
        except ClientError as error:
            raise self._refusal(adapter, error.response) from None
        except (BotoCoreError, HTTPError, ParserError) as error:
            raise EngineDown(f"{self._named(adapter)} cannot be asked ({excerpt(str(error))})") from None

    def _refusal(self, adapter: str, response: Any) -> EngineDown:
        """What the API, or the model behind it, did not take; errors in the stream have no status."""
        error = response.get("Error", {})
        said = f"{self._named(adapter)} failed: {error.get('Code')} ({excerpt(str(error.get('Message')))})"
        # A container's own status comes inside a ModelError.
        status = response.get("OriginalStatusCode") or response.get("ResponseMetadata", {}).get(
            "HTTPStatusCode"
        )
        refused = isinstance(status, int) and 400 <= status < 500 and status != 429
        return Refused(said, status) if refused else EngineDown(said)

    def _named(self, adapter: str) -> str:
        return f"the SageMaker component {component_of(self._endpoint, adapter)}"
