"""A run goes on with the splits that it began with, or not at all: whatever of data and options was changed meanwhile."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, InputError, OptionError
from modelwright.core.events import CandidateDone, EventStream, Note, Step, Working
from modelwright.core.run import RunFolder
from modelwright.pipeline.walk import run as walk
from modelwright.tune import ladder

from .made import planner, some

FAST = {"recipes": ["constant", "linear"], "search": "none", "budget": "60s"}


def noise(rows: int = 240, seed: int = 0) -> pa.Table:
    """Rows whose labels are drawn by lot."""
    rng = np.random.default_rng(seed)
    return pa.table({
        "a": rng.normal(size=rows), "b": rng.normal(size=rows), "day": np.arange(rows) * 1.5,
        "shop": [f"shop {i}" for i in rng.integers(0, 12, rows)], "fault": [f"kind {i}" for i in rng.integers(0, 3, rows)],
    })  # fmt: skip


class ReachedError(Exception):
    """The walk came to training."""


def reached(monkeypatch, table, folder, **options):
    """Return the splits with which a walk that goes on would train: row numbers of training, held-out and test rows."""
    seen = {}

    def climb(planner):
        table = planner.validation.table
        seen["folds"] = [(table.rows[t].tolist(), table.rows[v].tolist()) for t, v in planner.validation.splits]
        seen["labels"] = planner.validation.table.column("fault").to_pylist()
        raise ReachedError

    monkeypatch.setattr(ladder, "climb", climb)
    config = make_config(data="memory", target="fault", **{**FAST, **options})
    with pytest.raises(ReachedError):
        walk(config, table, EventStream(), folder=RunFolder(folder), deadline=Deadline.after(60), resume=True)
    return seen


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "r")
    config = make_config(data="memory", target="fault", **FAST)
    result = walk(config, noise(), EventStream(), folder=folder, deadline=Deadline.after(60))
    return folder, result


def test_fifty_of_fifty_changes_keep_the_splits_or_are_refused(begun, monkeypatch):
    folder, _ = begun
    written = (folder.data / "splits.json").read_bytes()
    plain = reached(monkeypatch, noise(), folder.path)
    rng = np.random.default_rng(7)
    kept = refused = 0
    for trial in range(50):
        table, options = noise(), {}
        n, what = table.num_rows, trial % 25
        column = str(rng.choice(table.column_names))
        values = table.column(column).to_pylist()
        i, j = rng.choice(np.flatnonzero([v != values[0] for v in values]), 2, replace=False)
        if what == 0:
            table = table.take(pa.array(rng.permutation(n)))
        elif what in (1, 2):  # two rows change places, or one row goes
            order = list(range(n))
            order[0], order[i] = order[i], order[0]
            table = table.take(pa.array(order if what == 1 else np.delete(np.arange(n), i)))
        elif what == 3:
            table = pa.concat_tables([table, table.slice(int(j), 1)])
        elif what in (4, 5, 6):  # one cell, all of a column, a gap
            new = {4: [values[i], *values[1:]], 5: values[::-1], 6: [None, *values[1:]]}[what]
            table = table.set_column(table.column_names.index(column), column, pa.array(new))
        elif what == 7:
            table = table.append_column("more", pa.array(rng.normal(size=n)))
        elif what == 8:
            table = table.drop_columns(["b"])
        elif what == 9:
            table = table.rename_columns(["a", "b", "tag", "shop", "fault"])
        else:
            options = [
                {"seed": int(rng.integers(1, 99))}, {"folds": 3}, {"repeats": 2}, {"group": "shop"}, {"time": "day"},
                {"test_fraction": 0.3}, {"ignore": ["b"]}, {"column": {"day": "category"}}, {"class_weight": True},
                {"sensitive": ["shop"]}, {"metric": "accuracy"}, {"split": "scaffold"},
                {"budget": f"{rng.integers(20, 99)}s"}, {"gate": "accuracy>=0.9"}, {"recipes": ["constant"], "memory": "4g"},
            ][what - 10]  # fmt: skip
        if what >= 22:  # the last three shape no split
            assert reached(monkeypatch, table, folder.path, **options) == plain, (what, options)
            kept += 1
        else:
            with pytest.raises(InputError, match=str(folder.path)):
                reached(monkeypatch, table, folder.path, **options)
            refused += 1
        assert (folder.data / "splits.json").read_bytes() == written
    assert (kept, refused) == (6, 44)


def test_what_differs_is_named(begun, monkeypatch):
    folder, _ = begun
    with pytest.raises(OptionError, match=r"--seed .*`5`"):
        reached(monkeypatch, noise(), folder.path, seed=5)
    with pytest.raises(DataError, match="240 rows then, 239 now"):
        reached(monkeypatch, noise().slice(1), folder.path)
    shuffled = noise().set_column(4, "fault", noise(seed=1).column("fault"))
    with pytest.raises(DataError, match="other values in `fault`"):
        reached(monkeypatch, shuffled, folder.path)
    with pytest.raises(DataError, match="another order"):
        reached(monkeypatch, noise().take(pa.array(np.arange(240)[::-1])), folder.path)
    other = folder.path.parent / "test.csv"
    other.write_text("a,b,day,shop,fault\n1,2,3,shop 1,kind 1\n", encoding="utf-8")
    with pytest.raises(OptionError, match="--test"):
        reached(monkeypatch, noise(), folder.path, test=str(other))


def test_the_number_of_folds_does_not_follow_the_time(begun, monkeypatch):
    folder, result = begun
    assert result.facts["rows"]["folds"] == 5
    config = make_config(data="memory", target="fault", **{**FAST, "budget": "20s"})
    names = []
    events = EventStream()
    events.listen(lambda e: names.append(e.name) if isinstance(e, CandidateDone) else None)
    before = (folder.candidates / "linear" / "candidate.json").stat().st_mtime_ns
    again = walk(config, noise(), events, folder=folder, deadline=Deadline.after(20), resume=True)
    assert again.facts["rows"]["folds"] == 5
    assert (folder.candidates / "linear" / "candidate.json").stat().st_mtime_ns == before
    # labels drawn by lot: a third is right by chance, before and after
    assert again.facts["value"] == pytest.approx(result.facts["value"], abs=0.1)
    accuracy = next(m for m in again.facts["metrics"] if m["name"] == "accuracy")
    assert accuracy["low"] <= 1 / 3 <= accuracy["high"]


def test_a_folder_that_holds_a_run_begins_no_other(begun):
    folder, _ = begun
    config = make_config(data="memory", target="fault", **FAST)
    with pytest.raises(DataError, match="--resume"):
        walk(config, noise(), EventStream(), folder=folder, deadline=Deadline.after(20))


def test_a_run_of_an_older_form_is_not_gone_on_with(begun, monkeypatch, tmp_path):
    folder = RunFolder(tmp_path / "old")
    folder.data.mkdir(parents=True)
    (folder.data / "splits.json").write_text(json.dumps({"fingerprint": "x", "test": [], "folds": [[]]}))
    with pytest.raises(DataError, match="another version"):
        reached(monkeypatch, noise(), folder.path)


def test_time_splits_train_on_what_they_trained_on(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "later")
    options = {**FAST, "time": "day", "folds": 3}
    config = make_config(data="memory", target="fault", **options)
    first = walk(config, noise(), EventStream(), folder=folder, deadline=Deadline.after(60))
    splits = reached(monkeypatch, noise(), folder.path, time="day")["folds"]
    assert len(splits) == 3
    assert all(max(train) < min(valid) for train, valid in splits)
    assert splits[0][0] != splits[1][0]
    assert first.facts["rows"]["test"] == 48


def candidate_file(folder, name):
    return json.loads((folder.candidates / name / "candidate.json").read_text())


@pytest.mark.parametrize(
    ("recipe", "which"), [("linear", Working), ("trees", Step), ("extratrees", Step), ("tabm", Step)]
)
def test_a_fit_in_which_a_run_was_stopped_is_trained_on(tmp_path, recipe, which):
    folder, deadline, events, rows = RunFolder(tmp_path / "r"), Deadline.after(60), EventStream(), noise(2000)
    events.listen(
        lambda e: (
            deadline.stop() if type(e) is which and e.who == recipe and getattr(e, "what", "score") == "score" else None
        )
    )
    told = {
        "data": "memory",
        "target": "fault",
        "recipes": ["constant", recipe],
        "search": "none",
        "folds": 1,
        "refit": False,
    }
    walk(make_config(**told, budget="60s"), rows, events, folder=folder, deadline=deadline)
    cut = candidate_file(folder, recipe)
    assert cut["cut"] == ([0] if which is Step else [])  # one that is through when the run is stopped is whole
    assert candidate_file(folder, "constant")["cut"] == []
    bundle = (folder.bundle / "manifest.json").read_bytes()
    done, fitted = [], []
    events = EventStream()
    events.listen(lambda e: done.append(e.name) if isinstance(e, CandidateDone) else None)
    events.listen(lambda e: fitted.append(e.who) if isinstance(e, Working) and e.what == "fit" else None)
    assert (folder.bundle / "manifest.json").read_bytes() == bundle
    walk(make_config(**told, budget="15s"), rows, events, folder=folder, deadline=Deadline.after(15), resume=True)
    assert done.count(recipe) == 1
    assert "constant" not in fitted
    assert (recipe in fitted) == (which is Step)
    after = candidate_file(folder, recipe)
    assert after["cut"] == []
    assert which is Working or after["extents"] != cut["extents"]


def test_folds_that_were_whole_when_a_run_was_stopped_are_kept(tmp_path, monkeypatch):
    recipe = some("made", right=0.9)
    first, _ = planner(monkeypatch, [recipe], folds=3, folder=tmp_path)
    first.events.listen(
        lambda e: first.deadline.stop() if isinstance(e, Working) and (e.what, e.fold) == ("fit", 3) else None
    )
    first.train(recipe, recipe.variants(None, None, 0)[0], "made", 30.0)
    assert first.candidates[0].folds == (0, 1, 2)
    again, told = planner(monkeypatch, [recipe], folds=3, folder=tmp_path)
    again.resume()
    found = again.candidates[0]
    assert (found.folds, found.cut, len(found.models), len(found.fold_values)) == ((0, 1), (), 2, 2)
    assert np.isnan(found.scores[80:]).all()  # of the rows that the third fold holds out
    assert np.isfinite(found.scores[:80]).all()
    assert [e.words.en for e in told if isinstance(e, Note)] == [
        "resume    made: the run was stopped while it was trained, so it is trained on"
    ]
    again.confirm()
    assert found.folds == (0, 1, 2)
    assert recipe.ended == [False] * 4
