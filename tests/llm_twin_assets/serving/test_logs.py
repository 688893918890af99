"""The server's log: lines that a program can read, with the trace they are about, and never a secret."""

import contextlib
import contextvars
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from llm_twin_assets.serving import logs
from resources import masking
from resources.api_keys import ApiKeys
from resources.settings import Settings

log = logging.getLogger("tests.logs")


@contextlib.contextmanager
def configured(*hidden):
    """A log of this process's own; what was there before is put back."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        logs.configure(stream := io.StringIO(), hidden)
        yield stream
    finally:
        root.handlers, root.level = handlers, level
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(False)


@pytest.fixture
def stream():
    with configured() as stream:
        yield stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_how_bad_who_and_what(stream):
    log.warning("port %s is taken", 8010)
    [line] = lines(stream)
    assert list(line) == ["time", "level", "logger", "message"]
    assert (line["level"], line["logger"], line["message"]) == ("warning", "tests.logs", "port 8010 is taken")
    written = datetime.fromisoformat(line["time"])
    assert written.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


def test_libraries_and_uvicorn_write_the_same_lines(stream, monkeypatch):
    import uvicorn

    # A server that another test ran in this process has kept its records to itself.
    for name in ("uvicorn", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    uvicorn.Config(lambda: None, log_config=None, log_level="info")
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "\x1b[1mStarted"})
    logging.getLogger("some.library").debug("not this one")
    warnings.warn("an old way", stacklevel=1)
    told = {line["logger"]: line for line in lines(stream)}
    first, second = told["uvicorn.error"], told["py.warnings"]
    assert "some.library" not in told
    assert (first["logger"], first["message"], "color_message" in first) == (
        "uvicorn.error",
        "Started",
        False,
    )
    assert "an old way" in second["message"]


def test_an_exception_is_a_field_and_its_cause_too(stream):
    key = "known only here"
    try:
        try:
            {}[key[:0]]
        except KeyError as error:
            raise ValueError("no such twin") from error
    except ValueError:
        log.exception("it failed")
    [line] = lines(stream)
    outer, inner = line["exception"]
    assert (outer["exc_type"], outer["exc_value"], inner["exc_type"]) == (
        "ValueError",
        "no such twin",
        "KeyError",
    )
    assert outer["frames"][-1]["name"] == "test_an_exception_is_a_field_and_its_cause_too"
    assert key not in stream.getvalue()


@given(st.text())
def test_whatever_is_written_is_one_line(text):
    with configured() as stream:
        log.info("%s", text)
        [line] = stream.getvalue().split("\n")[:-1]
    assert len(line.splitlines()) == 1
    assert json.loads(line)["level"] == "info"


def test_half_a_character_is_no_obstacle():
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with configured() as stream:
        logs.configure(written)
        log.info("half \ud800 and “whole”")
        written.seek(0)
        assert json.loads(written.read())["message"] == "half \ud800 and “whole”"
    assert stream.getvalue() == ""


def test_the_trace_is_named_while_it_is_bound(stream):
    log.info("before")
    with logs.bound("t1"):
        log.info("during")
        with logs.bound("t2"):
            log.info("inside")
        log.info("again")
    log.info("after")
    assert [line.get("trace_id") for line in lines(stream)] == [None, "t1", "t2", "t1", None]


def test_the_trace_is_named_where_something_fails(stream):
    with contextlib.suppress(OSError), logs.bound("t1"):
        raise OSError
    log.info("after")
    assert "trace_id" not in lines(stream)[0]


def test_threads_of_a_copied_context_name_the_trace_and_others_do_not(stream):
    with ThreadPoolExecutor(4) as threads:
        done = []
        for number in range(8):
            with logs.bound(f"t{number}"):
                done.append(threads.submit(contextvars.copy_context().run, log.info, "%s", number))
                done.append(threads.submit(log.info, "other"))
        for one in done:
            one.result()
    said = {line["message"]: line.get("trace_id") for line in lines(stream)}
    assert said == {str(number): f"t{number}" for number in range(8)} | {"other": None}


KEY = "ltk_AbC-123_xyz"
SECRETS = [
    (f"Authorization: Bearer {KEY}", KEY),
    ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("Proxy-Authorization: plain-secret", "plain-secret"),
    (f"the key {KEY} is not known", KEY),
    (f"url?key={KEY}&x=1", "AbC-123"),
    ("{'Authorization': 'Bearer abc.def.ghi'}", "abc.def.ghi"),
    ('{"authorization":"Token abc.def.ghi"}', "abc.def.ghi"),
    ("[(b'authorization', b'Bearer abc.def.ghi')]", "abc.def.ghi"),
    ("Headers({'x-api-key': 'abc-def', 'host': 'h'})", "abc-def"),
    ("api_key=abc-def", "abc-def"),
    ("sent bearer abcdefghijkl to it", "abcdefghijkl"),
    ("cannot reach https://user:pass%20word@host/path", "pass%20word"),
    ("cannot reach redis://:hunter2@host:6379", "hunter2"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_masked_wherever_they_stand(stream, text, secret):
    log.info(text)
    log.info("%s and %r", text, {"deep": [text]})
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("it failed")
    assert secret not in stream.getvalue()
    assert stream.getvalue().count(masking.MASK) >= 3
    assert "host" not in text or "host" in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "the authorization of the run",
        "a bearer of news",
        "https://example.org:8010/a@b",
        "12:30 user@example.org",
        "the api key is missing",
    ],
)
def test_other_words_are_left_alone(stream, text):
    log.info(text)
    assert lines(stream)[0]["message"] == text


def test_a_real_key_is_never_written(stream, tmp_path):
    _, secret = ApiKeys(tmp_path).create("somebody")
    log.info("asked with %s", secret)
    log.info("asked with %s", {"headers": [("authorization", f"Bearer {secret}")]})
    assert secret[4:] not in stream.getvalue()


def test_what_the_settings_keep_secret_is_never_written(monkeypatch):
    monkeypatch.setenv("LLM_TWIN_TEACHER_API_KEY", "sk.(odd)+secret")
    monkeypatch.setenv("QDRANT_API_KEY", "sk.(odd)")
    hidden = masking.secrets_of(Settings())
    assert set(hidden) == {"sk.(odd)+secret", "sk.(odd)"}
    with configured(*hidden) as stream:
        log.info("sk.(odd) and sk.(odd)+secret, but not skxodd")
        assert lines(stream)[0]["message"] == "*** and ***, but not skxodd"


def test_an_empty_secret_masks_nothing():
    class Mine(BaseSettings):
        key: SecretStr = SecretStr("")
        name: str = "open"

    assert masking.secrets_of(Mine()) == [""]
    with configured(*masking.secrets_of(Mine())) as stream:
        log.info("open")
        assert lines(stream)[0]["message"] == "open"


def test_a_line_that_cannot_be_made_is_said_without_its_arguments(capsys):
    with configured() as stream:
        log.info("%d", f"Authorization: Bearer {KEY}")
        log.info("and on")
        first, second = lines(stream)
    assert "test_logs.py" in first["message"]
    assert first["message"].endswith("cannot be written: TypeError")
    assert second["message"] == "and on"
    assert KEY not in stream.getvalue() + capsys.readouterr().err


PROGRAM = """
import sys, threading
from llm_twin_assets.serving import logs
logs.configure()
def fail(where):
    raise OSError(f"ltk_abc in {where}")
thread = threading.Thread(target=fail, args=["a thread"], name="follow")
thread.start()
thread.join()
fail("the end")
"""


def test_what_nobody_caught_is_a_line_too():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    first, second = [json.loads(line) for line in done.stderr.splitlines()]
    assert (first["level"], first["message"]) == ("critical", "thread follow ended")
    assert first["exception"][0]["exc_value"] == "ltk_*** in a thread"
    assert (second["message"], second["exception"][0]["exc_value"]) == (
        "the process ends",
        "ltk_*** in the end",
    )
    assert (done.returncode, done.stdout) == (1, "")
