"""Training in a process of its own, started through Dagster Pipes.

    python -m llm_twin_assets.training.train PARENT

PARENT is the process id of whoever started it. The task comes in the Pipes extras: `kind` ("base_model" or
"fine_tuned_model"), `home`, the empty `folder` to fill, `threads`, and what each kind names below. Progress
goes back as log lines, the model's metadata as one custom message.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dagster_pipes import open_dagster_pipes

from llm_twin_assets.training.lifeline import die_with_parent

Tell = Callable[[str], None]


class ChangedMeanwhile(RuntimeError):
    """What was to be trained on is no longer what the run asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} changed while the training was starting: run it again")


def main() -> None:
    """Do the task that Pipes brings; exit with it when the parent dies."""
    die_with_parent(int(sys.argv[1]))
    with open_dagster_pipes() as pipes:
        pipes.report_custom_message(work(dict(pipes.extras), pipes.log.info))


def work(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Train what the task names into its folder; returns the model's metadata."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(task["threads"])
    return {"base_model": train_base, "fine_tuned_model": train_adapter}[task["kind"]](task, tell)


def train_base(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The bundled base model, from `documents` (the data version to read) with `tokens`."""
    from llm_twin_assets.training.figures import figures
    from llm_twin_assets.training.pretrain import pretrain
    from llm_twin_assets.training.sticky import training_texts
    from resources.store import Store

    store = Store(Path(task["home"]))
    documents = store.read("cleaned_documents")
    if store.version("cleaned_documents") != task["documents"]:
        raise ChangedMeanwhile("the documents")
    model, tokenizer, fit = pretrain(documents, task["tokens"], tell)
    model.save_pretrained(task["folder"])
    tokenizer.save_pretrained(task["folder"], save_jinja_files=False)
    size = {"parameters": model.num_parameters(), "vocabulary": len(tokenizer)}
    return figures(fit) | size | {"trained_on": training_texts(documents)}


def train_adapter(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A twin's adapter: from `rows` (their version), on `base` (version, location, revision), by `recipe`."""
    from llm_twin_assets.training.figures import figures
    from llm_twin_assets.training.loading import load_base
    from llm_twin_assets.training.lora import rows_version, save_adapter, training_rows, tune
    from resources.store import Store

    rows = training_rows(Store(Path(task["home"])).read("instruct_dataset", task["twin"]))
    if rows_version(rows) != task["rows"]:
        raise ChangedMeanwhile("the training rows")
    base, tokenizer = load_base(task["base"]["location"], task["base"]["revision"])
    model, fit = tune(base, tokenizer, rows, task["recipe"], tell)
    save_adapter(model, tokenizer, task["base"]["version"], Path(task["folder"]))
    return figures(fit) | {"rows": len(rows), "trained_on": sorted(set(rows["document_id"]))}


if __name__ == "__main__":
    main()
