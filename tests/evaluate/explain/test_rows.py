"""Explanations find the words and columns that a known model rests on."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock_made import stopped_clock
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.explain import rows as explain
from modelwright.evaluate.explain.rows import explain_row
from modelwright.recipes.columns._attribution import Contribution

CLOCKS = ("modelwright.evaluate.explain.rows", "modelwright.evaluate.explain.attribution")
SCHEMA = Schema((Column("text", "text"), Column("amount", "number"), Column("channel", "category")))
TARGET = ClassesCodec(["delivery", "refund"], [1, 1])
WEIGHTS = {"refund": 3.0, "thanks": -1.0, "退款": 3.0, "parcel": -2.0}


def row(text, amount=5.0, channel="mail"):
    data = {
        "text": pa.array([text], pa.string()),
        "amount": pa.array([amount], pa.float64()),
        "channel": pa.array([channel]),
    }
    return Table.of(pa.table(data), SCHEMA)


def height(text, amount, channel):
    words = sum(w for k, w in WEIGHTS.items() if k in (text or ""))
    return words + 0.5 * (amount or 0.0) + (0.0 if channel is None else 0.2) - 1


def scores(table):
    h = np.array(
        [height(*(table.column(c)[i].as_py() for c in ("text", "amount", "channel"))) for i in range(len(table))]
    )
    p = 1 / (1 + np.exp(-h))
    return np.stack([1 - p, p], 1)


def by_text(found):
    return {a.text: a.weight for a in found}


def test_words_and_columns_get_their_weight():
    found = explain_row(scores, row("please refund my parcel, thanks"), SCHEMA, TARGET)
    told = by_text(found)
    assert told == pytest.approx({"refund": 3.0, "5": 2.5, "parcel": -2.0, "thanks": -1.0, "mail": 0.2}, abs=1e-6)
    assert [a.text for a in found] == ["refund", "5", "parcel", "thanks", "mail"]
    refund = found[0]
    assert "please refund my"[refund.start : refund.end] == "refund"
    assert (found[1].column, found[1].start, found[1].end) == ("amount", None, None)


def test_han_words_are_found_by_pairs():
    found = explain_row(scores, row("我要退款谢谢"), SCHEMA, TARGET)
    han = [a for a in found if a.column == "text"]
    strongest = {a.text for a in han[:2]}
    assert strongest == {"退", "款"}
    assert all("我要退款谢谢"[a.start : a.end] == a.text for a in han)


def test_another_answer_can_be_explained():
    told = by_text(explain_row(scores, row("refund parcel"), SCHEMA, TARGET, answer=0))
    assert told["refund"] == pytest.approx(-3)
    assert told["parcel"] == pytest.approx(2)


def test_values_are_explained_in_their_unit():
    def value(table):
        return np.array([[height(*(table.column(c)[i].as_py() for c in SCHEMA.names))] for i in range(len(table))])

    told = by_text(explain_row(value, row("refund", 5.0), SCHEMA, ValueCodec(0, 1, 0, 1)))
    assert told == pytest.approx({"refund": 3.0, "5": 2.5, "mail": 0.2})


def test_a_model_that_knows_its_parts_is_asked():
    class Knows:
        def __init__(self, best):
            self.best = best

        def scores(self, table):
            return np.eye(2)[[self.best]]

        def contributions(self, table):
            return [[Contribution("text", 0, 6, "refund", 9.0)]]

    told = explain_row(scores, row("refund"), SCHEMA, TARGET, model=Knows(1))
    assert [(a.text, a.weight) for a in told] == [("refund", 9.0)]
    assert len(explain_row(scores, row("refund"), SCHEMA, TARGET, model=Knows(0))) == 3  # it speaks for another answer


def test_missing_values_and_empty_texts_have_nothing_to_say():
    assert explain_row(scores, row(None, None, None), SCHEMA, TARGET) == []
    assert [a.column for a in explain_row(scores, row("", None), SCHEMA, TARGET)] == ["channel"]


def test_long_texts_are_told_in_stretches_within_the_time(monkeypatch):
    clock = stopped_clock(monkeypatch, *CLOCKS)
    text = "word " * 5000 + "refund"

    def slow(table):
        clock.sleep(0.002 * len(table))
        return scores(table)

    found = explain_row(slow, row(text), SCHEMA, TARGET, seconds=1.0)
    assert clock.now - 1000 < 1.1
    assert "refund" in next(a for a in found if a.column == "text").text


def test_no_time_tells_of_columns():
    found = explain_row(scores, row("refund now"), SCHEMA, TARGET, seconds=0.0)
    assert {a.column for a in found} == {"text", "amount", "channel"}


@given(st.text(max_size=400))
def test_pieces_lie_in_the_text_in_order(text):
    found = explain.pieces(text)
    assert len(found) <= 160
    assert all(0 <= a < b <= len(text) for a, b in found)
    assert all(x[1] <= y[0] for x, y in pairwise(found))


def test_real_models_can_be_explained():
    from modelwright.core.budget import Deadline
    from modelwright.core.events import EventStream
    from modelwright.core.recipe import FitContext, get_recipe
    from modelwright.core.task import get_task

    task = get_task("classification")
    data, target_name = task.sample(200, 0)
    kinds = {"amount": "number", "channel": "category", "member": "boolean", "message": "text", target_name: "category"}
    columns = tuple(Column(n, k, "target" if n == target_name else "input") for n, k in kinds.items())
    table = Table.of(data, Schema(columns))
    target = task.fit_target(table.column(target_name), columns[-1])
    recipe = get_recipe("linear")
    ctx = FitContext(task.loss, target, Deadline.after(20), EventStream(), task.metrics[0])
    model = recipe.fit(
        table.take(np.arange(150)), table.take(np.arange(150, 200)), recipe.variants(table.schema, target, 150)[0], ctx
    )
    one = table.take(np.array([160]))
    asked = explain_row(model.scores, one, table.schema, target, model=model)
    watched = explain_row(model.scores, one, table.schema, target)
    assert asked
    assert watched
    assert {a.column for a in watched} <= set(kinds) - {target_name}
    text = one.column("message")[0].as_py()
    assert all(text[a.start : a.end] == a.text for a in (*asked, *watched) if a.start is not None)


@pytest.mark.parametrize("cost", [0.002, 0.02, 0.2])
def test_a_slow_model_does_not_overrun_its_time(cost, monkeypatch):
    """Calls of many rows are cut to what the time left has room for; one call may begin shortly before the end."""
    clock, asked = stopped_clock(monkeypatch, *CLOCKS), []

    def slow(table):
        asked.append(len(table))
        clock.sleep(cost * len(table))
        return scores(table)

    found = explain_row(slow, row(" ".join(f"word{i}" for i in range(150)) + " refund"), SCHEMA, TARGET, seconds=0.3)
    assert clock.now - 1000 < 0.3 + 1.5 * cost + 0.1
    assert found
    assert max(asked) <= max(1, 0.3 / cost / 2)
