"""Work that may wait asks the model in small calls, and lets predictions go first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from clock_made import stopped_clock
from modelwright.core.schema import Column, Schema, Table
from modelwright.serve import background_scores
from modelwright.serve.background_scores import Aside


class Crowd:
    busy = False


def table(n: int) -> Table:
    return Table(
        pa.table({"x": np.arange(n, dtype=float)}), Schema((Column("x", "number"),)), np.arange(1, n + 1), "table"
    )


def test_scores_are_the_same_in_many_calls(monkeypatch):
    clock, calls = stopped_clock(monkeypatch, background_scores), []

    def scores(some):
        calls.append(len(some))
        clock.sleep(0.002 * len(some))
        return np.stack([some.column("x").to_numpy(), np.zeros(len(some))], 1)

    found = Aside(scores, Crowd())(table(60))
    assert found[:, 0].tolist() == list(range(60))
    assert len(calls) > 3
    assert max(calls) <= 40  # none takes much longer than the 20 ms that a prediction may have to wait


def test_one_row_and_none():
    ask = Aside(lambda some: np.ones((len(some), 2)), Crowd())
    assert ask(table(1)).shape == (1, 2)
    assert ask(table(0)).shape == (0, 2)


def test_predictions_go_first(monkeypatch):
    slept = []
    monkeypatch.setattr(background_scores.time, "sleep", slept.append)
    crowd = Crowd()
    ask = Aside(lambda some: np.ones((len(some), 1)), crowd)
    ask(table(8))
    assert slept == []
    crowd.busy = True
    ask(table(64))
    assert slept
    assert max(slept) <= 0.25
