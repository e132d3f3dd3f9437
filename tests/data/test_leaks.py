"""Columns that give the answer away are told; honest ones are not."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
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
