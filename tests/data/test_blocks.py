"""Delimited text in blocks: the same cells as the csv module gives, whatever stands in the file."""

import csv
import io
import random

import pyarrow as pa
import pytest

from modelwright.data import _blocks, _text
from modelwright.data._text import Dialect, delimited

EASY = ["a", "b", "1", "0.5", "", " ", "x y", "é", "中", '"q"', '"a,b"', '"a""b"', '""']
ODD = [*EASY, '"m\nn"', 'he"y', "\u3000z", "\t", '"', "\x0b", "\x85", ' "z"']


def by_the_csv_module(path, dialect):
    kept, ragged, line, header = [], [], 0, dialect.header
    with path.open(encoding=dialect.encoding, newline="") as f:
        for cells in _text._reader(f, dialect.delimiter, dialect.quoting):
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue
            if header:
                header = False
                continue
            line += 1
            if _text._fits(cells, len(dialect.names)):
                kept.append([c.strip() or None for c in cells])
            else:
                ragged.append(line)
    return kept, ragged


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
        ragged: list[int] = []
        rows = [list(r.values()) for part in delimited(path, dialect, 5, ragged) for r in part.to_pylist()]
        assert (rows, ragged) == by_the_csv_module(path, dialect), path.read_text(encoding="utf-8")


def test_arrow_reads_what_is_plain_and_lines_come_from_the_first_odd_quote_on():
    def kinds(text):
        parts = _blocks.blocks(io.StringIO(text, newline=""), ",", True, ("x", "y"))
        return [part.num_rows if isinstance(part, pa.Table) else len(list(csv.reader(part))) for part in parts]

    assert kinds('1,2\n"a,b",4\n') == [2]
    whole = list(_blocks.blocks(io.StringIO('1,2\n"a\nb",4\n5,6\n'), ",", True, ("x", "y")))
    assert len(whole) == 1
    assert not isinstance(whole[0], pa.Table)
    assert list(csv.reader(whole[0])) == [["1", "2"], ["a\nb", "4"], ["5", "6"]]
