"""PDF: text, what form fields were filled with, typed notes; pages that only hold pictures are named."""

import pytest

from modelwright.core.errors import DataError
from modelwright.data.documents import read_document

pytest.importorskip("pypdf")


def made(tmp_path, pages):
    """Write a PDF: of each page its text, and the bodies of its annotations."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for text, notes in pages:
        first = len(objects) + 1
        body = f"BT /F1 12 Tf 20 150 Td ({text}) Tj ET" if text else "q Q"
        refs = " ".join(f"{first + 2 + i} 0 R" for i in range(len(notes)))
        picture = "" if text else "/XObject << >>"
        kids.append(f"{first} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents {first + 1} 0 R /Annots [{refs}] "
            f"/Resources << /Font << /F1 3 0 R >> {picture} >> >>"
        )
        objects.append(f"<< /Length {len(body)} >>\nstream\n{body}\nendstream")
        objects += notes
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = b"%PDF-1.4\n", []
    for i, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{i} 0 obj\n{body}\nendobj\n".encode("latin-1")
    at = len(out)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n".encode()
    path = tmp_path / "a.pdf"
    path.write_bytes(out)
    return path


def field(kind, name, value, more=""):
    return f"<< /Type /Annot /Subtype /Widget /FT /{kind} /T ({name}) /V {value} /Rect [1 1 9 9] {more} >>"


def test_filled_fields_and_typed_notes_are_read(tmp_path):
    notes = [
        field("Tx", "name", "(Jane Roe)"),
        field("Tx", "f12", "(14 May)", "/TU (day of birth)"),
        field("Ch", "colour", "[(red) (blue)]"),
        field("Btn", "agree", "/Yes", "/AS /Yes"),
        field("Btn", "refuse", "/Off", "/AS /Off"),
        field("Tx", "empty", "()"),
        field("Tx", "secret", "(pass)", "/Ff 8192"),
        field("Tx", "unseen", "(hidden)", "/F 2"),
        "<< /Type /Annot /Subtype /FreeText /Contents (typed onto it) /Rect [1 1 9 9] >>",
        "<< /Type /Annot /Subtype /Link /Contents (a link) /Rect [1 1 9 9] >>",
    ]
    (section,) = read_document(made(tmp_path, [("Application", notes)])).sections
    assert section.headings == ("p. 1",)
    assert section.text.split("\n\n") == [
        "Application", "name: Jane Roe", "day of birth: 14 May", "colour: red, blue", "agree: ☒", "typed onto it",
    ]  # fmt: skip


def test_a_page_that_only_a_form_fills_is_text(tmp_path):
    (section,) = read_document(made(tmp_path, [("", [field("Tx", "name", "(Jane)")])])).sections
    assert section.text == "name: Jane"


def test_pages_of_pictures_are_named(tmp_path):
    found = read_document(made(tmp_path, [("Words here.", []), ("", []), ("", [])]))
    assert [s.headings for s in found.sections] == [("p. 1",)]
    assert [w.en for w in found.unread] == [
        "a.pdf: pages without text, only pictures (2, 3): run text recognition (OCR) over them"
    ]
    with pytest.raises(DataError, match="holds no text, only pictures"):
        read_document(made(tmp_path, [("", [])]))
