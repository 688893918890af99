"""The whole OpenAPI surface under schemathesis: no 500, and every response as the schema describes it."""

import contextlib

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from llm_twin_assets.serving.app import AppParts, admission_of, create_app, metrics_of
from llm_twin_assets.serving.opik_route import PATH
from llm_twin_assets.serving.pages import Sources
from resources.settings import Settings
from tests.llm_twin_assets.serving.asking import echoing, two_twins
from tests.llm_twin_assets.serving.engines import EchoEngine
from tests.llm_twin_assets.serving.small import Small

pytestmark = pytest.mark.slow

ALWAYS_THE_SAME = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
HOST = {"Host": "localhost"}
SECRET = "a-secret-of-the-alerts"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory, made_models):
    """The schema of an application with all its parts, that answers in this process."""
    small = two_twins(Small(tmp_path_factory.mktemp("fuzz") / "home", made_models))
    serving, service = echoing(small, EchoEngine())
    serving.step()
    limits = Settings(home=small.home, requests_per_minute=1_000_000, opik_webhook_secret=SECRET)
    admission = admission_of(limits)
    parts = AppParts(
        limits,
        admission=admission,
        traces=small.traces,
        metrics=metrics_of(serving, admission, lambda: 0),
        report=lambda: {"twins": []},
    )
    app = create_app(service, Sources(small.store), parts)
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers=HOST)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_server_and_every_response_is_described(fuzzed, mode):
    """Requests that fit the schema, and such as do not; always the same ones."""
    operations = [found.ok() for found in fuzzed.get_all_operations()]
    assert {one.path for one in operations} >= {"/rag", "/v1/chat/completions", "/feedback", "/metrics", PATH}
    for operation in operations:
        cases = operation.as_strategy(generation_mode=mode)

        @given(case=cases)
        @ALWAYS_THE_SAME
        def check(case):
            # Behind the secret more of the route is reached.
            shown = {"Authorization": f"Bearer {SECRET}"} if case.path == PATH else {}
            case.call_and_validate(checks=CHECKS, headers=HOST | shown)

        with contextlib.suppress(Unsatisfiable):  # nothing about a request without fields can be wrong
            check()
