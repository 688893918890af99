import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.jsonl import jsonl_entries
from llm_twin_assets.sources.reading import MAX_BYTES, Refused

LINE = {"text": "Words about tides."}


def read(*lines, author="Ada Example", name="notes.jsonl"):
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return jsonl_entries(name, "\n".join(written).encode("utf-8", "surrogatepass"), author)


def refusal(entry):
    with pytest.raises(Refused) as caught:
        entry.parse()
    return caught.value


def test_a_line_names_everything():
    known = {
        "title": "On  Tides",
        "author": "Grace",
        "url": "https://example.org/a",
        "date": "2024-03-27T10:00:00Z",
        "kind": "post",
        "platform": "blog",
        "language": "en",
        "likes": 7,
    }
    (entry,) = read(LINE | known)
    fields = entry.parse()
    assert (fields.title, fields.author, fields.kind, fields.platform) == (
        "On Tides",
        "Grace",
        "post",
        "blog",
    )
    assert (fields.published_at, fields.language) == ("2024-03-27", "en")
    assert entry.identity == fields.uri == entry.label == "https://example.org/a"


def test_a_line_may_hold_only_text():
    (entry,) = read(LINE)
    fields = entry.parse()
    assert (fields.text, fields.author, fields.title) == (LINE["text"], "Ada Example", LINE["text"])
    assert (fields.kind, fields.platform, fields.published_at) == ("article", "jsonl", None)


@pytest.mark.parametrize(
    ("text", "title"),
    [("Intro\n\n# The *first*\n", "The first"), ("word " * 40, "word " * 15 + "…"), ("One\ntwo", "One")],
)
def test_the_title_is_the_first_heading_or_line(text, title):
    (entry,) = read({"text": text})
    assert entry.parse().title == title


@pytest.mark.parametrize("own", [7, "seven"])
def test_a_lines_own_id_stays_its_name_when_its_text_changes(own):
    before, after = read(LINE | {"id": own}, {"text": "Changed.", "id": own})
    assert before.identity == after.identity == after.parse().uri == f"file:notes.jsonl#{own}"


def test_uri_stands_for_url():
    (entry,) = read(LINE | {"url": None, "uri": " urn:x:1 "})
    assert entry.identity == entry.parse().uri == "urn:x:1"


def test_blank_lines_marks_and_other_line_ends_are_no_lines():
    data = b"\xef\xbb\xbf\r\n" + json.dumps(LINE).encode() + b"\r\n  \n\n" + b'{"text": "a\\r\\nb"}\n'
    first, second = jsonl_entries("x.jsonl", data, "Ada")
    assert first.parse().text == LINE["text"]
    assert second.parse().text == "a\nb"
    assert jsonl_entries("x.jsonl", b"", "Ada") == []


@pytest.mark.parametrize(
    ("line", "reason", "mend"),
    [
        ("{", "broken_item", "not JSON"),
        ("[" * 100_000, "broken_item", "not JSON"),
        ('{"text": ' + "9" * 5000 + "}", "broken_item", "not JSON"),
        ("3", "broken_item", "write an object"),
        ("[]", "broken_item", "write an object"),
        ({"title": "A"}, "broken_item", "text: add this field"),
        ({"text": 3}, "broken_item", "text: write text here, not int"),
        ({"text": " \n"}, "empty", "text: fill it"),
        (LINE | {"title": ["a"]}, "broken_item", "title: write text here, not list"),
        (LINE | {"url": 3}, "broken_item", "url: write text here"),
        (LINE | {"date": "soon"}, "broken_item", "write it as 2024-03-27"),
        (LINE | {"date": 2024}, "broken_item", "date: write text here"),
    ],
)
def test_a_bad_line_costs_itself(line, reason, mend):
    good, bad, last = read(LINE, line, {"text": "Other words."})
    refused = refusal(bad)
    assert refused.reason == reason
    assert mend in refused.detail
    assert "line 2" in refused.detail
    assert [good.parse().text, last.parse().text] == [LINE["text"], "Other words."]


def test_bytes_that_are_no_text_cost_their_line():
    bad, good = jsonl_entries("x.jsonl", b'{"text": "caf\xe9"}\n{"text": "Words."}', "Ada")
    assert refusal(bad).reason == Reason.BROKEN_ITEM
    assert bad.label == "x.jsonl:1"
    assert good.parse().text == "Words."


def test_half_of_a_surrogate_pair_has_an_identity():
    (entry,) = read('{"text": "half \\ud83d"}')
    assert entry.identity


def test_a_file_in_utf16_is_refused_as_one():
    with pytest.raises(Refused) as caught:
        jsonl_entries("x.jsonl", json.dumps(LINE).encode("utf-16"), "Ada")
    assert caught.value.reason == Reason.UNDECODABLE


def test_a_line_above_the_limit_costs_itself():
    large, good = read({"text": "x" * MAX_BYTES}, LINE)
    assert refusal(large).reason == Reason.TOO_LARGE
    assert good.parse().text == LINE["text"]


def test_without_any_author_a_line_is_refused():
    (entry,) = read(LINE, author=None)
    assert refusal(entry).reason == Reason.NO_AUTHOR


def test_the_hash_follows_the_line_and_the_declared_author():
    (one,), (other,), (same,) = read(LINE), read(LINE, author="Grace"), read(LINE)
    (changed,) = read(LINE | {"id": 1, "title": "New"})
    assert one.source_hash == same.source_hash
    assert len({one.source_hash, other.source_hash, changed.source_hash}) == 3


_ITEMS = st.lists(
    st.fixed_dictionaries(
        {"text": st.text(min_size=1)}, optional={"id": st.integers() | st.text(), "url": st.text(min_size=1)}
    ),
    max_size=6,
)


@given(_ITEMS, st.data())
def test_a_line_put_between_renames_no_other(items, data):
    place = data.draw(st.integers(0, len(items)))
    before = [entry.identity for entry in read(*items)]
    after = [entry.identity for entry in read(*items[:place], {"text": "New."}, *items[place:])]
    assert after[:place] + after[place + 1 :] == before
    assert None not in before
