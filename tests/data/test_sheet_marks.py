"""Merged and hidden cells of a sheet: merged ones count for their rows, hidden ones are read, and both are told."""

import io

import openpyxl
import pytest

from modelwright.core.reading import Reading
from modelwright.data import _sheet_marks
from modelwright.data._sheet_marks import marks_of
from modelwright.data.sources import read_table


def _sheet(path, title=False):
    book = openpyxl.Workbook()
    sheet = book.active
    for line in [["Sales of 2024"], []] * title:
        sheet.append(line)
    sheet.append(["shop", "month", "sold", "secret"])
    top = sheet.max_row + 1
    for i in range(20):
        sheet.append(["north" if i < 10 else "south", i % 10 + 1, i * 3 % 7, i])
    if title:
        sheet.merge_cells("A1:D2")
    sheet.merge_cells(f"A{top}:A{top + 9}")
    sheet.merge_cells(f"A{top + 10}:A{top + 19}")
    sheet.column_dimensions["D"].hidden = True
    for row in (top + 2, top + 3):
        sheet.row_dimensions[row].hidden = True
    book.save(path)
    return path


@pytest.mark.parametrize("title", [False, True])
def test_a_merged_cell_counts_for_each_of_its_rows(tmp_path, title):
    table, detected = read_table(_sheet(tmp_path / "d.xlsx", title), Reading())
    assert table.column("shop").to_pylist() == ["north"] * 10 + ["south"] * 10
    assert table.column_names == ["shop", "month", "sold", "secret"]
    said = detected.above
    assert "2 merged cells in `shop` count for each of their rows" in said.en
    assert "2 hidden rows and the hidden column `secret` are read too" in said.en
    assert "`shop` 中 2 处合并的单元格，其值计入所占的每一行" in said.zh
    assert "隐藏的 2 行和隐藏的列 `secret` 也已读取" in said.zh


def test_a_plain_sheet_says_nothing(tmp_path):
    book = openpyxl.Workbook()
    for line in (["a", "b"], [1, None], [None, 2]):
        book.active.append(line)
    book.save(tmp_path / "d.xlsx")
    table, detected = read_table(tmp_path / "d.xlsx", Reading())
    assert (table.column("a").to_pylist(), detected.above) == ([1, None], None)


def test_marks_are_found_across_the_pieces_that_are_read(monkeypatch):
    monkeypatch.setattr(_sheet_marks, "_CHUNK", 7)
    xml = b'<cols><col min="2" max="3" width="9" hidden="1"/></cols><row r="1"/><row r="2" hidden="1"><c/></row><mergeCell ref="AA2:AB9"/>'
    found = marks_of(io.BytesIO(xml * 2))
    assert (found.hidden_columns, found.hidden_rows, found.merged) == ([1, 2], 2, [(26, 2, 9)] * 2)
