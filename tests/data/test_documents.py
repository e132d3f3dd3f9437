"""Documents of every kind to sections and passages: headings, sentences in two languages, what nobody sees, bad files."""

import zipfile
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.data.documents import Document, Section, read_document, read_folder, visible
from modelwright.data.passages import LONGEST, Passage, cut, distinct, sentences, weight

TEXTS = st.text(st.sampled_from("ab .!?\n。！？，中文Dr1)”\"'-…\u200b"), max_size=400)


def spans(text):
    return [text[s:e] for s, e in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("第一句。第二句！第三句？", ["第一句。", "第二句！", "第三句？"]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        (
            "Dr. Smith paid 3.50 to A. Jones, e.g. today. He left.",
            ["Dr. Smith paid 3.50 to A. Jones, e.g. today.", "He left."],
        ),
        ("no end", ["no end"]),
        ("line one\nline two", ["line one", "line two"]),
        ("...\n\n!!", []),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert spans(text) == expected


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_sentences_are_in_order_and_hold_every_letter(text):
    found = sentences(text)
    assert all(a < b for a, b in found)
    assert all(b <= c for (_, b), (c, _) in pairwise(found))
    assert [c for s, e in found for c in text[s:e] if c.isalnum()] == [c for c in text if c.isalnum()]


@given(TEXTS.map(lambda t: t * 20), st.integers(10, 200), st.integers(0, 80))
@settings(max_examples=100, deadline=None)
def test_passages_are_short_stand_where_they_say_and_leave_nothing_out(text, longest, overlap):
    section = Section(("h",), text)
    passages = cut(Document("d", "shared", (section,)), longest, overlap)
    covered = set()
    for p in passages:
        assert weight(p.text) <= longest or len(passages) == 1
        assert text[p.start : p.start + len(p.text)] == p.text
        covered |= set(range(p.start, p.start + len(p.text)))
    assert all(i in covered for i, c in enumerate(text) if c.isalnum())
    starts = [p.start for p in passages]
    assert starts == sorted(set(starts))


def test_passages_overlap_by_whole_sentences():
    text = " ".join(f"Sentence number {i} says a little." for i in range(60))
    passages = cut(Document("d", "shared", (Section((), text),)))
    assert len(passages) > 3
    assert all(weight(p.text) <= LONGEST for p in passages)
    for a, b in pairwise(passages):
        assert b.start < a.start + len(a.text)
        assert b.text.startswith("Sentence")


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u2060", "\ufeff", "\U000e0041", "\U000e007f", "\u202e", "\x00", "\u00ad", "\U000e0100"]
)
def test_what_nobody_sees_is_taken_out(hidden):
    assert visible(f"a{hidden}b 中{hidden}文") == "ab 中文"


@given(st.text())
def test_what_can_be_seen_stays(text):
    seen = visible(text)
    assert visible(seen) == seen
    assert [c for c in text if c.isalpha() and c not in "\u115f\u1160\u3164\uffa0"] == [c for c in seen if c.isalpha()]


def test_markdown_is_cut_at_headings_and_leaves_words_of_links_and_pictures(tmp_path):
    path = tmp_path / "a.md"
    path.write_text(
        "---\ntitle: x\n---\nIntro\nline.\n\n# One\n\nSee [the page](https://e.example/x) ![logo](https://e.example/p.png)\n\n"
        "## Two ##\n\n```sh\n# no heading\n```\n\n**bold** <script>alert(1)</script>\n\nThree\n-----\n\n- a\n- b\n中文\n换行\n"
    )
    found = {s.headings: s.text for s in read_document(path).sections}
    assert found[()] == "Intro line."
    assert found[("One",)] == "See the page logo"
    assert "# no heading" in found[("One", "Two")]
    assert "bold" in found[("One", "Two")]
    assert "**" not in found[("One", "Two")]
    assert "<script" not in found[("One", "Two")]
    assert "- a\n- b" in found[("One", "Three")]
    assert "e.example" not in str(found)


def test_html_keeps_what_can_be_seen(tmp_path):
    path = tmp_path / "a.html"
    path.write_text(
        "<html><head><title>t</title><script>evil()</script></head><body><nav>menu</nav><h1>Top</h1><p>Hello <b>bold</b></p>"
        "<div style='display:none'>hidden one<br>more<div>deep</div></div><p hidden>hidden two</p><p>Seen &amp; read</p>"
        "<h2>Sub</h2><ul><li>one<li>two</ul><table><tr><td>a<td>b</tr></table><!-- hidden three --></body></html>"
    )
    found = {s.headings: s.text for s in read_document(path).sections}
    assert found[("Top",)] == "Hello bold\n\nSeen & read"
    assert found[("Top", "Sub")].split("\n") == ["one", "two", "", "a | b"]
    assert "hidden" not in str(found)
    assert "evil" not in str(found)
    assert "menu" not in str(found)


def test_docx_is_cut_at_headings_and_keeps_tables(tmp_path):
    docx = pytest.importorskip("docx")
    book = docx.Document()
    book.add_heading("退货", 1)
    book.add_paragraph("三十天内可以退货。")
    book.add_heading("Costs", 2)
    book.add_table(1, 2).rows[0].cells[0].text = "abroad"
    path = tmp_path / "a.docx"
    book.save(path)
    found = {s.headings: s.text for s in read_document(path).sections}
    assert found[("退货",)] == "三十天内可以退货。"
    assert found[("退货", "Costs")].startswith("abroad")


def pdf(path, text):
    """Write a PDF of one page by hand."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for i, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i, part)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    path.write_bytes(out + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)


def test_pdf_pages_are_sections(tmp_path):
    pytest.importorskip("pypdf")
    pdf(tmp_path / "a.pdf", "Returns are free.")
    found = read_document(tmp_path / "a.pdf").sections
    assert [(s.headings, s.text) for s in found] == [(("p. 1",), "Returns are free.")]
    pdf(tmp_path / "b.pdf", "")
    with pytest.raises(DataError, match="OCR"):
        read_document(tmp_path / "b.pdf")


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.txt"])
def test_damaged_files_are_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 \x00\xff broken %PDF-" * 3)
    with pytest.raises(DataError, match=name):
        read_document(path)


def test_docx_bombs_are_refused(tmp_path):
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * (80 << 20))
    with pytest.raises(DataError, match="bomb"):
        read_document(path)


def test_chinese_encodings_are_found_out(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("退货需要三十天。".encode("gb18030"))
    assert read_document(path).sections[0].text == "退货需要三十天。"


def test_folders_tell_tenants_apart_and_pass_over_what_leads_out(tmp_path):
    secret = tmp_path / "outside.md"
    secret.write_text("secret")
    root = tmp_path / "docs"
    for place in (
        "a.md",
        "tenants/x/b.md",
        "tenants/y/deep/c.md",
        "租户/z/d.md",
        "tenants/loose.md",
        ".hidden/e.md",
        "~$f.md",
    ):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("text")
    (root / "link.md").symlink_to(secret)
    (root / "g.csv").write_text("question,answer\na,b\n")
    more = []
    found = {d.name: d.tenant for d in read_folder(root, lambda path, name, tenant: more.append((name, tenant)))}
    assert found == {
        "a.md": "shared",
        "tenants/x/b.md": "x",
        "tenants/y/deep/c.md": "y",
        "租户/z/d.md": "z",
        "tenants/loose.md": "shared",
    }
    assert more == [("g.csv", "shared")]


def test_equal_passages_of_a_tenant_stand_once():
    one, two, other = (Passage("d", t, "", "text", asked=a) for t, a in (("x", ("q",)), ("x", ("r",)), ("y", ("q",))))
    assert [p.asked for p in distinct([one, two, other])] == [("q", "r"), ("q",)]


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\r"])
def test_words_on_both_sides_of_a_break_stay_apart(tmp_path, mark):
    path = tmp_path / "a.txt"
    path.write_bytes(f"one two{mark}three four".encode())
    assert [s.text.split() for s in read_document(path).sections] == [["one", "two", "three", "four"]]
