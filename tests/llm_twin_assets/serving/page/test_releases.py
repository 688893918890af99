"""The releases page in a real browser: what it shows of a report, and that it looks again by itself."""

import copy

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import PHONE, TOLD_BY_CHROMIUM, contrast, is_too_wide, opened

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

LIVE, CANARY, BAD = "0123456789abcdef", "9f8e7d6c5b4a3210", "5555aaaa5555aaaa"
ADA = {
    "twin": "ada",
    "author": "Ada Moss",
    "live": {
        "release_id": LIVE,
        "desired": LIVE,
        "error": None,
        "author": "Ada Moss",
        "made_at": "2026-11-20T09:12:33+00:00",
        "parent": BAD,
        "generation": "grounded",
    },
    "canary": {
        "release_id": CANARY,
        "share": 25,
        "since": "2026-11-29T10:00:00+00:00",
        "serving": True,
        "conversations": {"canary": 131, "control": 128, "due": 167},
        "looks": 6,
        "reason": "no harm seen; 31% of the information",
        "measured": {"quality": {"difference": -0.0123, "upper": 0.0412}},
    },
    "ended": {"release_id": BAD, "action": "roll_back", "reason": "harm: errors differ"},
    "evaluation": {
        "decision": "promote",
        "reason": "better than the champion",
        "challenger": "c" * 64,
        "champion": BAD,
        "gain": {
            "mean": 0.0412,
            "low": 0.0101,
            "high": None,
            "improved": 12,
            "documents": 14,
            "unit": "bits per byte",
            "over": "the champion",
        },
        "guards": [{"name": "rouge_l", "verdict": "holds", "reason": "guard rouge_l holds: +0.01"}],
        "findings": 0,
        "page": "store/model_evaluation/ada/report.html",
    },
    "drift": None,
    "quarantined": [{"release_id": BAD, "reason": "harm: <b>errors</b> differ", "adapter": "d" * 64}],
    "releases": 12,
    "timeline": [
        {"release_id": CANARY, "made_at": "2026-11-29T09:00:00+00:00", "parent": LIVE, "quarantined": False},
        {"release_id": LIVE, "made_at": "2026-11-20T09:12:33+00:00", "parent": BAD, "quarantined": False},
        {"release_id": BAD, "made_at": "2026-11-18T09:00:00+00:00", "parent": None, "quarantined": True},
    ],
}
BEN = {
    "twin": "ben",
    "author": "Ben Ferro",
    **dict.fromkeys(("live", "canary", "ended", "evaluation", "drift")),
    "quarantined": [],
    "releases": 0,
    "timeline": [],
}


@pytest.fixture(autouse=True)
def report(standin):
    standin.report |= {"index_id": "fedcba9876543210", "twins": copy.deepcopy([ADA, BEN])}
    return standin.report


@pytest.fixture
def page(browser, url):
    with opened(browser, url, path="/releases", timezone_id="UTC") as made:
        expect(made.get_by_role("article")).to_have_count(2)
        yield made


def section(page, twin, title):
    return page.get_by_role("article", name=twin).locator("section").filter(has_text=title).first


def test_what_is_live_and_where_it_came_from(page):
    expect(page.locator("#about")).to_contain_text("Index fedcba987654 is searched for every twin.")
    live = section(page, "Ada Moss", "Live")
    expect(live).to_contain_text("Release 0123456789ab speaks as Ada Moss.")
    expect(live).to_contain_text("Made 20 Nov 2026, 09:12. It follows 5555aaaa5555.")
    expect(page.get_by_role("article", name="Ben Ferro")).to_contain_text("Nothing has been released yet.")
    link = page.get_by_role("link", name="Dagster (make dev)")
    expect(link).to_have_attribute("href", "http://127.0.0.1:1/")
    expect(page.get_by_role("link", name="Chat")).to_have_attribute("href", "/")


def test_a_canary_with_its_share_and_its_last_look(page):
    canary = section(page, "Ada Moss", "Canary")
    expect(canary).to_contain_text("Release 9f8e7d6c5b4a answers 25 % of the conversations.")
    bar = canary.get_by_role("progressbar", name="Share of conversations: 25 %")
    expect(bar).to_have_js_property("value", 25)
    expect(canary.locator("dl div")).to_have_text(["canary131", "control128", "next look at167"])
    expect(canary).to_contain_text("No harm seen; 31% of the information.")
    expect(canary).to_contain_text("Quality differs by −0.0123, at most +0.0412.")
    expect(section(page, "Ada Moss", "Last canary")).to_contain_text("rolled back release 5555aaaa5555")


def test_a_canary_that_was_not_looked_at_yet(page, report):
    canary = report["twins"][0]["canary"]
    canary |= {"looks": 0, "reason": None, "measured": {}, "serving": False}
    canary["conversations"] = {"canary": None, "control": None, "due": 20}
    page.reload()
    shown = section(page, "Ada Moss", "Canary")
    expect(shown).to_contain_text("It is first looked at after 20 conversations in each arm.")
    expect(shown).to_contain_text("it is not loaded yet")


def test_the_last_evaluation_with_its_gain_and_guards(page):
    shown = section(page, "Ada Moss", "Last evaluation")
    told = "+0.0412 bits per byte over the champion"
    expect(shown).to_contain_text(f"{told}, better on 12 of 14 documents.")
    expect(shown.get_by_role("img", name=f"Gain: {told}")).to_be_visible()
    expect(shown.locator(".pills li")).to_have_text("rouge l holds")
    expect(shown).to_contain_text("store/model_evaluation/ada/report.html")
    shown.get_by_text("Reasons").click()
    expect(shown.get_by_text("guard rouge_l holds: +0.01")).to_be_visible()
    expect(section(page, "Ada Moss", "Drift")).to_contain_text("Not measured yet.")


def test_quarantine_and_the_last_releases(page):
    expect(section(page, "Ada Moss", "In quarantine")).to_contain_text("harm: <b>errors</b> differ")
    entries = section(page, "Ada Moss", "and 9 earlier").locator("li")
    expect(entries).to_have_count(3)
    marks = page.get_by_role("article", name="Ada Moss").locator(".timeline .pill")
    expect(marks).to_have_text(["canary", "live", "quarantined"])


def test_it_looks_again_by_itself_and_leaves_open_what_is_open(page, report):
    page.get_by_text("Reasons").click()
    report["twins"][0]["canary"]["share"] = 50
    expect(page.locator(".pill").first).to_have_text("live · canary at 50 %", timeout=15_000)
    expect(page.get_by_text("guard rouge_l holds: +0.01")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Something changed.")


@pytest.mark.parametrize(
    ("changed", "pill", "told"),
    [
        ({"release_id": None}, "loading", "is being loaded"),
        ({"desired": CANARY}, "loading", "Release 9f8e7d6c5b4a should take its place."),
        ({"release_id": None, "error": "BrokenModel: a file is gone"}, "cannot be served", "a file is gone"),
    ],
)
def test_what_stands_in_the_way_is_told(page, report, changed, pill, told):
    report["twins"][0]["live"] |= changed
    page.reload()
    expect(page.locator(".pill").first).to_have_text(pill)
    expect(section(page, "Ada Moss", "Live")).to_contain_text(told)


def test_a_key_is_asked_for(browser, url, standin):
    standin.key = "ltk_good"
    with opened(browser, url, TOLD_BY_CHROMIUM, path="/releases") as page:
        page.get_by_label("API key").fill("ltk_good")
        page.keyboard.press("Enter")
        expect(page.get_by_role("article")).to_have_count(2)
        expect(page.get_by_label("API key")).to_have_count(0)


def test_a_server_that_is_gone_is_told_until_it_is_back(browser, url):
    with opened(browser, url, TOLD_BY_CHROMIUM, path="/releases") as page:
        expect(page.get_by_role("article")).to_have_count(2)
        page.route("**/v1/releases", lambda route: route.abort(), times=1)
        expect(page.locator("#about")).to_contain_text("The server does not answer.", timeout=15_000)
        expect(page.locator("#about")).to_contain_text("Index fedcba987654", timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_both_schemes_and_on_a_telephone(browser, url, scheme):
    with opened(browser, url, path="/releases", color_scheme=scheme, **PHONE) as page:
        expect(page.get_by_role("article")).to_have_count(2)
        assert not is_too_wide(page)
        for selector in (".faint", "h3", ".pill", ".timeline time", ".pill.bad"):
            assert contrast(page, selector, ".twin") > 4.5, selector
