"""Addresses in any form, and messages without secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.openai_server import excerpt, headers, host, versioned


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "/v1/chat/completions", " "])
def test_an_address_has_one_form(tail):
    assert versioned(f"http://gpu:8000{tail}") == "http://gpu:8000/v1"


def test_another_version_and_a_path_before_it_stay():
    assert versioned("https://one.example/proxy") == "https://one.example/proxy/v1"
    assert versioned("https://one.example/v1beta/openai/") == "https://one.example/v1beta/openai"


def test_a_host_is_named_without_its_password():
    assert host("http://ada:secret@gpu:8000/v1") == "gpu:8000"
    assert host("gpu") == "an address without a host"
    assert host("http://[::1") == "an address that is none"


@given(st.text(min_size=3, max_size=20).filter(str.strip), st.text(), st.text())
def test_an_excerpt_is_short_and_holds_no_key(key, before, after):
    assert len(excerpt(before + key + after, key)) <= 200
    # Where the key stands only once, it is gone.
    if (before + after + "***").count(key) == 0 and key not in before + "***" + after:
        assert key not in excerpt(before + key + after, key)


def test_a_key_that_no_header_can_hold_is_named_by_its_setting_and_not_shown():
    assert "Authorization" not in headers("", "THE_KEY")
    assert headers("sk-1", "THE_KEY")["Authorization"] == "Bearer sk-1"
    for key in ("sk-\n1", "sk-ü"):
        with pytest.raises(ValueError, match="THE_KEY") as caught:
            headers(key, "THE_KEY")
        assert key not in str(caught.value)
