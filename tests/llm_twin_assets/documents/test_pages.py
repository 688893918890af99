"""Pages as two sites write them around an article; their words here are made up."""

import pytest

from llm_twin_assets.documents.cleaning import clean


def menu(title: str, before: str = "", after: str = "") -> str:
    blocks = [before, "Share this post", f"#### {title}", "tides.example.com"]
    blocks += ["Copy link", "Facebook", "Email", "Note", "Other", after, "Share"]
    return "\n\n".join(block for block in blocks if block)


TITLE = "Why the harbour empties twice a day, and what the oldest of the fishermen make\nof it"
WHOLE = TITLE.replace("\n", " ")
TAIL = """PreviousNext

#### Discussion about this post

Comments

Restacks

| A ReaderMay 3Liked by Ada ExampleLovely piece.Expand full commentReplyShare
---|---

Top

Latest

Ready for more?

Subscribe

© 2024 Ada Example

This site requires JavaScript to run correctly. Please turn on JavaScript or
unblock scripts
"""
BODY = """#### _A study in patience_

Image by author

The water leaves the harbour twice a day, and those who live beside it have a
word for the hour in which the boats lie down on their sides. “Nobody’s hour,”
they say – and it’s true.

### 1\\. The long-
term view of the harbour wall

You will need:

\\- a chair
\\- a coat

.

This is what I was told by

Grace Hopper

from

The Tide Letter

, who has sat there since the spring.

    tide = 12.4
    for hour in range(3):

        print(hour)

Tides is a reader-supported publication. To receive new posts and support my
work, consider becoming a free or paid subscriber.

Subscribe

 _And that is all there is to say about it, until the next time the water goes
away._
"""
PAGE = "\n\n".join(
    [
        "# Ada Example",
        "SubscribeSign in",
        menu(TITLE),
        f"# {TITLE}",
        "### A study in patience",
        "Ada Example",
        ",",
        "Grace Hopper",
        "Mar 27, 2024",
        menu(TITLE, before="12", after="3"),
        BODY,
        menu(TITLE, before="12"),
        TAIL,
    ]
)
CLEANED = f"""# {WHOLE}

### A study in patience

The water leaves the harbour twice a day, and those who live beside it have a word for the hour in which the \
boats lie down on their sides. “Nobody’s hour,” they say – and it’s true.

### 1. The long-term view of the harbour wall

You will need:

- a chair
- a coat

This is what I was told by Grace Hopper from The Tide Letter, who has sat there since the spring.

    tide = 12.4
    for hour in range(3):

        print(hour)

_And that is all there is to say about it, until the next time the water goes away._"""


def test_a_newsletter_page_is_cut_down_to_its_article():
    assert clean(PAGE, "Harbour - Ada Example").text == CLEANED


def test_the_title_on_the_page_goes_before_the_one_for_search_engines():
    assert clean(PAGE, "Harbour - Ada Example").title == WHOLE


def test_a_cut_out_article_is_left_alone():
    assert clean(CLEANED, WHOLE).text == CLEANED


@pytest.mark.parametrize(
    "words",
    [
        "Share",
        "Subscribe",
        "Share this post\n\nwith a friend, she said.",
        "#### Discussion about this post\n\nIt went on until the evening.",
        "Image by author",
        "A line.\n\n.\n\nAnother line.",
        "Ada Example\n\nMar 27, 2024\n\nDear reader,",
        "\\- not a list",
        " one space before",
        "Ready for more?\n\nThen read on.",
    ],
)
def test_without_a_pages_marks_the_same_words_stay(words):
    text = f"# Title\n\nFirst.\n\n{words}\n\nLast."
    assert clean(text, "Title").text == text


def test_a_menu_alone_is_mark_enough():
    text = f"{menu('T')}\n\nThe article begins here.\n\n{menu('T', before='7')}\n\nPreviousNext\n"
    assert clean(text, "T").text == "The article begins here."


def test_an_authors_own_question_ends_no_article():
    text = f"{menu('T')}\n\nReady for more?\n\nThen read on.\n\nReady for more?\n\nSubscribe\n\nA footer"
    assert clean(text, "T").text == "Ready for more?\n\nThen read on."


def test_a_heading_is_no_mention():
    text = f"{menu('T')}\n\n### Ada\n\nand\n\n### Grace\n\nText."
    assert clean(text, "T").text == "### Ada\n\nand\n\n### Grace\n\nText."


def test_words_in_code_are_no_buttons():
    text = f"{menu('T')}\n\nSee:\n\n    Share\n\n    Subscribe\n\nEnd."
    assert clean(text, "T").text == "See:\n\n    Share\n\n    Subscribe\n\nEnd."


def test_a_section_may_be_called_as_the_article():
    sections = "### This week\n\nOne.\n\n### Tides\n\nTwo."
    page = f"# Ada\n\nSubscribeSign in\n\n# Tides\n\n### A letter\n\nAda\n\nMar 27, 2024\n\n{sections}"
    assert clean(page, "Tides").text == f"# Tides\n\n### A letter\n\n{sections}"


def test_without_a_date_nothing_is_taken_for_a_byline():
    page = "# Ada\n\nSubscribeSign in\n\n# Tides\n\nAda\n\nIt began in the morning."
    assert clean(page, "Tides").text == "# Tides\n\nAda\n\nIt began in the morning."


def test_a_later_date_is_no_byline():
    long = "It began in the morning, and it went on until nobody could remember how it had begun, or why."
    page = f"# Ada\n\nSubscribeSign in\n\n# Tides\n\n{long}\n\nMar 27, 2024\n\nEnd."
    assert clean(page, "Tides").text == f"# Tides\n\n{long}\n\nMar 27, 2024\n\nEnd."


def test_an_empty_line_in_code_keeps_its_spaces():
    code = "    tide = 1\n    \n    \n    boats = 2"
    assert clean(f"{menu('T')}\n\nSee:\n\n{code}\n\nEnd.", "T").text == f"See:\n\n{code}\n\nEnd."


def test_links_shown_as_cards_go_with_the_title_above_them():
    cards = "**How the wall was built**  \n _A study of stones and\nmud_harbour.example.com\n\n" * 2
    assert clean(f"{menu('T')}\n\nText.\n\n### Related stories\n\n{cards}", "T").text == "Text."


def test_a_slanted_line_under_a_strong_one_is_no_card():
    text = "**How the wall was built**  \n_A study of stones and mud_"
    assert clean(f"{menu('T')}\n\nText.\n\n{text}", "T").text == f"Text.\n\n{text}"


@pytest.mark.parametrize(
    "words",
    [
        "If not otherwise stated, all images are created by the author.",
        "Unless otherwise noted, all images by author",
        "Except where noted otherwise, all figures are by the authors.",
        "Upgrade to paid",
        "How boats lie in the mud. For the whole…harbour.example.com",
    ],
)
def test_credits_and_offers_go_with_the_title_above_them(words):
    assert clean(f"{menu('T')}\n\nText.\n\n* * *\n\n#### Images\n\n{words}", "T").text == "Text."
    assert clean(f"Text.\n\n#### Images\n\n{words}", "T").text == f"Text.\n\n#### Images\n\n{words}"


STORY = (
    "On Tides | HarbourOpen in appSign upSign inWriteSign upSign inOn TidesA study in patienceAda Example·"
    "FollowPublished inHarbour·16 min read·Mar 16, 20242.1K13ListenShareThe water leaves.What is left?Mud is "
    "left, e.g. brown mud.→ Look at v1.5 of LinkedIn and MongoDB.(So they say.)Then, at six, it comes back: "
    "“It’s late.”Nobody minds the DB.1. System design is next.Sign up to discover human stories that deepen "
    "your understanding of the world.FreeDistraction-free reading. No ads.\n\n\nTo make Medium work, we log "
    "user data."
)


def test_a_story_gets_back_the_breaks_it_lost():
    assert clean(STORY, "On Tides").text.split("\n\n") == [
        "The water leaves.",
        "What is left?",
        "Mud is left, e.g. brown mud.",
        "→ Look at v1.5 of LinkedIn and MongoDB.(So they say.)",
        "Then, at six, it comes back: “It’s late.”",
        "Nobody minds the DB.",
        "1. System design is next.",
    ]


@pytest.mark.parametrize("date", ["Mar 16", "5 days ago", "Just now"])
def test_a_story_of_this_year_says_less_about_its_date(date):
    assert clean(STORY.replace("Mar 16, 2024", date), "T").text == clean(STORY, "T").text


@pytest.mark.parametrize(
    ("lost", "found"),
    [
        ("Figure 1 [Image by me]Then it goes on.", ["Figure 1 [Image by me]", "Then it goes on."]),
        ("Support us with a ⭐️Lessons are free.", ["Support us with a ⭐️", "Lessons are free."]),
        ("The sea[1] A Book, A Press[2] B Book", ["The sea", "[1] A Book, A Press", "[2] B Book"]),
    ],
)
def test_more_breaks_that_a_story_lost(lost, found):
    page = f"Tides·16 min read·Mar 16, 2024ListenShare{lost}"
    assert clean(page, "T").text.split("\n\n") == found


def test_a_story_keeps_its_given_title():
    assert clean(STORY, "On Tides").title == "On Tides"


def test_text_about_minutes_is_no_story():
    text = "A 16 min read.Then more.Nobody minds."
    assert clean(text, "T").text == text
