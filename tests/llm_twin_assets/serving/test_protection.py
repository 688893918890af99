"""Protection over real HTTP, as `add_protection` puts it before an application."""

import httpx
import openai
import pytest
from fastapi import FastAPI, Request
from hypothesis import example, given
from hypothesis import strategies as st

from llm_twin_assets.serving.admission import Busy, TooSlow
from llm_twin_assets.serving.protection import (
    FAILURES_PER_MINUTE,
    Forbidden,
    Signer,
    add_protection,
    allowed_hosts,
    check_binding,
    check_twin,
)
from resources.api_keys import ApiKey, ApiKeys, local_token
from resources.settings import Settings
from tests.llm_twin_assets.serving.small import listening

OPEN = ["/", "/healthz", "/readyz", "/releases", "/docs", "/openapi.json", "/sources/d1?start=0&end=4"]
CLOSED = [
    "/v1/models",
    "/v1/releases",
    "/metrics",
    "/rag",
    "/sources",
    "/releases/",
    "/nothing",
    "/Docs",
]


class World:
    """A small application behind the whole protection, and its keys."""

    def __init__(self, home, **settings):
        self.settings = Settings(home=home, **settings)
        self.keys, self.token = ApiKeys(home), local_token(home)
        self.app = FastAPI(docs_url=None)
        add_protection(self.app, self.settings, self.keys, self.token)
        self._add_routes()

    def _add_routes(self):
        for path in ("/", "/healthz", "/readyz", "/releases", "/docs", "/sources/{document_id}"):
            self.app.get(path)(self._who)
        for path in ("/v1/models", "/v1/releases", "/metrics"):
            self.app.get(path)(self._who)
        self.app.post("/v1/chat/completions")(self._chat)
        self.app.post("/busy")(self._busy)
        self.app.post("/slow")(self._slow)

    async def _who(self, request: Request) -> dict[str, str | None]:
        return {"key_id": request.state.key.key_id if request.state.key else None}

    async def _chat(self, request: Request) -> dict[str, str | None]:
        check_twin(request.state.key, (await request.json())["model"])
        return await self._who(request)

    async def _busy(self) -> None:
        raise Busy("the server is busy", 7)

    async def _slow(self) -> None:
        raise TooSlow(0.01)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "home")


@pytest.fixture
def client(world):
    with listening(world.app) as url, httpx.Client(base_url=url) as client:
        yield client


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def error_of(response):
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_without_keys_everybody_is_nobody_in_particular(client, world):
    for headers in ({}, bearer("anything"), bearer(world.token)):
        assert client.get("/v1/models", headers=headers).json() == {"key_id": None}
    assert client.post("/v1/chat/completions", json={"model": "ada"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("ltk_wrong"),
        {"Authorization": "Bearer"},
        {"Authorization": "Basic bHRrOg=="},
        {"x-api-key": "ltk_wrong"},
        {"x-api-key": ""},
        {"Authorization": "Bearer kéy".encode("latin-1")},
    ],
)
def test_with_a_key_made_nobody_asks_without_one(client, world, headers):
    world.keys.create("somebody")
    response = client.get("/v1/models", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    error = error_of(response)
    assert error["code"] == "invalid_api_key"
    assert "`Authorization: Bearer KEY`" in error["message"]


def test_a_key_is_shown_in_either_header_and_is_the_requests_own(client, world):
    key, secret = world.keys.create("ada")
    for headers in (
        bearer(secret),
        {"authorization": f"bearer  {secret}"},
        {"X-API-Key": secret},
        {"Authorization": "Basic bHRrOg==", "x-api-key": secret},
    ):
        assert client.get("/v1/models", headers=headers).json() == {"key_id": key.key_id}


def test_the_secret_alone_is_no_header_and_a_hash_is_no_secret(client, world):
    _, secret = world.keys.create("ada")
    stolen = (world.settings.home / "serving" / "keys.json").read_text().split('"sha256": "')[1].split('"')[0]
    assert client.get("/v1/models", headers={"Authorization": secret}).status_code == 401
    assert client.get("/v1/models", headers=bearer(stolen)).status_code == 401
    assert client.get(f"/v1/models?api_key={secret}").status_code == 401


@pytest.mark.parametrize("path", OPEN)
def test_what_shows_nothing_of_anybodys_is_open(client, world, path):
    key, secret = world.keys.create("ada")
    assert client.get(path).status_code == 200
    if path != "/openapi.json":
        assert client.get(path).json() == {"key_id": None}
        assert client.get(path, headers=bearer(secret)).json() == {"key_id": key.key_id}


@pytest.mark.parametrize("path", CLOSED)
def test_everything_else_is_closed_whether_it_exists_or_not(client, world, path):
    world.keys.create("ada")
    assert client.get(path).status_code == 401
    assert client.post(path, json={}).status_code == 401


def test_the_local_token_opens_every_twin(client, world):
    world.keys.create("ada", ["ada"])
    assert client.get("/v1/models", headers=bearer(world.token)).json() == {"key_id": "local"}
    asked = client.post("/v1/chat/completions", json={"model": "ben"}, headers=bearer(world.token))
    assert asked.status_code == 200


def test_a_key_made_or_revoked_counts_at_once_in_a_running_server(client, world):
    assert client.get("/v1/models").status_code == 200
    key, secret = ApiKeys(world.settings.home).create("made elsewhere")
    assert client.get("/v1/models").status_code == 401
    assert client.get("/v1/models", headers=bearer(secret)).status_code == 200
    ApiKeys(world.settings.home).revoke(key.key_id)
    assert client.get("/v1/models", headers=bearer(secret)).status_code == 401


def test_neither_revoking_the_last_key_nor_removing_the_file_opens_the_server(client, world):
    key, _ = world.keys.create("last")
    world.keys.revoke(key.key_id)
    assert client.get("/v1/models").status_code == 401
    (world.settings.home / "serving" / "keys.json").unlink()
    assert client.get("/v1/models").status_code == 401
    assert client.get("/v1/models", headers=bearer(world.token)).status_code == 200


def test_a_spoilt_file_of_keys_opens_nothing(client, world):
    _, secret = world.keys.create("ada")
    assert client.get("/v1/models").status_code == 401
    (world.settings.home / "serving" / "keys.json").write_text("{")
    assert client.get("/v1/models").status_code == 401
    assert client.get("/v1/models", headers=bearer(world.token)).status_code == 200
    assert client.get("/v1/models", headers=bearer(secret)).status_code == 500


def test_a_key_asks_no_other_twin_and_does_not_hear_whether_there_is_one(client, world):
    key, secret = world.keys.create("ada", ["ada"])

    def ask(twin):
        return client.post("/v1/chat/completions", json={"model": twin}, headers=bearer(secret))

    assert ask("ada").json() == {"key_id": key.key_id}
    refused = ask("ben")
    assert refused.status_code == 403
    error = error_of(refused)
    assert error["code"] == "twin_not_allowed"
    assert error["message"] == f"the key {key.key_id} may not ask 'ben'; it may ask: ada"
    assert ask("nobody").json()["error"]["message"] == error["message"].replace("ben", "nobody")


def test_check_twin_lets_everybody_through_where_no_key_exists():
    check_twin(None, "ada")
    check_twin(ApiKey("key_1", "a", None, None, ""), "ada")
    with pytest.raises(Forbidden, match="key_1 may not ask 'ben'"):
        check_twin(ApiKey("key_1", "a", ("ada",), None, ""), "ben")


def test_failures_are_limited_and_hold_up_nobody_who_has_a_key(client, world):
    _, secret = world.keys.create("ada")
    failed = [client.get("/v1/models", headers=bearer(f"ltk_{n}")) for n in range(FAILURES_PER_MINUTE + 1)]
    assert [one.status_code for one in failed] == [401] * FAILURES_PER_MINUTE + [429]
    assert 1 <= int(failed[-1].headers["Retry-After"]) <= 60
    assert "without a good key" in error_of(failed[-1])["message"]
    assert client.get("/v1/models", headers=bearer(secret)).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_failures_of_one_address_are_not_anothers(client, world):
    """The server believes a proxy on its own machine about whom a request comes from."""
    world.keys.create("ada")
    for _ in range(FAILURES_PER_MINUTE):
        client.get("/v1/models", headers={"X-Forwarded-For": "192.0.2.1"})
    assert client.get("/v1/models", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 429
    assert client.get("/v1/models", headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 401


def test_openais_client_understands_every_refusal(tmp_path):
    world = World(tmp_path / "home", requests_per_minute=2)
    _, secret = world.keys.create("ada", ["ada"])
    with listening(world.app) as url:

        def ask(twin, key):
            asker = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
            asker.chat.completions.create(model=twin, messages=[{"role": "user", "content": "Hello?"}])

        with pytest.raises(openai.AuthenticationError, match="not known, or was revoked"):
            ask("ada", "ltk_wrong")
        ask("ada", secret)
        with pytest.raises(openai.PermissionDeniedError, match="may not ask 'ben'"):
            ask("ben", secret)
        with pytest.raises(openai.RateLimitError, match="more than 2 requests in a minute"):
            ask("ada", secret)


def test_limits_stand_in_order_length_then_key_then_rate(tmp_path):
    world = World(tmp_path / "home", requests_per_minute=1, max_body_bytes=1024)
    _, secret = world.keys.create("ada")
    with listening(world.app) as url, httpx.Client(base_url=url) as client:
        assert client.post("/busy", content=b"x" * 1025).status_code == 413
        assert [client.post("/busy").status_code for _ in range(3)] == [401] * 3
        chat = {"json": {"model": "ada"}, "headers": bearer(secret)}
        assert [client.post("/v1/chat/completions", **chat).status_code for _ in range(2)] == [200, 429]


def test_busy_and_too_slow_have_their_own_answers(client):
    busy = client.post("/busy")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    assert error_of(busy)["message"] == "the server is busy: try again in 7 s"
    slow = client.post("/slow")
    assert slow.status_code == 504
    assert error_of(slow)["code"] == "timeout"


def test_other_sites_are_strangers_unless_they_are_named(tmp_path):
    asks = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    closed = World(tmp_path / "closed")
    with listening(closed.app) as url:
        response = httpx.options(f"{url}/v1/chat/completions", headers=asks)
        assert "access-control-allow-origin" not in response.headers
    world = World(tmp_path / "open", cors_origins="https://a.example")
    world.keys.create("ada")
    with listening(world.app) as url:
        allowed = httpx.options(f"{url}/v1/chat/completions", headers=asks)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://a.example"
        other = httpx.options(f"{url}/v1/chat/completions", headers=asks | {"Origin": "https://b.example"})
        assert other.status_code == 400
        refused = httpx.get(f"{url}/v1/models", headers={"Origin": "https://a.example"})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://a.example", "a page must read why"


def test_a_loopback_server_answers_to_loopback_names_only(client):
    for host in ("127.0.0.1:8010", "localhost", "[::1]:8010", "LOCALHOST:1"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8010"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 400, host


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("127.0.0.1", ["127.0.0.1", "localhost", "[::1]"]),
        ("localhost", ["127.0.0.1", "localhost", "[::1]"]),
        ("::1", ["127.0.0.1", "localhost", "[::1]"]),
        ("127.0.0.2", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2"]),
        ("0.0.0.0", ["*"]),
        ("twin.example", ["*"]),
    ],
)
def test_the_names_of_a_server_follow_from_its_address(host, hosts):
    assert allowed_hosts(Settings(host=host)) == hosts


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.7", "twin.example", "localhost.example"])
def test_where_others_reach_it_a_server_needs_a_key(tmp_path, host):
    keys, settings = ApiKeys(tmp_path), Settings(home=tmp_path, host=host)
    with pytest.raises(ValueError, match="create one with `llm-twin keys create NAME`"):
        check_binding(settings, keys)
    key, _ = keys.create("ada")
    check_binding(settings, keys)
    keys.revoke(key.key_id)
    with pytest.raises(ValueError, match=r"LLM_TWIN_HOST is .*: others would reach the server"):
        check_binding(settings, keys)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_loopback_no_key_is_needed(tmp_path, host):
    check_binding(Settings(host=host), ApiKeys(tmp_path))


LINK = ("0b8d5f2e-2f8c-5d1f-9d2e-0b8d5f2e2f8c", 10, 42, "0123456789ab")


def test_a_link_is_valid_as_it_was_signed_and_in_no_other_form(tmp_path):
    signer = Signer(tmp_path)
    signature = signer.sign(*LINK)
    assert len(signature) == 32
    assert Signer(tmp_path).valid(*LINK, signature), "a restarted server knows its links"
    for wrong in ("", signature[:-1], signature.upper() + "0", "0" * 32, "é" * 32, "\udc80"):
        assert not signer.valid(*LINK, wrong)
    changes = [("other", *LINK[1:]), (LINK[0], 0, *LINK[2:]), (*LINK[:2], 43, LINK[3]), (*LINK[:3], "")]
    assert not any(signer.valid(*changed, signature) for changed in changes)
    assert not Signer(tmp_path / "other").valid(*LINK, signature)
    assert (tmp_path / "serving" / "secret").stat().st_mode & 0o777 == 0o600


TEXTS = st.text(st.sampled_from('ab",[]0 1'), max_size=6)
LINKS = st.tuples(TEXTS, st.integers(0, 200), st.integers(0, 200), TEXTS)


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signing"))


@given(LINKS, LINKS)
@example(("a", 1, 12, "b"), ("a", 11, 2, "b"))
@example(("a", 1, 1, "1b"), ("a1", 1, 1, "b"))
def test_no_two_links_share_a_signature(signer, one, two):
    """Not even where one's fields, put behind each other, read as the other's."""
    assert signer.valid(*two, signer.sign(*one)) == (one == two)
