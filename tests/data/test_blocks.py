"""Delimited text in blocks: the same cells as the csv module gives, whatever stands in the file."""

import csv
import io
import random

import pyarrow as pa
import pytest

from modelwright.data import _blocks
from modelwright.data import text as _text
from modelwright.data._blocks import blocks
from modelwright.data.records import BlankLines, Misfit
from modelwright.data.text import Dialect, delimited

EASY = ["a", "b", "1", "0.5", "", " ", "x y", "é", "中", '"q"', '"a,b"', '"a""b"', '""']
ODD = [*EASY, '"m\nn"', 'he"y', "\u3000z", "\t", '"', "\x0b", "\x85", ' "z"']


def all_in_lines(text, *options):
    """As `blocks` where nothing is simple."""
    yield text, 0


def read(path, dialect, every):
    misfits: list[Misfit] = []
    blank = BlankLines()
    parts = delimited(path, dialect, 5, misfits, every=every, blank_lines=blank)
    rows = [list(r.values()) for part in parts for r in part.to_pylist()]
    return rows, misfits, blank.words()


@pytest.mark.parametrize("seed", range(8))
def test_blocks_give_the_cells_that_the_csv_module_gives(tmp_path, monkeypatch, seed):
    rng = random.Random(seed)
    for _ in range(25):
        monkeypatch.setattr(_blocks, "BLOCK", rng.choice([7, 40, 200, 4 << 20]))
        easy = rng.random() < 0.5
        width, end = rng.randint(2, 4), rng.choice(["\n", "\r\n", "\n", "\r"])
        lines = [",".join(f"c{i}" for i in range(width))]
        for _ in range(rng.randint(1, 30)):
            cells = width if rng.random() < (0.98 if easy else 0.9) else rng.randint(0, 5)
            lines.append(",".join(rng.choice(EASY if easy else ODD) for _ in range(cells)))
        path = tmp_path / "t.csv"
        path.write_bytes((end.join(lines) + end * rng.randint(0, 1)).encode())
        dialect = Dialect("utf-8", ",", rng.random() < 0.7, True, tuple(f"c{i}" for i in range(width)))
        every = rng.random() < 0.5
        quick = read(path, dialect, every)
        with monkeypatch.context() as patch:
            patch.setattr(_text, "blocks", all_in_lines)
            assert quick == read(path, dialect, every), path.read_bytes()


@pytest.mark.parametrize("lines", [blocks, all_in_lines])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_between_rows_are_counted(tmp_path, monkeypatch, lines, end):
    path = tmp_path / "t.csv"
    text = ["", "x,y", "", "1,2", "", "", "3,4", ",", "5,6", "", "7,8", "", ""]
    path.write_bytes(end.join(text).encode())
    dialect = Dialect("utf-8", ",", True, True, ("x", "y"))
    monkeypatch.setattr(_text, "blocks", lines)
    for size in (5, 9, 4 << 20):
        monkeypatch.setattr(_blocks, "BLOCK", size)
        rows, _, words = read(path, dialect, every=False)
        assert rows == [["1", "2"], ["3", "4"], [None, None], ["5", "6"], ["7", "8"]]
        assert words.en == "4 blank lines between the rows are passed over (lines 3, 5, 6, 10)."
        assert words.zh == "行间的 4 个空行已跳过（第 3、5、6、10 行）。"


def test_arrow_reads_what_is_plain_and_lines_come_from_the_first_odd_quote_on():
    def kinds(text):
        parts = _blocks.blocks(io.StringIO(text, newline=""), ",", True, ("x", "y"), False, BlankLines())
        return [part.num_rows if isinstance(part, pa.Table) else len(list(csv.reader(part))) for part, _ in parts]

    assert kinds('1,2\n"a,b",4\n') == [2]
    whole = list(_blocks.blocks(io.StringIO('1,2\n"a\nb",4\n5,6\n'), ",", True, ("x", "y"), False, BlankLines()))
    assert len(whole) == 1
    assert not isinstance(whole[0][0], pa.Table)
    assert list(csv.reader(whole[0][0])) == [["1", "2"], ["a\nb", "4"], ["5", "6"]]
