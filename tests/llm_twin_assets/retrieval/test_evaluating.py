"""What an evaluation measures, in which index, what it embeds for it, and what it leaves behind."""

import numpy as np
import pytest

from llm_twin_assets.contracts import digest
from llm_twin_assets.retrieval.embedding import build_index, entries, space, surroundings
from llm_twin_assets.retrieval.evaluating import PROCEDURE, UNHEADED, evaluate
from llm_twin_assets.retrieval.measuring import READ_PATH, RETRIEVERS, Measured
from llm_twin_assets.retrieval.publishing import publish
from llm_twin_assets.sources.rows import records
from resources.edge_store import EdgeStore
from resources.qdrant_store import QdrantStore
from resources.reranker import RerankerError
from resources.store import Table
from resources.vector_store import EVERYTHING, Entries
from tests.llm_twin_assets.retrieval.words import (
    TOPICS,
    Confused,
    WordEmbedder,
    chunk_row,
    chunk_table,
    pages,
)

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


class Evaluated:
    """A store with chunks and a candidate index of them, evaluated and published as the assets do."""

    def __init__(self, store, vectors):
        self.store, self.vectors = store, vectors
        self.embedder = WordEmbedder()
        self.reranker = self.questions = None

    def put(self, *rows, damage=lambda made: made):
        table = chunk_table(*rows)
        self.store.materialize("cleaned_chunks", digest(rows), lambda: Table(table))

        def embed(fresh):
            found = entries(self.embedder, fresh, surroundings(fresh), lambda said: None)
            return Entries(damage(found.vectors), found.terms)

        made = self.vectors.sync(records(table), space(self.embedder), embed)
        self.report("chunk_embeddings", {"index_id": made.index_id})
        return made.index_id

    def evaluate(self):
        """The report and the numbers; `asked` are the texts that were embedded."""
        self.embedder.calls.clear()
        content, numbers = evaluate(self.store, self.embedder, self.vectors, self.reranker, self.questions)
        self.asked = [text for call in self.embedder.calls for text in call]
        self.report("retrieval_evaluation", content)
        return content, numbers

    def publish(self):
        self.report("search_index", publish(self.store, self.vectors)[0])

    def report(self, asset, content):
        self.store.materialize_report(asset, digest(content), lambda: (content, {}))


@pytest.fixture
def stage(store):
    return Evaluated(store, EdgeStore(store.home))


@pytest.fixture(params=["edge", "memory"])
def either(request, store):
    return Evaluated(store, EdgeStore(store.home) if request.param == "edge" else QdrantStore(":memory:"))


def written(*topics):
    """Pages whose chunks begin with the line of their heading, as chunks do."""
    return [
        chunk_row(
            row["title"],
            row["ordinal"],
            row["heading_path"],
            f"## {row['heading_path'].split(' > ')[1]}\n{row['text']}",
        )
        for row in pages(*topics)
    ]


def shards(stage):
    return {folder.name for folder in (stage.store.home / "vectors" / "shards").iterdir()}


def test_every_retriever_is_measured_on_headings_that_are_not_in_the_index(either, monkeypatch):
    searched = []
    real = Measured._search

    def search(self, wordings, k, retriever, filters=EVERYTHING):
        hits = real(self, wordings, k, retriever, filters)
        searched.extend((self.index_id, hit.payload) for hit in hits)
        return hits

    monkeypatch.setattr(Measured, "_search", search)
    built = either.put(*written(*TOPICS[:6]))
    content, numbers = either.evaluate()
    assert list(content["metrics"]["headings"]) == list(RETRIEVERS)
    assert (content["state"], numbers["queries"], content["procedure"]) == ("measured", 18, f"{PROCEDURE}+1")
    assert 0.3 < numbers["ndcg@10"] <= 1
    bare = [payload for index_id, payload in searched if index_id != built]
    assert len(bare) > 300
    for payload in bare:
        assert (payload["heading_path"], "##" in payload["text"]) == (f"On {payload['title']}", False)


def test_the_measured_index_is_gone_afterwards_and_the_candidate_is_not(stage):
    built = stage.put(*written(*TOPICS[:4]))
    stage.evaluate()
    assert shards(stage) == {built}
    assert stage.vectors.count(built) == 24


def test_the_measured_index_is_gone_when_measuring_fails_too(stage, monkeypatch):
    built = stage.put(*written(*TOPICS[:4]))

    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr(Measured, "scores", broken)
    with pytest.raises(RuntimeError, match="broken"):
        stage.evaluate()
    assert shards(stage) == {built}


def test_what_a_killed_run_left_is_made_again(stage, monkeypatch):
    stage.put(*written(*TOPICS[:4]))
    sound = stage.evaluate()[0]
    with monkeypatch.context() as patch:
        patch.setattr(stage.vectors, "drop", lambda index_id: None)
        stage.embedder = Confused()
        stage.evaluate()
    assert len(shards(stage)) == 2
    stage.embedder = WordEmbedder()
    (stage.store.folder("retrieval_evaluation") / "vectors.npz").unlink()
    again = stage.evaluate()[0]
    assert again["metrics"]["headings"]["dense"] == sound["metrics"]["headings"]["dense"]
    assert len(shards(stage)) == 1


def test_only_chunks_without_their_heading_and_queries_are_embedded_and_once(stage):
    rows = [*written("glue", "bread"), *[row | {"heading_path": ""} for row in written("tides")]]
    stage.put(*rows)
    numbers = stage.evaluate()[1]
    # Twelve chunks below six headings, and the headings; those of "tides" keep the stored vectors.
    assert numbers["embedded"] == len(stage.asked) == 12 + 6
    assert not any("tides" in text for text in stage.asked)
    assert stage.evaluate()[1]["embedded"] == 0
    assert stage.asked == []


def test_after_a_change_only_what_it_changed_is_embedded(stage):
    rows = written(*TOPICS[:4])
    stage.put(*rows)
    stage.evaluate()
    text = f"{rows[0]['text']} and more"
    changed = chunk_row("glue", 0, rows[0]["heading_path"], text)
    stage.put(changed, *rows[1:], *written("bells"))
    numbers = stage.evaluate()[1]
    assert numbers["embedded"] == 1 + 6 + 3
    assert all("bells" in text or "more" in text for text in stage.asked)


def test_nothing_of_a_document_that_left_is_remembered(stage):
    file = stage.store.folder("retrieval_evaluation") / "vectors.npz"
    kept = []
    for topics in (["glue", "bread"], ["glue", "bread", "tides"], ["glue", "bread"]):
        stage.put(*written(*topics))
        stage.evaluate()
        with np.load(file) as stored:
            kept.append(set(stored["keys"].tolist()))
    assert kept[0] == kept[2] < kept[1]
    assert len(kept[1]) == 18 + 9


def test_the_stored_vectors_of_unaltered_chunks_are_measured(stage):
    plain = [
        row | {"heading_path": "", "title": f"{row['title']} {row['ordinal']}"} for row in pages(*TOPICS)
    ]
    rows = [*written("kites", "sails"), *plain]
    stage.put(*rows)
    sound = stage.evaluate()[0]
    stage.embedder.model_id = "words@2"
    query = stage.embedder.encode(["how kites grow slowly"])[0]

    def towards_the_question(made):
        made[12:] = query
        return made

    stage.put(*rows, damage=towards_the_question)
    hurt = stage.evaluate()[0]
    dense = [one["metrics"]["headings"]["dense"]["ndcg@10"]["mean"] for one in (sound, hurt)]
    assert dense[1] < dense[0] - 0.1


def test_damage_to_chunks_whose_heading_is_asked_for_is_seen_too(stage):
    rows = written(*TOPICS)
    stage.put(*rows)
    stage.evaluate()
    stage.publish()
    stage.embedder.model_id = "words@2"
    stage.put(*rows, damage=lambda made: np.roll(made, 7, axis=0))
    hurt = stage.evaluate()[0]
    with pytest.raises(RuntimeError, match="worse than the live index: nDCG@10 of its own vectors -"):
        stage.publish()
    assert hurt["metrics"]["headings"][READ_PATH]["ndcg@10"]["mean"] > 0.3


def test_a_chunk_that_the_candidate_lacks_is_not_found(stage):
    rows = written(*TOPICS[:4])
    stage.put(*rows[1:])
    stage.store.materialize("cleaned_chunks", "all", lambda: Table(chunk_table(*rows)))
    found = {row["query"]: row for row in stage.evaluate()[0]["queries"]}["how glue grow slowly"]
    assert (found["relevant"], found["recall"]) == (2, 0.5)


def test_hand_written_questions_are_asked_of_the_candidate_itself(stage, tmp_path):
    stage.questions = tmp_path / "questions.yaml"
    asked = [f"- {{question: 'what of {topic}', uri: {topic}.md, quote: {topic}}}" for topic in TOPICS[:5]]
    stage.questions.write_text("\n".join([*asked, "- {question: 'Lost?', uri: glue.md, quote: nowhere}"]))
    stage.put(*written(*TOPICS[:5]))
    content, numbers = stage.evaluate()
    assert (numbers["questions"], len(content["questions"])) == (5, 5)
    assert numbers["questions/hit@10"] == 1.0
    assert numbers["lost_questions"] == content["lost_questions"]
    assert content["lost_questions"][0].startswith("6. Lost?: no passage of glue.md holds")


def test_a_published_index_keeps_its_report_and_nothing_is_remembered(stage):
    stage.put(*written(*TOPICS[:4]))
    first = stage.evaluate()[0]
    stage.publish()
    again, numbers = stage.evaluate()
    assert (again, stage.asked, numbers["embedded"]) == (first, [], 0)
    assert not (stage.store.folder("retrieval_evaluation") / "vectors.npz").exists()


def test_other_questions_or_another_reranker_measure_a_published_index_again(stage, tmp_path):
    stage.put(*written(*TOPICS[:4]))
    stage.evaluate()
    stage.publish()
    stage.questions = tmp_path / "questions.yaml"
    stage.questions.write_text("- {question: 'Lost?', uri: glue.md, quote: nowhere}")
    assert stage.evaluate()[0]["lost_questions"]
    stage.reranker = Constant()
    content = stage.evaluate()[0]
    assert content["procedure"] == f"{PROCEDURE}+1+constant@1"
    assert stage.reranker.asked > 4


class Constant:
    """A reranker to which every passage is the same, or which cannot be used."""

    model_id = "constant@1"

    def __init__(self, error=None):
        self.error, self.asked = error, 0

    def scores(self, question, passages):
        self.asked += 1
        if self.error:
            raise self.error
        return np.zeros(len(passages), dtype=np.float32)


def test_a_reranker_that_cannot_be_used_is_not_named_in_the_report(stage):
    stage.put(*written(*TOPICS[:4]))
    stage.reranker = Constant(RerankerError("no such model"))
    assert stage.evaluate()[0]["procedure"] == f"{PROCEDURE}+1"
    assert stage.reranker.asked == 1, "it is not asked again for every query"


def test_a_corpus_without_headings_is_insufficient(stage):
    stage.put(*[row | {"heading_path": ""} for row in pages(*TOPICS)])
    content, numbers = stage.evaluate()
    assert (content["state"], numbers["queries"], numbers["embedded"]) == ("insufficient", 0, 0)
    assert content["metrics"] == {"headings": {}, "questions": {}}


def test_no_chunk_is_insufficient(either):
    either.put(*pages("glue"))
    either.store.materialize("cleaned_chunks", "none", lambda: Table(chunk_table()))
    assert either.evaluate()[0]["state"] == "insufficient"


def test_the_measured_space_is_not_the_searched_one(stage):
    built = build_index(chunk_table(*pages("glue")), stage.embedder, stage.vectors, print)[0]
    assert not built["model_id"].endswith(UNHEADED)
