import functools
import http.server
import os
import select
import shutil
import ssl
import subprocess
import threading

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources import git as git_module
from llm_twin_assets.sources.connector import Item, Unreachable
from llm_twin_assets.sources.git import GitConnector
from llm_twin_assets.sources.reading import MAX_BYTES, Refused
from llm_twin_assets.sources.repository_files import exact_text, is_kept


class Repository:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, name="Ada Example", day="2024-03-27"):
        who = ["-c", f"user.name={name}", "-c", "user.email=ada@example.org", "-c", "commit.gpgSign=false"]
        dates = {"GIT_AUTHOR_DATE": f"{day}T10:00:00Z", "GIT_COMMITTER_DATE": f"{day}T10:00:00Z"}
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.path, env=os.environ | dates, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def commit(self, files, **who):
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-m", "more", **who)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "notes")


@pytest.fixture
def connect(tmp_path, repository):
    def _connect(url=None, author=None, **options):
        return GitConnector(url or str(repository.path), tmp_path / "mirrors", author, **options)

    return _connect


def paths(connector):
    return [item.name.split("#", 1)[1] for item in connector.items()]


def documents(connector):
    found = {}
    for item in connector.items():
        (entry,) = connector.parse(item, connector.fetch(item))
        found[item.name.split("#", 1)[1]] = entry.parse()
    return found


def refusal(call):
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_prose_and_source_files_become_documents(repository, connect):
    repository.commit({"README.md": "# The *tides*\n\nWords.\n", "src/tide.py": "# not a heading\nx = 1\n"})
    found = documents(connect())
    readme, source = found["README.md"], found["src/tide.py"]
    assert (readme.title, readme.kind, readme.platform) == ("The tides", "repository", "git")
    assert (readme.author, readme.published_at, readme.language) == ("Ada Example", "2024-03-27", None)
    assert (source.title, source.uri) == ("src/tide.py", "git:notes/src/tide.py")
    assert source.text == "# not a heading\nx = 1\n"


def test_an_item_is_named_by_path_and_marked_by_its_blob(repository, connect):
    repository.commit({"a.md": "One", "b.md": "Two"})
    before = connect().items()
    repository.commit({"b.md": "Three"})
    after = connect().items()
    assert [item.name for item in after] == [f"{repository.path}#a.md", f"{repository.path}#b.md"]
    assert after[0] == before[0]
    assert after[1].mark == repository.git("rev-parse", "HEAD:b.md") != before[1].mark


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("README", True),
        ("docs/guide.RST", True),
        ("Dockerfile", True),
        ("a/Makefile", True),
        ("deploy.yaml", True),
        ("book.ipynb", True),
        ("readme.png", False),
        ("photo.jpg", False),
        ("uv.lock", False),
        ("package-lock.json", False),
        ("app.min.js", False),
        ("node_modules/a/index.js", False),
        ("go/vendor/x/a.go", False),
        ("third_party/a.c", False),
        ("dist/a.js", False),
        ("vendor.md", True),
    ],
)
def test_what_is_kept(path, kept):
    assert is_kept(path) is kept


def test_include_narrows(repository, connect):
    repository.commit({"docs/a/b.md": "One", "c.md": "Two", "docs/d.png": "Three"})
    assert paths(connect(include=["docs/*"])) == ["docs/a/b.md"]


def test_links_and_submodules_are_no_files(repository, connect):
    repository.commit({"a.md": "One"})
    (repository.path / "link.md").symlink_to("/etc/hostname")
    head = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},other.md")
    repository.git("add", "link.md")
    repository.git("commit", "-q", "-m", "link")
    assert paths(connect()) == ["a.md"]


def test_odd_names_are_read(repository, connect):
    name = "with space, ünïcode\tand # sign.md"
    repository.commit({name: "One"})
    found = documents(connect())
    assert found[name].published_at == "2024-03-27"
    assert found[name].text == "One"


def test_who_added_a_file_and_when(repository, connect):
    repository.commit({"a.md": "One"}, name="Grace", day="2020-01-02")
    repository.commit({"a.md": "Changed", "b.md": "Two"}, day="2021-01-02")
    repository.git("rm", "-q", "a.md")
    repository.git("commit", "-q", "-m", "away", day="2022-01-02")
    repository.commit({"a.md": "Back"}, day="2023-01-02")
    found = documents(connect())
    assert (found["a.md"].author, found["a.md"].published_at) == ("Grace", "2020-01-02")
    assert (found["b.md"].author, found["b.md"].published_at) == ("Ada Example", "2021-01-02")


def test_a_file_that_came_with_a_merge_is_dated_too(repository, connect):
    repository.commit({"a.md": "One"}, day="2020-01-02")
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"side.md": "Two"}, day="2020-02-02")
    repository.git("checkout", "-q", "main")
    repository.commit({"b.md": "Three"}, day="2020-03-02")
    repository.git("merge", "-q", "--no-ff", "--no-commit", "side", day="2020-04-02")
    repository.commit({"merge.md": "Four"}, day="2020-04-02")
    days = {path: fields.published_at for path, fields in documents(connect()).items()}
    assert days["side.md"] == "2020-02-02"
    assert days["merge.md"] == "2020-04-02"


def test_history_is_read_again_after_new_commits(repository, connect):
    repository.commit({"a.md": "One"})
    connector = connect()
    documents(connector)
    repository.commit({"b.md": "Two"}, day="2025-05-05")
    assert documents(connector)["b.md"].published_at == "2025-05-05"


def test_the_declared_author_speaks_first(repository, connect):
    repository.commit({"a.md": "One"}, name="A Bot")
    connector = connect(author="Grace")
    assert documents(connector)["a.md"].author == "Grace"
    (item,) = connector.items()
    other = connect(author="Ada")
    (one,), (two,) = connector.parse(item, b"One"), other.parse(item, b"One")
    assert one.source_hash != two.source_hash
    assert one.identity == two.identity == "git:notes/a.md"


def test_another_ref_is_read(repository, connect):
    repository.commit({"a.md": "One"})
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "v1")
    repository.git("checkout", "-q", "-b", "feature/x")
    repository.commit({"b.md": "Two"})
    repository.git("checkout", "-q", "main")
    assert paths(connect()) == paths(connect(ref="v1")) == paths(connect(ref=first)) == ["a.md"]
    assert paths(connect(ref="feature/x")) == ["a.md", "b.md"]


@pytest.mark.parametrize("ref", ["-x", "--upload-pack=touch x", "a:b", "a b", "*", "", "a..b", "+main"])
def test_a_ref_is_no_option_and_no_refspec(repository, connect, ref):
    repository.commit({"a.md": "One"})
    assert refusal(connect(ref=ref).items).reason == Reason.UNREADABLE


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_texts_come_back_byte_for_byte(repository, connect, text):
    data = ("\ufeff" + text + "\r\nx\r").encode()
    repository.commit({"a.md": data})
    repository.git("commit", "-q", "--allow-empty", "-m", "next")
    (fields,) = documents(connect()).values()
    assert fields.text.encode() == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"a\0b", "binary"), (b"caf\xe9", "undecodable"), (b" \n", "empty"), (b"", "empty")],
)
def test_what_is_no_text_is_refused(data, reason):
    assert refusal(lambda: exact_text(data)).reason == reason


def test_notebooks_and_large_files_are_refused_unread(repository, connect):
    repository.commit({"a.ipynb": "{}", "b.md": b"x" * (MAX_BYTES + 1), "c.md": b"x" * MAX_BYTES})
    connector = connect()
    notebook, large, fits = connector.items()
    assert refusal(lambda: connector.fetch(notebook)).reason == Reason.WRONG_CONTENT_TYPE
    assert refusal(lambda: connector.fetch(large)).reason == Reason.TOO_LARGE
    assert len(connector.fetch(fits)) == MAX_BYTES


@pytest.mark.parametrize("mark", [None, "0" * 40, "--batch", "HEAD"])
def test_only_listed_blobs_are_fetched(repository, connect, mark):
    repository.commit({"a.md": "One"})
    connector = connect()
    connector.items()
    assert refusal(lambda: connector.fetch(Item("x#a.md", mark))).reason == Reason.GONE


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a/b",
        "ssh://git@example.org/a/b",
        "git@example.org:a/b",
        "git://example.org/a/b",
        "file:///etc",
        "ext::sh -c touch% /tmp/x",
        "-uext::sh",
        "--upload-pack=sh",
        "https://user:word@example.org/a/b",
        "https://user@example.org/a",
        "https://example.org/a?b",
        "https://example.org/a#b",
        "https://example.org./a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://0x7f.0.0.0x1/a",
        "https://localhost/a",
        "https://example.org\\@127.0.0.1/a",
        "https://exa%6dple.org/a",
        "https://example.org/a\nb",
        "relative/path",
    ],
)
def test_other_transports_and_odd_addresses_are_refused(connect, url):
    refused = refusal(connect(url=url, resolved=lambda url: "127.0.0.1").items)
    assert refused.reason == Reason.FORBIDDEN_ADDRESS


def test_a_private_host_is_refused_before_git_runs(connect, monkeypatch):
    def private(url):
        raise Refused(Reason.FORBIDDEN_ADDRESS, "a private address")

    monkeypatch.setenv("PATH", "/nowhere")
    assert refusal(connect(url="https://example.org/a", resolved=private).items).detail == "a private address"


def test_an_address_that_nobody_checked_is_refused(connect):
    assert refusal(connect(url="https://example.org/a").items).reason == Reason.FORBIDDEN_ADDRESS


def test_a_missing_git_is_named(repository, connect, monkeypatch):
    repository.commit({"a.md": "One"})
    monkeypatch.setenv("PATH", "/nowhere")
    refused = refusal(connect().items)
    assert (refused.reason, "install git" in refused.detail) == (Reason.NEEDS_EXTRA, True)


def test_a_source_that_is_away_leaves_what_is_known(repository, connect, tmp_path):
    repository.commit({"a.md": "One"})
    connector = connect()
    (item,) = connector.items()
    repository.path.rename(tmp_path / "moved")
    assert isinstance(refusal(connector.items), Unreachable)
    repository.path.mkdir()
    assert isinstance(refusal(connector.items), Unreachable)
    assert connector.fetch(item) == b"One"


def test_a_damaged_mirror_is_cloned_again(repository, connect, tmp_path):
    repository.commit({"a.md": "One", "b.md": "Two"})
    connector = connect()
    item, other = connector.items()
    (mirror,) = (path for path in (tmp_path / "mirrors").iterdir() if path.is_dir())
    for pack in [path for path in (mirror / "objects").rglob("*") if path.is_file()]:
        pack.chmod(0o644)
        pack.write_bytes(b"")
    assert connector.fetch(item) == b"One"
    shutil.rmtree(mirror / "refs")
    assert connector.items() == [item, other]
    (mirror / "HEAD").write_bytes(b"")
    assert connect().items() == [item, other]
    assert not list((tmp_path / "mirrors").glob("*.old")) + list((tmp_path / "mirrors").glob("*.new"))


def test_what_a_killed_clone_left_is_in_nobodys_way(repository, connect, tmp_path):
    repository.commit({"a.md": "One"})
    connect().items()
    (mirror,) = (path for path in (tmp_path / "mirrors").iterdir() if path.is_dir())
    mirror.rename(mirror.with_suffix(".new"))
    assert paths(connect()) == ["a.md"]


def test_a_rewritten_history_is_followed(repository, connect):
    repository.commit({"a.md": "One"})
    connect().items()
    repository.git("commit", "-q", "--amend", "-m", "other", "--date", "2019-01-01T00:00:00Z")
    repository.commit({"b.md": "Two"})
    assert paths(connect()) == ["a.md", "b.md"]


def test_nothing_of_the_machines_configuration_takes_part(repository, connect, tmp_path, monkeypatch):
    repository.commit({"a.md": "One"})
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {hook.parent}\n[url "/nowhere/"]\n\tinsteadOf = {tmp_path}/\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert paths(connect()) == ["a.md"]
    assert not (tmp_path / "ran").exists()


def test_a_clone_that_takes_too_long_is_ended_with_its_helpers(repository, connect, tmp_path, monkeypatch):
    repository.commit({"a.md": "One"})
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nsh -c 'echo $$ > {tmp_path}/helper; exec cat {tmp_path}/pipe'\n")
    program.chmod(0o755)
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(git_module, "TIMEOUT_SECONDS", 2)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    assert isinstance(refusal(connect().items), Unreachable)
    assert _ended(int((tmp_path / "helper").read_text()))


def _ended(process):
    """Whether a process is gone, or goes within ten seconds: a killed one ends when it is next run."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    watched = select.poll()
    watched.register(handle, select.POLLIN)
    ended = bool(watched.poll(10_000))
    os.close(handle)
    return ended


@pytest.fixture
def served(repository, tmp_path, monkeypatch):
    """The repository over https on loopback, under a name that only a pinned address leads to."""
    authority = trustme.CA()
    certificate = authority.issue_cert("repo.example.org")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if not self.path.startswith("/moved/"):
                return super().do_GET()
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.send_header("Content-Length", "0")
            return self.end_headers()

        def log_message(self, *arguments):
            pass

    handler = functools.partial(Handler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://repo.example.org:{server.server_port}"
    server.shutdown()
    server.server_close()


def _publish(repository):
    repository.commit({"docs/a b.md": "# One\n\nWords."})
    repository.git("clone", "-q", "--bare", ".", "../notes.git")
    repository.git("--git-dir=../notes.git", "update-server-info")


def test_an_https_repository_is_read_from_the_checked_address(repository, connect, served):
    _publish(repository)
    asked = []
    url = f"{served}/notes.git"
    found = documents(connect(url=url, resolved=lambda url: asked.append(url) or "127.0.0.1"))
    assert asked == [url]
    (fields,) = found.values()
    assert (fields.title, fields.platform, fields.author) == ("One", "repo.example.org", "Ada Example")
    assert fields.uri == f"{served}/notes/blob/HEAD/docs/a%20b.md"


def test_redirects_are_not_followed(repository, connect, served):
    _publish(repository)
    url = f"{served}/moved/notes.git"
    refused = refusal(connect(url=url, resolved=lambda url: "127.0.0.1").items)
    assert (type(refused), "302" in refused.detail) == (Unreachable, True)


def test_the_uri_of_a_hosted_file_is_its_page(connect):
    connector = connect(url="https://github.com/ada/notes.git", ref="main")
    (entry,) = connector.parse(Item("https://github.com/ada/notes.git#src/a.py", "0" * 40), b"x = 1\n")
    assert entry.identity == "https://github.com/ada/notes/blob/main/src/a.py"
