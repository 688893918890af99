import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.sources.dates import as_date, date_in


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024-03-27", "2024-03-27"),
        ("2024-03-27 10:00:00 +01:00", "2024-03-27"),
        ("2024-03-27T10:00:00Z", "2024-03-27"),
        ("2024", "2024"),
        ("2024-03", "2024-03"),
        ("Mar 27, 2024", "2024-03-27"),
        ("27 March 2024", "2024-03-27"),
        ("Sept. 1st, 2023", "2023-09-01"),
        ("2024-02-30", None),
        ("Feb 30, 2024", None),
        ("27/03/2024", None),
        ("yesterday", None),
        ("on Mar 27, 2024", None),
        ("", None),
    ],
)
def test_a_written_date(written, day):
    assert as_date(written) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("# Site\n\nAda\n\nMar 27, 2024\n\n1\n\nText", "2024-03-27"),
        ("TitleAda·16 min read·Mar 16, 20242.1K13ListenShareText", "2024-03-16"),
        ("Since May 1, 2001 much has changed.\n\nApr 05, 2023\n\nText", "2023-04-05"),
        ("Written on 5 April 2023 in the rain.", "2023-04-05"),
        ("Feb 31, 2023\n\nMar 01, 2023", "2023-03-01"),
        ("Nothing here is a date, may 5 be one.", None),
        ("x" * 5000 + "\nMar 27, 2024", None),
    ],
)
def test_a_pages_own_date(text, day):
    assert date_in(text) == day


@given(st.dates(datetime.date(1000, 1, 1)))
def test_every_day_is_read_in_every_form(day):
    forms = (day.isoformat(), f"{day:%b} {day.day}, {day.year}", f"{day.day} {day:%B} {day.year}")
    assert {as_date(form) for form in forms} == {day.isoformat()}
    assert date_in(f"# Title\n\n{day:%b %d}, {day.year}\n\nText") == day.isoformat()
