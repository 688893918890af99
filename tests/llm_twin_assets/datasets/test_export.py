"""Export: one line of messages a row, and one commit to a hub that stands on loopback."""

import base64
import json

import pytest
from huggingface_hub.errors import HfHubHTTPError
from pydantic import SecretStr

from llm_twin_assets.datasets.export import files, messages, push
from llm_twin_assets.datasets.instruct import instruct_rows
from tests.llm_twin_assets.datasets.conftest import passage
from tests.llm_twin_assets.hub import COMMIT

ADA = "Ada Moor"
TOKEN = "hf_" + "look" * 6


@pytest.fixture
def rows(documents):
    found = documents((ADA, "train", passage(1)), (ADA, "test", f"“{passage(2)}”"))
    rows = instruct_rows(found, "ada", ADA).rows
    rows.loc[0, "passages"] = '["one", "two"]'
    return rows


def test_a_line_is_the_question_and_the_authors_answer(rows):
    test = rows[rows["split"] == "test"]
    said = [json.loads(line)["messages"] for line in messages(rows, "test")]
    assert [[one["role"] for one in pair] for pair in said] == [["user", "assistant"]] * len(test)
    assert [pair[0]["content"] for pair in said] == list(test["instruction"])
    assert [pair[1]["content"] for pair in said] == list(test["answer"])
    assert "“" in "".join(messages(rows, "test"))


def test_a_row_with_passages_goes_out_with_its_prompt_or_not_at_all(rows):
    train = rows[rows["split"] == "train"]
    assert len(list(messages(rows, "train"))) == len(train) - 1
    lines = list(messages(rows, "train", lambda asked, passages: f"{passages} {asked}"))
    contents = [json.loads(line)["messages"][0]["content"] for line in lines]
    assert contents == [f"['one', 'two'] {train['instruction'].iloc[0]}", *train["instruction"].iloc[1:]]


def test_there_is_a_file_for_each_split_with_rows_and_the_card(rows):
    found = files(rows, ("{}", "# Card"))
    assert sorted(found) == ["README.md", "data/test.jsonl", "data/train.jsonl", "dataset_card.json"]
    assert found["data/test.jsonl"] == "".join(messages(rows, "test"))


def test_a_push_makes_a_private_repository_and_one_commit_of_all_files(hub, rows):
    exported = files(rows, ("{}", "# Card"))
    assert push(exported, "ada/voice", SecretStr(TOKEN), hub.url) == COMMIT
    paths = [path for path, *_ in hub.calls]
    assert [paths[0], paths[-1]] == ["/api/repos/create", "/api/datasets/ada/voice/commit/main"]
    made = json.loads(hub.calls[0][1])
    assert (made["name"], made["organization"], made["type"], made["visibility"]) == (
        "voice",
        "ada",
        "dataset",
        "private",
    )
    lines = [json.loads(line) for line in hub.calls[-1][1].splitlines()]
    sent = {line["value"]["path"]: line["value"] for line in lines if line["key"] == "file"}
    assert {path: base64.b64decode(one["content"]).decode() for path, one in sent.items()} == exported
    assert {key for *_, key in hub.calls} == {f"Bearer {TOKEN}"}


def test_a_refusal_is_an_error_and_does_not_show_the_token(hub, rows):
    hub.answer = lambda path, body: (403, {"error": "no"})
    with pytest.raises(HfHubHTTPError) as caught:
        push(files(rows, ("{}", "# Card")), "ada/voice", SecretStr(TOKEN), hub.url)
    assert TOKEN not in str(caught.value)
    assert len(hub.calls) == 1
