"""Two processes under a launcher train one adapter: each sees half of the batches, the first one speaks."""

import os
import sys

import dagster as dg
import pytest

from llm_twin_assets.pipes import WholeMessages
from llm_twin_assets.training import lora
from resources.store import Table
from tests.llm_twin_assets.training import small

pytestmark = pytest.mark.slow
HOW = lora.recipe(True, 1)
COMMAND = [
    sys.executable,
    *("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"),
    *("-m", "llm_twin_assets.training.train", str(os.getpid())),
]


def test_two_processes_train_one_adapter(store, tiny, tokenizer, tmp_path):
    table = small.rows(small.documents("train", "train"))
    store.materialize("instruct_dataset", "test", lambda: Table(table), "ada")
    tiny.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base", save_jinja_files=False)
    rows = [lora.rows_version(lora.training_rows(table, HOW, split)) for split in ("train", "validation")]
    task = {
        "kind": "fine_tuned_model",
        "home": str(store.home),
        "twin": "ada",
        "rows": rows,
        "base": {"version": "base", "location": str(tmp_path / "base"), "revision": ""},
        "recipe": lora.recipe(True, 1),
        "threads": 1,
        "folder": str(tmp_path / "adapter"),
        "checkpoints": str(tmp_path / "checkpoints"),
    }
    told = []

    @dg.asset
    def launched(context: dg.AssetExecutionContext, pipes: dg.ResourceParam[dg.PipesSubprocessClient]):
        done = pipes.run(command=COMMAND, context=context, extras=task)
        told.extend(done.get_custom_messages())
        return done.get_materialize_result()

    done = dg.materialize(
        [launched], resources={"pipes": dg.PipesSubprocessClient(message_reader=WholeMessages())}
    )
    assert done.success
    (metadata,) = told
    assert metadata["processes"] == 2
    alone = lora._steps(
        [len(window.ids) for window in lora._windows(tokenizer, lora.training_rows(table, HOW), 64)],
        task["recipe"],
        64,
    )
    assert metadata["steps"] == -(-len(alone.batches) // 2)
    assert metadata["final_loss"] < metadata["first_loss"]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
