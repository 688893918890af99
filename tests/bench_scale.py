"""Whether the documents' stages cost the same for each document, however many there are.

    python -m tests.bench_scale [COUNT ...] [--plot FILE]

Writes COUNT generated documents (five authors, 500 words each, one in ten a near-copy of another) to a
folder, reads, cleans and cuts them as the assets do, each size in a process of its own, and prints CPU
seconds for each document and the largest memory, for a first run and for one after a single change.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from resources.catalog import Catalog

    Edit = Callable[[pd.DataFrame], pd.DataFrame]

COUNTS = (100, 1_000, 10_000)
AUTHORS = ("Ada Vale", "Ben Ferro", "Cy Noone", "Dora Lind", "Emil Brandt")
PARAGRAPHS, SENTENCES = 4, 8


def main(counts: tuple[int, ...] = COUNTS, plot: str | None = None) -> None:
    """Measure every size and print a table; `plot` is where a picture of it goes."""
    measured = [_measured(count) for count in counts]
    print("documents  CPU ms a document  wall s  largest MiB  one changed: CPU s, share of the first run")
    for one in measured:
        again = f"{one['again']:.2f} s, {one['again'] / one['cpu']:.3f}"
        each = 1000 * one["cpu"] / one["count"]
        print(f"{one['count']:>9,}  {each:>17.2f}  {one['wall']:>6.1f}  {one['mib']:>11.0f}  {again}")
    each = [one["cpu"] / one["count"] for one in measured]
    print(f"slowest over fastest, CPU a document: {max(each) / min(each):.2f} (at most 1.20)")
    if plot:
        _plot(measured, Path(plot))


def _measured(count: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_scale", "--one", str(count)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def one(count: int) -> dict[str, float]:
    """Seconds and memory of a first run over so many documents, and of one after a change."""
    with tempfile.TemporaryDirectory() as folder:
        root, warm = Path(folder) / "all", Path(folder) / "warm"
        _write(root, count)
        _write(warm, 10)
        _stages(warm)  # imports and models are loaded before the clock starts
        started, cpu = time.monotonic(), time.process_time()
        _stages(root)
        wall, cpu = time.monotonic() - started, time.process_time() - cpu
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        changed = root / "texts" / "0.md"
        changed.write_text(changed.read_text() + "\n\nOne more sentence was added to this page today.\n")
        again = time.process_time()
        _stages(root)
        return {"count": count, "cpu": cpu, "wall": wall, "mib": mib, "again": time.process_time() - again}


def change(config: str = "twins.yaml") -> None:
    """The documents' stages over a twins file: in full, again, and after one document changed."""
    from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, COPIES, RAW_DOCUMENTS, empty
    from resources.catalog import Catalog
    from resources.twins import load_twins

    nothing = [empty(schema) for schema in (RAW_DOCUMENTS, CLEANED_DOCUMENTS, CHUNKS, COPIES)]
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(load_twins(Path(config).resolve()), Path(home))
        _passed(catalog, nothing)  # imports and models are loaded before the clock starts
        full, count, made = _passed(catalog, nothing)
        print(f"in full: {full:.2f} s CPU, {count} documents cleaned")
        for name, edit in (("nothing changed", _same), ("one document changed", _edited)):
            seconds, count, _ = _passed(catalog, made, edit)
            print(f"{name}: {seconds:.2f} s CPU, {seconds / full:.3f} of it, {count} cleaned (at most 0.100)")


def _passed(
    catalog: "Catalog", before: "list[pd.DataFrame]", edit: "Edit | None" = None
) -> "tuple[float, int, list[pd.DataFrame]]":
    """CPU seconds of the three stages, how many documents were cleaned, and the tables."""
    from llm_twin_assets.documents.chunking import chunk_documents
    from llm_twin_assets.documents.preparing import clean_documents
    from llm_twin_assets.documents.rules import Rules
    from llm_twin_assets.sources.connectors import look, raw_documents
    from resources.embedder import build_embedder
    from resources.settings import Settings

    tokenizer, started = build_embedder(Settings()).tokenizer(), time.process_time()
    raw = raw_documents(catalog, look(catalog), before[0]).rows
    made = clean_documents(edit(raw) if edit else raw, before[1], Rules(), before[3])
    chunks = chunk_documents(made.rows, before[2], tokenizer).rows
    seconds = time.process_time() - started
    return seconds, made.metadata["computed_documents"], [raw, made.rows, chunks, made.aside]


def _same(rows: "pd.DataFrame") -> "pd.DataFrame":
    return rows


def _edited(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows, with one more sentence in the first document."""
    from llm_twin_assets.contracts import content_hash

    text = f"{rows['text'][0]}\n\nOne more sentence was added to this page today.\n"
    changed = {"text": text, "content_hash": content_hash(text)}
    return rows.assign(**{name: [value, *rows[name][1:]] for name, value in changed.items()})


def _write(root: Path, count: int) -> None:
    from tests.prose import prose

    (root / "texts").mkdir(parents=True)
    for number in range(count):
        seed = number - 1 if number % 10 == 9 else number
        body = "\n\n".join(prose(seed * PARAGRAPHS + part, SENTENCES) for part in range(PARAGRAPHS))
        day = f"20{number // 336 % 30:02d}-{number // 28 % 12 + 1:02d}-{number % 28 + 1:02d}"
        head = f"---\ntitle: Page {number}\nauthor: {AUTHORS[number % len(AUTHORS)]}\ndate: {day}\n---\n\n"
        (root / "texts" / f"{number}.md").write_text(f"{head}# Page {number}\n\n{body}\n")


def _stages(root: Path) -> None:
    """raw_documents, cleaned_documents and cleaned_chunks, without Dagster."""
    from llm_twin_assets.contracts import digest
    from llm_twin_assets.documents.chunking import build_chunks
    from llm_twin_assets.documents.preparing import clean_documents
    from llm_twin_assets.documents.rules import Rules
    from llm_twin_assets.sources.connectors import look, raw_documents
    from resources.catalog import Catalog
    from resources.embedder import build_embedder
    from resources.settings import Settings
    from resources.store import Store
    from resources.twins import FileSource, Twin, Twins

    source = FileSource(kind="folder", path=root / "texts")
    twins = Twins(root=root, sources=[source], twins=[Twin(name="ada", author=AUTHORS[0])])
    catalog, store = Catalog(twins, root / "home"), Store(root / "home")
    embedder, listing = build_embedder(Settings()), look(catalog)
    store.materialize(
        "raw_documents",
        listing.version(),
        lambda: raw_documents(catalog, listing, store.read_or_empty("raw_documents")),
    )
    store.materialize(
        "cleaned_documents",
        store.version("raw_documents"),
        lambda: clean_documents(
            store.read("raw_documents"),
            store.read_or_empty("cleaned_documents"),
            Rules(),
            store.aside("cleaned_documents"),
        ),
    )
    recipe = digest(embedder.model_id)
    store.materialize(
        "cleaned_chunks",
        store.version("cleaned_documents"),
        lambda: build_chunks(store, embedder, recipe),
    )


def _plot(measured: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    counts = [one["count"] for one in measured]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    left.plot(counts, [1000 * one["cpu"] / one["count"] for one in measured], "o-")
    left.set(xscale="log", xlabel="documents", ylabel="CPU ms a document", ylim=(0, None))
    right.plot(counts, [one["mib"] for one in measured], "o-")
    right.set(xscale="log", xlabel="documents", ylabel="largest memory, MiB", ylim=(0, None))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["--one"]:
        print(json.dumps(one(int(words[1]))))
    else:
        where = words[words.index("--plot") + 1] if "--plot" in words else None
        numbers = tuple(int(word) for word in words if word.isdigit())
        main(numbers or COUNTS, where)
