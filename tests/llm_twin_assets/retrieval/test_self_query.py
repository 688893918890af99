"""What a question asks for by its own words: labelled questions, a teacher over real HTTP, and any text."""

import logging
from dataclasses import asdict
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.retrieval.dates_asked import dates_at
from llm_twin_assets.retrieval.self_query import Known, schema, self_query
from resources.vector_store import EVERYTHING, Filters
from tests.llm_twin_assets.retrieval.asked import ADA, CUED, KNOWN, TODAY, UNCUED, year

NOTHING = {"author": None, "platform": None, "kind": None, "since": None, "until": None}


def asked(question, known=KNOWN, today=TODAY):
    return {name: value for name, value in asdict(self_query(question, known, today)).items() if value}


def test_every_filter_that_is_set_is_right_and_nine_of_ten_are_found():
    found = [(question, asked(question), wanted) for question, wanted in CUED]
    wrong = [(question, got) for question, got, wanted in found if not got.items() <= wanted.items()]
    assert wrong == []
    right = sum(len(got) for _, got, _ in found)
    missed = [(question, got) for question, got, wanted in found if got != wanted]
    assert right >= 0.9 * sum(len(wanted) for _, wanted in CUED), missed


@pytest.mark.parametrize("question", UNCUED)
def test_a_question_without_a_cue_asks_for_everything(question):
    assert self_query(question, KNOWN, TODAY) == EVERYTHING


def test_the_two_halves_are_large_enough():
    assert len(CUED) >= 30
    assert len(UNCUED) >= 30


@pytest.mark.parametrize(
    ("phrase", "since", "until"),
    [
        ("in 2023", "2023-01-01", "2023-12-31"),
        ("in the year 2023", "2023-01-01", "2023-12-31"),
        ("in February 2024", "2024-02-01", "2024-02-29"),
        ("in 2024-02", "2024-02-01", "2024-02-29"),
        ("in the 1850s", "1850-01-01", "1859-12-31"),
        ("on 5 March 2024", "2024-03-05", "2024-03-05"),
        ("on March 5th, 2024", "2024-03-05", "2024-03-05"),
        ("since yesterday", "2025-03-30", None),
        ("since last year", "2024-01-01", None),
        ("from 2023 onwards", "2023-01-01", None),
        ("after March 2024", "2024-04-01", None),
        ("before 2024-03-01", None, "2024-02-29"),
        ("until last month", None, "2025-02-28"),
        ("from 2019-2021", "2019-01-01", "2021-12-31"),
        ("in 2022 and 2023", "2022-01-01", "2023-12-31"),
        ("this week", "2025-03-31", "2025-04-06"),
        ("in the last month", "2025-02-28", None),
        ("over the past 18 months", "2023-09-30", None),
        ("in the last couple of weeks", "2025-03-17", None),
    ],
)
def test_phrases_of_time_are_days(phrase, since, until):
    found = dates_at(phrase, 0, TODAY)
    days = tuple(day and day.isoformat() for day in (found.since, found.until))
    assert days == (since, until)
    assert found.end == len(phrase)


@pytest.mark.parametrize(
    "phrase",
    [
        *("in 2000 words", "in 2008-style", "in 2024-13", "on 2023-02-29", "on 2023", "from 2023 to 2021"),
        *("in 2021 and 2023", "last year's", "in 2023rd", "recently", "since my last", "in March"),
    ],
)
def test_what_is_no_phrase_of_time_is_none(phrase):
    assert dates_at(phrase, 0, TODAY) is None


def test_dates_that_leave_nothing_or_lie_ahead_are_none():
    assert asked("What did you write in 2030?") == {}
    assert asked("Your posts from 2021 and your posts from 2023") == {}


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What did you write about agents in 2023?", year(2023)),
        ("What have you written about agents since 2023?", {"since": "2023-01-01"}),
        ("Your articles about agents from 2023", year(2023)),
        ("What did you write about agents on Medium?", {"platform": "medium"}),
        ("What did you write about the agents in 2023?", {}),
        ("What did you write about what agents could do in 2023?", {}),
        ("What did you write about agents after 2023?", {}),
        ("What did you write about agents since 2023?", {}),
        ("What did you say about agents in 2023?", {}),
        ("What did you write about agents in 1990?", {}),
        ("What did you write about posting on Medium?", {}),
        ("Your articles about inflation in 2022", {}),
        ("Your articles about agents on Medium", {}),
    ],
)
def test_behind_a_topic_a_phrase_counts_only_where_it_is_the_writings(question, wanted):
    assert asked(question) == wanted


def test_since_and_until_are_both_kept():
    assert asked("What did you write after 2019 but before 2023?") == {
        "since": "2020-01-01",
        "until": "2022-12-31",
    }


def test_only_what_is_known_is_asked_for():
    nobody = Known(frozenset(), frozenset(), frozenset())
    assert all(set(asked(question, nobody)) <= {"since", "until"} for question, _ in CUED)


def test_values_are_words_not_patterns():
    odd = Known(frozenset({"A. (B) C*", " "}), frozenset({"x+y", ""}), frozenset({"q[a]", ""}))
    assert asked("What does A. (B) C* say on it?", odd) == {"author": "A. (B) C*"}
    assert asked("What did you write on x+y?", odd) == {"platform": "x+y"}
    assert asked("What does A. B C say on it?", odd) == {}


def test_a_last_name_that_two_authors_share_names_neither():
    assert asked("According to Okafor, what is rain?") == {}
    assert asked("According to Ben Okafor, what is rain?") == {"author": "Ben Okafor"}
    assert asked("According to Carl Moreau, what is rain?") == {}


def test_thousands_of_authors_make_no_larger_patterns():
    crowd = Known(frozenset(f"Ann{number} Bo{number}" for number in range(3000)), frozenset(), frozenset())
    assert asked("According to Bo77, what is rain?", crowd) == {"author": "Ann77 Bo77"}
    assert asked("According to Bo77 and Bo78, what is rain?", crowd) == {}


_PIECES = [
    "What did you write",
    "your posts",
    "in",
    "since",
    "9999",
    "1000",
    "2023",
    "2024-02-30",
    "and",
    "by",
]
_PIECES += [
    "Moreau",
    "'s",
    "on Medium",
    "last",
    "999 years",
    "about",
    "the",
    "in your articles",
    "?",
    ",",
    " ",
]


@given(st.text(max_size=200), st.dates())
def test_no_text_raises(text, today):
    assert isinstance(self_query(text, KNOWN, today), Filters)


@given(st.lists(st.sampled_from(_PIECES), max_size=14).map(" ".join), st.dates())
def test_no_mixture_of_cues_raises_or_asks_for_what_is_not_known(text, today):
    found = self_query(text, KNOWN, today)
    assert found.author in {None, *KNOWN.authors}
    assert found.platform in {None, *KNOWN.platforms}
    assert found.kind in {None, *KNOWN.kinds}
    days = [date.fromisoformat(day) for day in (found.since, found.until) if day]
    assert days == sorted(days)


@given(st.sets(st.text(max_size=12), max_size=4), st.text(max_size=60))
def test_no_known_values_raise(values, text):
    known = Known(frozenset(values), frozenset(values), frozenset(values))
    assert isinstance(self_query(f"What did {text} write on {text} in your {text}?", known, TODAY), Filters)


def test_a_long_text_costs_no_more_than_its_beginning():
    assert asked("What did you write in 2023? " + "your posts " * 100_000) == year(2023)


def test_a_teacher_reads_what_rules_do_not(teach):
    server, teacher = teach(NOTHING | {"author": ADA, "since": "2020-01-01"})
    found = self_query("Moreau lately?", KNOWN, TODAY, teacher)
    assert found == Filters(author=ADA, since="2020-01-01")
    assert server.calls[0]["response_format"]["json_schema"]["schema"] == schema(KNOWN)
    assert "2025-03-31" in server.calls[0]["messages"][1]["content"]


@pytest.mark.parametrize(
    "answer",
    [
        *("words", NOTHING | {"author": "Nobody"}, NOTHING | {"since": "2023-02-30"}),
        *(NOTHING | {"since": "2024-01-01", "until": "2023-01-01"}, (500, "down", {"Retry-After": "0"})),
    ],
)
def test_where_a_teacher_fails_the_rules_answer_and_a_warning_says_so(teach, caplog, answer):
    _, teacher = teach(answer)
    with caplog.at_level(logging.WARNING):
        assert self_query("What did you write in 2023?", KNOWN, TODAY, teacher) == Filters(**year(2023))
    assert "the rules did" in caplog.text


def test_nonsense_of_another_teacher_is_checked_too(caplog):
    class Careless:
        model = "careless"

        def ask(self, system, user, schema):
            return {"platform": "myspace"}

    assert self_query("What did you write in 2023?", KNOWN, TODAY, Careless()) == Filters(**year(2023))
    assert "platform" in caplog.text
