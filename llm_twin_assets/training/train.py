"""Training in a process of its own, started through Dagster Pipes.

    python -m llm_twin_assets.training.train PARENT

PARENT is the process id of whoever started it. The task comes in the Pipes extras: `kind` ("base_model",
"fine_tuned_model" or "aligned_model"), `home` with its `scratch`, the empty `folder` to fill, `threads`, and
what each kind names below. Progress goes back as log lines, the model's metadata as one custom message.

Under `accelerate launch` there are several such processes: all train, only the first speaks and writes.
"""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_pipes import PipesDefaultContextLoader, PipesEnvVarParamsLoader, open_dagster_pipes

from llm_twin_assets.training.lifeline import die_with, die_with_parent

if TYPE_CHECKING:
    from resources.store import Store

Tell = Callable[[str], None]


class ChangedMeanwhile(RuntimeError):
    """What was to be trained on is no longer what the run asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} changed while the training was starting: run it again")


def main() -> None:
    """Do the task that Pipes brings; exit with it when the parent dies."""
    parent = int(sys.argv[1])
    if "LOCAL_RANK" in os.environ:
        die_with_parent(os.getppid())
        die_with(parent)
    else:
        die_with_parent(parent)
    if _is_first():
        with open_dagster_pipes() as pipes:
            pipes.report_custom_message(work(dict(pipes.extras), pipes.log.info))
    else:
        work(_told(), lambda line: None)


def _is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _told() -> dict[str, Any]:
    """The task, read without opening the channel on which messages go back."""
    params = PipesEnvVarParamsLoader().load_context_params()  # type: ignore[no-untyped-call]
    with PipesDefaultContextLoader().load_context(params) as data:
        return dict(data["extras"] or {})


def work(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Train what the task names into its folder; returns the model's metadata."""
    import torch
    from datasets import disable_progress_bars
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    disable_progress_bars()
    os.environ["TQDM_DISABLE"] = "1"
    torch.set_num_threads(task["threads"])
    kinds = {"base_model": train_base, "fine_tuned_model": train_adapter, "aligned_model": align_adapter}
    return kinds[task["kind"]](task, tell)


def train_base(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The bundled base model, from `documents` (the data version to read) with `tokens`."""
    from llm_twin_assets.training.figures import figures
    from llm_twin_assets.training.pretrain import pretrain
    from llm_twin_assets.training.sticky import training_texts

    store = _store(task)
    documents = store.read("cleaned_documents")
    if store.version("cleaned_documents") != task["documents"]:
        raise ChangedMeanwhile("the documents")
    model, tokenizer, fit = pretrain(documents, task["tokens"], tell)
    model.save_pretrained(task["folder"])
    tokenizer.save_pretrained(task["folder"], save_jinja_files=False)
    size = {"parameters": model.num_parameters(), "vocabulary": len(tokenizer)}
    return figures(fit) | size | {"trained_on": training_texts(documents)}


def train_adapter(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A twin's adapter: from `rows` (their version), on `base` (version, location, revision), by `recipe`.

    Goes on from what stands in `checkpoints`.
    """
    from llm_twin_assets.training.lora import rows_version, training_rows, tune, window_of, with_passages

    store, how = _store(task), task["recipe"]
    table = store.read("instruct_dataset", task["twin"])
    rows, validation = training_rows(table, how), training_rows(table, how, "validation")
    if [rows_version(rows), rows_version(validation)] != task["rows"]:
        raise ChangedMeanwhile("the training rows")
    base, tokenizer = _base(task)
    if how["passages"]:
        rows = with_passages(rows, store.read("cleaned_chunks"), tokenizer, window_of(base))
    places = Path(task["checkpoints"])
    model, fit = tune(base, tokenizer, rows, how, tell, validation, places)
    counts = {"rows": len(rows), "validation_rows": len(validation)}
    return _kept(model, tokenizer, fit, task) | counts | {"trained_on": _names(rows["document_id"])}


def align_adapter(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A twin's adapter trained on: from `pairs` (their version) and the folder `adapter`, by `recipe`.

    `learned` are the documents that the adapter was trained on before. Goes on from `checkpoints`.
    """
    from llm_twin_assets.training.dpo import align, pairs_version, training_pairs

    table = _store(task).read("preference_dataset", task["twin"])
    how = task["recipe"]
    pairs, validation = training_pairs(table, how), training_pairs(table, how, "validation")
    if [pairs_version(pairs), pairs_version(validation)] != task["pairs"]:
        raise ChangedMeanwhile("the preference rows")
    base, tokenizer = _base(task)
    places = Path(task["checkpoints"])
    model, fit = align(base, task["adapter"], tokenizer, pairs, how, tell, validation, places)
    names = _names(pairs["document_id"], pairs["rejected_document_id"].dropna(), task["learned"])
    counts = {"pairs": len(pairs), "validation_pairs": len(validation)}
    return _kept(model, tokenizer, fit, task) | counts | {"trained_on": names}


def _store(task: dict[str, Any]) -> "Store":
    from resources.places import place
    from resources.store import Store

    scratch = task.get("scratch")
    return Store(place(task["home"], Path(scratch) if scratch else None))


def _base(task: dict[str, Any]) -> tuple[Any, Any]:
    from llm_twin_assets.training.loading import load_base
    from llm_twin_assets.training.precision import weights_format

    held = weights_format(task["recipe"]["quantized"])
    return load_base(task["base"]["location"], task["base"]["revision"], **held)


def _kept(model: Any, tokenizer: Any, fit: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The figures; the first process writes the adapter."""
    from llm_twin_assets.training.figures import figures
    from llm_twin_assets.training.lora import save_adapter

    if _is_first():
        save_adapter(model, tokenizer, task["base"]["version"], Path(task["folder"]), fit.weights)
    return figures(fit)


def _names(*columns: Any) -> list[str]:
    return sorted({str(name) for column in columns for name in column})


if __name__ == "__main__":
    main()
