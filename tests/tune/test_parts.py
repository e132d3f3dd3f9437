"""Tasks may choose which rows train, validate and test: the last event of each user, the last windows of a series."""

import json
import sys

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright import tasks
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.registry import modules_in
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import Split
from modelwright.tasks.classification import Classification
from modelwright.tasks.regression import Regression
from modelwright.testing import check_task
from modelwright.tune import parts as parts_module
from modelwright.tune.candidate import Validation
from modelwright.tune.parts import check_split, split_data

GAP, WINDOW = 2, 5


class LastEvent(Classification):
    """Each user's last event is tested on and the one before validates; users with fewer than three events only train."""

    def split(self, table, config, official):
        if config.group is None:
            return None
        users = np.asarray(table.column(config.group).to_pylist())
        times = np.asarray(table.column(config.time).cast(pa.int64()))
        order = np.lexsort((times, users))
        left = np.r_[np.flatnonzero(np.diff(np.unique(users, return_inverse=True)[1][order])), len(order) - 1]
        counts = np.diff(np.r_[-1, left])
        test, valid = order[left[counts >= 3]], order[left[counts >= 3] - 1]
        few = order[np.repeat(counts < 3, counts)]
        develop = np.arange(len(table)) if official else np.setdiff1d(order, test)
        test = test[:0] if official else test
        return Split(develop, test, few, ((np.setdiff1d(develop, valid), valid),))


class LastWindow(Regression):
    """The last window is tested on; three windows before it validate, each after a gap."""

    def split(self, table, config, official):
        if config.time is None:
            return None
        order = np.argsort(np.asarray(table.column(config.time).cast(pa.int64())), kind="stable")
        if len(order) < 6 * WINDOW:
            raise DataError("Too few moments for four windows.", "时刻太少，不足四个窗口。")
        ends = [len(order) - i * WINDOW for i in range(4)]
        windows = [(order[: end - WINDOW - GAP], order[end - WINDOW : end]) for end in ends]
        if official:
            return Split(order, order[:0], windows=tuple(windows[2::-1]))
        develop, test = windows[0]
        inner = [(t, v[np.isin(v, develop)]) for t, v in windows[3:0:-1]]
        return Split(develop, test, windows=tuple(inner))


def events() -> Table:
    rng = np.random.default_rng(0)
    users = np.repeat([f"u{i}" for i in range(30)], [1, 2, *[6] * 28])
    n = len(users)
    x = rng.normal(size=n)
    data = pa.table({"user": users, "t": rng.permutation(n), "x": x, "y": np.where(x > 0, "a", "b")})
    schema = Schema((Column("user", "category", "group"), Column("t", "number", "time"), Column("x", "number"),
                     Column("y", "category", "target")))  # fmt: skip
    return Table(data, schema, np.arange(n) + 2)


def series() -> Table:
    t = np.arange(60)
    rng = np.random.default_rng(1)
    data = pa.table({"t": rng.permutation(t), "x": rng.normal(size=60)})
    data = data.append_column("y", pa.array(np.asarray(data.column("t")) * 0.5 + np.asarray(data.column("x"))))
    schema = Schema((Column("t", "number", "time"), Column("x", "number"), Column("y", "number", "target")))
    return Table(data, schema, np.arange(60) + 2)


def parts_of(task, table, official=None, **asked):
    return split_data(make_config(data="d", target="y", **asked), table, official, None, task, 60.0)


def test_each_users_last_event_is_tested_on():
    table = events()
    parts = parts_of(LastEvent(), table, group="user", time="t")
    last = {}
    for row in table.data.to_pylist():
        last[row["user"]] = max(last.get(row["user"], -1), row["t"])
    tested = {r["user"]: r["t"] for r in parts.test.data.to_pylist()}
    assert tested == {u: t for u, t in last.items() if u not in ("u0", "u1")}
    assert len(parts.develop) + len(parts.test) == len(table)
    ((train, valid),) = parts.splits
    assert len(valid) == 28
    assert {"u0", "u1"} <= set(parts.develop.take(train).column("user").to_pylist())
    assert len(train) + len(valid) == len(parts.develop)


def test_windows_of_a_backtest_have_a_gap():
    parts = parts_of(LastWindow(), series(), time="t")
    assert sorted(parts.test.column("t").to_pylist()) == list(range(55, 60))
    assert max(parts.develop.column("t").to_pylist()) == 54 - GAP  # what lies in the gap neither trains nor tests
    assert len(parts.splits) == 3
    for i, (train, valid) in enumerate(parts.splits):
        start = min(parts.develop.take(valid).column("t").to_pylist())
        assert start == 40 + 5 * i
        assert max(parts.develop.take(train).column("t").to_pylist()) == start - GAP - 1
    assert any(f.code == "left-out" for f in parts.found)
    validation = Validation(parts.develop, parts.target, LastWindow().metrics[0], parts.splits)
    assert len(validation.index) == 5 + 5 + 3


def test_rows_that_always_train_are_dealt_to_no_fold():
    class Some(Classification):
        def split(self, table, config, official):
            rows = np.arange(len(table))
            return Split(rows[:-20], rows[-20:], always=rows[:30])

    table = events()
    parts = parts_of(Some(), table, folds=3)
    assert len(parts.splits) == 3
    for train, valid in parts.splits:
        assert set(range(30)) <= set(train.tolist())
        assert len(train) + len(valid) == len(parts.develop)
    assert np.concatenate([v for _, v in parts.splits]).min() >= 30


@pytest.mark.parametrize(("asked", "count"), [({}, 50), ({"test_fraction": 0.3}, 300)])
def test_of_very_many_rows_no_more_test_than_tell_a_score_unless_asked(monkeypatch, asked, count):
    monkeypatch.setattr(parts_module, "_TEST_MOST", 50)
    data = pa.table({"x": np.arange(1000.0), "y": np.arange(1000.0) % 7})
    table = Table.of(data, Schema((Column("x", "number"), Column("y", "number", "target"))))
    parts = parts_of(Regression(), table, **asked)
    assert len(parts.test) == pytest.approx(count, abs=3)
    assert len(parts.develop) + len(parts.test) == 1000


def test_official_test_rows_are_the_test():
    table = series()
    parts = parts_of(LastWindow(), table, table.take(np.arange(7)), time="t")
    assert len(parts.test) == 7
    assert len(parts.develop) == 60
    assert len(parts.splits) == 3


R = np.arange(10)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (Split(R, R[:1]), "in `develop` and in `test`"),
        (Split(R[:5], R[5:5]), "is empty"),
        (Split(R[:5], R[5:] + 1), "the table lacks"),
        (Split(R[:5], R[5:], always=R[6:7]), "not in `develop`"),
        (Split(R[:5], R[5:], windows=((R[:3], R[2:5]),)), "both parts"),
        (Split(R[:5], R[5:], windows=((R[:3], R[3:6]),)), "not in `develop`"),
        (Split(R[:5], R[5:], R[:1], ((R[1:3], R[3:5]),)), "trained on in every window"),
        (Split(R[:5], R[5:], windows=((R[:5], R[5:5]),)), "on no row"),
    ],
)
def test_a_split_that_leaks_is_refused(split, said):
    with pytest.raises(ModelwrightError, match=said):
        check_split(split, 10, False)


def test_conformance_looks_at_the_split():
    class Leaks(Classification):
        def split(self, table, config, official):
            rows = np.arange(len(table))
            return Split(rows, rows[:0] if official else rows[:5])

    class Moves(Classification):
        asked = 0

        def split(self, table, config, official):
            self.asked += 1
            rows = np.random.default_rng(self.asked).permutation(len(table))
            return Split(rows, rows[:0]) if official else Split(rows[5:], rows[:5])

    Leaks.__module__ = Moves.__module__ = "modelwright.tasks.classification"
    check_task(Classification())
    with pytest.raises(AssertionError, match="`develop` and in `test`"):
        check_task(Leaks())
    with pytest.raises(AssertionError, match="a second time"):
        check_task(Moves())


def test_a_run_goes_over_the_windows(tmp_path, monkeypatch):
    text = f"from {__name__} import LastWindow as Made\n\n\nclass LastWindow(Made):\n    name = 'last-window'\n\n\nTASK = LastWindow\n"
    (tmp_path / "last_window.py").write_text(text)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    modules_in.cache_clear()
    table = series().data.append_column("z", pa.array(["u", "v"] * 30))
    asked = {"task": "last-window", "time": "t", "recipes": ["linear"], "search": "none", "budget": "90s"}
    try:
        rows = mw.fit(table, "y", out=tmp_path, name="r", ensemble=False, **asked).facts["rows"]
    finally:
        modules_in.cache_clear()
    assert rows["test"] == WINDOW
    kept = json.loads((tmp_path / "r" / "data" / "splits.json").read_text())
    assert [len(v) for v in kept["folds"][0]] == [5, 5, 3]


def test_near_duplicates_across_groups_are_told():
    rng = np.random.default_rng(0)
    words = [
        "delivery",
        "late",
        "box",
        "broken",
        "refund",
        "please",
        "blue",
        "shirt",
        "size",
        "wrong",
        "again",
        "today",
    ]
    texts = [" ".join(rng.choice(words, 9)) + f" {i}" for i in range(60)]
    texts = texts + [t + "!" for t in texts]
    groups = [f"g{i % 12}" for i in range(60)] + [f"g{(i + 5) % 12}" for i in range(60)]
    data = pa.table({"text": texts, "g": groups, "y": ["a", "b"] * 60})
    schema = Schema((Column("text", "text"), Column("g", "category", "group"), Column("y", "category", "target")))
    table = Table(data, schema, np.arange(120) + 2)
    parts = parts_of(Classification(), table, group="g", folds=2)
    (found,) = [f for f in parts.found if f.code == "test-near"]
    assert str(len(parts.test)) in found.words.en
    assert "apart" in found.advice.en
