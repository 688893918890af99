import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.documents.quality import failing
from llm_twin_assets.reasons import Reason

# Seven sentences, more than 50 words, nothing said twice.
PROSE = [
    "The baker opened the door before sunrise, because the ovens needed two hours to become hot.",
    "Nobody in our street wanted to wait for bread, and so a queue stood there by six.",
    "I was nine years old and was sent to buy two loaves with a coin in my glove.",
    "What I remember is the smell of the yard, and how quiet everybody became near the window.",
    "Years later I asked him why he never hired a helper to share the night with him.",
    "He said that dough is a slow kind of company, which is better than most people are.",
    "When the shop was sold, its sign went to a museum that keeps old letters.",
]
TEXT = "# The baker\n\n" + "\n\n".join(PROSE)
WORDS = (
    "kneading oven street window morning flour yeast river garden stone market winter candle ladder bridge"
)
POEM = "Rye in the rafters,\nrain on the lane,\nbread in the morning,\nthen hunger again."
SHOP = (
    "Cheap flour online, best oven prices, free shipping today, buy yeast now. Our shop sells garden stones, "
    "market candles, winter ladders, bridge lamps, kitchen knives, table cloths, window frames, iron coats, "
    "river boats, street lights, bread boxes, sugar bowls, tea cups, pans. Order now, pay later, save, "
    "every day new offers for our friends."
)


def reason(text: str, kind: str = "article") -> Reason | None:
    failure = failing(text, kind)
    return failure[0] if failure else None


def distinct(number: int) -> str:
    """Words of letters, no two of them alike."""
    return " ".join(f"{a}{b}" for a in WORDS.split() for b in WORDS.split()[:number])


FAILING = {
    Reason.TOO_FEW_WORDS: "\n\n".join(PROSE[:2]),
    Reason.PLACEHOLDER_TEXT: TEXT
    + "\n\nLorem ipsum dolor sit amet, consectetur adipiscing elit, sed do tempor.",
    Reason.WORD_LENGTH: " ".join(f"{word}{word}{word}" for word in distinct(5).split()),
    Reason.SYMBOL_RATIO: TEXT.replace("the", "# the").replace(" a ", " ... a ").replace("to", "to…"),
    Reason.BULLET_LINES: "\n".join(f"- {line}" for line in PROSE),
    Reason.ELLIPSIS_LINES: TEXT.replace(".\n", " ...\n", 3),
    Reason.ALPHABETIC_WORDS: TEXT + "\n\n" + " ".join(str(number) for number in range(1000, 1040)),
    Reason.STOP_WORDS: SHOP,
    Reason.REPEATED_LINES: "\n\n".join([*PROSE, *PROSE[:4]]),
    Reason.REPEATED_NGRAMS: "\n\n".join([*PROSE, *(f"Number {n}: {PROSE[n]}" for n in (1, 2, 3))]),
}


@pytest.mark.parametrize("expected", FAILING)
def test_every_rule_has_a_text_that_fails_it(expected):
    assert reason(FAILING[expected]) == expected


@pytest.mark.parametrize("expected", FAILING)
def test_a_detail_gives_figure_limit_and_mend(expected):
    failure = failing(FAILING[expected], "article")
    assert failure is not None
    figures, _, mend = failure[1].partition(": ")
    assert sum(word[0].isdigit() for word in figures.split()) >= 2
    assert mend


@pytest.mark.parametrize("kind", ["article", "essay", "post"])
def test_ordinary_prose_passes(kind):
    assert failing(TEXT, kind) is None


def test_an_article_needs_fifty_words_and_a_post_five():
    words = " ".join(PROSE).split()
    assert reason(" ".join(words[:49])) == Reason.TOO_FEW_WORDS
    assert reason(" ".join(words[:50])) is None
    assert reason(" ".join(words[:4]), "post") == Reason.TOO_FEW_WORDS
    assert reason(" ".join(words[:5]), "post") is None


def test_a_poem_may_be_short():
    assert failing(POEM, "article") is None
    assert failing(f"# Rye\n\n{POEM}\n\n{POEM}", "article") is None
    assert failing("Rye and rain, and hunger again.", "poem") is None
    assert reason(POEM.replace("\n", " ")) == Reason.TOO_FEW_WORDS
    assert reason("Home\nAbout\nContact\nPrivacy\nTerms\nImprint") == Reason.TOO_FEW_WORDS


def test_source_code_files_are_not_judged():
    assert failing("x = {}\n" * 40, "repository") is None
    assert failing("", "repository") is None


@pytest.mark.parametrize("text", ["", "\n \n", "🚀 🚀", "---\n\n* * *", "1 2 3", "[a](https://a.test)"])
def test_a_text_without_prose_has_too_few_words(text):
    assert reason(text, "post") == Reason.TOO_FEW_WORDS


CODE = "```python\nconfig = {'a': {'b': {'c': [1, 2, 3]}}}  # ... and # so on\nconfig = {'a': {}}\n```\n\n"
TABLE = "| 1 | 2 | 3 |\n|---|---|---|\n" + "| 10 | 20 | 30 |\n" * 20
LINKS = "\n".join(f"- [Page number {n}](https://example.org/pages/{n})" for n in range(60))


@pytest.mark.parametrize(
    "extra", [CODE * 20, TABLE, LINKS, "$$\n", "`{a}` " * 40, "https://a.test/x/y " * 50]
)
def test_what_technical_writing_holds_fails_nothing(extra):
    assert failing(f"{TEXT}\n\n{extra}", "article") is None


def test_code_outside_its_block_is_found_by_its_braces():
    loose = "\n\n".join(f"if (value{n}) {{ return call(value{n}); }} else {{ stop(); }}" for n in "abcdefgh")
    assert reason(f"{TEXT}\n\n{loose}") == Reason.SYMBOL_RATIO
    assert reason(f"{TEXT}\n\n```\n{loose}\n```") is None


def test_a_posts_hashtags_are_no_symbols():
    post = "I baked my first #bread with #rye and #water today, and it was good.\n\n#baking #home #rye #bread"
    assert failing(post, "post") is None
    assert reason(post.replace("#", "# ... "), "post") == Reason.SYMBOL_RATIO


def test_an_article_may_speak_of_placeholders():
    assert failing(f"{TEXT}\n\nPrinters set “lorem ipsum dolor” where words are missing.", "article") is None
    stand_ins = "Insert your text here. Your content goes here. This is placeholder text. Text coming soon. "
    assert reason(f"{TEXT}\n\n{stand_ins}") == Reason.PLACEHOLDER_TEXT


def test_a_table_of_contents_repeats_its_headings():
    titles = [line.rstrip(".") for line in PROSE[:3]]
    contents = "\n".join(f"{number}. {title}" for number, title in enumerate(titles, 1))
    sections = "\n\n".join(f"## {title}\n\n{text}" for title, text in zip(titles, PROSE[3:6], strict=True))
    assert failing(f"{contents}\n\n{sections}", "article") is None
    assert reason(f"{contents}\n\n{sections.replace('## ', 'Well: ')}") == Reason.REPEATED_NGRAMS


GERMAN = (
    "Der Bäcker öffnete die Tür vor Sonnenaufgang, weil die Öfen zwei Stunden brauchten, um heiß zu werden. "
    "Niemand in unserer Straße wollte auf warmes Brot warten, also stand um sechs eine Schlange. Ich war "
    "neun Jahre alt und sollte zwei Laibe kaufen, mit einer Münze im Handschuh. Er sagte, der Teig sei eine "
    "langsame Gesellschaft, besser als die meisten Leute."
)
CHINESE = (
    "面包师在日出之前打开门，因为烤炉需要两个小时才能变热。我们街上没有人愿意早上等待热面包，"
    "所以六点钟已经有人排队。我那时九岁，手套里装着一枚硬币，去买两个面包。"
)


@pytest.mark.parametrize("text", [GERMAN, CHINESE])
def test_other_languages_need_no_english_words(text):
    assert failing(text, "article") is None


@given(st.text(max_size=400), st.sampled_from(["article", "post", "poem", "repository"]))
def test_any_text_is_answered(text, kind):
    failure = failing(text, kind)
    assert failure is None or isinstance(failure[0], Reason)


@given(
    st.lists(
        st.sampled_from(["the", "of", "bread", "…", "#", "{", "- ", "\n", "\n\n", "9", "rye"]), max_size=300
    )
)
def test_any_mixture_is_answered(pieces):
    failure = failing(" ".join(pieces), "article")
    assert failure is None or failure[1]
