"""Columns that give the answer away are told; honest ones are not."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.data import _leaks
from modelwright.data.check import check


def made(seed: int = 0, n: int = 600):
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 3, n)
    price = rng.gamma(2, 100, n)
    return rng, code, price


def told(data: dict, kinds: dict[str, str], target: str) -> set[tuple[str, str | None]]:
    schema = Schema(tuple(Column(n, k, "target" if n == target else "input") for n, k in kinds.items()))
    found = check(Table.of(pa.table(data), schema))
    codes = ("leak", "copy", "sorted", "counts-along")
    return {(f.code, f.column) for f in found if f.code in codes and f.severity != "info"}


@pytest.mark.parametrize(
    "leak",
    [
        lambda rng, code, price: price + rng.normal(0, 5, len(price)),
        lambda rng, code, price: np.round(price * 1.09, 2),
        lambda rng, code, price: 40 - price / 7,
        lambda rng, code, price: np.log(price),
    ],
    ids=["noise", "unit", "turned", "scale"],
)
def test_a_number_that_is_the_target_in_another_form(leak):
    rng, code, price = made()
    data = {"x": rng.normal(size=600), "other": leak(rng, code, price), "price": price}
    assert told(data, dict.fromkeys(data, "number"), "price") == {("leak", "other")}


def test_a_status_that_agrees_but_for_a_few_rows():
    rng, code, _ = made()
    status = [f"s{c if rng.random() > 0.03 else rng.integers(3)}" for c in code]
    data = {"status": status, "x": rng.normal(size=600), "y": [f"y{c}" for c in code]}
    kinds = {"status": "category", "x": "number", "y": "category"}
    assert told(data, kinds, "y") == {("leak", "status")}
    honest = [f"s{c if rng.random() > 0.3 else rng.integers(3)}" for c in code]
    assert told({**data, "status": honest}, kinds, "y") == set()


def test_a_label_with_noise_and_a_time_that_tells_it():
    rng, code, _ = made()
    at = pa.array((code * 10**13 + rng.integers(0, 10**12, 600)).astype("int64"), pa.timestamp("us"))
    data = {"n": code + rng.normal(0, 0.15, 600), "at": at, "y": [f"y{c}" for c in code]}
    assert told(data, {"n": "number", "at": "timestamp", "y": "category"}, "y") == {("leak", "n"), ("leak", "at")}


@pytest.mark.parametrize("number", [False, True])
def test_rows_sorted_by_their_answer_and_what_counts_along(number):
    rng, code, price = made()
    order = np.argsort(price if number else code, kind="stable")
    y = price[order] if number else [f"y{c}" for c in code[order]]
    data = {"serial": np.cumsum(rng.integers(1, 4, 600)).astype(float), "x": rng.normal(size=600), "y": y}
    kinds = {"serial": "number", "x": "number", "y": "number" if number else "category"}
    assert told(data, kinds, "y") == {("sorted", "y"), ("counts-along", "serial")}
    shuffled = rng.permutation(600)
    mixed = {**data, "y": np.asarray(y)[shuffled]}
    assert told(mixed, kinds, "y") == set()


def order_of(data: dict, kinds: dict[str, str]) -> list[str]:
    """Return the codes of what is found about the order of the file, whatever their severity."""
    schema = Schema(tuple(Column(n, k, "target" if n == "y" else "input") for n, k in kinds.items()))
    found = check(Table.of(pa.table(data), schema))
    return [f.code for f in found if f.code in ("sorted", "blocks", "counts-along")]


@pytest.mark.parametrize("n", [60, 600])
def test_a_target_that_only_rises_is_not_sorted(n):
    rng = np.random.default_rng(2)
    serial = np.arange(float(n))
    kinds = {"serial": "number", "y": "number"}
    assert order_of({"serial": serial, "y": serial + rng.normal(0, n / 20, n)}, kinds) == []
    blocks = np.repeat(np.arange(6.0), n // 6) + rng.normal(0, 0.3, n)
    assert order_of({"serial": serial, "y": blocks}, kinds) == []
    nearly = np.sort(rng.normal(size=n))
    nearly[-2:] = nearly[[0, 5]]  # two rows that were appended
    assert order_of({"serial": serial, "y": nearly}, kinds) == ["sorted", "counts-along"]


def test_two_values_in_blocks_are_not_told_as_sorted():
    rng = np.random.default_rng(3)
    y = [f"k{v}" for v in np.repeat([0, 1, 0, 1, 1, 0, 1, 0], 10)]
    kinds = {"x": "number", "y": "category"}
    schema = Schema((Column("x", "number"), Column("y", "category", "target")))
    (found,) = [f for f in check(Table.of(pa.table({"x": rng.normal(size=80), "y": y}), schema)) if f.column == "y"]
    assert found.code == "blocks"
    assert "7 blocks" in found.words.en
    assert "7 段" in found.words.zh
    assert "sorted" not in found.words.en
    # rows that come by patient, each with one answer: eight patients are no evidence
    patients = np.repeat([f"p{i}" for i in range(8)], 10)
    with_patient = {"x": rng.normal(size=80), "patient": patients, "y": y}
    assert order_of(with_patient, {"patient": "category", **kinds}) == []
    by_luck = [f"k{v}" for v in np.repeat([0, 0, 0, 1, 1, 1], 10)]
    data = {"x": rng.normal(size=60), "patient": patients[:60], "y": by_luck}
    assert order_of(data, {"patient": "category", **kinds}) == []
    # but eighty patients of whom all ill ones come first are
    many = np.repeat([f"p{i:02d}" for i in range(80)], 5)
    data = {"patient": many, "y": ["ill"] * 200 + ["well"] * 200}
    assert order_of(data, {"patient": "category", "y": "category"}) == ["sorted"]


def test_a_running_number_beside_answers_in_no_order_is_no_leak():
    code = made()[1]
    data = {"serial": np.arange(600.0) * 3, "y": [f"y{c}" for c in code]}
    assert told(data, {"serial": "number", "y": "category"}, "y") == set()


def test_a_column_that_is_only_a_good_one_is_no_leak():
    rng, _, price = made()
    data = {"x": price + rng.normal(0, 80, 600), "price": price}
    assert told(data, dict.fromkeys(data, "number"), "price") == set()
    rare = np.array(["no"] * 596 + ["yes"] * 4)[rng.permutation(600)]
    data = {"flag": rare, "y": rare[::-1]}
    assert told(data, {"flag": "category", "y": "category"}, "y") == set()


def test_the_commonest_answer_of_many_labels_is_that_of_a_table_of_all_pairs():
    rng = np.random.default_rng(0)
    codes, answers = rng.integers(0, 30, 400), rng.integers(0, 9, 400)
    codes[codes == 7] = 8
    counts = np.zeros((31, 9))
    np.add.at(counts, (codes, answers), 1)
    found = _leaks._commonest(codes, answers, 31)
    assert (found == np.where(counts.sum(1) > 0, counts.argmax(1), -1)).all()
    tracemalloc.start()
    _leaks._commonest(np.arange(6000), np.arange(6000) * 3, 6000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000
