import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.walls import SHORT, wall

PROSE = (
    "The tide came in slowly that evening, and nobody on the pier looked up from what they were doing. "
    "A child counted boats, lost her place, and began again at one. "
)
LONG = PROSE * 8
NAVIGATION = (
    "<nav><ul>"
    + "".join(f"<li><a href='/{n}'>Section number {n}</a></li>" for n in range(90))
    + "</ul></nav>"
)


def page(body: str, head: str = "", title: str = "A page") -> str:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def paragraphs(*texts: str) -> str:
    return page("<article><h1>Notes</h1>" + "".join(f"<p>{text}</p>" for text in texts) + "</article>")


BOT_WALLS = {
    "cloudflare title": page(
        "<noscript>Enable JavaScript and cookies to continue</noscript>", title="Just a moment..."
    ),
    "cloudflare script": page(
        "<h1>example.org</h1><script>(function(){window._cf_chl_opt = {cType: 'managed'};})()</script>"
    ),
    "cloudflare form": page(
        '<form id="challenge-form" action="/x?__cf_chl_f_tk=1"><div class="cf-chl-widget"></div></form>'
    ),
    "cloudflare old": page(
        "<h1>Checking your browser before accessing example.org.</h1><p>It takes five seconds.</p>"
    ),
    "cloudflare attention": page(
        "<h1>Sorry</h1><p>You have been blocked.</p>", title="Attention Required! | Cloudflare"
    ),
    "turnstile": page("<h2>example.org</h2><p>Verify you are human by completing the action below.</p>"),
    "captcha": page("<p>Please complete the captcha to go on.</p><img src='c.png'><input name='captcha'>"),
    "datadome": page('<p>Please wait</p><script src="https://ct.captcha-delivery.com/c.js"></script>'),
    "datadome frame": page(
        '<iframe src="https://geo.captcha-delivery.com/captcha/?cid=1"></iframe>' + NAVIGATION
    ),
    "perimeterx": page('<div id="px-captcha"></div><p>Access to this page is refused.</p>'),
    "perimeterx words": page("<h1>Press &amp; Hold to confirm you are a human (and not a bot).</h1>"),
    "unusual traffic": page(
        "<p>Our systems have detected unusual traffic from your computer network.</p>" + NAVIGATION
    ),
    "google form": page("<form id='captcha-form' action='index' method='post'></form>" + NAVIGATION),
    "imperva": page('<iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=1"></iframe>'),
    "interruption": page(
        "<h1>Pardon Our Interruption</h1><p>Something about your browser made us think.</p>"
    ),
    "anubis": page(
        "<script id='anubis_challenge' type='application/json'>{}</script><h1>Making sure you’re no bot</h1>"
    ),
    "split by tags": page("<p><span>Please</span> <b>verify</b> you are <!-- x -->a human.</p>"),
    "as plain text": "Just a moment...\n\nEnable JavaScript and cookies to continue",
}
LOGIN_PAGES = {
    "linkedin wall": page(f'<main class="authwall-join-form"><h1>Join the network</h1><p>{LONG}</p></main>'),
    "linkedin script": page(
        '<script>window.location.href = "https://" + domain + "/authwall?trk=1";</script>'
    ),
    "sign in": page("<h1>Sign in to continue</h1><form><input name='email'></form>"),
    "log in or": page("<h1>Log in or sign up to view</h1><p>See what people are talking about.</p>"),
    "must be": page("<p>You must be logged in to see this page.</p>" + NAVIGATION),
    "medium members": paragraphs(
        LONG, "Create an account to read the full story.", "The author made this story available."
    ),
    "medium short": paragraphs("Member-only story", PROSE),
    "substack paid": paragraphs(
        LONG, "<div class='paywall'><h2>This post is for paid subscribers</h2></div>"
    ),
    "substack as text": f"# A post\n\n{LONG}\n\n## This post is for paid subscribers\n\nSubscribe",
    "newspaper": page(f"<p>{PROSE * 5}</p><h3>Subscribe to continue reading</h3>"),
    "members only": page("<p>This content is for members only. Already a member? Log in.</p>"),
}
GENUINE = {
    "plain": paragraphs(LONG),
    "short": paragraphs(PROSE),
    "long about captchas": paragraphs(
        "Verify you are human, says the box, and I sigh.", "Solve the captcha, it goes on.", LONG
    ),
    "long about cloudflare": paragraphs(
        "Just a moment... says Cloudflare before every page, and I have time to think.", LONG
    ),
    "short note on captchas": paragraphs(
        "My bank has begun to ask on every visit that I verify you are human boxes until they are happy. "
        + PROSE
    ),
    "tutorial with code": paragraphs(
        LONG,
        '<pre><code>&lt;div id="px-captcha"&gt; window._cf_chl_opt = {}</code></pre>',
        "Look for cf-chl marks.",
    ),
    "quoting a paywall": page(
        f"<p>{LONG}</p><blockquote><p>This post is for paid subscribers</p></blockquote><p>{LONG}</p>"
    ),
    "about paywalls": paragraphs(f"This post is for paid subscribers, says the page, and I leave. {LONG}"),
    "with a login link": page(f"<nav><a href='/login'>Sign in</a></nav><article><p>{LONG}</p></article>"),
    "with a form to join": page(
        f"<article><p>{LONG}</p></article><footer><p>Sign in to continue the talk</p></footer>"
    ),
    "cloudflare counting": page(
        f"<p>{LONG}</p><script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>"
    ),
    "comments with turnstile": page(
        f"<article><p>{LONG}</p></article><script src='https://challenges.cloudflare.com/turnstile/v0/api.js'></script>"
    ),
    "recaptcha in a form": page(
        f"<article><p>{LONG}</p></article><script src='https://www.google.com/recaptcha/api.js'></script>"
    ),
    "datadome counting": page(
        f"<script src='https://js.datadome.co/tags.js'></script><article><p>{PROSE}</p></article>"
    ),
    "data for scripts": page(
        f"<script type='application/json'>{{'text': 'window._cf_chl_opt = {{}}'}}</script><p>{LONG}</p>"
    ),
    "short with noscript": page(
        f"<article><p>{PROSE}</p></article><noscript>This site requires JavaScript.</noscript>"
    ),
    "markdown": f"# Captchas\n\nVerify you are human: an essay.\n\n{LONG}",
    "markdown with html": f"<p align='center'>Logo</p>\n\n# W\n\nSign in to continue, they say.\n\n{LONG}",
    "a moment": paragraphs(f"Just a moment ago I stood on the pier. {PROSE * 3}"),
}


@pytest.mark.parametrize("name", BOT_WALLS)
def test_a_bot_wall_is_told(name):
    reason, detail = wall(BOT_WALLS[name])
    assert reason == Reason.BOT_WALL
    assert "feed or export" in detail


@pytest.mark.parametrize("name", LOGIN_PAGES)
def test_a_login_page_or_paywall_is_told(name):
    reason, detail = wall(LOGIN_PAGES[name])
    assert reason == Reason.LOGIN_PAGE
    assert "signed in" in detail


@pytest.mark.parametrize("name", GENUINE)
def test_an_article_is_no_wall(name):
    assert wall(GENUINE[name]) is None


def test_the_words_of_a_wall_count_only_beside_little_text():
    notice = "Verify you are human."
    beside = SHORT - len(notice.split())
    assert wall(f"{notice} " + "word " * (beside - 1)) is not None
    assert wall(f"{notice} " + "word " * beside) is None


@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    assert wall(text) is None or wall(text)[0] in (Reason.BOT_WALL, Reason.LOGIN_PAGE)


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<!--", "-->", "<script>", "verify you are human ", "<a b='", "word. "]
        )
    )
)
def test_no_markup_breaks_it(pieces):
    wall("<" + "".join(pieces))


@pytest.mark.parametrize(
    "piece", ["<a id=", "<script>", "<div>", "<", "<!--", "sign in to ", "<script>window._cf_"]
)
def test_a_hostile_page_is_done_with(piece):
    wall("<p>" + piece * (500_000 // len(piece)))
