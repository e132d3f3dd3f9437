"""Personal data in a table: what is left out where time is short, and nothing looked for in public data."""

import numpy as np
import pyarrow as pa

from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.privacy import detect
from modelwright.privacy.protect import _shares, protect
from modelwright.privacy.recognisers.base import Match

N = 900


def table():
    words = "The parcel number {} came late, please call 1381234{:04} about it, thank you very much."
    raw = pa.table({"text": [words.format(i, i) for i in range(N)], "y": ["a", "b"] * (N // 2)})
    return coerce(raw, infer_schema(raw, target="y"))[0], raw


def test_rows_that_were_not_looked_through_are_left_out_and_told(monkeypatch):
    monkeypatch.setattr(detect, "_CHARACTERS", 10_000)
    monkeypatch.setattr("modelwright.privacy.protect._LEAST_READ", 0)
    typed, raw = table()
    done = protect(typed, None, raw, seconds=0.0, most=1e-9)
    kept = len(done.table)
    assert 0 < kept < N
    assert kept + len(done.left_out) == N
    assert all("<PHONE>" in t for t in done.table.column("text").to_pylist())
    assert set(done.left_out) == set(range(1, N + 1)) - set(done.table.rows.tolist())
    assert f"{N - kept:,} of {N:,} rows" in done.shortened().en
    assert f"{N - kept:,} 行" in done.shortened().zh

    again = protect(typed, None, raw, seconds=0.0, most=1e-9, left_out=done.left_out)
    assert again.table.rows.tolist() == done.table.rows.tolist()
    assert again.left_out == done.left_out


def test_all_rows_stay_where_time_suffices():
    typed, raw = table()
    done = protect(typed, None, raw, seconds=60.0, most=600.0)
    assert len(done.table) == N
    assert done.shortened() is None


def test_an_unsure_name_is_shown_and_stays(monkeypatch):
    def found(cells, column, *, slow=None, **more):
        sure = [[Match(0, 2, "person", 0.9 if c.startswith("张") else 0.6, "sentence")] if slow else [] for c in cells]
        return sure, np.ones(len(cells), bool)

    monkeypatch.setattr("modelwright.privacy.protect.find_cells", found)
    raw = pa.table({"text": ["张伟说房间不错，还会再来的" + "。" * i for i in range(40)] + ["王牌的服务，还会再来的" + "。" * i for i in range(40)], "y": ["a", "b"] * 40})  # fmt: skip
    done = protect(coerce(raw, infer_schema(raw, target="y", overrides={"text": "text"}))[0], None, raw, show=True)
    texts = done.table.column("text").to_pylist()
    assert texts[0].startswith("<PERSON>说")
    assert texts[40].startswith("王牌的")
    report = done.columns[0].to_json(examples=True)
    assert [f["shown"] for f in report["found"]] == [["张伟"]]
    assert [f["shown"] for f in report["unsure"]] == [["王牌"]]


def test_nothing_is_looked_for_in_public_data(monkeypatch):
    monkeypatch.setattr("modelwright.privacy.protect.find_cells", None)
    typed, raw = table()
    done = protect(typed, None, raw, public=True)
    assert done.columns == []
    assert not done.shield
    assert done.table.data.equals(typed.data)


def test_columns_read_in_part_are_read_in_the_same_rows(monkeypatch):
    monkeypatch.setattr(detect, "_CHARACTERS", 10_000)
    _typed, raw = table()
    both = raw.append_column("more", pa.array([t[::-1] for t in raw.column("text").to_pylist()]))
    wide = coerce(both, infer_schema(both, target="y"))[0]
    monkeypatch.setattr("modelwright.privacy.protect._LEAST_READ", 300)
    done = protect(wide, None, both, seconds=0.0, most=1e-9)
    assert 300 <= len(done.table) < N


def test_many_columns_of_categories_do_not_outrun_the_time_for_names(monkeypatch):
    """Of each column a first block is read whatever the time, so that it has to be small."""
    looked = []
    real = detect.Block
    monkeypatch.setattr(
        detect, "Block", lambda cells, together: looked.append(sum(map(len, cells))) or real(cells, together)
    )
    cells = [f"word{i:06}" for i in range(30_000)]
    _, read = detect.find_cells(cells, "c", until=0.0, slow=True)
    assert sum(looked) <= 2 * detect._FIRST
    assert 0 < read.sum() < len(cells)


def test_a_long_text_beside_short_labels_has_most_of_the_time():
    raw = pa.table({"y": ["a", "b"] * 50, "text": [f"{i} " + "The parcel came late. " * 200 for i in range(100)]})
    typed = coerce(raw, infer_schema(raw, target="y"))[0]
    first, last = _shares(typed)
    assert first < 0.3
    assert last == 1.0
