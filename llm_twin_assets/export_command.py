"""`llm-twin export`: a twin's training data for another trainer, as files or in a dataset repository."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from pydantic import SecretStr

from llm_twin_assets.terminal import AS_JSON, known, refuse
from resources.settings import Settings
from resources.twins import Twins

if TYPE_CHECKING:
    from llm_twin_assets.datasets.export import Asked
    from resources.store import Store

# The hub's own variables.
TOKEN: Final = "HF_TOKEN"
ENDPOINT: Final = "HF_ENDPOINT"


@click.command()
@click.argument("twin")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="A folder to write the files into.")
@click.option(
    "--push", "repository", help=f"USER/NAME on Hugging Face, private where it is new; needs {TOKEN}."
)
@AS_JSON
@click.pass_obj
def export(
    setup: tuple[Settings, Twins], twin: str, folder: Path | None, repository: str | None, as_json: bool
) -> None:
    """Give TWIN's instruct dataset away as messages, with its card: into a folder, or to a hub."""
    settings, twins = setup
    if folder is None and repository is None:
        refuse("say where to: --to FOLDER, --push USER/NAME, or both")
    token = os.environ.get(TOKEN, "")
    if repository and not token:
        refuse(f"--push needs a token that may write: set {TOKEN}")
    made = _made(settings, known(twins, twin))
    told: dict[str, object] = {"files": sorted(made)}
    if folder:
        told["folder"] = str(_written(made, folder))
    if repository:
        told["commit"] = _pushed(made, repository, SecretStr(token))
    lines = "\n".join(str(told[name]) for name in ("folder", "commit") if name in told)
    click.echo(json.dumps(told, indent=1) if as_json else lines)


def _made(settings: Settings, twin: str) -> dict[str, str]:
    """The files by name; ends the command where there is no dataset."""
    from llm_twin_assets.datasets.export import files
    from resources.files import fetched
    from resources.store import Store

    store = Store(settings.home)
    folder = store.folder("instruct_dataset", twin)
    card = [fetched(folder / name) for name in ("dataset_card.json", "README.md")]
    if card[0] is None or card[1] is None:
        refuse(f"{twin} has no instruct dataset yet: `llm-twin run --twin {twin}` makes it", 1)
    texts = (card[0].read_text(), card[1].read_text())
    return files(store.read("instruct_dataset", twin), texts, _asking(store))


def _asking(store: "Store") -> "Asked":
    """Writes the prompt of a row with passages as serving does, however long it is."""
    from llm_twin_assets.training.prompt import PROMPT, written

    chunks = store.read("cleaned_chunks").set_index("chunk_id")[["title", "text"]]

    def asked(instruction: str, ids: list[str]) -> str:
        passages = [
            (str(chunks.at[one, "title"]), str(chunks.at[one, "text"])) for one in ids if one in chunks.index
        ]
        return written(PROMPT, instruction, passages, lambda _: True)[0]

    return asked


def _written(made: dict[str, str], folder: Path) -> Path:
    """Write the files; what lies there under other names stays."""
    from resources.files import replacing

    try:
        for name, text in made.items():
            with replacing(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        refuse(f"--to {folder}: {error.strerror or error}", 1)
    return folder.absolute()


def _pushed(made: dict[str, str], repository: str, token: SecretStr) -> str:
    from httpx2 import HTTPError
    from huggingface_hub.errors import HFValidationError

    from llm_twin_assets.datasets.export import HUB, push

    try:
        return push(made, repository, token, os.environ.get(ENDPOINT, HUB))
    except (HTTPError, HFValidationError, OSError) as error:
        refuse(f"--push {repository}: {error}", 1)
