"""Cells end to end: places stay, wide forms become plain, characters without width go and the way back is kept."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelwright.privacy.text import END, Block, plain


def test_wide_forms_become_plain_one_for_one():
    text = "１３８－１２３４　ＡＢＣ＠ｘ．ｃｏｍ—٣"
    assert plain(text) == "138-1234 ABC@x.com-3"
    assert len(plain(text)) == len(text)


@given(st.lists(st.text(max_size=30), max_size=20))
def test_places_lead_back_into_the_original(cells):
    block = Block(cells)
    assert block.text.count(END) == len(cells)
    for cell, m in block.finditer(re.compile(r"[^\x00]")):
        start = m.start() - int(block.starts[cell])
        a, b = block.back(cell, start, start + 1)
        assert len(plain(cells[cell][a:b])) == b - a
        assert m.group() in plain(cells[cell][a:b])


def test_characters_without_width_do_not_hide_a_number():
    block = Block(["a", "call 138\u200b1234\u200b5678 now"])
    (cell, m), *_ = block.finditer(re.compile(r"\d{11}"))
    start = m.start() - int(block.starts[cell])
    assert cell == 1
    assert block.back(cell, start, start + 11) == (5, 18)


@given(st.integers(1, 300))
def test_few_and_many_cells_are_selected_alike(count):
    cells = [f"x{i}" if i % 3 else f"手机 {i}{i}" for i in range(count)]
    picked = Block(cells).select("(?i)[手X]1?")
    assert np.array_equal(picked.index, [i for i, c in enumerate(cells)])
    assert [int(i) for i in Block(cells).select("手机").index] == [i for i in range(count) if i % 3 == 0]


@given(st.lists(st.text(alphabet="手机1x ab\u200b", max_size=20), min_size=1, max_size=12))
def test_long_cells_are_selected_as_short_ones(cells):
    """Few cells of many characters are read by arrays, with the same outcome."""
    short, long = Block(cells), Block([c + "y" * 6000 for c in cells])
    assert [c[:-6000] for c in long.cells] == short.cells
    for select in (lambda b: b.select("手机"), lambda b: b.having("汉"), lambda b: b.select("x").select("1")):
        assert select(long).index.tolist() == select(short).index.tolist()
