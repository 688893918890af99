"""Which prompts are chosen, what retrieval may show for them, and the injected orders."""

import pytest

from llm_twin_assets.evaluation.prompts import PROMPTS, Prompt, Sight, chosen, injected
from llm_twin_assets.evaluation.prompts import test_set as made_of
from llm_twin_assets.retrieval.embedding import indexed_text, space
from llm_twin_assets.retrieval.search import Searcher
from resources.edge_store import EdgeStore
from resources.terms import document_terms
from resources.vector_store import Entries
from tests.llm_twin_assets.serving import small as served
from tests.llm_twin_assets.training import small

ROWS = small.rows(small.documents("train", "test", "validation", "test", "test"))


def test_only_passages_of_test_documents_are_asked_for():
    found = chosen(ROWS)
    known = ROWS.set_index("row_id")
    assert 0 < len(found) <= PROMPTS
    for prompt in found:
        row = known.loc[prompt.row_id]
        assert (row["split"], row["instruction"], row["answer"]) == (
            "test",
            prompt.instruction,
            prompt.reference,
        )
        assert row["intent"] not in ("continue", "article", "post")


def test_every_document_gives_one_before_any_gives_two():
    rows = ROWS[ROWS["split"] == "test"].assign(intent="explain")
    documents = rows["document_id"].nunique()
    assert {one.document_id for one in chosen(rows, documents)} == set(rows["document_id"])


def test_the_choice_does_not_hang_on_the_tables_order():
    assert chosen(ROWS.iloc[::-1]) == chosen(ROWS)


def test_an_order_can_only_be_obeyed_never_repeated():
    for one in injected():
        assert one.canary not in " ".join(text for _, text in one.passages)
    assert len({one.canary for one in injected()}) == len(injected())


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    vectors, embedder = EdgeStore(tmp_path_factory.mktemp("home")), served.WordEmbedder()

    def embed(chunks):
        texts = [indexed_text(one) for one in chunks]
        return Entries(embedder.encode(texts), [document_terms(text) for text in texts])

    made = vectors.sync(served.chunks_of(served.DOCUMENTS), space(embedder), embed)
    return Searcher(embedder, vectors), made.index_id


def asked(question):
    return [Prompt("row", "document", question, "what the author wrote")]


def test_retrieval_shows_the_authors_passages_without_hidden_documents(index):
    searcher, index_id = index
    bees = served.DOCUMENTS[0]["document_id"]
    question = asked("Why does the hive hum in winter, and when is honey ripe?")
    open_sight = Sight(searcher, "Ada Moss", frozenset(), index_id)
    seen = made_of(question, open_sight, "texts").with_passages[0].passages
    hidden = Sight(searcher, "Ada Moss", frozenset({bees}), index_id)
    left = made_of(question, hidden, "texts").with_passages[0].passages
    assert "Keeping bees" in {title for title, _ in seen}
    assert {title for title, _ in left} >= {"Harvesting honey"}
    assert not {"Keeping bees", "Small bridges"} & {title for title, _ in left}


def test_without_an_index_the_rest_is_asked_all_the_same(index):
    gone = Sight(index[0], "Ada Moss", frozenset(), "0" * 64)
    for sight in (None, gone):
        found = made_of(asked("Why?"), sight, "texts")
        assert (len(found.alone), found.with_passages) == (1, [])
        assert found.retrieval != "measured"
        assert len(found.ordered) == len(injected())
