"""What must be true of a dataset before a model learns from it."""

from typing import Any

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.store import Store


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def answers_stand_in_their_documents(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """Every answer is its document's cleaned text at the row's offsets."""
    texts = store.read("cleaned_documents").set_index("document_id")["text"]
    rows = store.read("instruct_dataset", context.partition_key)
    columns = zip(
        rows["row_id"], rows["document_id"], rows["start"], rows["end"], rows["answer"], strict=True
    )
    wrong = [
        row for row, document, start, end, answer in columns if texts.get(document, "")[start:end] != answer
    ]
    return dg.AssetCheckResult(passed=not wrong, metadata={"rows": len(rows), "wrong": wrong[:20]})


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def splits_are_their_documents(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """Every row's split is its document's, so no document stands on both sides."""
    splits = store.read("cleaned_documents").set_index("document_id")["split"]
    rows = store.read("instruct_dataset", context.partition_key)
    wrong = rows[rows["document_id"].map(splits) != rows["split"]]
    return dg.AssetCheckResult(passed=wrong.empty, metadata={"wrong": wrong["row_id"].tolist()[:20]})


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def no_row_is_withheld(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """No answer is from a document that is kept for retrieval only: a guest's, a copy, source code."""
    documents = store.read("cleaned_documents")
    withheld = documents[documents["withheld"].notna()].set_index("document_id")["withheld"]
    rows = store.read("instruct_dataset", context.partition_key)
    wrong = rows[rows["document_id"].isin(withheld.index)]
    metadata: dict[str, Any] = {"withheld_documents": len(withheld), "wrong": wrong["row_id"].tolist()[:20]}
    return dg.AssetCheckResult(passed=wrong.empty, metadata=metadata)


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def there_is_a_training_row(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """At least one row is there to learn from."""
    rows = store.read("instruct_dataset", context.partition_key)
    count = int((rows["split"] == "train").sum())
    mend = "add documents of the author with sections of 60 words and more"
    return dg.AssetCheckResult(
        passed=count > 0, description=None if count else mend, metadata={"train_rows": count}
    )
