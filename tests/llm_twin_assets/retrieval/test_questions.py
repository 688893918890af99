from itertools import pairwise
from pathlib import Path

import pytest

from llm_twin_assets.retrieval.questions import QuestionsFileError, hand_written
from llm_twin_assets.sources.markdown import headings
from tests.llm_twin_assets.retrieval.words import chunk_row, chunk_table

ROOT = Path(__file__).parents[3]
ROWS = [
    chunk_row("glue", 0, "", "It dries\nin one  day."),
    chunk_row("glue", 1, "", "Again: it dries in one day. It dries in one day."),
    chunk_row("glue", 2, "", "It never dries."),
    chunk_row("bread", 0, "", "It dries in one day."),
]
GOOD = "- {question: 'How long must I wait?', uri: 'file:glue.md', quote: dries in one day}\n"


@pytest.fixture
def asked(tmp_path):
    def read(text):
        (tmp_path / "questions.yaml").write_text(text)
        return hand_written(tmp_path / "questions.yaml", chunk_table(*ROWS))

    return read


def test_every_chunk_of_the_document_that_holds_the_quotation_answers(asked):
    found = asked(GOOD)
    assert [(one.text, one.relevant) for one in found.queries] == [
        ("How long must I wait?", {row["chunk_id"] for row in ROWS[:2]})
    ]
    assert found.lost == []


def test_a_path_names_a_document_as_its_address_does(asked):
    assert asked(GOOD.replace("file:glue.md", "glue.md")).queries == asked(GOOD).queries


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("- {question: 'Why?', uri: glue.md, quote: dries twice}", "holds the words 'dries twice'"),
        ("- {question: 'Why?', uri: tides.md, quote: one day}", "no document has the address tides.md"),
        ("- {question: 'Why?', uri: glue.md}", "it needs the fields quote"),
        ("- {question: '', uri: 7, quote: one day}", "it needs the fields question, uri"),
        ("- Why?", "it needs the fields question, uri, quote"),
    ],
)
def test_an_entry_that_cannot_be_used_costs_itself_and_is_named(asked, entry, why):
    found = asked(f"{entry}\n{GOOD}")
    assert len(found.queries) == 1
    assert len(found.lost) == 1
    assert found.lost[0].startswith("1. ")
    assert why in found.lost[0]


@pytest.mark.parametrize("text", ["question: Why?", "- {", "", "- 'open"])
def test_a_file_that_is_no_list_says_so(asked, text):
    with pytest.raises(QuestionsFileError, match=r"questions\.yaml: "):
        asked(text)


def test_no_file_asks_nothing_and_another_text_is_another_version(asked, tmp_path):
    none = hand_written(None, chunk_table(*ROWS))
    assert (none.queries, none.lost) == ([], [])
    versions = {none.version, asked(GOOD).version, asked(GOOD.replace("wait", "sit")).version}
    assert len(versions) == 3
    with pytest.raises(QuestionsFileError, match="cannot be read"):
        hand_written(tmp_path / "nowhere.yaml", chunk_table(*ROWS))


def _manual():
    """The manual's pages as chunks: each stretch between two headings."""
    for page in sorted((ROOT / "docs" / "manual").glob("*.md")):
        text = page.read_text().split("---", 2)[2]
        starts = [0, *(heading.start for heading in headings(text)), len(text)]
        for ordinal, (start, end) in enumerate(pairwise(starts)):
            if text[start:end].strip():
                yield chunk_row(f"docs/manual/{page.stem}", ordinal, "", text[start:end])


def test_the_sample_corpus_answers_every_question_that_comes_with_it():
    found = hand_written(ROOT / "docs" / "questions.yaml", chunk_table(*_manual()))
    assert found.lost == []
    assert len(found.queries) >= 30
    assert all(len(query.relevant) == 1 for query in found.queries)
    assert len({query.text for query in found.queries}) == len(found.queries)
