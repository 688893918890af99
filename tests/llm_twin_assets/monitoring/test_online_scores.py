"""The scores of requests: each tells what it says, and nothing where nothing can be said."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.contracts import ONLINE_SCORES, TRACES, conform, content_hash
from llm_twin_assets.evaluation.style import learned_style
from llm_twin_assets.monitoring.online_scores import NOTHING, means_table, scored, scoring, spoken
from llm_twin_assets.serving.canary_scores import Scorer
from resources.store import Table
from tests.llm_twin_assets.serving.small import BEES, DOCUMENTS, chunks_of, document
from tests.prose import prose


def indexed(documents):
    """The chunks of documents, each with its document's hash."""
    hashes = {one["document_id"]: one["content_hash"] for one in documents}
    return [one | {"content_hash": hashes[one["document_id"]]} for one in chunks_of(documents)]


CHUNKS = indexed(DOCUMENTS)
LIVE = frozenset(one["content_hash"] for one in CHUNKS)
BEES_ID = DOCUMENTS[0]["document_id"]
HUM = "A hive hums in winter because the bees shiver to keep their queen warm."
FIRST = CHUNKS[0]["chunk_id"]


def held(documents=DOCUMENTS, chunks=CHUNKS, style=None):
    none = learned_style(pd.DataFrame({"author": [], "text": []}), "Ada Moss")
    texts = {one["document_id"]: one["text"] for one in documents}
    return Scorer(texts, {one["chunk_id"]: one["text"] for one in chunks}, style or none)


def citation(quote=HUM, chunk=FIRST, text=BEES, **changed):
    start = text.index(quote)
    place = {"uri": "u", "start": start, "end": start + len(quote), "document_id": BEES_ID, "chunk_id": chunk}
    return place | {"quote_hash": content_hash(quote)} | changed


def passage(chunk=FIRST, dense=0.5, hash_=CHUNKS[0]["content_hash"]):
    return {"chunk_id": chunk, "content_hash": hash_, "score": 0.1, "scores": {"dense": dense, "sparse": 9.0}}


def row(answer=f"{HUM} [1]", citations=(), retrieved=(), declined=False, error=None, timings=None):
    return {
        "trace_id": "t",
        "question": "Why?",
        "answer": answer,
        "declined": declined,
        "error": error,
        "citations": json.dumps(list(citations)),
        "retrieved": json.dumps(list(retrieved)),
        "timings_ms": json.dumps({"total": 7.0} if timings is None else timings),
    }


def told(one, live=LIVE, language="en", **parts):
    """The scores that could be told of one request."""
    (found,) = scored([one], held(**parts), live, language)
    assert set(found) == set(ONLINE_SCORES)
    return {name: value for name, value in found.items() if not math.isnan(value)}


def test_a_true_quotation_is_grounded_cited_and_fresh():
    found = told(row(citations=[citation()], retrieved=[passage()]))
    assert found == {
        "grounded": 1.0,
        "cited": 1.0,
        "stale": 0.0,
        "refused": 0.0,
        "repeated": 0.0,
        "length": 14.0,
        "nearest": 0.5,
        "total_ms": 7.0,
    }


def test_grounded_is_the_share_of_quotations_that_stand_at_their_place():
    wrong = citation(start=3, end=20)
    assert told(row(citations=[citation(), wrong], retrieved=[passage()]))["grounded"] == 0.5
    assert "grounded" not in told(row(citations=[citation(document_id="gone")]))


def test_cited_is_the_share_of_chunks_that_there_still_are():
    found = told(row(citations=[citation(), citation(chunk="gone"), citation(chunk="lost")]))
    assert found["cited"] == pytest.approx(1 / 3)
    assert "cited" not in told(row(citations=[]))


def test_an_answer_from_a_document_that_has_changed_since_is_stale():
    old = passage("old", hash_="what it was")
    assert told(row(citations=[citation(chunk="old")], retrieved=[old, passage()]))["stale"] == 1.0
    assert told(row(citations=[citation()], retrieved=[old, passage()]))["stale"] == 0.0


def test_without_documents_nothing_is_said_of_citations():
    found = told(row(citations=[citation()], retrieved=[passage()]), frozenset(), documents=[], chunks=[])
    assert not {"grounded", "cited", "stale", "style"} & set(found)
    assert found["length"] == 14.0


def test_what_was_declined_has_no_words_to_judge_but_a_nearest_passage():
    found = told(row("I have not written about it.", retrieved=[passage(dense=0.1)], declined=True))
    assert found == {"refused": 1.0, "nearest": 0.1, "total_ms": 7.0}


def test_of_a_failure_only_the_time_is_told_and_even_that_may_be_missing():
    assert told(row(error="OSError: x", retrieved=[passage()])) == {"total_ms": 7.0}
    assert told(row(error="OSError: x", timings={})) == {}


def test_the_nearest_passage_counts_and_one_without_a_cosine_does_not():
    found = [passage(dense=0.2), passage(dense=0.7), {"chunk_id": "x", "content_hash": "y"}]
    assert told(row(retrieved=found))["nearest"] == 0.7
    assert "nearest" not in told(row())


def test_an_answer_that_repeats_itself_is_seen():
    said = "the bees burn honey all night "
    assert told(row(said * 6))["repeated"] > 0.7
    assert told(row(said))["repeated"] == 0.0


ENGLISH = (
    "The bees of this hive burn their honey all night, and so they keep the queen warm until the spring."
)
GERMAN = (
    "Die Bienen dieses Stocks verbrennen ihren Honig die ganze Nacht, "
    "damit ihre Königin bis zum nächsten Frühling warm und gesund bleibt."
)


def test_language_is_whether_the_answer_is_in_the_authors_and_of_few_words_nothing_is_said():
    assert told(row(ENGLISH))["language"] == told(row(GERMAN), language="de")["language"] == 1.0
    assert told(row(GERMAN))["language"] == told(row(ENGLISH), language="de")["language"] == 0.0
    assert "language" not in told(row(HUM))
    assert "language" not in told(row(ENGLISH), language=None)
    assert "language" not in told(row(ENGLISH, declined=True))


def test_an_authors_language_is_that_of_most_of_their_own_words():
    rows = [{**DOCUMENTS[0], "document_id": "a", "language": "de", "text": "ein Wort"}]
    rows += [{**DOCUMENTS[0], "document_id": "b", "language": "en"}]
    rows += [{**DOCUMENTS[0], "document_id": name, "language": None, "text": BEES * 9} for name in "cd"]
    rows += [{**DOCUMENTS[0], "document_id": "e", "author": "Bo", "language": "fr", "text": BEES * 9}]
    assert spoken(pd.DataFrame(rows), "Ada Moss") == "en"
    assert spoken(pd.DataFrame(rows[-1:]), "Ada Moss") is None


def test_style_tells_the_author_from_another_where_there_is_enough_text():
    own = [
        " ".join(f"Well, I think so; but {word} is not it." for word in prose(n, 20).split())
        for n in range(9)
    ]
    others = ["\n\n".join(prose(100 + n * 7 + part, 20) for part in range(4)) for n in range(9)]
    frame = pd.DataFrame({"author": ["Ada"] * 9 + ["Bo"] * 9, "text": own + others})
    judged = held(style=learned_style(frame, "Ada"))
    mine, theirs = scored([row(own[0][:2000]), row(others[0][:2000])], judged, LIVE)
    assert mine["style"] > 0.7 > 0.3 > theirs["style"]
    assert math.isnan(scored([row("Too short.")], judged, LIVE)[0]["style"])


@given(
    st.lists(
        st.builds(
            row,
            answer=st.text(max_size=60),
            citations=st.lists(st.sampled_from([citation(), citation(chunk="gone")]), max_size=3),
            retrieved=st.lists(st.sampled_from([passage(), passage("old", 0.9, "old")]), max_size=3),
            declined=st.booleans(),
            error=st.sampled_from([None, "OSError: x"]),
        ),
        max_size=6,
    )
)
def test_a_request_is_scored_alike_alone_and_in_any_batch_and_shares_are_shares(rows):
    together = scored(rows, held(), LIVE)
    assert str(together) == str([scored([one], held(), LIVE)[0] for one in rows])
    for found in together:
        for name in ("style", "grounded", "cited", "stale", "refused", "repeated"):
            assert math.isnan(found[name]) or 0 <= found[name] <= 1


def test_a_batch_is_held_to_the_documents_in_the_store_and_none_needs_none(store):
    score = scoring(store, "Ada Moss")
    assert score([]) == []
    asked = row(citations=[citation()], retrieved=[passage()])
    assert math.isnan(score([asked])[0]["cited"])
    frame, chunks = pd.DataFrame(DOCUMENTS), pd.DataFrame(CHUNKS)
    store.materialize("cleaned_documents", "1", lambda: Table(frame))
    store.materialize("cleaned_chunks", "1", lambda: Table(chunks))
    (found,) = score([asked])
    assert (found["cited"], found["grounded"], found["stale"]) == (1.0, 1.0, 0.0)


def test_opinions_are_asked_of_the_batch_and_stand_beside_the_scores(store):
    assert math.isnan(scoring(store, "Ada Moss")([row()])[0]["judged"])
    score = scoring(store, "Ada Moss", lambda rows: [0.25 * len(rows)] * len(rows))
    assert [one["judged"] for one in score([row(), row()])] == [0.5, 0.5]


def test_a_changed_document_makes_later_answers_from_it_stale(store):
    changed = [document("file:texts/bees.md", "Ada Moss", BEES.replace("January", "February"))]
    store.materialize("cleaned_documents", "1", lambda: Table(pd.DataFrame(changed)))
    store.materialize("cleaned_chunks", "1", lambda: Table(pd.DataFrame(indexed(changed))))
    (found,) = scoring(store, "Ada Moss")([row(citations=[citation()], retrieved=[passage()])])
    assert found["stale"] == 1.0


def test_means_are_over_those_that_have_a_score():
    columns = {name: [1.0, float("nan")] for name in ONLINE_SCORES} | {"style": [float("nan")] * 2}
    said = means_table(pd.DataFrame(columns)).splitlines()
    assert len(said) == 2 + len(ONLINE_SCORES)
    assert "| style | – | 0 |" in said
    assert "| cited | 1 | 1 |" in said


def test_a_table_takes_scores_and_their_absence():
    whole = {name: [""] for name in TRACES.columns} | {"declined": [False], "error": [None]}
    whole |= {name: [math.nan] for name in NOTHING} | {"prompt_tokens": [0], "completion_tokens": [0]}
    frame = pd.DataFrame(whole | {"first_token_ms": [None], "cost": [0.0], "style": [0.5]})
    kept = conform(frame, TRACES)
    assert kept["style"].iloc[0] == 0.5
    assert kept["grounded"].isna().all()
