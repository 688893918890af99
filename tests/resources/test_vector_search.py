"""What every vector store finds: rankings, scores and their fusion, against sums done by hand."""

import itertools
import math
import random
import threading

import numpy as np
import pytest

from resources.terms import document_terms, query_terms
from resources.vector_store import DEPTH, RANK_CONSTANT, Filters, UnknownIndex, Wording, WrongVectors
from tests.resources.vector_corpus import (
    KINDS,
    MODEL,
    Embedding,
    asks,
    chunk,
    drop,
    ids_of,
    make,
    vector,
)

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
RETRIEVERS = ["dense", "sparse", "hybrid"]
WORDS = [first + second + "k" for first in "bdfglmnprt" for second in "aeiou"]


def prose(number):
    """A text like no other: another length, and common and rare words from a generator."""
    chance = random.Random(number)
    return " ".join(chance.choices(WORDS, [1 / (n + 1) for n in range(len(WORDS))], k=12 + number))


CORPUS = [chunk(prose(n), document=f"d{n % 7}", author=f"author {n % 3}") for n in range(DEPTH + 50)]
BY_ID = {one["chunk_id"]: one for one in CORPUS}
QUESTIONS = ["bak bek", "dak mok tuk", "the bak of a luk", "puk"]


@pytest.fixture(params=KINDS)
def vectors(request, tmp_path):
    made = make(request.param, tmp_path / "home")
    yield made
    drop(made)


@pytest.fixture(params=KINDS, scope="module")
def indexed(request, tmp_path_factory):
    """A store and the id of the index of CORPUS in it; for tests that only read."""
    store = make(request.param, tmp_path_factory.mktemp("home"))
    yield store, store.sync(CORPUS, MODEL, Embedding()).index_id
    drop(store)


def two(question):
    return [*asks(question), Wording(vector("another"), query_terms("fik bok"))]


def cosines(wording, chunks):
    return {one["chunk_id"]: float(wording.vector @ vector("T" + one["text"])) for one in chunks}


def bm25(wording, chunks):
    """Scores of the chunks that share a term, with the inverse document frequencies of all of CORPUS."""
    terms = {one["chunk_id"]: document_terms("T" + one["text"]) for one in CORPUS}
    holders = {term: sum(term in made.indices for made in terms.values()) for term in wording.terms.indices}
    rarity = {term: math.log(1 + (len(CORPUS) - n + 0.5) / (n + 0.5)) for term, n in holders.items()}
    found = {}
    for one in chunks:
        made = terms[one["chunk_id"]]
        weights = dict(zip(made.indices, made.weights, strict=True))
        if shared := set(weights) & set(rarity):
            found[one["chunk_id"]] = sum(weights[term] * rarity[term] for term in shared)
    return found


def order(scores):
    return sorted(scores, key=lambda one: (-scores[one], one))


def fused(rankings):
    """Reciprocal rank fusion as published: ranks count from one."""
    total = dict.fromkeys(itertools.chain(*rankings), 0.0)
    for ranking in rankings:
        for rank, one in enumerate(ranking, start=1):
            total[one] += 1 / (RANK_CONSTANT + rank)
    return total


@pytest.mark.parametrize("question", QUESTIONS)
def test_scores_of_each_retriever_are_cosines_and_bm25(indexed, question):
    store, made = indexed
    (wording,) = asks(question)
    for retriever, scores in (("dense", cosines(wording, CORPUS)), ("sparse", bm25(wording, CORPUS))):
        hits = store.search(made, [wording], 10, retriever=retriever)
        best = order(scores)[:10]
        assert [hit.score for hit in hits] == pytest.approx([scores[one] for one in best], abs=1e-4)
        assert [hit.chunk_id for hit in hits] == best
        assert all(hit.scores[retriever] == pytest.approx(hit.score, abs=1e-4) for hit in hits)


@pytest.mark.parametrize(
    ("ask", "retriever"), [(asks, "hybrid"), (two, "hybrid"), (two, "dense"), (two, "sparse")]
)
@pytest.mark.parametrize("author", [None, "author 1"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_rankings_are_fused_by_reciprocal_rank_as_published(indexed, ask, question, author, retriever):
    store, made = indexed
    among = [one for one in CORPUS if author in (None, one["author"])]
    wordings = ask(question)
    scorers = {"dense": [cosines], "sparse": [bm25], "hybrid": [cosines, bm25]}[retriever]
    rankings = [order(scorer(one, among))[:DEPTH] for one in wordings for scorer in scorers]
    expected = fused(rankings)
    hits = store.search(made, wordings, 12, Filters(author=author), retriever)
    best = order({one: round(score, 7) for one, score in expected.items()})[:12]
    assert [hit.chunk_id for hit in hits] == best
    assert [hit.score for hit in hits] == pytest.approx([expected[one] for one in best], abs=1e-6)


@pytest.mark.parametrize("retriever", RETRIEVERS)
@pytest.mark.parametrize("ask", [asks, two])
def test_a_hit_carries_its_columns_its_vector_and_what_each_retriever_gave_the_first_wording(
    indexed, ask, retriever
):
    store, made = indexed
    wordings = ask("dak mok tuk")
    near, shared = cosines(wordings[0], CORPUS), bm25(wordings[0], CORPUS)
    first = set(order(shared)[:DEPTH])
    hits = store.search(made, wordings, 20, retriever=retriever)
    assert len(hits) == 20
    for hit in hits:
        assert hit.payload == BY_ID[hit.chunk_id]
        assert hit.vector.dtype == np.float32
        np.testing.assert_allclose(hit.vector, vector("T" + hit.payload["text"]), atol=1e-6)
        assert hit.scores["dense"] == pytest.approx(near[hit.chunk_id], abs=1e-5)
        assert ("sparse" in hit.scores) == (hit.chunk_id in first)
        assert hit.scores.get("sparse", 0.0) == pytest.approx(
            shared[hit.chunk_id] if hit.chunk_id in first else 0.0, abs=1e-4
        )


def test_a_search_is_repeatable_where_scores_are_equal(vectors):
    # As many words in each text, so that every other score occurs twice.
    chunks = [chunk(f"bak{n} word {WORDS[n % 5]}") for n in range(40)]
    made = vectors.sync(chunks, MODEL, Embedding())
    found = [
        [hit.chunk_id for hit in vectors.search(made.index_id, two("word bak dak"), 5)] for _ in range(20)
    ]
    assert all(one == found[0] for one in found)


def test_a_question_of_stop_words_is_answered_by_its_vector(indexed):
    store, made = indexed
    silent = asks("of the and")
    assert silent[0].terms.indices == []
    hits = store.search(made, silent, 5)
    assert [hit.chunk_id for hit in hits] == order(cosines(silent[0], CORPUS))[:5]
    assert all("sparse" not in hit.scores for hit in hits)
    assert store.search(made, silent, 5, retriever="sparse") == []


def test_a_rare_word_finds_what_the_vector_does_not(vectors):
    chunks = [*CORPUS[:60], chunk("the zyzzyva is a weevil")]
    made = vectors.sync(chunks, MODEL, Embedding())
    best = vectors.search(made.index_id, asks("zyzzyva"), 1, retriever="sparse")
    assert [hit.payload["text"] for hit in best] == ["the zyzzyva is a weevil"]
    assert chunks[-1]["chunk_id"] in {
        hit.chunk_id for hit in vectors.search(made.index_id, asks("zyzzyva"), 3)
    }


def test_more_than_the_usual_depth_can_be_asked_for_and_never_one_more(indexed):
    store, made = indexed
    for retriever in ("dense", "hybrid"):
        hits = store.search(made, two("dak mok tuk"), DEPTH + 20, retriever=retriever)
        assert len(hits) == len({hit.chunk_id for hit in hits}) == DEPTH + 20
        assert {hit.chunk_id for hit in store.search(made, two("bak"), 500, retriever=retriever)} == set(
            BY_ID
        )


def test_vectors_of_the_chunks_that_are_there(indexed):
    store, made = indexed
    other = chunk("not there")["chunk_id"]
    found = store.vectors(made, [CORPUS[3]["chunk_id"], other, CORPUS[8]["chunk_id"]])
    assert set(found) == ids_of([CORPUS[3], CORPUS[8]])
    for one in (CORPUS[3], CORPUS[8]):
        np.testing.assert_allclose(found[one["chunk_id"]], vector("T" + one["text"]), atol=1e-6)
    assert store.vectors(made, []) == {}
    assert len(store.vectors(made, list(BY_ID))) == len(CORPUS)


def test_the_values_of_a_column_are_all_that_it_has(vectors):
    chunks = [
        chunk(f"t{n}", author=f"author {n}" if n else "", kind="post" if n % 2 else "code") for n in range(30)
    ]
    made = vectors.sync(chunks, MODEL, Embedding())
    assert vectors.values(made.index_id, "author") == {one["author"] for one in chunks}
    assert vectors.values(made.index_id, "kind") == {"post", "code"}
    assert vectors.values(made.index_id, "platform") == {"folder"}
    fewer = vectors.sync(chunks[:3], MODEL, Embedding())
    assert vectors.values(fewer.index_id, "author") == {"", "author 1", "author 2"}


@pytest.mark.parametrize("ask", ["vectors", "values"])
def test_an_index_that_is_not_there_has_neither_vectors_nor_values(vectors, ask):
    with pytest.raises(UnknownIndex, match="no index nope"):
        getattr(vectors, ask)("nope", "author" if ask == "values" else [])


@pytest.mark.parametrize("retriever", RETRIEVERS)
def test_a_question_of_another_length_is_told_with_the_model_and_both_lengths(indexed, retriever):
    store, made = indexed
    short = Wording(np.ones(3, dtype=np.float32), query_terms("bak"))
    with pytest.raises(WrongVectors, match=rf"(?s){MODEL}.*16.*3"):
        store.search(made, [*asks("bak"), short], 3, retriever=retriever)


def test_many_threads_may_search_at_once(indexed):
    store, made = indexed

    def found(one):
        return store.search(made, asks(one["text"]), 3, Filters(author=one["author"]))

    alone = [found(one) for one in CORPUS]
    wrong, start = [], threading.Barrier(8)

    def ask(first):
        start.wait()
        for n in range(first, len(CORPUS), 8):
            if found(CORPUS[n]) != alone[n]:
                wrong.append(n)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_edge_and_memory_hold_the_same_and_rank_it_the_same(tmp_path):
    edge, memory = make("edge", tmp_path), make("memory", None)
    made = [store.sync(CORPUS, MODEL, Embedding()) for store in (edge, memory)]
    assert made[0] == made[1]
    assert edge.ids(made[0].index_id) == memory.ids(made[1].index_id) == set(BY_ID)
    for question, filters in itertools.product(
        [one["text"][:20] for one in CORPUS[:20]], (Filters(), Filters(author="author 2"))
    ):
        for ask in (asks, two):
            hits = [store.search(made[0].index_id, ask(question), 10, filters) for store in (edge, memory)]
            assert [hit.chunk_id for hit in hits[0]] == [hit.chunk_id for hit in hits[1]]
            assert [hit.score for hit in hits[0]] == pytest.approx([hit.score for hit in hits[1]], abs=2e-7)
    drop(edge)
    drop(memory)
