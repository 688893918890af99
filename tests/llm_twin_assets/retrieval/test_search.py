import pytest

from llm_twin_assets.retrieval.embedding import build_index
from llm_twin_assets.retrieval.search import AnotherEmbedder, NoIndex, find
from resources.edge_store import EdgeStore
from resources.vector_store import UnknownIndex
from tests.llm_twin_assets.retrieval.words import WordEmbedder, chunk_table, pages

EMBEDDER = WordEmbedder()


@pytest.fixture
def vectors(tmp_path):
    return EdgeStore(tmp_path)


def publish(vectors, *rows, embedder=EMBEDDER):
    content, _ = build_index(chunk_table(*rows), embedder, vectors, lambda said: None)
    vectors.publish(content["index_id"])
    return content["index_id"]


def test_a_question_finds_passages_of_the_author_asked(vectors):
    publish(vectors, *pages("glue"), *pages("bread", author="Bob"))
    both = find(EMBEDDER, vectors, "How glue grow", 12, None)
    assert {hit.payload["author"] for hit in both} == {"Ada", "Bob"}
    assert both[0].payload["title"] == "glue"
    bobs = find(EMBEDDER, vectors, "How glue grow", 12, "Bob")
    assert {hit.payload["author"] for hit in bobs} == {"Bob"}
    assert len(bobs) == 6


def test_before_the_first_publication_it_says_what_to_do(vectors):
    with pytest.raises(NoIndex, match="run `llm-twin run`"):
        find(EMBEDDER, vectors, "glue", 3, None)


def test_an_index_of_another_model_is_not_searched(vectors):
    publish(vectors, *pages("glue"))
    with pytest.raises(AnotherEmbedder, match=r"made with words@1\+.* embedder is words@2\+"):
        find(WordEmbedder("words@2"), vectors, "glue", 3, None)


def test_a_named_index_is_searched_instead_of_the_live_one(vectors):
    first = publish(vectors, *pages("glue"))
    publish(vectors, *pages("glue", "bread"))
    assert {hit.payload["title"] for hit in find(EMBEDDER, vectors, "bread", 9, None, first)} == {"glue"}


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
    assert {hit.payload["title"] for hit in find(EMBEDDER, vectors, "bread", 9, None)} == {"bread"}


def test_a_named_index_that_is_gone_is_an_error(vectors):
    publish(vectors, *pages("glue"))
    with pytest.raises(UnknownIndex):
        find(EMBEDDER, vectors, "glue", 3, None, "gone")
