import socket
import sys

import pytest

from llm_twin_assets.documents.presidio import _analyzer, presidio_findings
from llm_twin_assets.documents.redaction import findings, redact

FOUND = {
    "219-09-9999": "US_SSN",
    "912-70-1234": "US_ITIN",
    "1EG4-TE5-MK73": "US_MBI",
    "BB1388568": "MEDICAL_LICENSE",
    "943 476 5919": "UK_NHS",
    "AB 12 34 56 C": "UK_NINO",
    "RSSMRA85T10A562S": "IT_FISCAL_CODE",
    "12345678Z": "ES_NIF",
    "X1234567L": "ES_NIE",
    "131052-308T": "FI_PERSONAL_IDENTITY_CODE",
    "15070649C103": "DE_SOCIAL_SECURITY",
    "811228-9874": "SE_PERSONNUMMER",
    "960121-1234567": "KR_RRN",
    "ABCPL1234F": "IN_PAN",
    "bc1q" + "w508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "CRYPTO",
}


@pytest.mark.parametrize(("number", "kind"), FOUND.items())
def test_each_kind_is_found_and_replaced(number, kind):
    text = f"Hers is {number}, she says."
    redacted = redact(text, more=presidio_findings)
    assert redacted.text == f"Hers is <{kind}>, she says."
    assert redacted.counts == {kind: 1}
    assert findings(redacted.text, more=presidio_findings) == []


@pytest.mark.parametrize(
    "text",
    [
        "1700000000 and 1700000000000, 20240501103000",
        "900101-2024 and 219-09-999, 219.09.9999, 219 09 9999",
        "000-12-3456 and 666-12-3456",
        "943 476 5918",  # the check digit is wrong
        "9434765919",
        "RSSMRA85T10A562T",
        "12345678A and 12345678z",
        "commit 3f7ab1388568 and bb1388568",
        "xBB1388568 or BB1388568-1",
        "chapters 12, 34 and 56: a quiet day in 1845",
        "MODELS1234",
        "ann@letters.org",
    ],
)
def test_other_numbers_and_words_stay(text):
    assert presidio_findings(text) == []


def test_ours_go_first_and_nothing_is_counted_twice():
    text = "ann@letters.org 912-70-1234"
    assert redact(text, more=presidio_findings).counts == {"EMAIL": 1, "US_ITIN": 1}


def test_no_model_is_loaded_and_nothing_is_fetched(monkeypatch):
    import spacy

    def refuse(*_arguments, **_options):
        raise AssertionError("no network, no model")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(spacy, "load", refuse)
    _analyzer.cache_clear()
    assert [finding.kind for finding in presidio_findings("219-09-9999")] == ["US_SSN"]


def test_without_the_extra_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    _analyzer.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'llm-twin\[pii\]'"):
        presidio_findings("219-09-9999")
