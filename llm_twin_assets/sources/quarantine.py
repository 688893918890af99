"""Documents that give orders to the models that will read them are left out, each with its reason."""

from llm_twin_assets.sources.injection import scan, scan_html
from llm_twin_assets.sources.reading import Refused


def look_through(text: str, page: str | None = None) -> None:
    """Raise Refused where a text, or the HTML page it was taken from, instructs a model."""
    found = (scan_html(page) if page else None) or scan(text)
    if found:
        mend = "read it; if it is harmless, write its address under trusted: in the twins file"
        raise Refused(found.reason, f"it instructs a model: {found.excerpt!r}: {mend}")
