"""Groups: their names, the gaps between them by hand-made counts, thresholds that close a gap, and conditions on it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import OptionError
from modelwright.core.judged import Judged, judge
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.groups import MISSING, cuts_of, groups_of
from modelwright.evaluate import fairness
from modelwright.evaluate.group_thresholds import find_shifts, shifted

TASK = get_task("classification")
TARGET = ClassesCodec(["no", "yes"], [1, 1])


def made(counts: dict[str, tuple[int, int, int, int]]) -> tuple[Table, Judged]:
    """Return rows with, by group, so many true positives, false negatives, false positives, true negatives."""
    group, truth, said = [], [], []
    for name, (tp, fn, fp, tn) in counts.items():
        group += [name] * (tp + fn + fp + tn)
        truth += ["yes"] * (tp + fn) + ["no"] * (fp + tn)
        said += [1] * tp + [0] * fn + [1] * fp + [0] * tn
    schema = Schema((Column("sex", "category", "sensitive"), Column("y", "category", "target")))
    table = Table.of(pa.table({"sex": group, "y": truth}), schema)
    scores = np.where(np.array(said)[:, None] == [0, 1], 0.8, 0.2)
    return table, judge(TARGET, table.column("y"), scores, table.rows)


def groups(table: Table, label: int | None = 1) -> fairness.Groups:
    out = fairness.Groups(("sex",), label)
    out.use(table)
    return out


COUNTS = {"f": (30, 30, 10, 30), "m": (54, 6, 20, 20), "x": (3, 0, 0, 0)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gap:positive_rate", 0.74 - 0.40), ("gap:true_positive_rate", 0.9 - 0.5), ("gap:false_positive_rate", 0.25),
        ("gap:equalised_odds", 0.4), ("gap:accuracy", 0.74 - 0.6), ("worst:accuracy", 0.6), ("gap:recall", None),
    ],
)  # fmt: skip
def test_gaps_by_hand(name, value):
    table, judged = made(COUNTS)
    metric = fairness.group_metric(name, TASK, TARGET, groups(table))
    assert metric.higher is name.startswith("worst:")
    if name == "gap:recall":
        assert metric(judged, 1) == pytest.approx(0.4)
    else:
        assert metric(judged) == pytest.approx(value)  # the three rows of x count in no gap


def test_groups_stay_with_their_rows_when_these_are_drawn_anew():
    table, judged = made(COUNTS)
    metric = fairness.group_metric("gap:positive_rate", TASK, TARGET, groups(table))
    shuffled = np.random.default_rng(0).permutation(len(table))
    assert metric(judged.take(shuffled)) == pytest.approx(metric(judged))


def test_without_a_favourable_label_the_largest_gap_counts():
    table, judged = made(COUNTS)
    assert fairness.group_metric("gap:positive_rate", TASK, TARGET, groups(table, None))(judged) == pytest.approx(0.34)
    three = ClassesCodec(["a", "b", "c"], [1, 1, 1])
    assert fairness.favourable_label(three, None) is None
    assert fairness.favourable_label(three, "c") == 2
    with pytest.raises(OptionError, match="c"):
        fairness.favourable_label(three, "d")


def test_one_group_has_no_gap():
    table, judged = made({"f": (20, 10, 5, 5)})
    assert np.isnan(fairness.group_metric("gap:accuracy", TASK, TARGET, groups(table))(judged))


@pytest.mark.parametrize("name", ["gap:nothing", "worst:positive_rate"])
def test_unknown_measures_are_refused_with_the_known_ones(name):
    table, _ = made(COUNTS)
    with pytest.raises(OptionError, match="accuracy"):
        fairness.group_metric(name, TASK, TARGET, groups(table))


def test_a_gap_needs_a_sensitive_column():
    with pytest.raises(OptionError, match="--sensitive"):
        fairness.group_metric("gap:accuracy", TASK, TARGET, None)
    assert fairness.group_metric("accuracy", TASK, TARGET, None) is None


def test_errors_of_values_by_group():
    schema = Schema((Column("sex", "category", "sensitive"), Column("y", "number", "target")))
    table = Table.of(pa.table({"sex": ["f"] * 30 + ["m"] * 30, "y": [1.0] * 60}), schema)
    target, task = ValueCodec(0, 1, -1, 1), get_task("regression")
    scores = np.r_[np.full(30, 1.5), np.full(30, 0.0)][:, None]
    judged = judge(target, table.column("y"), scores, table.rows)
    assert fairness.group_metric("gap:mean_error", task, target, groups(table, None))(judged) == pytest.approx(1.5)
    assert fairness.group_metric("gap:mae", task, target, groups(table, None))(judged) == pytest.approx(0.5)
    assert fairness.group_metric("worst:mae", task, target, groups(table, None))(judged) == pytest.approx(1.0)


def test_what_the_report_shows():
    table, judged = made(COUNTS)
    found = fairness.judge_groups(TASK, TASK.metric("accuracy"), judged, groups(table), table, seconds=0.5)
    by_name = {g["name"]: g for g in found["columns"][0]["groups"]}
    assert by_name["x"]["few"]
    value, low, high = by_name["m"]["scores"]["true_positive_rate"]
    assert value == pytest.approx(0.9)
    assert low < 0.9 < high
    gap = next(g for g in found["columns"][0]["gaps"] if g["name"] == "gap:true_positive_rate")
    assert gap["low"] < 0.4 < gap["high"]
    pytest.importorskip("matplotlib")
    from modelwright.evaluate.report.fairness import pictures, section

    plot = pictures(found)[0]
    assert plot.svg.startswith("<svg")
    page = section({"fairness": found, "plots": [{"name": plot.name, "title": plot.title, "says": plot.says, "svg": plot.svg}]}, "zh")  # fmt: skip
    assert "人口均等差距" in page
    assert "gap:equalised_odds" in page


def test_ranges_of_numbers_and_missing_values():
    column = Column("age", "number", options={"cuts": [30.0, 50.0]})
    codes, names = groups_of(pa.array([10.0, 30.0, None, 70.0]), column)
    assert [names[c] for c in codes] == ["< 30", "30 – 50", MISSING, "≥ 50"]
    assert cuts_of(np.array([1.0, 1, 1, 1])) == []
    assert groups_of(pa.array([True, None, False]), Column("b", "boolean"))[1] == ["false", "true", MISSING]


def biased(rows: int, seed: int) -> tuple[Table, Judged]:
    """Return rows in which group m gets higher probabilities than group f, whatever the truth."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], rows)
    truth = rng.random(rows) < 0.4
    odds = 1.6 * truth - 0.8 + np.where(sex == "m", 0.9, -0.9) + rng.normal(0, 0.9, rows)
    p = 1 / (1 + np.exp(-odds))
    schema = Schema((Column("sex", "category", "sensitive"), Column("y", "category", "target")))
    table = Table.of(pa.table({"sex": sex, "y": np.where(truth, "yes", "no")}), schema)
    return table, judge(TARGET, table.column("y"), np.stack([1 - p, p], 1), table.rows)


def test_thresholds_by_group_close_the_gap_on_other_rows():
    table, warm = biased(4000, 0)
    values, how = find_shifts(TASK.metric("accuracy"), warm, table.column("sex").to_pylist(), 1, 0.5)
    assert how == "found"
    assert values["f"] > values["m"]
    other, before = biased(4000, 1)
    moved = shifted(before.scores, other, {"column": "sex", "label": 1, "values": values})
    after = judge(TARGET, other.column("y"), moved, other.rows)
    gap = fairness.group_metric("gap:true_positive_rate", TASK, TARGET, groups(other))
    assert gap(before) > 0.4
    assert gap(after) < 0.06
    assert np.allclose(moved.sum(1), 1)
    unknown = other.with_schema(Schema((Column("sex", "category", "input"), Column("y", "category", "target"))))
    assert np.allclose(shifted(before.scores, unknown, {"column": "sex", "label": 1, "values": {}}), before.scores)


def test_too_few_rows_for_thresholds():
    table, warm = biased(12, 0)
    assert find_shifts(TASK.metric("accuracy"), warm, table.column("sex").to_pylist(), 1, 0.5) == ({}, "few")
