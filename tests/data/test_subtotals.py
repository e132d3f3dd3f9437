"""Rows in the middle of a table that sum up those before them."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.data.check import apply, check
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema


def report(word, total="Grand total", blocks=4, size=5, seed=0):
    """Return rows by district, each block with its subtotal below, and the positions of what sums up."""
    rng = np.random.default_rng(seed)
    rows, at, every = [], [], []
    for block in range(blocks):
        own = [
            {"district": f"d{block}", "shop": f"shop {int(rng.integers(1000))}", "sales": float(rng.integers(10, 900)), "staff": float(rng.integers(1, 9))}
            for _ in range(size)
        ]  # fmt: skip
        rows += own
        every += own
        at.append(len(rows))
        rows.append(summed(own, word.format(name=f"d{block}")))
    if total:
        at.append(len(rows))
        rows.append(summed(every, total))
    return rows, at


def summed(rows, word):
    return {"district": word, "shop": None} | {n: sum(r[n] for r in rows) for n in ("sales", "staff")}


def looked(rows, **told):
    raw = pa.Table.from_pylist(rows)
    table, bad = coerce(raw, infer_schema(raw, overrides={"district": "category"}))
    found = check(table, bad=bad, **told)
    return [f for f in found if f.code == "total-row"], found, table


@pytest.mark.parametrize("word", ["Subtotal", "小计", "{name} total", "Total {name}", "{name}小计", "合计："])
@pytest.mark.parametrize("total", ["Grand total", None])
def test_subtotals_between_rows_are_left_out_and_told(word, total):
    rows, at = report(word, total)
    told, found, table = looked(rows)
    assert sorted(i for f in told for i in f.drop_rows) == at
    assert len(apply(found, table)) == 20
    assert "are left out" in told[0].words.en
    assert "是其他行的汇总，已排除" in told[0].words.zh
    assert f"{len(at)} rows (rows {at[0] + 1}, " in told[0].words.en


def test_sums_of_sums_are_found_too():
    first, at = report("Subtotal", None, seed=1)
    second, more = report("Subtotal", None, seed=2)
    plain = [r for i, r in enumerate(first) if i not in at]
    rows = [*first, summed(plain, "Total north"), *second]
    told, _, _ = looked(rows)
    assert told[0].drop_rows == (*at, len(first), *(len(first) + 1 + i for i in more))


def test_a_brand_called_total_is_kept():
    rng = np.random.default_rng(3)
    rows = [
        {"district": str(rng.choice(["Total", "Shell", "Esso"])), "shop": None, "sales": float(rng.integers(1, 6)), "staff": float(rng.integers(1, 6))}
        for _ in range(400)
    ]  # fmt: skip
    assert looked(rows)[0] == []


def test_other_cells_with_such_a_word_hide_no_subtotals():
    rows, at = report("Subtotal", None)
    media = [{"district": "social media", "shop": None, "sales": 5.0 + i, "staff": 3.0 - i} for i in (0, 1, 1)] * 2
    assert looked([*rows, *media])[0][0].drop_rows == tuple(at)


def test_words_of_the_data_are_not_quoted_where_they_may_not_be():
    rows, _ = report("{name} total")
    told, _, _ = looked(rows, quote=False)
    assert "d0" not in told[0].words.en + told[0].words.zh


def test_subtotals_of_rows_to_test_on_are_left_out_of_them():
    rows, at = report("Subtotal")
    raw = pa.Table.from_pylist([r for i, r in enumerate(rows) if i not in at])
    schema = infer_schema(raw, overrides={"district": "category"})
    told = [
        f
        for f in check(coerce(raw, schema)[0], test=coerce(pa.Table.from_pylist(rows), schema)[0])
        if f.code == "total-row"
    ]
    assert [(f.drop_rows, f.drop_test_rows) for f in told] == [((), tuple(at))]
    assert "rows to test on" in told[0].words.en
