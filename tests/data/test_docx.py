"""Word files as a reader sees them, tracked changes accepted."""

import zipfile

import pytest

from modelwright.core.errors import DataError
from modelwright.data.documents import read_document

docx = pytest.importorskip("docx")
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMES = (
    f'xmlns:w="{W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def run(text):
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(*parts, style=""):
    said = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{said}{''.join(parts)}</w:p>"


def cell(*parts, span=0, merge=""):
    told = (f'<w:gridSpan w:val="{span}"/>' if span else "") + (f"<w:vMerge{merge}/>" if merge else "")
    return f"<w:tc><w:tcPr>{told}</w:tcPr>{''.join(parts) or p()}</w:tc>"


def row(*cells, told=""):
    return f"<w:tr>{told}{''.join(cells)}</w:tr>"


def table(*rows):
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def control(content, placeholder=False):
    return f"<w:sdt><w:sdtPr>{'<w:showingPlcHdr/>' if placeholder else ''}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def read(tmp_path, *blocks, notes=None):
    path = tmp_path / "a.docx"
    book = docx.Document()
    if notes:
        from docx.opc.packuri import PackURI
        from docx.opc.part import Part

        data = f"<w:footnotes {NAMES}><w:footnote w:type='separator' w:id='0'><w:p/></w:footnote>{notes}</w:footnotes>".encode()
        kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
        part = Part(PackURI("/word/footnotes.xml"), kind, data, book.part.package)
        book.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    from docx.oxml import parse_xml

    body = book.element.body
    for block in parse_xml(f"<w:body {NAMES}>{''.join(blocks)}</w:body>"):
        body.insert(len(body) - 1, block)
    book.save(str(path))
    return read_document(path)


def text(tmp_path, *blocks, **more):
    return "\n\n".join(s.text for s in read(tmp_path, *blocks, **more).sections)


def test_tracked_changes_are_accepted(tmp_path):
    gone = '<w:del w:id="1" w:author="a"><w:r><w:delText>7</w:delText></w:r></w:del>'
    new = f'<w:ins w:id="2" w:author="a">{run("30")}</w:ins>'
    moved = f'<w:moveFrom w:id="3" w:author="a">{run("old place")}</w:moveFrom><w:moveTo w:id="4" w:author="a">{run(" new place")}</w:moveTo>'
    assert text(tmp_path, p(run("within "), gone, new, run(" days"), moved)) == "within 30 days new place"
    joined = (
        '<w:p><w:pPr><w:rPr><w:del w:id="5" w:author="a"/></w:rPr></w:pPr>'
        + run("one ")
        + "</w:p>"
        + p(run("sentence"))
    )
    assert text(tmp_path, joined) == "one sentence"


def test_tables_keep_equal_and_empty_cells_and_what_spans(tmp_path):
    rows = [
        row(cell(p(run("room"))), cell(p(run("day"))), cell(p(run("night"))), cell(p(run("deposit")))),
        row(cell(p(run("small"))), cell(p(run("100"))), cell(p(run("100"))), cell()),
        row(cell(p(run("hall")), merge=' w:val="restart"'), cell(p(run("both")), span=2), cell(p(run("50")))),
        row(cell(merge=" "), cell(p(run("8"))), cell(p(run("9"))), cell(p(run("50")))),
        row(cell(p(run("gone"))), told='<w:trPr><w:del w:id="1" w:author="a"/></w:trPr>'),
    ]
    assert text(tmp_path, table(*rows)).split("\n\n") == [
        "room | day | night | deposit", "small | 100 | 100 |", "hall | both | 50", "hall | 8 | 9 | 50",
    ]  # fmt: skip


def test_nested_tables_and_controls(tmp_path):
    inner = table(row(cell(p(run("a"))), cell(p(run("a")))))
    outer = table(
        row(cell(p(run("see")), inner, p()), cell(control(p(run("chosen"))))),
        control(row(cell(p(run("x"))), cell(p(run("y"))))),
    )
    assert text(tmp_path, outer) == "see a | a | chosen\n\nx | y"
    named = p(run("Name: "), control(run("Jane")), control(run("click here"), placeholder=True))
    assert text(tmp_path, control(p(run("whole"))), named) == "whole\n\nName: Jane"


def test_fields_show_their_result(tmp_path):
    simple = f'<w:fldSimple w:instr="REF x">{run("clause 4")}</w:fldSimple>'
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    long = (
        mark.format("begin")
        + "<w:r><w:instrText>DATE</w:instrText></w:r>"
        + run("hidden")
        + mark.format("separate")
        + run("1 May")
        + mark.format("end")
    )
    link = f'<w:hyperlink w:anchor="x">{run(" here")}</w:hyperlink>'
    assert text(tmp_path, p(run("see "), simple, run(" of "), long, link)) == "see clause 4 of 1 May here"
    box = '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>'
    chosen = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/>'
        "</w:ddList></w:ffData></w:fldChar></w:r>"
    )
    end = mark.format("end")
    assert text(tmp_path, p(box, end, run(" yes, "), chosen, end)) == "☒ yes, blue"


def test_notes_and_text_boxes_follow_their_paragraph(tmp_path):
    call = '<w:r><w:footnoteReference w:id="{}"/></w:r>'
    notes = f'<w:footnote w:id="7">{p(run("of arrival"))}</w:footnote>'
    box = "<w:txbxContent>" + p(run("boxed words")) + "</w:txbxContent>"
    drawn = (
        f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    found = text(tmp_path, p(run("within 30 days"), call.format(7), run("."), drawn), p(run("next")), notes=notes)
    assert found.split("\n\n") == ["within 30 days[1].", "[1] of arrival", "boxed words", "next"]


def test_what_is_hidden_is_not_read_and_formulas_are(tmp_path):
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>"
    shown = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r>'
    struck = "<w:r><w:rPr><w:strike/></w:rPr><w:t>90</w:t></w:r><w:r><w:rPr><w:dstrike/></w:rPr><w:t>91</w:t></w:r>"
    formula = "<m:oMath><m:r><m:t>a=b</m:t></m:r></m:oMath>"
    assert text(tmp_path, p(hidden, shown, run(" "), struck, formula)) == "shown a=b"


def test_a_field_that_ends_in_a_run_that_is_not_read_ends(tmp_path):
    mark = '<w:r>{}<w:fldChar w:fldCharType="{}"/></w:r>'
    begun = mark.format("", "begin") + "<w:r><w:instrText>DATE</w:instrText></w:r>" + mark.format("", "separate")
    ended = mark.format("<w:rPr><w:strike/></w:rPr>", "end")
    assert text(tmp_path, p(begun, run("3 May"), ended, run(", noon"))) == "3 May, noon"


def test_headings_by_outline_and_by_styles_that_derive_from_them(tmp_path):
    own = '<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr>' + run("own") + "</w:p>"
    found = read(tmp_path, p(run("first"), style="Heading1"), own, p(run("text")))
    assert [(s.headings, s.text) for s in found.sections] == [(("first", "own"), "text")]


def test_headings_of_skipped_levels_stand_side_by_side(tmp_path):
    blocks = [
        p(run(t), style=f"Heading{n}") + p(run("x")) for t, n in (("A", 2), ("B", 2), ("C", 4), ("D", 4), ("E", 1))
    ]
    found = read(tmp_path, *blocks)
    assert [s.headings for s in found.sections] == [("A",), ("B",), ("B", "C"), ("B", "D"), ("E",)]


def test_what_stands_above_and_below_the_line_is_no_further_digit(tmp_path):
    line = "<w:r><w:rPr><w:vertAlign w:val='{}'/></w:rPr><w:t>{}</w:t></w:r>"
    up, down, word = line.format("superscript", 5), line.format("subscript", 2), line.format("superscript", "st")
    assert text(tmp_path, p(run("10"), up, run(" CO"), down, run(" 1"), word)) == "10⁵ CO₂ 1st"


def test_what_holds_no_text_is_named(tmp_path):
    picture, chart = "<w:r><w:drawing><pic:pic/></w:drawing></w:r>", "<w:r><w:drawing><c:chart/></w:drawing></w:r>"
    found = read(tmp_path, p(run("text"), picture, picture, chart))
    assert [w.en for w in found.unread] == ["a.docx: not read: 1 chart, 2 pictures"]
    assert [w.zh for w in found.unread] == ["a.docx：未读取 1 个图表、2 张图片"]


def test_broken_markup_is_one_sentence(tmp_path):
    read(tmp_path, p(run("text")))
    with zipfile.ZipFile(tmp_path / "a.docx") as old, zipfile.ZipFile(tmp_path / "b.docx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name)[: -20 if name == "word/document.xml" else None])
    with pytest.raises(DataError, match=r"b\.docx is not a complete DOCX, or it is damaged"):
        read_document(tmp_path / "b.docx")
