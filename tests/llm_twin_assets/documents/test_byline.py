import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.documents.byline import guest

AUTHOR = "Nora Halloran"
PROSE = (
    "Bread needs time more than it needs hands. I have kept the same starter for nine years now, and in "
    "every one of them it has taught me that a cold kitchen is a slow kitchen, whatever the recipe says."
)
BUTTONS = "\n\n".join(["Copy link", "Facebook", "Email", "Note", "Other"])
MENU = f"Share this post\n\n#### Slow bread\n\ncrumbs.substack.com\n\n{BUTTONS}\n\n"


def newsletter(byline: str, body: str = PROSE, masthead: str = "#") -> str:
    titles = "# Slow bread\n\n### Why a cold kitchen is a\nslow kitchen"
    end = f"Share\n\n#### Discussion about this post\n\nWritten by Peter Reader\n\n© 2024 {AUTHOR}\n"
    top = f"{masthead}\n\nSubscribeSign in\n\n{MENU}{titles}\n\n{byline}\n\nMar 23, 2024\n\n10"
    return f"{top}\n\n{MENU}{body}\n\n{MENU}{end}"


def story(name: str, foot: str | None = None) -> str:
    top = f"Slow bread | Crumbs WeeklyOpen in appSign inSlow breadWhy a cold kitchen waits.{name}·Follow"
    end = f"Bread12FollowWritten by {foot or name}5.1K Followers·Editor for Crumbs WeeklyOskar LindinCrumbs"
    return f"{top}Published inCrumbs Weekly·6 min read·Mar 16, 202421ListenShare{PROSE}{end}"


def of(text: str, author: str = AUTHOR) -> str | None:
    return guest(text, "Slow bread", author)


@pytest.mark.parametrize(
    ("byline", "found"),
    [
        ("Tomas Reyes", "Tomas Reyes"),
        ("Bo", "Bo"),
        ("[Tomas Reyes](https://substack.com/@treyes)", "Tomas Reyes"),
        ("![](https://cdn.test/a.png)\n\nTomas Reyes's avatar\n\nTomas Reyes", "Tomas Reyes"),
        ("Tomas Reyes\n\nand\n\nIda Vinter", "Tomas Reyes and Ida Vinter"),
        ("Tomas Reyes\n\n,\n\nIda Vinter\n\n, and\n\nCrumbs AI", "Tomas Reyes and Ida Vinter"),
        ("Tomas van der Reyes", "Tomas van der Reyes"),
        ("Ida McVinter", "Ida McVinter"),
        ("Béla Őszi", "Béla Őszi"),
        ("JOSÉ LIMA", "JOSÉ LIMA"),
        ("李明", "李明"),
        (AUTHOR, None),
        ("Nora Halloran\n\nand\n\nTomas Reyes", None),
        ("Tomas Reyes and Nora Halloran", None),
        ("Tomas Reyes\n\n,\n\nIda Vinter\n\n, and\n\nNora Halloran", None),
        ("Crumbs ML", None),
        ("The Crumbs Team", None),
        ("OpenCrumbs", None),
        ("", None),
    ],
)
def test_the_names_above_a_newsletters_date_wrote_it(byline, found):
    assert of(newsletter(byline)) == found


@pytest.mark.parametrize("date", ["Mar 23, 2024 ∙ Paid", "Mar 23", "23 March 2024", "2024-03-23"])
def test_a_date_is_known_in_every_form(date):
    assert of(newsletter("Tomas Reyes").replace("Mar 23, 2024", date)) == "Tomas Reyes"


@pytest.mark.parametrize(
    "variant",
    ["NORA HALLORAN", "Nora J. Halloran", "N. Halloran", "Nora Haloran", "Halloran Nora", "Nòra Halloran"],
)
def test_a_spelling_of_the_authors_name_is_the_author(variant):
    assert of(newsletter(variant)) is None
    assert of(f"# Slow bread\n\nBy {variant}\n\n{PROSE}") is None


@pytest.mark.parametrize("fuller", ["Nora", "Dr. Nora Halloran", "Nora Halloran, PhD", "Nora Jane Halloran"])
def test_a_shorter_or_fuller_name_is_the_author(fuller):
    assert of(newsletter(fuller)) is None


def test_an_authors_full_name_is_known_in_its_shorter_forms():
    for variant in ("Nora Halloran", "Nora", "Nora J. Halloran", "Nora Halloran Jane"):
        assert of(newsletter(variant), author="Nora Jane Halloran") is None
    assert of(newsletter("Nora Halloran"), author="Nora") is None
    assert of(newsletter("Nora Tove Halloran"), author="Nora Jane Halloran") is None


@pytest.mark.parametrize("other", ["Norman Hall", "Nina Halloran-Price", "Flora Callahan", "Tomas Halloran"])
def test_a_similar_name_is_somebody_else(other):
    assert of(newsletter(other)) == other


def test_the_publication_is_no_guest():
    page = newsletter("Cold Kitchen", masthead="# Cold Kitchen")
    assert of(page) is None
    assert of(page.replace("# Cold Kitchen\n", "#\n")) == "Cold Kitchen"
    assert of(newsletter("Cold Kitchen").replace("crumbs.sub", "coldkitchen.sub")) is None


def test_an_author_whose_newsletter_bears_their_name_shares_a_piece():
    assert of(newsletter("Nora Halloran\n\nand\n\nTomas Reyes", masthead="# Nora Halloran")) is None


def test_a_date_in_a_diary_names_no_writer():
    assert of("# Slow bread\n\nConcord\n\nMarch 3, 2024\n\n" + PROSE) is None
    assert of("# Slow bread\n\nNew Haven\n\nMarch 3, 2024\n\n" + PROSE) is None
    assert of("# Slow bread\n\nTomas Reyes\n\nMarch 3, 2024\n\n" + PROSE) == "Tomas Reyes"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (story("Tomas Reyes"), "Tomas Reyes"),
        (story("Ida McVinter"), "Ida McVinter"),
        (story("Tomas Reyes", foot="Somebody Else"), "Tomas Reyes"),
        (story(AUTHOR), None),
        (
            "Slow bread\n\nTomas Reyes\n\n·\n\nFollow\n\nPublished in\n\nCrumbs\n\n6 min read\n\n" + PROSE,
            "Tomas Reyes",
        ),
        (
            "# Slow bread\n\n[Tomas Reyes](/@t)\n\nFollow\n\n6 min read\n\n·\n\nMar 3, 2024\n\n" + PROSE,
            "Tomas Reyes",
        ),
        (f"Slow bread\n\n{AUTHOR}\n\nFollow\n\n6 min read\n\n" + PROSE, None),
    ],
)
def test_the_name_at_mediums_follow_button_wrote_it(page, found):
    assert of(page) == found


LINES = [
    ("By Tomas Reyes", "Tomas Reyes"),
    ("**by Tomas Reyes**", "Tomas Reyes"),
    ("_By [Tomas Reyes](https://reyes.test), Head of Ovens_", "Tomas Reyes"),
    ("By Tomas Reyes | Crumbs Weekly", "Tomas Reyes"),
    ("By Tomas Reyes and Ida Vinter", "Tomas Reyes and Ida Vinter"),
    ("Written by Tomas Reyes", "Tomas Reyes"),
    ("Guest post by Tomas Reyes", "Tomas Reyes"),
    ("A guest article by Bo", "Bo"),
    ("Author: Tomas Reyes", "Tomas Reyes"),
    ("Author\n\nTomas Reyes\n\nPublished\n\nMarch 3, 2024", "Tomas Reyes"),
    ("Guest author: Tomas Reyes", "Tomas Reyes"),
    ("This is a guest article by Tomas Reyes. He bakes at night.", "Tomas Reyes"),
    ("Hello again! This is our second guest post by Tomas Reyes, who bakes.", "Tomas Reyes"),
    ("Today’s guest post is written by our old friend, **Tomas Reyes**, of Lund.", "Tomas Reyes"),
    ("In this week's guest post, Tomas Reyes explains how he bakes.", "Tomas Reyes"),
    ("This article was written by Tomas Reyes from Lund.", "Tomas Reyes"),
    ("This week's guest author is Tomas Reyes.", "Tomas Reyes"),
    ("Hello!\n\nI have a treat for you. This is a guest\npost by Tomas\nReyes.", "Tomas Reyes"),
    ("I owe all of it to one essay\nby Tomas Reyes\nand to luck.", None),
    ("By Nora Halloran and Tomas Reyes", None),
    ("By Tomas Reyes, Ida Vinter and Nora Halloran", None),
    ("Author: Nora Halloran", None),
    ("By The Numbers", None),
    ("By Monday Morning", None),
    ("By Default", None),
    ("By Tomas Reyes, a baker, I mean the old one.", None),
    ("Written by hand", None),
    ("This post is brought to you by Tomas Reyes", None),
    ("This article was written by ChatGPT", None),
    ("In today's issue, Tomas Reyes will tell me how he bakes.", None),
    ("Last week's guest post by Tomas Reyes was the most read of all.", None),
    ("I recommend this article by Tomas Reyes and that post by Ida Vinter.", None),
    ("An interview with Tomas Reyes", None),
    ("I talked to Tomas Reyes about bread.", None),
    ("Edited by Tomas Reyes", None),
    ("> “Bread is time.”\n>\n> — Tomas Reyes", None),
    ("```\n# By Tomas Reyes\nBy Tomas Reyes\n```", None),
]


@pytest.mark.parametrize(("line", "found"), LINES)
def test_a_line_near_the_top_names_the_writer(line, found):
    assert of(f"# Slow bread\n\n{line}\n\n{PROSE}\n\n{PROSE}") == found


def test_an_announcement_counts_in_the_authors_own_newsletter():
    page = newsletter(AUTHOR, body=f"This is a guest post by Tomas Reyes.\n\n{PROSE}")
    assert of(page) == "Tomas Reyes"


def test_a_newsletters_note_on_a_co_writer_leaves_the_piece_to_the_author():
    body = f"{PROSE}\n\nA guest post by\n\nTomas Reyes\n\nBaker in Lund"
    assert of(newsletter("Nora Halloran\n\nand\n\nTomas Reyes", body=body)) is None
    assert of(newsletter("Nora Halloran", body=body)) == "Tomas Reyes"


def test_a_name_far_down_is_a_mention():
    long = "\n\n".join([PROSE] * 60)
    assert of(f"# Slow bread\n\n{long}\n\nBy Tomas Reyes\n\n{long}") is None
    assert of(f"# Slow bread\n\n{long}\n\nWritten by Tomas Reyes") == "Tomas Reyes"


def test_a_name_below_the_beginning_of_the_text_is_a_mention():
    assert of(f"# Slow bread\n\n{PROSE}\n\n{PROSE}\n\nBy Tomas Reyes\n\n{PROSE * 30}") is None
    assert of(f"# Slow bread\n\n{PROSE}\n\n## An oven\n\nBy Tomas Reyes\n\n{PROSE * 30}") is None
    letter = f"{PROSE}\n\n{PROSE}\n\n### A letter\n\nTomas Reyes\n\nMarch 3, 2023\n\n{PROSE * 30}"
    assert of(f"# Slow bread\n\n{letter}") is None


def test_a_reading_list_has_no_single_writer():
    listed = "# Slow bread\n\n## Ovens\n\nBy Tomas Reyes\n\n## Flour\n\nBy Ida Vinter\n"
    assert of(listed) is None


@given(st.text(max_size=300))
def test_any_text_is_answered(text):
    found = of(text)
    assert found is None or found.strip()
