"""What stands above the rows of a table: titles, comments, `sep=`, units and further names are no data, and are told."""

import openpyxl
import pytest

from modelwright.core.errors import DataError
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


def test_names_once_more_in_a_sheet_are_a_blank_row(tmp_path):
    book = openpyxl.Workbook()
    for line in (["a", "b"], *([i, i * 2] for i in range(10)), ["a", "b"], *([i, i * 2] for i in range(10, 20))):
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    table = read(tmp_path / "t.xlsx")
    assert table.column("a").to_pylist() == [*range(10), None, *range(10, 20)]
    misfits: list[Misfit] = []
    assert sum(p.num_rows for p in batches(tmp_path / "t.xlsx", misfits=misfits)) == 21
    assert [m.row for m in misfits] == [11]


def numbered(first, row):
    return [first, *(row(i) for i in range(1, 31))]


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (numbered("country,2019,2020", lambda i: f"c{i},{i * 3},{i * 5}"), ["country", "2019", "2020"]),
        (numbered("date,001,010", lambda i: f"2024-01-{i:02},{i},{i * 2}"), ["date", "001", "010"]),
        (numbered("label,0,1,2,3", lambda i: f"{i % 10},{i},{i + 7},0,9"), ["label", "0", "1", "2", "3"]),
        (numbered("0,1,2,3", lambda i: f"{i / 8},{i},{-i},{i % 3}"), ["0", "1", "2", "3"]),
        (numbered(",0,1,2", lambda i: f"{i},{i / 8},{i % 3},{i % 7}"), ["column_1", "0", "1", "2"]),
        (numbered("2019", lambda i: f"{i * 3}.5"), ["2019"]),
        (numbered("2019", lambda i: f"{1990 + i}"), None),
        (numbered("15", lambda i: f"{i}"), None),
        (numbered("Chad,15,455,365", lambda i: f"c{i},{i % 9},{i},{i * 2}"), None),
        (numbered("Chad,2019,2020", lambda i: f"c{i},{1980 + i},{1981 + i}"), None),
        (numbered("1,2,3,4", lambda i: f"{i},{i + 2},{i * 2},{i * 5}"), None),
        (numbered("?,15,455,365", lambda i: f"{i},{i % 9},{i},{i * 2}"), None),
    ],
)
def test_numbers_name_columns_where_they_follow_each_other_or_stand_beside_dates(tmp_path, lines, names):
    table, detected = read_table(written(tmp_path / "t.csv", lines, []), Reading())
    assert table.num_rows == len(lines) - (names is not None)
    assert table.column_names == (names or [f"column_{i + 1}" for i in range(table.num_columns)])
    assert ("--no-header" in (w.en if (w := detected.words()) else "")) == (names is not None)


def test_the_world_bank_puts_years_below_a_title(tmp_path):
    above = ['"Source","Indicators",', "", '"Updated","2024-06-28",', "", '"Name","Code","1960","1961",']
    table = read(written(tmp_path / "t.csv", [*above, *(f'"C{i}","C{i}X","{i}.5","{i * 7}",' for i in range(30))], []))
    assert (table.column_names[:4], table.num_rows) == (["Name", "Code", "1960", "1961"], 30)


@pytest.mark.parametrize("sign", [" ", "\t", ","])
def test_tables_of_r_name_their_rows_without_a_name_for_these(tmp_path, sign):
    rows = [[f'"g{i}"', str(i), f'"a {i % 3}"'] for i in range(20)]
    table, detected = read_table(written(tmp_path / "t.txt", [sign.join(('"x"', '"kind"'))], rows, sign), Reading())
    assert table.slice(5, 1).to_pylist() == [{"row.names": "g5", "x": "5", "kind": "a 2"}]
    assert "called `row.names`" in detected.words().en


def test_what_is_one_cell_too_wide_is_no_table_of_r(tmp_path):
    for last in ("", "x"):  # a delimiter behind each row, and a first cell that recurs
        rows = [[str(i % 2), str(i), "z", last] for i in range(20)]
        path = written(tmp_path / "t.csv", ["a,b,c"], rows)
        if last:
            with pytest.raises(DataError, match="4 cells where there are 3 columns"):
                read(path)
        else:
            assert read(path).column_names == ["a", "b", "c"]


def test_columns_divided_by_runs_of_blanks(tmp_path):
    lines = ["  name    age   weight", *(f"{'ab' + str(i):>6} {20 + i:>6}  {50.5 + i:>8.2f} " for i in range(20))]
    path = written(tmp_path / "t.txt", lines, [])
    table = read(path)
    assert table.slice(3, 1).to_pylist() == [{"name": "ab3", "age": "23", "weight": "53.50"}]
    assert table.num_rows == 20
    assert remove_rows(path, "age", lambda cell: cell == "23") == 1
    assert [r["name"] for r in read(path).to_pylist()][2:5] == ["ab2", "ab4", "ab5"]


@pytest.mark.parametrize("line", ["Chapter {}", "I have {} cats", "2024-01-01 00:{}:00 error in {}"])
def test_words_with_blanks_are_one_cell(tmp_path, line):
    table = read(written(tmp_path / "t.txt", ["text", *(line.replace("{}", str(i)) for i in range(10, 40))], []))
    assert (table.column_names, table.num_rows) == (["text"], 30)


@pytest.mark.parametrize(
    ("above", "told"),
    [
        (["Report of May"], "1 row above the names passed over (`Report of May`)"),
        ([], "the row below the names holds units (`years`)"),
    ],
)
def test_a_short_file_is_told_by_the_names_of_the_model(tmp_path, above, told):
    below = [] if above else ["years,kg,,"]
    path = written(tmp_path / "t.csv", [*above, ",".join(NAMES), *below], ROWS[:2])
    detected = Detected()
    parts = list(batches(path, reading=Reading(names=tuple(NAMES[:3])), detected=detected))
    assert [r["age"] for p in parts for r in p.to_pylist()] == [r[0] for r in ROWS[:2]]
    assert told in detected.words().en


def test_a_short_file_whose_first_row_is_data_keeps_it(tmp_path):
    path = written(tmp_path / "t.csv", [",".join(NAMES), ",,red,a"], ROWS[:2])
    parts = list(batches(path, reading=Reading(names=tuple(NAMES[:3]))))
    assert sum(p.num_rows for p in parts) == 3
