"""Numbers that Word writes before paragraphs."""

import pytest

from modelwright.data._numbering import chinese, shown
from modelwright.data.documents import read_document

docx = pytest.importorskip("docx")


@pytest.mark.parametrize(
    ("number", "form", "said"),
    [
        (3, "decimal", "3"), (28, "lowerLetter", "bb"), (4, "upperRoman", "IV"), (1999, "lowerRoman", "mcmxcix"),
        (7, "decimalZero", "07"), (12, "chineseCountingThousand", "十二"), (20, "ideographDigital", "二〇"),
        (5, "decimalEnclosedCircle", "⑤"), (6, "aFormOfTomorrow", "6"), (0, "upperLetter", "0"),
    ],
)  # fmt: skip
def test_forms(number, form, said):
    assert shown(number, form) == said


def test_chinese_numbers():
    wanted = {
        1: "一",
        10: "十",
        19: "十九",
        20: "二十",
        101: "一百零一",
        110: "一百一十",
        1005: "一千零五",
        2340: "二千三百四十",
    }
    assert {n: chinese(n) for n in wanted} == wanted


def write(tmp_path, paragraphs, levels, more=""):
    """Write a document: of each paragraph its list, level and text; of each level its form and text."""
    from docx.oxml import parse_xml

    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    book = docx.Document()
    root = book.part.numbering_part.element
    for child in list(root):
        root.remove(child)
    inner = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{extra}<w:lvlText w:val="{text}"/></w:lvl>'
        for i, (start, form, text, extra) in enumerate(levels)
    )
    root.append(parse_xml(f'<w:abstractNum {space} w:abstractNumId="0">{inner}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {space} w:numId="1"><w:abstractNumId w:val="0"/></w:num>'))
    root.append(parse_xml(f'<w:num {space} w:numId="2"><w:abstractNumId w:val="0"/>{more}</w:num>'))
    for number, level, text in paragraphs:
        p = book.add_paragraph(text)
        if number:
            part = f'<w:numPr {space}><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
            p._p.get_or_add_pPr().append(parse_xml(part))
    path = tmp_path / "a.docx"
    book.save(str(path))
    return [x for s in read_document(path).sections for x in s.text.split("\n\n")]


def test_levels_count_and_begin_anew(tmp_path):
    levels = [(1, "decimal", "%1.", ""), (1, "lowerLetter", "%1.%2)", ""), (1, "bullet", "\uf0b7", "")]
    found = write(
        tmp_path,
        [(1, 0, "one"), (1, 1, "sub"), (1, 1, "sub"), (0, 0, "plain"), (1, 0, "two"), (1, 1, "sub"), (1, 2, "point")],
        levels,
    )
    assert found == ["1. one", "1.a) sub", "1.b) sub", "plain", "2. two", "2.a) sub", "point"]


def test_clauses_of_chinese_contracts(tmp_path):
    levels = [(1, "chineseCountingThousand", "第%1条", ""), (1, "decimal", "%1.%2", "<w:isLgl/>")]
    found = write(tmp_path, [(1, 0, "租期"), (1, 0, "租金"), (1, 1, "每月支付")], levels)
    assert found == ["第一条 租期", "第二条 租金", "2.1 每月支付"]


def test_a_list_that_starts_elsewhere(tmp_path):
    more = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    levels = [(3, "decimal", "(%1)", "")]
    found = write(tmp_path, [(1, 0, "a"), (1, 0, "b"), (2, 0, "c"), (2, 0, "d")], levels, more)
    assert found == ["(3) a", "(4) b", "(5) c", "(6) d"]


def test_numbers_that_a_style_brings(tmp_path):
    book = docx.Document()
    for text in ("one", "two"):
        book.add_paragraph(text, style="List Number")
    book.add_paragraph("point", style="List Bullet")
    book.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx").sections[0].text.split("\n\n") == ["1. one", "2. two", "point"]
