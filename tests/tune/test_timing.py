"""What an answer takes: by itself and in a batch, on the path of `predict`, in little time."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.schema import Column, Schema, Table
from modelwright.tune.timing import answer_time, as_sent, measure


class Clock:
    now = 0.0

    def perf_counter(self):
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def own_clock(monkeypatch):
    monkeypatch.setattr("modelwright.tune.timing.time", CLOCK)


class Slow:
    """Scores that take `fixed` seconds, and `each` more for every row; it counts the calls."""

    remote = False

    @classmethod
    def together(cls, models):
        return None

    def __init__(self, fixed, each, first=0.0):
        self.fixed, self.each, self.first, self.calls = fixed, each, first, []

    def scores(self, table):
        self.calls.append(len(table))
        CLOCK.now += self.fixed + self.each * len(table) + (self.first if len(self.calls) == 1 else 0.0)
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


def test_measuring_is_cheap_and_slow_models_are_asked_seldom():
    cheap = Slow(1e-4, 1e-6)
    answer_time([cheap], rows(400), TARGET)
    assert len(cheap.calls) <= 24
    assert max(cheap.calls) <= 256
    slow = Slow(0.15, 0)
    took = answer_time([slow], rows(400), TARGET, known=100.0)
    assert slow.calls == [1, 1]  # the first call may have read what later ones find
    assert took.batch == 100.0
    assert took.one == pytest.approx(150)
    slower = Slow(3.0, 0)
    answer_time([slower], rows(400), TARGET, known=100.0)
    assert slower.calls == [1]
    unknown = Slow(3.0, 0)
    answer_time([unknown], rows(400), TARGET)
    assert unknown.calls == [1], "what takes seconds is not asked for a median"


def test_a_cold_first_call_is_not_what_an_answer_takes():
    cold = Slow(1e-3, 1e-6, first=0.27)
    took = answer_time([cold], rows(400), TARGET, known=0.5)
    assert took.one == pytest.approx(1.001)
    assert took.batch < 0.1


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


def test_rows_that_share_work_are_not_counted_one_by_one():
    took = answer_time([Slow(1e-4, 5e-4)], rows(400), TARGET, known=0.05)  # as it was when all of them were judged
    assert took.batch == 0.05
