"""What must be true of a dataset before a model learns from it."""

from typing import Any

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins


@dg.asset_check(asset="accepted_feedback", blocking=True, partitions_def=TWIN)
def accepted_feedback_is_fit_to_learn_from(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.AssetCheckResult:
    """Every row is the author's span, of a noted request, and holds nothing private or evaluated with."""
    from llm_twin_assets.datasets.accepted_feedback import Batches
    from llm_twin_assets.datasets.feedback_faults import feedback_faults, standard_of, told

    twin, rows = twins.twin(context.partition_key), store.read("accepted_feedback", context.partition_key)
    noted = Batches(store, twin.name).traces()
    found = feedback_faults(rows, standard_of(store, settings, twins, twin, noted)) if len(rows) else {}
    return dg.AssetCheckResult(
        passed=not found,
        description=told(found),
        metadata={"rows": len(rows), "faults": {name: len(ids) for name, ids in found.items()}},
    )


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def answers_stand_in_their_documents(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """Every answer is its document's cleaned text at the row's offsets."""
    from llm_twin_assets.datasets.provenance import not_verbatim

    rows = store.read("instruct_dataset", context.partition_key)
    wrong = not_verbatim(rows, store.read("cleaned_documents"))
    return dg.AssetCheckResult(passed=not wrong, metadata={"rows": len(rows), "wrong": wrong[:20]})


@dg.asset_check(asset="instruct_dataset", blocking=True, partitions_def=TWIN)
def nothing_leaks_between_splits(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """No instruction stands in two splits, and at most one held-out answer in a hundred shares 13 words."""
    from llm_twin_assets.datasets.leaks import SHARED_ANSWERS, leak_numbers

    numbers = leak_numbers(store.read("instruct_dataset", context.partition_key))
    passed = numbers["leaks/instructions"] == 0 and numbers["leaks/answers"] <= SHARED_ANSWERS
    return dg.AssetCheckResult(passed=passed, metadata=numbers)


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


@dg.asset_check(asset="preference_dataset", blocking=True, partitions_def=TWIN)
def pairs_are_sound(
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]
) -> dg.AssetCheckResult:
    """Every chosen text is the author's span, both sides are of one split, and no kind or length leads."""
    from llm_twin_assets.datasets.pair_faults import faults

    pairs = store.read("preference_dataset", context.partition_key)
    found = faults(pairs, store.read("cleaned_documents"))
    return dg.AssetCheckResult(
        passed=not found,
        description="; ".join(found[:5]) or None,
        metadata={"pairs": len(pairs), "faults": len(found)},
    )
