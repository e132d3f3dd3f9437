"""Metrics by unit: what is drawn anew are users or pictures, and metrics that are no sum over rows stand in the report."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import as_objects
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.evaluate.by_unit import by_units
from modelwright.evaluate.intervals import bootstrap, many, paired
from modelwright.evaluate.metrics.boxes import box_metrics
from modelwright.evaluate.metrics.chosen import accuracy
from modelwright.evaluate.report.by_label import by_label
from modelwright.pipeline.report.deepen import metrics_with_intervals

AP50 = box_metrics()[0]
NAMES = ("cat", "dog")


class Boxes(ObjectsCodec):
    """Boxes of pictures."""

    labels = NAMES


def box(x: float, label: str, score: float | None = None, width: float = 10) -> dict:
    made = {"box": [x, 0, x + width, 10], "label": label}
    return made if score is None else {**made, "score": score}


def pictures(truth: list, answers: list) -> Judged:
    target = Boxes("boxes")
    scores = as_objects(answers)[:, None]
    return Judged(target, as_objects(truth), scores, target.decode(scores), as_objects(answers), np.arange(len(truth)))


def drawn(count: int, *, seed: int = 0, found: float = 0.7) -> Judged:
    """Pictures with some cats and dogs, of which a share is found, and boxes where there is nothing."""
    rng = np.random.default_rng(seed)
    truth, answers = [], []
    for _ in range(count):
        true = [box(30 * i, str(rng.choice(NAMES))) for i in range(rng.integers(1, 4))]
        said = [{**b, "score": float(rng.beta(4, 2))} for b in true if rng.random() < found]
        said += [box(200, str(rng.choice(NAMES)), float(rng.beta(2, 4)))] if rng.random() < 0.5 else []
        truth.append(true)
        answers.append(said)
    return pictures(truth, answers)


def test_average_precision_by_hand():
    judged = pictures(
        [[box(0, "cat")], [box(0, "cat")], [box(0, "dog")]],
        [[box(0, "cat", 0.9)], [box(50, "cat", 0.8), box(2, "cat", 0.3)], [box(9, "dog", 0.5)]],
    )
    # cats: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1; at 51 of 101 points of recall 1, at 50 of them 2/3; no dog is found
    cats = (51 + 50 * 2 / 3) / 101
    assert AP50(judged, 0) == pytest.approx(cats)
    assert AP50(judged, 1) == 0
    assert AP50(judged) == pytest.approx(cats / 2)


@pytest.mark.parametrize("count", [80, 700])
def test_ap50_has_an_interval_over_pictures(count):
    judged = drawn(count)
    begun = time.monotonic()
    found = bootstrap(AP50, judged, resamples=300, seconds=5)
    assert found.low < found.value < found.high
    assert time.monotonic() - begun < 20
    true = AP50(drawn(1500, seed=9))
    assert found.low - 0.03 < true < found.high + 0.03
    assert found.high - found.low < 4 / np.sqrt(count)


def test_ap50_is_in_the_report_with_interval_and_by_label():
    judged = drawn(60)
    (entry,) = metrics_with_intervals(
        SimpleNamespace(metrics=(AP50,), metrics_of=lambda target: (AP50,)), judged, "ap50"
    )
    assert entry["name"] == "ap50"
    assert entry["low"] < entry["value"] < entry["high"]
    (section,) = by_label([AP50], judged, 3)
    assert [row[0] for row in section.rows] == list(NAMES)
    assert section.rows[0][1] == f"{AP50(judged, 0):.3f}"
    assert "60 pictures" in section.says.en
    assert "60 张图片" in section.says.zh


def test_a_better_detector_is_told_apart():
    worse = drawn(150, found=0.3)
    perfect = pictures(list(worse.truth), [[{**b, "score": 0.9} for b in t] for t in worse.truth])
    found = paired(AP50, perfect, worse)
    assert found.difference > 0
    assert found.low > 0
    assert found.p < 0.01


def of_users(users: int, each: int, *, seed: int = 0) -> Judged:
    """Rows of users who are answered all rightly or all wrongly."""
    rng = np.random.default_rng(seed)
    right = np.repeat(rng.random(users) < 0.7, each)
    truth = rng.integers(0, 2, users * each)
    said = np.where(right, truth, 1 - truth)
    scores = np.where(said[:, None] == np.arange(2), 0.9, 0.1)
    rows = np.arange(users * each) + 5
    values = pa.array([("a", "b")[t] for t in truth])
    made = judge(ClassesCodec(["a", "b"], [1, 1]), values, scores, rows)
    schema = Schema((Column("user", "category", "ignored"),))
    table = Table(pa.table({"user": np.repeat(np.arange(users), each).astype(str)}), schema, rows)
    shuffled = table.take(rng.permutation(len(table)))
    return made.in_units(shuffled, [BY_USER])


def _users(table: Table) -> np.ndarray:
    return np.unique(np.asarray(table.column("user").to_pylist()), return_inverse=True)[1]


ROWWISE = Metric("accuracy", Words("accuracy", "准确率"), True, accuracy)
BY_USER = Metric("accuracy_by_user", Words("a", "a"), True, accuracy, unit="user", unit_of=_users)


@pytest.mark.parametrize(("users", "each"), [(40, 30), (700, 3)])
def test_rows_of_one_user_are_drawn_together(users, each):
    judged = of_users(users, each)
    found = many([ROWWISE, BY_USER], judged, resamples=300)
    plain, by_user = found["accuracy"], found["accuracy_by_user"]
    assert plain.value == by_user.value
    # as wide as that of as many independent rows as there are users
    wide = 2 * 1.96 * np.sqrt(0.7 * 0.3 / users)
    assert by_user.high - by_user.low == pytest.approx(wide, rel=0.35)
    assert (by_user.high - by_user.low) / (plain.high - plain.low) == pytest.approx(np.sqrt(each), rel=0.4)


def test_a_user_drawn_twice_counts_as_two():
    seen = []

    def users(judged: Judged) -> float:
        seen.append(len(np.unique(judged.unit("user"))))
        return float(len(judged.rows))

    judged = of_users(12, 3)
    metric, (units,) = by_units(replace(BY_USER, function=users), judged)
    assert metric(units.take(np.array([0, 0, 5]))) == 9
    assert seen == [3]


def test_statistics_of_rows_are_summed_by_user():
    judged = of_users(12, 3)
    parts = replace(
        BY_USER,
        function=lambda s: s[0] / s[1],
        parts=lambda j: np.stack([j.truth == j.chosen, np.ones(len(j.rows))], 1),
    )
    metric, (units,) = by_units(parts, judged)
    assert metric(units) == ROWWISE(judged)
    assert len(units.rows) == 12


def test_without_units_each_row_is_one():
    judged = of_users(10, 2)
    assert by_units(ROWWISE, judged) is None
    assert by_units(BY_USER, replace(judged, units={})) is None
    assert replace(judged, units={}).unit("user").tolist() == list(range(20))
