"""A dataset in the form that other trainers read, and the way of it to a dataset hub."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from llm_twin_assets.contracts import SPLITS

if TYPE_CHECKING:
    from pydantic import SecretStr

HUB: Final = "https://huggingface.co"
# What the user's message is, of an instruction and the ids of its passages.
Asked = Callable[[str, list[str]], str]


def messages(rows: pd.DataFrame, split: str, asked: Asked | None = None) -> Iterator[str]:
    """One line of JSON for each row of a split: {"messages": [the user's, the assistant's]}.

    Rows with passages need `asked` to write their prompt, and are left out without it.
    """
    for row in rows[rows["split"] == split].fillna({"passages": ""}).to_dict("records"):
        passages = json.loads(row["passages"] or "[]")
        if passages and asked is None:
            continue
        user = asked(row["instruction"], passages) if asked and passages else row["instruction"]
        said = [{"role": "user", "content": user}, {"role": "assistant", "content": row["answer"]}]
        yield json.dumps({"messages": said}, ensure_ascii=False) + "\n"


def files(rows: pd.DataFrame, card: tuple[str, str], asked: Asked | None = None) -> dict[str, str]:
    """The files of an exported dataset, by name; `card` is its JSON and its Markdown."""
    lines = {f"data/{split}.jsonl": "".join(messages(rows, split, asked)) for split in SPLITS}
    return {name: text for name, text in lines.items() if text} | {
        "dataset_card.json": card[0],
        "README.md": card[1],
    }


def push(exported: dict[str, str], repository: str, token: "SecretStr", hub: str = HUB) -> str:
    """Put exported files into a dataset repository of a hub, in one commit; the commit's address.

    A repository that does not exist is made, and is private: an author's words leave this machine only
    because somebody asked for it. Raises huggingface_hub's HfHubHTTPError where the hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(endpoint=hub, token=token.get_secret_value())
    api.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
    operations: list[Any] = [
        CommitOperationAdd(name, text.encode()) for name, text in sorted(exported.items())
    ]
    done = api.create_commit(repository, operations, commit_message="Instruct dataset", repo_type="dataset")
    return str(done.commit_url)
