import io
import sys
import zipfile

import pytest

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources import archives
from llm_twin_assets.sources.office import office_markdown
from llm_twin_assets.sources.reading import Refused

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
HEADING = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>On Tides</w:t></w:r></w:p>'
WORDS = "<w:p><w:r><w:t>It’s a long way to the café.</w:t></w:r></w:p>"
STYLES = (
    f'<w:styles xmlns:w="{WORD}"><w:style w:type="paragraph" w:styleId="Heading1">'
    '<w:name w:val="heading 1"/></w:style></w:styles>'
)


def docx(body, **more):
    types = "".join(
        f'<Override PartName="/word/{part}.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        f'wordprocessingml.{kind}+xml"/>'
        for part, kind in (("document", "document.main"), ("styles", "styles"))
    )
    members = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship '
        f'Id="r1" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "word/styles.xml": STYLES,
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{WORD}">'
        f"<w:body>{body}</w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | more).items():
            archive.writestr(name, content)
    return out.getvalue()


def pdf(content):
    stream = content.encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def refusal(data, ending):
    with pytest.raises(Refused) as caught:
        office_markdown(data, ending)
    return caught.value


def test_a_docx_becomes_markdown():
    assert office_markdown(docx(HEADING + WORDS), ".docx") == "# On Tides\n\nIt’s a long way to the café.\n"


def test_a_pdf_becomes_text():
    data = pdf("BT /F1 12 Tf 72 720 Td (The moon pulls twice a day.) Tj ET")
    assert office_markdown(data, ".PDF") == "The moon pulls twice a day.\n"


@pytest.mark.parametrize(
    ("data", "ending"), [(pdf("0 0 100 100 re f"), ".pdf"), (docx("<w:p/>"), ".docx"), (docx(""), ".docx")]
)
def test_what_holds_no_text_is_refused(data, ending):
    assert refusal(data, ending).reason == Reason.EMPTY


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (b"", ".pdf"),
        (b"no pdf", ".pdf"),
        (b"", ".docx"),
        (b"no zip", ".docx"),
        (docx(WORDS)[:-40], ".docx"),
        (docx(WORDS, **{"_rels/.rels": "no xml"}), ".docx"),
        (pdf("BT ET"), ".docx"),
        (docx(WORDS), ".pdf"),
    ],
)
def test_what_is_damaged_is_refused(data, ending):
    refused = refusal(data, ending)
    assert refused.reason == Reason.UNREADABLE
    assert "again" in refused.detail


def test_a_document_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 10_000)
    assert refusal(docx(WORDS, **{"word/media/x.png": b"0" * 10_001}), ".docx").reason == Reason.TOO_LARGE


def test_entities_are_not_expanded(tmp_path):
    (tmp_path / "secret").write_text("not for anyone")
    doctype = f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    body = f'{doctype}<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>a &x;</w:t></w:r></w:p></w:body>'
    body += "</w:document>"
    data = docx("", **{"word/document.xml": body})
    try:
        assert "not for anyone" not in office_markdown(data, ".docx")
    except Refused as refused:
        assert refused.reason in (Reason.UNREADABLE, Reason.EMPTY)


@pytest.mark.parametrize("ending", [".docx", ".pdf"])
def test_without_the_extra_its_name_is_told(ending, monkeypatch):
    monkeypatch.setitem(sys.modules, "markitdown", None)
    refused = refusal(docx(WORDS), ending)
    assert refused.reason == Reason.NEEDS_EXTRA
    assert "pip install 'llm-twin[office]'" in refused.detail
