"""National identity numbers and wallets, found by Presidio's patterns; wants the `pii` extra."""

import re
from functools import cache
from typing import Any

from llm_twin_assets.documents.finding import Finding

# Kinds whose check digits or shape are strong enough without the words around them; numbers of
# digits only (bank, tax, Aadhaar, NPI) are left out: one in ten of any such passes its check.
RECOGNIZERS = {
    "CRYPTO": "CryptoRecognizer",
    "DE_SOCIAL_SECURITY": "DeSocialSecurityRecognizer",
    "ES_NIE": "EsNieRecognizer",
    "ES_NIF": "EsNifRecognizer",
    "FI_PERSONAL_IDENTITY_CODE": "FiPersonalIdentityCodeRecognizer",
    "IN_PAN": "InPanRecognizer",
    "IT_FISCAL_CODE": "ItFiscalCodeRecognizer",
    "KR_RRN": "KrRrnRecognizer",
    "MEDICAL_LICENSE": "MedicalLicenseRecognizer",
    "SE_PERSONNUMMER": "SePersonnummerRecognizer",
    "UK_NHS": "NhsRecognizer",
    "UK_NINO": "UkNinoRecognizer",
    "US_ITIN": "UsItinRecognizer",
    "US_MBI": "UsMbiRecognizer",
    "US_SSN": "UsSsnRecognizer",
}
# Presidio gives 1.0 to what passes a checksum, and 0.5 to a shape that it calls medium.
_MIN_SCORE = 0.5
# Weaker shapes find nothing more that stands alone; one takes time with the square of the text.
_MIN_PATTERN = 0.3
# Digits only, and therefore unmistakable only as they are written: 219-09-9999, 943 476 5919.
_WRITTEN = {
    "KR_RRN": re.compile(r"[0-9]{6}-[0-9]{7}"),
    "SE_PERSONNUMMER": re.compile(r"(?:[0-9]{2})?[0-9]{6}[-+][0-9]{4}"),
    "UK_NHS": re.compile(r"[0-9]{3}([ -])[0-9]{3}\1[0-9]{4}"),
    "US_ITIN": re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}"),
    "US_SSN": re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}"),
}


def presidio_findings(text: str) -> list[Finding]:
    """The identity numbers in a text, of 15 kinds that Presidio names: US_SSN, IT_FISCAL_CODE, CRYPTO.

    Patterns and checksums only, scored 0.5 or more: no language model is loaded and nothing is
    fetched. Raises ImportError where the `pii` extra is not installed.
    """
    results = _analyzer().analyze(text, language="en", entities=list(RECOGNIZERS), score_threshold=_MIN_SCORE)
    found = (Finding(result.entity_type, result.start, result.end) for result in results)
    return sorted((one for one in found if _stands_alone(text, one)), key=lambda one: (one.start, -one.end))


def _stands_alone(text: str, found: Finding) -> bool:
    """Whether a finding is a whole word, in capitals (wallets mix them), and written as its kind is."""
    words = text[found.start : found.end]
    beside = text[max(0, found.start - 1) : found.start] + text[found.end : found.end + 1]
    capitals = found.kind == "CRYPTO" or words == words.upper()
    written = found.kind not in _WRITTEN or _WRITTEN[found.kind].fullmatch(words) is not None
    return capitals and written and not re.search(r"[\w-]", beside)


@cache
def _analyzer() -> Any:
    try:
        import presidio_analyzer
        from presidio_analyzer import predefined_recognizers
        from presidio_analyzer.nlp_engine import NoOpNlpEngine
    except ImportError as error:
        raise ImportError("presidio-analyzer is not installed: pip install 'llm-twin[pii]'") from error
    engine = NoOpNlpEngine([{"lang_code": "en", "model_name": "no_op"}])
    engine.load()
    recognizers = [
        getattr(predefined_recognizers, name)(supported_language="en") for name in RECOGNIZERS.values()
    ]
    for recognizer in recognizers:
        recognizer.patterns = [pattern for pattern in recognizer.patterns if pattern.score >= _MIN_PATTERN]
    registry = presidio_analyzer.RecognizerRegistry(recognizers, supported_languages=["en"])
    return presidio_analyzer.AnalyzerEngine(registry, engine, supported_languages=["en"])
