"""What a twin learns from: readers' feedback, instructions that its author answered, and pairs of answers."""

from typing import Any

import dagster as dg

from llm_twin_assets.partitions import TWIN
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twins

CODE_VERSION = "2"


@dg.asset(
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:datasets"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "cleaned_chunks"],
    # An earlier cycle's, which is read from the store: as an edge it would close a circle.
    metadata={"reads": dg.MetadataValue.asset(dg.AssetKey("feedback_dataset"))},
)
def accepted_feedback(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
    models: dg.ResourceParam[ModelStore],
    releases: dg.ResourceParam[Releases],
) -> dg.MaterializeResult[None]:
    """Earlier feedback that the next training may use stands in the store, without what did harm."""
    from llm_twin_assets.contracts import digest, rows_digest
    from llm_twin_assets.datasets.accepted_feedback import Batches, accepted, blame
    from llm_twin_assets.datasets.decontamination import HeldOut, evaluated
    from llm_twin_assets.datasets.feedback_rows import own_rows

    twin = context.partition_key
    blame(store, models, releases, twin)
    batches = Batches(store, twin)
    stored, before = (store.read_or_empty(one, twin) for one in ("feedback_dataset", "accepted_feedback"))
    # Without feedback there is nothing to make room for, and the first instruct rows change nothing.
    own = len(own_rows(store.read_or_empty("instruct_dataset", twin))) if len(stored) else 0
    out = evaluated(store, twins, twin) if len(stored) else HeldOut((), ())
    made_of = [rows_digest(stored), own, store.version("cleaned_documents"), out.version, settings.redaction]
    record = store.materialize(
        "accepted_feedback",
        digest(CODE_VERSION, made_of, batches.blamed()),
        lambda: accepted(stored, before, store.read("cleaned_documents"), batches, own, out),
        twin,
    )
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=record.reported())


@dg.asset(
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:datasets"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "cleaned_chunks", "accepted_feedback"],
)
def instruct_dataset(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult[None]:
    """Instructions with the author's own spans as answers stand in the store, split like their documents."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.datasets.building import dataset
    from llm_twin_assets.datasets.card import keep_card
    from llm_twin_assets.datasets.making import instruct_inputs, purse_of
    from llm_twin_assets.datasets.spending import CostCapError

    twin = twins.twin(context.partition_key)
    documents, chunks = store.read("cleaned_documents"), store.read("cleaned_chunks")
    before, accepted = store.record("instruct_dataset", twin.name), store.read("accepted_feedback", twin.name)
    made_of = instruct_inputs(settings, documents, chunks, twin.author)
    # What the cost cap left unasked last time is asked for in the next run; the answers so far are kept.
    again = context.run_id if before and before.metadata.get("teacher/unasked") else ""
    try:
        record = store.materialize(
            "instruct_dataset",
            digest(CODE_VERSION, made_of, store.version("accepted_feedback", twin.name), again),
            lambda: dataset(documents, chunks, twin.name, twin.author, purse_of(settings), accepted),
            twin.name,
        )
    except CostCapError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    card = dg.MetadataValue.md(keep_card(store, documents, twin, record.metadata))
    metadata: dict[str, Any] = record.reported() | {"card": card}
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=metadata)


@dg.asset(
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:datasets"],
    code_version=CODE_VERSION,
    partitions_def=TWIN,
    deps=["cleaned_documents", "instruct_dataset", "accepted_feedback"],
)
def preference_dataset(
    context: dg.AssetExecutionContext,
    twins: dg.ResourceParam[Twins],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult[None]:
    """Pairs of the author's own span and a text known to be worse stand in the store, labelled by kind."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.datasets.preferences import corpus_version, preference_rows

    twin = twins.twin(context.partition_key)
    documents = store.read("cleaned_documents")
    made_of = [store.version(one, twin.name) for one in ("instruct_dataset", "accepted_feedback")]
    record = store.materialize(
        "preference_dataset",
        digest(CODE_VERSION, made_of, corpus_version(documents)),
        lambda: preference_rows(
            store.read("instruct_dataset", twin.name),
            documents,
            twin.name,
            twin.author,
            accepted=store.read("accepted_feedback", twin.name),
        ),
        twin.name,
    )
    return dg.MaterializeResult(data_version=dg.DataVersion(record.version), metadata=record.reported())
