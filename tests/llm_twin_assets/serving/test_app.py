"""The application as a whole: its pages, what protects it, its parts, and releases that change under load."""

import json
import threading

import httpx
import openai
import pytest

from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.app import AppParts, admission_of, create_app, metrics_of
from llm_twin_assets.serving.pages import Sources
from llm_twin_assets.serving.protection import Signer
from llm_twin_assets.serving.service import Service
from resources.api_keys import ApiKeys, local_token
from resources.settings import Settings
from resources.trace_writer import TraceWriter
from tests.llm_twin_assets.serving.asking import QUESTION, Asking, asked, echoing, two_twins
from tests.llm_twin_assets.serving.engines import EchoEngine
from tests.llm_twin_assets.serving.small import DOCUMENTS, Small, following, listening
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def asking(tmp_path_factory, made_models):
    with asked(two_twins(Small(tmp_path_factory.mktemp("app") / "home", made_models))) as made:
        yield made


def test_a_source_page_shows_the_document_with_the_quotation_highlighted(asking):
    reply = asking.ask()
    url = reply.choices[0].message.annotations[0].url_citation.url
    page = httpx.get(url, trust_env=False)
    assert page.status_code == 200
    marked = page.text.split('<mark id="quote">')[1].split("</mark>")[0]
    assert marked == reply.citations[0]["quote"]
    assert "changed" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_source_that_has_changed_or_gone_says_so(asking):
    one = DOCUMENTS[0]["document_id"]
    changed = asking.http.get(f"/sources/{one}?start=3&end=9&proof=000000000000").text
    assert "has changed since" in changed
    assert '<mark id="quote"></mark>' in changed
    assert asking.http.get("/sources/nothing").status_code == 404
    assert asking.http.get(f"/sources/{one}?start=x").status_code == 422


def test_with_a_signer_only_links_of_this_server_open(tmp_path, made_models):
    small = two_twins(Small(tmp_path / "home", made_models))
    with asked(small, signer=Signer(small.home)) as asking:
        for notes in (
            asking.ask().choices[0].message.annotations,
            list(asking.ask(stream=True))[-1].choices[0].delta.annotations,
        ):
            url = json.loads(json.dumps(notes, default=dict))[0]["url_citation"]["url"]
            assert "&sig=" in url
            assert httpx.get(url, trust_env=False).status_code == 200
            assert httpx.get(url.replace("&sig=", "&sig=0"), trust_env=False).status_code == 404
            assert httpx.get(url.split("&sig=")[0], trust_env=False).status_code == 404


def test_the_chat_page_allows_itself_and_nothing_else(asking):
    page = asking.http.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_api_is_described_without_another_host(asking):
    schema = asking.http.get("/openapi.json").json()
    assert {"/rag", "/v1/chat/completions", "/v1/models", "/healthz", "/readyz"} <= set(schema["paths"])
    page = asking.http.get("/docs")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    for path in schema["paths"]:
        assert path in page.text


def test_a_page_elsewhere_can_neither_rebind_its_name_to_us_nor_post_a_form(asking):
    body = {"query": QUESTION, "twin": "ada"}
    assert asking.http.get("/v1/models", headers={"Host": "evil.example"}).status_code == 400
    form = asking.http.post("/rag", content=json.dumps(body), headers={"Content-Type": "text/plain"})
    assert form.status_code == 422
    assert asking.http.get("/v1/models", headers={"Host": "localhost:1"}).status_code == 200


def test_other_sites_may_ask_only_where_the_settings_name_them(tmp_path, made_models, asking):
    origin = {"Origin": "https://a.example"}
    assert "access-control-allow-origin" not in asking.http.get("/v1/models", headers=origin).headers
    small = two_twins(Small(tmp_path / "home", made_models))
    with asked(small, cors_origins=["https://a.example"]) as open_to_one:
        allowed = open_to_one.http.get("/v1/models", headers=origin).headers
        assert allowed["access-control-allow-origin"] == "https://a.example"
        other = open_to_one.http.get("/v1/models", headers={"Origin": "https://b.example"}).headers
        assert "access-control-allow-origin" not in other


def test_a_minutes_limit_holds(tmp_path, made_models):
    with asked(two_twins(Small(tmp_path / "home", made_models)), requests_per_minute=2) as asking:
        assert [asking.rag().status_code for _ in range(3)] == [200, 200, 429]


def test_with_all_its_parts_it_counts_keeps_feedback_and_reports(tmp_path, made_models):
    small = two_twins(Small(tmp_path / "home", made_models))
    _, secret = ApiKeys(small.home).create("somebody")
    settings = Settings(home=small.home)
    engine = EchoEngine()
    serving, _ = echoing(small, engine)
    admission, writer = admission_of(settings), TraceWriter(small.traces)
    metrics = metrics_of(serving, admission, lambda: 3)
    service = Service(serving, Answerer(small.searcher), writer, metrics.answered)
    parts = AppParts(
        settings=settings,
        keys=ApiKeys(small.home),
        local_token=local_token(small.home),
        signer=Signer(small.home),
        admission=admission,
        traces=small.traces,
        flush=writer.flush,
        metrics=metrics,
        report=lambda: {"twins": [{"twin": "ada"}]},
    )
    with following(serving), listening(create_app(service, Sources(small.store), parts)) as url:
        asking = Asking(small, url, engine, secret)
        asking.wait_ready()
        trace_id = asking.rag().json()["trace_id"]
        assert asking.http.post("/feedback", json={"trace_id": trace_id, "value": 1}).status_code == 201
        counted = asking.http.get("/metrics").text
        release_id = small.releases.desired("ada")
        assert f'release="{release_id}",twin="ada"}} 1.0' in counted
        assert 'llm_twin_feedback_total{twin="ada",value="1"} 1.0' in counted
        assert 'route="/rag",status="200"} 1.0' in counted
        assert "llm_twin_generation_worker_restarts_total 3.0" in counted
        assert asking.http.get("/v1/releases").json() == {"twins": [{"twin": "ada"}]}
        assert asking.http.get("/releases").status_code == 200
        assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 401
    writer.close()
    assert small.traces.trace(trace_id)["answer"].startswith("A hive hums")


def test_replacing_a_release_and_the_index_under_load_fails_no_request(small):
    first = small.release("first")
    with asked(small) as asking:
        seen, failures, stop = [], [], threading.Event()

        def client():
            with httpx.Client(base_url=asking.url, timeout=60, trust_env=False) as http:
                while not stop.is_set():
                    reply = http.post("/rag", json={"query": QUESTION, "twin": "ada"})
                    if reply.status_code == 200 and not reply.json()["declined"]:
                        seen.append((reply.json()["release_id"], reply.json()["index_id"]))
                    elif reply.json()["error"]["code"] != "rate_limit_exceeded":
                        failures.append(reply.text)

        clients = [threading.Thread(target=client) for _ in range(4)]
        for thread in clients:
            thread.start()
        releases, indexes = [first], [small.vectors.live()]
        for name, documents in (("second", DOCUMENTS[:3]), ("first", DOCUMENTS)):
            wait_until(lambda: (releases[-1], indexes[-1]) in seen)
            releases.append(small.release(name))
            indexes.append(small.publish_index(documents))
        wait_until(lambda: seen.count((releases[-1], indexes[-1])) > 4)
        stop.set()
        for thread in clients:
            thread.join()
    assert failures == []
    assert {release for release, _ in seen} == set(releases)
    assert len(small.traces.since("ada")) == len(seen)


def test_until_every_desired_release_serves_it_is_not_ready(small):
    small.release("first")
    with asked(small) as asking:
        broken = small.home / small.adapter("second", "ben").folder / "adapter_model.safetensors"
        broken.write_bytes(b"")
        small.release("second", "ben", "Ben Ferro")
        wait_until(lambda: asking.http.get("/readyz").json()["twins"].get("ben", {}).get("error"))
        state = asking.http.get("/readyz")
        assert state.status_code == 503
        assert "their hash differs" in state.json()["twins"]["ben"]["error"]
        with pytest.raises(openai.InternalServerError) as raised:
            asking.ask(model="ben")
        assert raised.value.body["code"] == "model_loading"
        assert asking.ask().choices[0].message.content.startswith("A hive hums")


@pytest.mark.slow
def test_a_model_answers_through_it_too(small):
    """Once with the real engine: a worker process and a model behind the whole application."""
    small.release("first")
    serving = small.serving()
    try:
        with following(serving), listening(small.app(serving)) as url:
            asking = Asking(small, url)
            asking.wait_ready(120)
            whole = asking.ask()
            chunks = [chunk for chunk in asking.ask(stream=True) if chunk.choices]
            assert whole.choices[0].message.content.startswith("A hive hums in winter")
            streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert streamed == whole.choices[0].message.content
    finally:
        serving.close()
