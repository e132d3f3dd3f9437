"""Records: what does not fit is named by its line, and quotes out of place swallow no neighbour."""

import io
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.events import EventStream, Warned
from modelwright.core.words import Words
from modelwright.data.records import Misfit, records
from modelwright.data.sources import batches, read


def cells(text, width=3):
    return [
        (line, None if isinstance(found, Words) else found)
        for line, found in records(io.StringIO(text, newline=""), ",", True, width)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('1,"a ""b""\nc",x\n2,d,e\n', [(1, ["1", 'a "b"\nc', "x"]), (3, ["2", "d", "e"])]),
        ('1,"5" pipe",x\n2,"6"" rod",y\n', [(1, ["1", '5" pipe', "x"]), (2, ["2", '6" rod', "y"])]),
        ('1,"rod of 6"",x\n', [(1, ["1", 'rod of 6"', "x"])]),
        ('1,"a\nof 5" b\nc",x\n2,d,e\n', [(1, ["1", 'a\nof 5" b\nc', "x"]), (4, ["2", "d", "e"])]),
        ('1,"open,x\n2,"d, e",f\n3,g,h\n', [(1, None), (2, ["2", "d, e", "f"]), (3, ["3", "g", "h"])]),
        ('1,a,b\n2,"open,x\n3,g,h\n', [(1, ["1", "a", "b"]), (2, None), (3, ["3", "g", "h"])]),
        # a stray quote far below closes what stands open above: four rows, not one
        (
            '1,"a,b\n2,c,d\n3,e,f\n4,g",h\n',
            [(1, None), (2, ["2", "c", "d"]), (3, ["3", "e", "f"]), (4, ["4", 'g"', "h"])],
        ),
        ('1,"Hello, Bob\nfine, thanks",x\n', [(1, ["1", "Hello, Bob\nfine, thanks", "x"])]),
    ],
)
def test_quotes_out_of_place(text, wanted):
    assert cells(text) == wanted


def test_rows_that_do_not_fit_are_set_aside_or_kept_and_named(tmp_path):
    lines = [f'{i},"note {i}",mail' for i in range(1, 61)]
    lines[6], lines[8] = "7,note,7,mail", '9,"note 9,mail'
    path = tmp_path / "d.csv"
    path.write_text("nr,note,channel\n" + "\n".join(lines) + "\n\n")
    events, said = EventStream(), []
    events.listen(said.append)
    assert read(path, events=events).num_rows == 58
    warned = next(e for e in said if isinstance(e, Warned))
    assert "2 rows" in warned.words.en
    assert "line 8: 4 cells" in warned.words.en
    assert "line 10: a quote" in warned.words.en
    misfits: list[Misfit] = []
    table = next(iter(batches(path, misfits=misfits)))
    assert [(m.row, m.line) for m in misfits] == [(7, 8), (9, 10)]
    assert table.num_rows == 60
    assert [i for i, v in enumerate(table.column("nr").to_pylist(), 1) if v is None] == [7, 9]


def test_blank_lines_of_one_column_are_rows_where_each_is_answered(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('text\nfirst line\n\n\nsecond line\n""\nthird line\n\n\n')
    misfits: list[Misfit] = []
    kept = [b.column("text").to_pylist() for b in batches(path, rows=2, header=True, misfits=misfits)]
    assert [c for block in kept for c in block] == ["first line", None, None, "second line", None, "third line"]
    assert [(m.row, m.line) for m in misfits] == [(2, 3), (3, 4), (5, 6)]
    assert read(path, header=True).num_rows == 3


def test_blank_rows_of_every_format_keep_their_place_where_each_is_answered(tmp_path):
    rows = [(None, None), ("moved", "chat"), (None, None), (" ", None), ("late", None), (None, None)]
    (tmp_path / "d.csv").write_text("\n".join(["text,channel", *(",".join(c or "" for c in r) for r in rows)]))
    sheet = (book := openpyxl.Workbook()).active
    for row in [(None, None), ("text", "channel"), *rows]:
        sheet.append(row)
    book.save(tmp_path / "d.xlsx")
    objects = [dict(zip(("text", "channel"), r)) for r in rows]
    objects[3] = {}
    (tmp_path / "d.jsonl").write_text("\n".join(json.dumps(r) for r in objects))
    pq.write_table(pa.Table.from_pylist(objects), tmp_path / "d.parquet")
    for name, last in (
        ("csv", 6),
        ("xlsx", 5),
        ("jsonl", 6),
        ("parquet", 6),
    ):  # a sheet ends with its last row that holds something
        misfits: list[Misfit] = []
        kept = [
            t
            for part in batches(tmp_path / f"d.{name}", rows=2, misfits=misfits)
            for t in part.column("text").to_pylist()
        ]
        assert [m.row for m in misfits if m.blank] == [1, 3, 4, 6][: last - 2], name
        assert kept == [None, "moved", None, None, "late", None][:last], name
        assert read(tmp_path / f"d.{name}").num_rows == last


def test_cells_that_begin_with_a_delimiter_or_a_quote(tmp_path):
    (tmp_path / "d.csv").write_text('"a","b","c"\n' + '"","",""\n' * 9 + '"",",""x",""\n' * 2 + '"",",",""\n')
    assert read(tmp_path / "d.csv").column("b").to_pylist()[-3:] == [',"x', ',"x', ","]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (['1,"a 24" screen",chat', '2,"my invoice, paid",mail', '3,"""no"", twice",chat'], ['a 24" screen', "my invoice, paid", '"no", twice']),
        (['1,"a 24" screen,chat', '2,5" pipe,mail', '3,"rod",chat'], ['"a 24" screen', '5" pipe', '"rod"']),
    ],
)  # fmt: skip
def test_a_few_inch_marks_do_not_undo_the_quotes_of_others(tmp_path, lines, wanted):
    (tmp_path / "d.csv").write_text("id,text,channel\n" + "\n".join(lines) + "\n")
    assert read(tmp_path / "d.csv").column("text").to_pylist() == wanted
