"""A browser, and pages of a server that does as the test tells it."""

import pytest
from playwright.sync_api import expect

from tests.llm_twin_assets.serving.page.browsing import TOLD_BY_CHROMIUM, chromium, opened
from tests.llm_twin_assets.serving.page.standin import StandIn, application
from tests.llm_twin_assets.serving.small import listening


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def standin():
    return StandIn()


@pytest.fixture
def url(standin):
    with listening(application(standin)) as address:
        yield address
        standin.go_on.set()


@pytest.fixture
def page(browser, url):
    with opened(browser, url) as made:
        expect(made.get_by_role("button", name="Ask")).to_be_enabled()
        yield made


@pytest.fixture
def troubled(browser, url):
    """A page in which a response may be an error."""
    with opened(browser, url, TOLD_BY_CHROMIUM) as made:
        yield made
