import pytest

from llm_twin_assets.retrieval.embedding import build_index
from llm_twin_assets.retrieval.search import AnotherEmbedder, NoIndex, Searcher, build_searcher
from llm_twin_assets.retrieval.spans import Spans
from resources.edge_store import EdgeStore
from resources.settings import Settings
from resources.vector_store import Filters, UnknownIndex
from tests.llm_twin_assets.retrieval.words import WordEmbedder, chunk_row, chunk_table, pages

EMBEDDER = WordEmbedder()
BOB = Filters(author="Bob")


@pytest.fixture
def vectors(tmp_path):
    return EdgeStore(tmp_path)


@pytest.fixture
def search(vectors):
    return Searcher(EMBEDDER, vectors, most_wordings=3).search


def publish(vectors, *rows, embedder=EMBEDDER):
    content, _ = build_index(chunk_table(*rows), embedder, vectors, lambda said: None)
    vectors.publish(content["index_id"])
    return content["index_id"]


def titles(found):
    return {hit.payload["title"] for hit in found.hits}


def dated(day, topic, **columns):
    return [row | {"published_at": day, **columns} for row in pages(topic)]


def test_a_question_finds_passages_of_the_author_asked(vectors, search):
    publish(vectors, *pages("glue"), *pages("bread", author="Bob"))
    both = search("How glue grow", 12)
    assert {hit.payload["author"] for hit in both.hits} == {"Ada", "Bob"}
    assert both.hits[0].payload["title"] == "glue"
    bobs = search("How glue grow", 12, BOB)
    assert {hit.payload["author"] for hit in bobs.hits} == {"Bob"}
    assert len(bobs.hits) == 6


def test_a_hit_tells_what_each_retriever_gave_it(vectors, search):
    publish(vectors, *pages("glue", "bread"))
    best = search("How glue grow", 3).hits[0]
    assert {"dense", "sparse", "mmr"} <= set(best.scores)
    assert -1 <= best.scores["dense"] <= 1.001
    assert best.scores["sparse"] > 0


def test_words_that_only_stand_in_the_text_are_found_by_their_terms(vectors, search):
    rows = [*pages("glue", "bread", "tides"), chunk_row("rare", 0, "Odd > Things", "the zymurgy of kvass")]
    publish(vectors, *rows)
    assert search("zymurgies", 1).hits[0].payload["title"] == "rare"


def test_what_a_question_says_of_time_is_filtered_by(vectors, search):
    publish(vectors, *dated("2021-05-01", "glue"), *dated("2023-05-01", "bread"))
    found = search("What did you write in 2023 about how glue grow?", 12)
    assert found.filters == Filters(since="2023-01-01", until="2023-12-31")
    assert (titles(found), found.widened) == ({"bread"}, False)


def test_where_a_questions_own_filter_leaves_nothing_it_is_left_out_and_said(vectors, search):
    publish(vectors, *dated("2021-05-01", "glue"))
    found = search("What did you write in 2023 about how glue grow?", 12)
    assert (titles(found), found.widened, found.filters) == ({"glue"}, True, Filters())
    assert found.understood()["widened"]


def test_what_is_filtered_by_on_purpose_is_never_left_out(vectors, search):
    publish(vectors, *dated("2021-05-01", "glue"))
    assert search("How glue grow", 12, Filters(since="2022-01-01")).hits == []
    assert search("How glue grow", 12, BOB).hits == []


def test_a_question_cannot_reach_around_the_author_it_is_put_to(vectors, search):
    publish(vectors, *pages("glue", author="Ada Moss"), *pages("bread", author="Bob Ferro"))
    found = search("What did Ada Moss write about how glue grow?", 12, Filters(author="Bob Ferro"))
    assert {hit.payload["author"] for hit in found.hits} == {"Bob Ferro"}


def test_the_question_is_the_first_of_its_wordings(vectors, search):
    publish(vectors, *pages("glue"))
    found = search("What do you think about glue?", 3)
    assert found.wordings[0] == "What do you think about glue?"
    assert 1 < len(found.wordings) <= 3


def test_each_step_is_a_span(vectors, search):
    publish(vectors, *pages("glue"))
    spans = Spans()
    search("How glue grow", 3, spans=spans)
    measured = spans.milliseconds()
    assert list(measured) == ["self_query", "expansion", "embedding", "retrieval", "rerank", "total"]
    assert 0 < measured["retrieval"] <= measured["total"]


def test_searching_changes_no_file(vectors, search, tmp_path):
    publish(vectors, *pages("glue"))
    vectors.close()
    before = _files(tmp_path)
    assert search("How glue grow", 3).hits
    vectors.close()
    assert _files(tmp_path) == before


def _files(folder):
    # The engine touches files of its own when it opens a shard, but writes what stood there.
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_before_the_first_publication_it_says_what_to_do(search):
    with pytest.raises(NoIndex, match="run `llm-twin run`"):
        search("glue", 3)


def test_an_index_of_another_model_is_not_searched(vectors):
    publish(vectors, *pages("glue"))
    with pytest.raises(AnotherEmbedder, match=r"made with words@1\+.* embedder is words@2\+"):
        Searcher(WordEmbedder("words@2"), vectors).search("glue", 3)


def test_a_named_index_is_searched_instead_of_the_live_one(vectors, search):
    first = publish(vectors, *pages("glue"))
    publish(vectors, *pages("glue", "bread"))
    assert titles(search("bread", 9, index_id=first)) == {"glue"}


class Overtaken(EdgeStore):
    """A run publishes a newer index, and removes the old one, just after we asked which is live."""

    def live(self):
        asked = super().live()
        if not self.overtaken:
            self.overtaken = True
            publish(EdgeStore(self._shards.parents[1]), *pages("bread"))
        return asked


def test_an_index_replaced_between_asking_and_searching_is_followed(tmp_path):
    publish(EdgeStore(tmp_path), *pages("glue"))
    vectors = Overtaken(tmp_path)
    vectors.overtaken = False
    assert titles(Searcher(EMBEDDER, vectors).search("bread", 9)) == {"bread"}


def test_a_named_index_that_is_gone_is_an_error(vectors, search):
    publish(vectors, *pages("glue"))
    with pytest.raises(UnknownIndex):
        search("glue", 3, index_id="gone")


def test_settings_make_a_searcher_and_nothing_is_opened(tmp_path):
    made = build_searcher(Settings(home=tmp_path, wordings=2))
    assert made.vectors.live() is None
    assert list(tmp_path.iterdir()) == []
