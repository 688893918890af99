"""Whether the instruct datasets are their authors' words, and keep train and test apart.

python -m tests.bench_datasets [twins file]

Documents or near-copies in two splits (none). For every twin of the file: share of answers that stand at
their offsets (all), held-out rows that ask what a training row asks (none), held-out rows with a word 13-gram
of a training answer (at most 1 %), counts, and how much further the training answers are from the author's
training documents than the held-out documents are, as Burrows' Delta in bags of 1,000 words (at most 0.10).
Beside it the same of the answers with their style taken out by rules, and of the other authors' answers:
what the measure can see.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, RAW_DOCUMENTS, empty
from llm_twin_assets.datasets.building import dataset
from llm_twin_assets.datasets.flattening import flattened
from llm_twin_assets.datasets.leaks import crossings
from llm_twin_assets.datasets.provenance import not_verbatim, style_gap
from llm_twin_assets.documents.chunking import MAX_TOKENS, chunk_documents
from llm_twin_assets.documents.preparing import clean_documents
from llm_twin_assets.documents.rules import Rules
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.delta import Scale, delta, profile, scale
from llm_twin_assets.evaluation.words import TooLittleText
from llm_twin_assets.sources.connectors import look, raw_documents
from resources.catalog import Catalog
from resources.embedder import build_embedder
from resources.settings import Settings
from resources.store import Table
from resources.twins import load_twins


def main(config: str = "twins.yaml") -> None:
    """Print the figures for a twins file, whose path is relative to the working directory."""
    file = Path(config).resolve()
    documents = cleaned(file)
    tokenizer = build_embedder(Settings()).tokenizer()
    chunks = chunk_documents(documents, empty(CHUNKS), tokenizer, MAX_TOKENS).rows
    print(f"documents or near-copies in two splits: {len(crossings(learnable(documents)))}")
    twins = load_twins(file).twins
    made = {twin.author: timed(documents, chunks, twin.name, twin.author) for twin in twins}
    measure = scale({author: texts(documents, author, "train") for author in made})
    for author, table in made.items():
        shown(author, table, documents)
        others = [found.rows for other, found in made.items() if other != author]
        gaps(author, table.rows, others, documents, measure)


def cleaned(config: Path) -> pd.DataFrame:
    """The cleaned documents of a twins file's sources."""
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(load_twins(config), Path(home))
        raw = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS)).rows
    return clean_documents(raw, empty(CLEANED_DOCUMENTS), Rules()).rows


def timed(documents: pd.DataFrame, chunks: pd.DataFrame, twin: str, author: str) -> Table:
    started = time.process_time()
    table = dataset(documents, chunks, twin, author)
    print(f"{twin}: {len(table.rows)} rows in {time.process_time() - started:.1f} s CPU")
    return table


def texts(documents: pd.DataFrame, author: str, *splits: str) -> list[str]:
    """An author's documents of some splits."""
    may = learnable(documents)
    return list(may[(may["author"] == author) & may["split"].isin(splits)]["text"])


def shown(author: str, table: Table, documents: pd.DataFrame) -> None:
    """The shares and counts of one dataset."""
    rows, numbers = table.rows, table.metadata
    verbatim = 1 - len(not_verbatim(rows, documents)) / max(1, len(rows))
    print(f"\n{author}")
    print(f"  answers verbatim {verbatim:.1%}")
    print(f"  instructions also in training {numbers['leaks/instructions']:.1%}")
    print(f"  held-out rows with a 13-gram of training {numbers['leaks/answers']:.1%}")
    print(f"  rows {rows['split'].value_counts().to_dict()}, with passages {numbers['rows/with_passages']}")
    print(f"  intents {rows['intent'].value_counts().to_dict()}")
    assert table.rejected is not None
    print(f"  left out {table.rejected['reason'].value_counts().to_dict()}")


def gaps(
    author: str, rows: pd.DataFrame, others: list[pd.DataFrame], documents: pd.DataFrame, measure: Scale
) -> None:
    """Delta of answers and held-out text, and of what is not the author's."""
    held = texts(documents, author, "validation", "test")
    distance = distance_to(texts(documents, author, "train"), measure)
    written = {
        "answers": rows,
        "flattened": rows.assign(answer=rows["answer"].map(flattened)),
        **{f"of {other['document_id'].map(_authors(documents)).iloc[0]}": other for other in others},
    }
    for name, table in written.items():
        try:
            found = style_gap(table, held, distance)
        except TooLittleText as missing:
            print(f"  {missing}")
            return
        print(f"  Delta {name}: {found.answers:.3f}, held out {found.held_out:.3f}, gap {found.gap:+.3f}")


def distance_to(own: list[str], measure: Scale) -> Callable[[Sequence[str]], float]:
    known = profile(measure, own)
    return lambda found: delta(known, found).mean


def _authors(documents: pd.DataFrame) -> dict[str, str]:
    return dict(zip(documents["document_id"], documents["author"], strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
