"""Columns of words read by whole arrays: the same cells as one by one, and words of missing are found among very many others."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelwright.core.schema import Column
from modelwright.data import coerce
from modelwright.data._missing_marks import plain_words, words_of
from modelwright.data.values import MISSING

CELLS = [
    "red", " blue ", "\tgreen", "x\x1cy", "\x1fz\x1f", "a\x00b", "NA", " nan", "None", "N/A", "", "  ", "缺失", "ＮＡ", "Ｒｅｄ", "红 ", "\u3000x\u3000", "\xa0y",
    "missing", "Missing2", "unknown?", "Unknown", "-", "12", "1.0", None, *sorted(MISSING), "a b", "é", "NULL\n",
]  # fmt: skip


@pytest.mark.parametrize("modality", ["category", "id"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("cells", [CELLS, ["red", "blue ", None, "green"], [None, None], [], ["NA"] * 3])
@pytest.mark.parametrize("words", [None, ["na"], []])
def test_words_are_read_by_arrays_as_one_by_one(modality, kind, cells, words) -> None:
    column = Column("c", modality, options={} if words is None else {"words": words})
    found = coerce._coerce_column(pa.array(cells, kind), column, [], None)
    assert found.type == pa.string()
    assert found.to_pylist() == [None if c is None else coerce._category(c, column) for c in cells]


def test_cells_without_words_of_missing_are_not_made_strings_of(monkeypatch) -> None:
    from modelwright.data import _missing_marks

    many = [f"k{i}" for i in range(5000)]
    calls: list[str] = []
    real = _missing_marks.is_missing
    monkeypatch.setattr(_missing_marks, "is_missing", lambda c: calls.append(c) or real(c))
    assert words_of(pa.chunked_array([pa.array(many)]), ()) is None
    assert calls == []
    for word, shown, values in (
        ("None", "None", ["none"]),
        ("ＮＡ", "NA", ["na"]),
        (" nan ", "nan", ["nan"]),
        ("缺失", "缺失", []),
    ):
        kept, said = words_of(pa.chunked_array([pa.array([*many, word])]), ())
        assert kept == values
        assert said.en == f"`{shown}` (1 % of the cells) is {'a' if values else 'no'} value here"
    assert len(calls) > 5000
    assert words_of(pa.chunked_array([pa.array([*many, "", "N/A"])]), ()) is None


def test_plain_words_are_in_ascii_without_control_characters() -> None:
    bare, plain = plain_words(pa.array(["a ", "é", "x\x1cy", "na", None, "b"]))
    assert plain.to_pylist() == [True, False, False, False, False, True]
    assert bare[0].as_py() == "a"
