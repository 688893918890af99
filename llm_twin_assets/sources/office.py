"""The text of DOCX and PDF files as Markdown, through the optional package markitdown."""

import io
import re
from typing import Any

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.archives import Archive
from llm_twin_assets.sources.reading import Refused, with_newlines

# A picture is kept as a stub of its bytes, which are no words.
_PICTURE = re.compile(r"!\[[^\]\n]*\]\(data:[^)\n]*\)")


def office_markdown(data: bytes, ending: str) -> str:
    """The Markdown of a file whose name ends in .docx or .pdf; raises Refused.

    Only that format's converter runs, on the bytes themselves: no plugin, no network, no other file.
    """
    converter, known = _converter(ending.lower())
    if ending.lower() == ".docx":
        Archive(data)  # refuses what would unpack to more than the limits
    try:
        found = converter.convert(io.BytesIO(data), known).markdown
    except Exception as error:  # the parsers below have dozens of errors, and none of our concern
        detail = f"it cannot be read ({type(error).__name__}): save it again, or convert it to Markdown"
        raise Refused(Reason.UNREADABLE, detail) from None
    text = _PICTURE.sub("", with_newlines(found.replace("\f", "\n"))).strip()
    if not text:
        raise Refused(Reason.EMPTY, "it holds no text, only pictures of it: recognise its text first")
    return f"{text}\n"


def _converter(ending: str) -> tuple[Any, Any]:
    """The converter of an ending, and what it is told about the stream."""
    try:
        from markitdown import StreamInfo
        from markitdown.converters import DocxConverter, PdfConverter
    except ImportError:
        mend = "pip install 'llm-twin[office]'"
        raise Refused(Reason.NEEDS_EXTRA, f"{ending} files are read with an extra: {mend}") from None
    return (PdfConverter() if ending == ".pdf" else DocxConverter()), StreamInfo(extension=ending)
