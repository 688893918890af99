"""Labelled questions for self-query: what each asks for by its own words, and some that ask for nothing."""

from datetime import date

from llm_twin_assets.retrieval.self_query import Known

TODAY = date(2025, 3, 31)
KNOWN = Known(
    authors=frozenset({"Ada Moreau", "Tobias R. Lindqvist", "Wendell Price", "Ruth Okafor", "Ben Okafor"}),
    platforms=frozenset({"medium", "linkedin", "letters.substack.com", "github.com", "web", "folder"}),
    kinds=frozenset({"article", "post", "repository", "book"}),
)
ADA, TOBIAS, PRICE = "Ada Moreau", "Tobias R. Lindqvist", "Wendell Price"
SUBSTACK = "letters.substack.com"


def year(number):
    return {"since": f"{number}-01-01", "until": f"{number}-12-31"}


CUED = [
    ("What did you write in 2023?", year(2023)),
    ("What did you write in 2023 about sourdough?", year(2023)),
    ("In 2023, what did you write about agents?", year(2023)),
    ("What did you write about agents in 2023?", year(2023)),
    ("Summarise your posts from 2023.", year(2023)),
    (
        "Which of the posts you published in March 2024 deal with caching?",
        {"since": "2024-03-01", "until": "2024-03-31"},
    ),
    ("Articles since 2022 about vector search", {"since": "2022-01-01"}),
    ("Which articles since 2022 mention quantization?", {"since": "2022-01-01"}),
    ("Show me essays written before 1860", {"until": "1859-12-31"}),
    ("What have you published after 2021?", {"since": "2022-01-01"}),
    ("What had you written until 2020?", {"until": "2020-12-31"}),
    ("What did you publish between 2021 and 2023?", {"since": "2021-01-01", "until": "2023-12-31"}),
    ("Please list your essays from 2019 to 2021", {"since": "2019-01-01", "until": "2021-12-31"}),
    ("What did you post last year?", year(2024)),
    ("What did you post last month about hiring?", {"since": "2025-02-01", "until": "2025-02-28"}),
    ("Anything you wrote last week?", {"since": "2025-03-24", "until": "2025-03-30"}),
    ("What have you written this year?", year(2025)),
    ("What have you written in the last two years about evaluation?", {"since": "2023-03-31"}),
    ("What did you write on 2024-02-29?", {"since": "2024-02-29", "until": "2024-02-29"}),
    ("Your articles since 2024-06-15, please", {"since": "2024-06-15"}),
    ("Have you written anything about compilers since 2020?", {"since": "2020-01-01"}),
    ("Tell me what you said in May 2022 about remote work", {"since": "2022-05-01", "until": "2022-05-31"}),
    ("What did you write on Medium?", {"platform": "medium"}),
    ("What did you publish on medium about databases?", {"platform": "medium"}),
    ("Find your posts on LinkedIn about hiring", {"platform": "linkedin"}),
    ("Summarise your LinkedIn posts", {"platform": "linkedin"}),
    ("On Substack, what did you say about gardening?", {"platform": SUBSTACK}),
    ("What did you write on Substack in 2024?", {"platform": SUBSTACK} | year(2024)),
    ("Which articles did you publish on Medium since 2023?", {"platform": "medium", "since": "2023-01-01"}),
    ("According to Ada Moreau, what is a good proof?", {"author": ADA}),
    ("According to Lindqvist, is prose dead?", {"author": TOBIAS}),
    ("Show me articles by Tobias Lindqvist", {"author": TOBIAS}),
    ("What did Moreau write about engines?", {"author": ADA}),
    ("What is Moreau's view of analogies?", {"author": ADA}),
    ("Can you find something by T. R. Lindqvist on rivers?", {"author": TOBIAS}),
    ("What does ada moreau say about rivers?", {"author": ADA}),
    ("Ruth Okafor's essays from 2018", {"author": "Ruth Okafor"} | year(2018)),
    ("What does Wendell Price think about inflation in 2022?", {"author": PRICE}),
    ("How does attention work, in your articles?", {"kind": "article"}),
    ("In your articles, how is attention explained?", {"kind": "article"}),
    ("What do you say in your posts about tests?", {"kind": "post"}),
    ("What do you say about love in the books?", {"kind": "book"}),
    ("From the books: what is a novel?", {"kind": "book"}),
    ("Where in your code is the cache explained?", {"kind": "repository"}),
    ("What do your repositories say about logging?", {"kind": "repository"}),
    ("What do you say in your posts from 2023 about tests?", {"kind": "post"} | year(2023)),
    (
        "What did you write about Rust in your articles on Medium in 2021?",
        {"kind": "article", "platform": "medium"} | year(2021),
    ),
]
CUED += [
    ("What have you been writing in the past six months?", {"since": "2024-09-30"}),
    ("Only use articles published before 2018.", {"until": "2017-12-31"}),
    ("Which of your Medium articles covers embeddings?", {"platform": "medium"}),
    ("Articles written by Wendell Price since 2010", {"author": PRICE, "since": "2010-01-01"}),
]
UNCUED = [
    "What happened in 1917?",
    "What do you think about the 2008 financial crisis?",
    "What did you write about the crash in 2008?",
    "What did you write about the war in 1917?",
    "How did the market change between 2019 and 2021?",
    "Why has inflation risen since 2020?",
    "How do I cook onions on medium heat?",
    "What did you write about roasting on medium heat?",
    "How do I get more followers on Medium?",
    "What do you think about growth on LinkedIn?",
    "What did you write about growth on LinkedIn?",
    "Why did you publish on Medium?",
    "How often do you post on LinkedIn?",
    "Is GitHub down?",
    "What do you think about GitHub Actions?",
    "How do I write a good article?",
    "How long should posts be?",
    "What makes a repository easy to read?",
    "How do I remove duplicates from the posts?",
    "What happens in the code when the cache is full?",
    "How many books do you read a year?",
    "How do you find typos in your articles?",
    "Who was Ada Moreau?",
    "What do you think of Lindqvist?",
    "What do you think of Lindqvist's essays?",
    "Which essays were inspired by Moreau?",
    "What is the price of a good proof?",
    "Is it true that price says something about quality?",
    "Does Okafor write about rivers?",
    "What do Moreau and Lindqvist say about rivers?",
    "Compare Moreau's view with Lindqvist's view.",
    "Compare your posts from 2021 with those from 2023.",
    "How do your LinkedIn posts differ from your Medium articles?",
    "Summarise it in 2000 words.",
    "What have you done since my last question?",
    "What have you written recently?",
    "What will language models do in 2030?",
    "What did you think when the transformer paper appeared in 2017?",
    "What did you write, except on Medium?",
    "Which of your posts were not written in 2023?",
    "What was your favourite summer?",
    "Which model won in March 2024?",
    "Was hast du 2023 geschrieben?",
    "",
]
