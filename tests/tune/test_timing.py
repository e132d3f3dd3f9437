"""What an answer takes: by itself and in a batch, on the path of `predict`, in little time."""

import time

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.schema import Column, Schema, Table
from modelwright.tune.timing import answer_time, as_sent, measure


class Slow:
    """Scores that take `fixed` seconds, and `each` more for every row; it counts the calls."""

    remote = False

    @classmethod
    def together(cls, models):
        return None

    def __init__(self, fixed, each):
        self.fixed, self.each, self.calls = fixed, each, []

    def scores(self, table):
        self.calls.append(len(table))
        until = time.perf_counter() + self.fixed + self.each * len(table)
        while time.perf_counter() < until:
            pass
        return np.full((len(table), 2), 0.5)


def rows(count):
    schema = Schema((Column("a", "number"), Column("when", "timestamp"), Column("y", "category", role="target")))
    when = pa.array([0] * count, pa.timestamp("us"))
    return Table.of(
        pa.table({"a": np.arange(count, dtype=float), "when": when, "y": ["u", "v"] * (count // 2)}), schema
    )


TARGET = ClassesCodec(["u", "v"], [1, 1])


def test_one_row_and_a_row_in_a_batch_differ_by_what_a_call_costs():
    models = [Slow(1e-3, 2e-5), Slow(1e-3, 2e-5)]
    took = answer_time(models, rows(400), TARGET)
    assert took.one > 2.0
    assert took.batch < took.one / 4
    assert took.batch > 0.04 * 0.9  # both models count


def test_measuring_is_cheap_and_slow_models_are_asked_once():
    cheap = Slow(1e-4, 1e-6)
    answer_time([cheap], rows(400), TARGET)
    assert len(cheap.calls) <= 24
    assert max(cheap.calls) <= 256
    slow = Slow(0.15, 0)
    took = answer_time([slow], rows(400), TARGET, known=100.0)
    assert slow.calls == [1]
    assert took.batch == 100.0
    assert took.one > 150


def test_what_costs_money_is_asked_once():
    priced = Slow(1e-4, 0)
    priced.remote = True
    answer_time([priced], rows(20), TARGET, known=1.0)
    assert priced.calls == [1]


def test_rows_are_sent_as_clients_send_them():
    table = rows(2)
    assert as_sent(table, Schema(tuple(table.schema.inputs)))[1] == {"a": 1.0, "when": "1970-01-01T00:00:00"}


def test_a_single_row_has_no_batch():
    took = measure(lambda: None, lambda count: pytest.fail("there is no second row"), 1)
    assert took.batch <= took.one or took.batch == took.one
