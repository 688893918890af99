"""What has not changed is not sent again, and what is forgotten leaves no copy."""

import re

import pytest

from tests.resources.fetch_server import HTML, failed, page, redirect, told, validated


def files(tmp_path):
    return list((tmp_path / "pages").glob("*"))


@pytest.mark.parametrize(
    "state", [{"etag": '"one"'}, {"modified": "Tue, 02 Jan 2024"}, {"etag": 'W/"a"', "modified": "Tue"}]
)
def test_what_has_not_changed_is_not_sent_again(make, site, state):
    state = {"body": b"words"} | state
    site.pages["/"] = validated(state)
    first = make().get(site.url(), HTML)
    assert make().get(site.url("/#part"), HTML) == first
    assert (site.count("/", 200), site.count("/", 304)) == (1, 1)
    state |= {name: f"{value}2" for name, value in state.items() if name != "body"} | {"body": b"new"}
    assert make().get(site.url(), HTML).body == b"new"
    assert make().get(site.url(), HTML).body == b"new"
    assert (site.count("/", 200), site.count("/", 304)) == (2, 2)


def test_a_copy_is_asked_about_where_it_came_from(make, site):
    site.pages |= {"/a": redirect("/b"), "/b": validated({"body": b"words", "etag": '"one"'})}
    first = make().get(site.url("/a"), HTML)
    assert make().get(site.url("/a"), HTML) == first
    assert first.url == site.url("/b")
    assert (site.count("/b", 200), site.count("/b", 304)) == (1, 1)
    assert all("If-None-Match" not in sent for path, sent in site.requests if path == "/a")
    site.pages |= {"/a": redirect("/c"), "/c": validated({"body": b"other", "etag": '"one"'})}
    assert make().get(site.url("/a"), HTML).body == b"other"


def test_a_copy_of_another_type_is_refused_too(make, site):
    site.pages["/"] = validated({"body": b"words", "etag": '"one"'})
    make().get(site.url(), HTML)
    assert failed(make(), site.url(), {"text/plain"}).reason == "wrong_content_type"


def test_a_copy_is_forgotten(make, site, tmp_path):
    site.pages["/"] = validated({"body": b"words", "etag": '"one"'})
    assert make().forget(site.url()) is False
    make().get(site.url(), HTML)
    assert len(files(tmp_path)) == 1
    assert make().forget(site.url("/#part")) is True
    assert files(tmp_path) == []
    make().get(site.url(), HTML)
    assert site.count("/", 200) == 2


def test_a_copy_is_forgotten_by_the_address_where_it_stood_too(make, site, tmp_path):
    site.pages |= {"/a": redirect("/b"), "/b": validated({"body": b"words", "etag": '"one"'})}
    site.pages["/c"] = site.pages["/b"]
    for path in ("/a", "/b", "/c"):
        make().get(site.url(path), HTML)
    (tmp_path / "pages" / "strange").write_bytes(b"not\nours")
    assert make().forget(site.url("/d")) is False
    assert make().forget(site.url("/b")) is True
    assert len(files(tmp_path)) == 2
    assert make().forget(site.url("/a")) is False
    assert make().forget(site.url("/c")) is True


def test_what_is_never_fetched_has_no_copy_to_forget(make):
    assert make().forget("file:notes/a.md") is False


def test_a_page_that_is_gone_leaves_no_copy(make, site, tmp_path):
    site.pages["/"] = validated({"body": b"words", "etag": '"one"'})
    make().get(site.url(), HTML)
    site.pages["/"] = page(b"", 503)
    failed(make(), site.url())
    assert len(files(tmp_path)) == 1
    site.pages["/"] = page(b"", 410)
    failed(make(), site.url())
    assert files(tmp_path) == []


def test_a_page_without_validators_leaves_no_copy(make, site, tmp_path):
    state = {"body": b"words", "etag": '"one"'}
    site.pages["/"] = validated(state)
    make().get(site.url(), HTML)
    state["etag"] = None
    make().get(site.url(), HTML)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:20],
        lambda data: b"",
        lambda data: data.replace(b"words", b"swords"),
        lambda data: b"[]\n" + data,
        lambda data: b"null\nwords",
        lambda data: re.sub(rb'"url": "[^"]*", ', b"", data),
        lambda data: data.replace(b'"address": "http:', b'"address": "https:'),
    ],
)
def test_a_damaged_copy_is_no_copy(make, site, tmp_path, damage):
    site.pages["/"] = validated({"body": b"words", "etag": '"one"'})
    first = make().get(site.url(), HTML)
    (file,) = files(tmp_path)
    assert damage(file.read_bytes()) != file.read_bytes()
    file.write_bytes(damage(file.read_bytes()))
    assert make().get(site.url(), HTML) == first
    assert (site.count("/", 200), site.count("/", 304)) == (2, 0)


def test_a_304_for_nothing_is_asked_again_without_condition(make, site):
    answers = [page(b"", 304), page(b"words")]
    site.pages["/"] = lambda request: answers.pop(0)(request)
    assert make().get(site.url(), HTML).body == b"words"
    site.pages["/"] = page(b"", 304)
    assert told(failed(make(), site.url())) == ("unreachable", True)
