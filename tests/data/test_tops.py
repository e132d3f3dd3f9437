"""What stands above the rows of a table: titles, comments, `sep=`, units and further names are no data, and are told."""

import openpyxl
import pytest

from modelwright.core.reading import Detected, Reading
from modelwright.data.records import Misfit
from modelwright.data.sources import batches, read, read_table
from modelwright.privacy.rowfiles import remove_rows

NAMES = ["age", "weight", "colour", "y"]
ROWS = [[str(20 + i), f"{50 + i / 2}", "rgb"[i % 3], "yn"[i % 2]] for i in range(40)]


def written(path, above, rows=ROWS, sign=","):
    path.write_text("\n".join([*above, *(sign.join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("above", "told"),
    [
        (["sep=;", "age;weight;colour;y"], "its first line names the delimiter"),
        (["# exported today", "# by lab 3, room 2", "age,weight,colour,y"], "2 lines of comments passed over"),
        (["Report of patients, 2026", "", "age,weight,colour,y"], "1 row above the names passed over (`Report of patients`)"),
        (["Report,,,", "made by,Ann,,", ",,,", "age,weight,colour,y"], "2 rows above the names passed over (`Report`)"),
        (['"Report\nof 2026",,,', "age,weight,colour,y"], "1 row above the names passed over (`Report\nof 2026`)"),
        (["age,weight,colour,y", "years,kg,,"], "the row below the names holds units (`years`)"),
        (["age,weight,colour,y", "(years),[kg],-,"], "the row below the names holds units (`(years)`)"),
        (["person,person,thing,", "age,weight,colour,y"], "the row below the names holds further names (`age`)"),
        (["age,weight,colour,y", "How old?,How heavy?,Which?,Yes?"], "the row below the names holds words, not data, (`How old?`)"),
        (["age,weight,colour,y", "---,:---,---:,---"], "the row below the names holds a rule (`---`)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("quoted", [False, True])
def test_what_is_above_the_rows_is_passed_over_and_told(tmp_path, above, told, quoted):
    rows = [[row[0], row[1], f'"{row[2]}\n"', row[3]] for row in ROWS] if quoted else ROWS
    sign = ";" if above[0].startswith("sep") else ","
    table, detected = read_table(written(tmp_path / "t.csv", above, rows, sign), Reading())
    assert table.column_names == NAMES
    assert [[str(v) for v in row.values()] for row in table.to_pylist()] == ROWS
    assert detected.above.en == told
    assert told in detected.words().en


@pytest.mark.parametrize(
    "above",
    [
        ["age,weight,colour,y"],
        ["#age,weight,colour,y"],
        ["age,weight,colour,y", "ND,ND,,"],  # one word for what is missing
        ["age,weight,colour,y", "20,kg,,"],
        ["age,weight,colour,y", "low,high,r,y", "low,high,r,y"],
        ["age,weight,colour,y", "--,--,--,--"],  # marks of what is missing
        ["age,weight,colour,y", "years,kg,g,"],  # grams are none of the colours r, g and b
        ["age,weight,colour,y", "years,kg,,", "years,21,r,y"],
        ["age,weight,colour,y", "---,---,r,y", "---,20,g,y"],
    ],
)
def test_what_is_data_stays(tmp_path, above):
    table, detected = read_table(written(tmp_path / "t.csv", above), Reading())
    assert table.num_rows == len(ROWS) + len(above) - 1
    assert detected.above is None


@pytest.mark.parametrize(
    ("lines", "names", "count"),
    [
        (["#id,name", *(f'{i},"Ann, {i % 3}"' for i in range(20))], ["#id", "name"], 20),
        (["# of 2026, by Ann", "id,name", *(f"{i},{i % 3}" for i in range(20))], ["id", "name"], 20),
        (["#tag", *"xyxyzxyxyz"], ["#tag"], 10),
        (["#a is one", "#b is two", "c is three", *["d is", "e is"] * 5], ["#a is one"], 12),
        (["# words", "word", *"xyxyzxyxyz"], ["word"], 10),
        (["colour,y", "#ff0000,1", "#00ff00,2", *(f"#{i:06d},{i % 3}" for i in range(20))], ["colour", "y"], 22),
    ],
)
def test_a_line_with_a_hash_may_be_names_or_data(tmp_path, lines, names, count):
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    table = read(tmp_path / "t.csv")
    assert (table.column_names, table.num_rows) == (names, count)


def test_names_that_are_in_two_rows_are_put_together(tmp_path):
    above = ["before,,after,", "mean,sd,mean,sd"]
    rows = [[str(i), str(i + 1), str(i + 2), str(i + 3)] for i in range(40)]
    table = read(written(tmp_path / "t.csv", above, rows))
    assert table.column_names == ["before mean", "before sd", "after mean", "after sd"]


def test_lines_are_counted_from_the_first_of_the_file(tmp_path):
    path = written(tmp_path / "t.csv", ["# comment", "age,weight,colour,y", "years,kg,,"], [*ROWS, ["1", "2"]])
    misfits: list[Misfit] = []
    assert sum(p.num_rows for p in batches(path, misfits=misfits)) == len(ROWS) + 1
    assert [(m.row, m.line) for m in misfits] == [(41, 44)]


def test_a_header_asked_for_is_line_one(tmp_path):
    path = written(tmp_path / "t.csv", ["age,weight,colour,y", "years,kg,,"])
    assert read(path, header=True).num_rows == len(ROWS) + 1


def test_a_row_is_taken_out_and_what_is_above_stays(tmp_path):
    path = written(tmp_path / "t.csv", ["# comment", "Report", "age,weight,colour,y", "years,kg,,"])
    assert remove_rows(path, "age", lambda cell: cell == "21") == 1
    lines = path.read_text().splitlines()
    assert lines[:5] == ["# comment", "Report", "age,weight,colour,y", "years,kg,,", ",".join(ROWS[0])]
    assert len(lines) == len(ROWS) + 3


def test_sheets_have_titles_and_units_too(tmp_path):
    book = openpyxl.Workbook()
    for line in (["Report of 2026"], [], NAMES, ["years", "kg"], *([int(r[0]), float(r[1]), r[2], r[3]] for r in ROWS)):
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    detected = Detected()
    parts = list(batches(tmp_path / "t.xlsx", detected=detected))
    assert (parts[0].column_names, sum(p.num_rows for p in parts)) == (NAMES, len(ROWS))
    assert detected.words().zh == "跳过列名之上的 1 行（`Report of 2026`）；列名下一行是单位（`years`）"


@pytest.mark.parametrize("quoted", [False, True])
def test_names_once_more_among_the_rows_are_no_row(tmp_path, quoted):
    rows = [[row[0], row[1], f'"{row[2]}\n"' if quoted else row[2], row[3]] for row in ROWS]
    path = written(tmp_path / "t.csv", [",".join(NAMES)], [*rows[:20], NAMES, *rows[20:]])
    table, _ = read_table(path, Reading())
    assert (table.column_names, table.num_rows) == (NAMES, len(ROWS))
    misfits: list[Misfit] = []
    assert sum(p.num_rows for p in batches(path, misfits=misfits)) == len(ROWS) + 1
    assert [(m.row, m.words.en) for m in misfits] == [(21, "the names of the columns once more")]


@pytest.mark.parametrize("quoted", [False, True])
def test_text_written_for_spreadsheets_is_that_text(tmp_path, quoted):
    last = '"b\n"' if quoted else "b"
    rows = [[f'="{i:04d}"', '="', "=1+2", last] for i in range(20)]
    table = read(written(tmp_path / "t.csv", ["code,odd,sum,y"], rows))
    assert table.slice(3, 1).to_pylist() == [{"code": "0003", "odd": '="', "sum": "=1+2", "y": "b"}]


def test_formulas_without_saved_values_are_told(tmp_path):
    book = openpyxl.Workbook()
    for line in (["a", "twice", "none"], *([i, f"=A{i + 2}*2", None] for i in range(30))):
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    table, detected = read_table(tmp_path / "t.xlsx", Reading())
    assert table.column("twice").null_count == 30
    assert detected.words().en.startswith("formulas in `twice` have no saved values")
