"""Recommendation: events read and split, metrics by hand, recipes on what can be foreseen, answers to odd requests."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import Answers, target_from_state
from modelwright.core.answers.ranked import HISTORY, RankedCodec, Ranking
from modelwright.core.config import make_config
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Reading
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.events import read_bare_events
from modelwright.evaluate.metrics.recommendation import metrics
from modelwright.pipeline.intake import get_data
from modelwright.recipes.shared.recommend import best
from modelwright.release.bundle import Predictor
from modelwright.testing import context, sample_table
from modelwright.tune.parts import split_data

TASK = get_task("recommendation")
RECIPES = TASK.recipes
ALONE = [r for r in RECIPES if not get_recipe(r).related and get_recipe(r).name != "rank-blend"]  # read events alone
SMALL = {
    "sasrec": {"epochs": 6, "width": 32},
    "lightgcn": {"epochs": 15, "width": 32},
    "two-tower": {"epochs": 5, "width": 16},
}


def options_of(recipe, schema, target, rows):
    first = recipe.variants(schema, target, rows)[0]
    return type(first)(**{**first.model_dump(), **SMALL.get(recipe.name, {})})


def parts(rows: pa.Table, **options):
    config = make_config(data="memory", task="recommendation", **options)
    data = get_data(config, rows, EventStream())
    return data, split_data(config, data.table, data.test, data.aside, data.task, 60.0)


def shop(rows: int = 3000, seed: int = 0) -> pa.Table:
    """Users who stay with one of four shelves, each with ten items, some of which are had more often."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, 200, rows)
    shelf = np.where(rng.random(rows) < 0.95, user % 4, rng.integers(0, 4, rows))
    item = shelf * 10 + np.minimum(rng.geometric(0.2, rows) - 1, 9)
    names = [f"用户{u}" for u in user], [f"item{i}" for i in item]
    return pa.table({"user": names[0], "item": names[1], "time": np.arange(rows), "rating": rng.integers(1, 6, rows)})


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("0 5 6 7\n1 5\n2 6 7\n", [("0", "5"), ("0", "6"), ("0", "7"), ("1", "5"), ("2", "6"), ("2", "7")]),
        ("1 10\n1 11\n2 10\n", [("1", "10"), ("1", "11"), ("2", "10")]),
        ("1\t10\t5\t881250949\n2\t11\t3\t881250950\n", [("1", "10", "5", "881250949"), ("2", "11", "3", "881250950")]),
        ("1::10::5::978300760\n2::11::4::978300761\n", [("1", "10", "5", "978300760"), ("2", "11", "4", "978300761")]),
    ],
)
def test_files_without_a_header_are_read(tmp_path, text, rows):
    path = tmp_path / "events.txt"
    path.write_text(text)
    found = read_bare_events(path)
    assert found is not None
    assert [tuple(r.values()) for r in found.to_pylist()] == rows


def test_a_table_with_a_header_is_read_as_any_table(tmp_path):
    path = tmp_path / "x.inter"
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\nu1\ta\t3\nu2\tb\t4\n")
    raw, _ = TASK.read(path, Reading())
    assert raw.column_names == ["user_id", "item_id", "timestamp"]
    (tmp_path / "y.csv").write_text("user,item\n1,2\n")
    assert read_bare_events(tmp_path / "y.csv") is None


def test_a_line_that_does_not_fit_is_named(tmp_path):
    path = tmp_path / "events.txt"
    path.write_text("".join(f"{i} 5\n" for i in range(300)) + "7 8 9\n")
    with pytest.raises(DataError, match="line 301: expected 2 values"):
        read_bare_events(path)


def test_the_column_of_users_must_be_known():
    rows = pa.table({"who": ["a", "b"], "item": ["x", "y"]})
    with pytest.raises(ColumnError, match="--user"):
        parts(rows)
    with pytest.raises(ColumnError, match="buyer"):
        parts(shop(), user="buyer")


def read(rows, **options):
    events = EventStream()
    said = []
    events.listen(lambda e: said.append(e.words.en if hasattr(e, "words") else ""))
    data = get_data(make_config(data="memory", task="recommendation", **options), pa.table(rows), events)
    return data.table, " ".join(said)


def test_the_only_column_of_times_is_that_of_the_events_whatever_its_name():
    rows = {
        "买家": ["a", "b"] * 30,
        "货号": ["1", "2", "3"] * 20,
        "成交": [f"2024年3月{i % 28 + 1}日" for i in range(60)],
    }
    table, _ = read(rows)
    assert [c.name for c in table.schema.of_role("time")] == ["成交"]
    rows["发货"] = rows["成交"]  # two say too little, unless one has a usual name
    assert not read(rows)[0].schema.of_role("time")
    assert [c.name for c in read({**rows, "InvoiceDate": rows["成交"]})[0].schema.of_role("time")] == ["InvoiceDate"]


def test_ids_that_floats_held_are_those_of_other_files():
    rows = {"CustomerID": ["12003.0", "12004.0", "A.0"] * 20, "StockCode": ["007", "22.0", "1.5"] * 20}
    table, _ = read(rows)
    assert table.data.slice(0, 3).to_pylist() == [
        {"CustomerID": "12003", "StockCode": "007"}, {"CustomerID": "12004", "StockCode": "22"}, {"CustomerID": "A.0", "StockCode": "1.5"},
    ]  # fmt: skip


def test_events_of_nobody_are_left_out_and_told():
    table, said = read({"user": ["a", None, "b"] * 20, "item": ["1", "2", "3"] * 20})
    assert (len(table), table.column("user").null_count) == (40, 0)
    assert "20 of 60 events have no `user` and are left out." in said
    with pytest.raises(DataError, match="--user"):
        read({"user": pa.nulls(60, pa.string()), "item": ["1", "2", "3"] * 20})


def test_only_liked_items_count():
    data, _ = parts(shop(), at_least=4.0)
    assert 0 < len(data.table) < 3000 * 0.5
    assert min(data.table.column("rating").to_pylist()) == 4
    with pytest.raises(DataError, match="the highest is 5"):
        parts(shop(), at_least=9.0)
    with pytest.raises(OptionError, match="--rating"):
        parts(shop().drop_columns(["rating"]), at_least=1.0)


def test_by_time_no_model_sees_the_future():
    _, found = parts(shop())
    assert max(found.develop.column("time").to_pylist()) < min(found.test.column("time").to_pylist())
    (train, valid), *_ = found.splits
    times = np.asarray(found.develop.column("time"))
    assert times[train].max() < times[valid].min()


def test_each_users_last_event_is_held_out():
    _, found = parts(shop(), hold_out="last")
    users = found.test.column("user").to_pylist()
    assert len(users) == len(set(users))
    latest: dict[str, int] = {}
    for user, when in zip(found.develop.column("user").to_pylist(), found.develop.column("time").to_pylist()):
        latest[user] = max(latest.get(user, 0), when)
    for user, when in zip(users, found.test.column("time").to_pylist()):
        assert when > latest[user]


def test_without_times_the_order_of_time_cannot_be_asked_for():
    with pytest.raises(OptionError, match="--time"):
        parts(shop().select(["user", "item"]), hold_out="time")
    _, found = parts(shop().select(["user", "item"]))
    assert 200 <= len(found.test) <= 400  # a tenth of each user's


def test_one_event_a_user_cannot_be_held_out():
    rows = pa.table({"user": [f"u{i}" for i in range(20)], "item": ["a", "b"] * 10})
    with pytest.raises(DataError, match="two events or more"):
        parts(rows)


@pytest.mark.parametrize("count", [1, 2])
def test_events_that_leave_nothing_to_train_on_are_refused(count):
    rows = pa.table({"user": ["a", "b"][:count], "item": ["x", "y"][:count], "time": [1.0, 2.0][:count]})
    with pytest.raises(DataError, match="too few to train") as e:
        parts(rows, time="time")
    assert "事件" in e.value.words.zh


def test_metrics_are_those_of_the_formulas():
    codec = RankedCodec([str(i) for i in range(30)])
    ranking = Ranking(np.array([3, 1, 7, 2]), np.arange(4, 0, -1.0))
    scores = np.empty((4, 1), object)
    scores[:, 0] = [ranking, ranking, ranking, Ranking(np.array([5]), np.ones(1))]
    # user 7 held out items 1 and 2, and one that the catalogue lacks; user 2 held out item 9
    told = Judged(codec, np.array([1, 2, -1, 9]), scores, Answers([], None), np.zeros(4), np.arange(4),
                  {"user": np.array([7, 7, 7, 2])})  # fmt: skip
    found = {m.name: m(told) for m in metrics()}
    best_gain = 1 + 1 / np.log2(3) + 0.5
    assert found["ndcg_20"] == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / best_gain / 2)
    assert found["recall_20"] == pytest.approx((2 / 3) / 2)
    assert found["hit_10"] == pytest.approx(0.5)
    assert found["mrr"] == pytest.approx(0.25)
    assert found["map"] == pytest.approx((1 / 2 + 2 / 4) / 3 / 2)


def test_the_best_items_come_in_order_and_ties_by_frequency():
    found = best(np.array([1.0, 3.0, 3.0, -np.inf, 2.0, 3.0]), 3)
    assert found.items.tolist() == [1, 2, 5]
    assert best(np.array([1.0, -np.inf]), 5).items.tolist() == [0]


@pytest.mark.parametrize("name", [r for r in ALONE if r not in ("popular-items", "sasrec")])
def test_recipes_find_the_shelf(name):
    """What a user will have next stands on the user's own shelf; popularity knows no shelf."""
    _, found = parts(shop())
    recipe, popular = get_recipe(name), get_recipe("popular-items")
    metric = TASK.metric("recall_10")
    values = []
    for r in (recipe, popular):
        options = options_of(r, found.develop.schema, found.target, len(found.develop))
        model = r.fit(found.develop, None, options, context(TASK, found.target))
        scores = model.scores(found.test)
        from modelwright.testing import judged

        values.append(metric(judged(found.test, found.target, scores, TASK.metrics)))
    assert values[0] > values[1] + 0.05, values


@pytest.mark.parametrize("name", [r for r in RECIPES if r != "rank-blend"])
def test_odd_requests_are_answered(name, tmp_path):
    """A user nobody knows, a history of known and unknown items, one who had all: each gets a list without what was had."""
    table, target = sample_table(TASK, 120)
    recipe = get_recipe(name)
    model = recipe.fit(table, None, options_of(recipe, table.schema, target, len(table)), context(TASK, target))
    predictor = Predictor(TASK, TASK.served(table.schema), target, [(1.0, model)])
    rows = [{"user": "u1"}, {"user": "nobody"}, {HISTORY: ["i1", "i2", "what"]}, {HISTORY: list(target.items)}, {}]
    known, nobody, with_history, all_had, empty = (a["prediction"] for a in predictor.predict(rows))
    had = {r["item"] for r in table.data.to_pylist() if r["user"] == "u1"}
    assert known
    assert not had & {h["item"] for h in known}
    assert [h["item"] for h in nobody] == [h["item"] for h in empty]
    assert not {"i1", "i2"} & {h["item"] for h in with_history}
    assert all_had == []
    assert json.dumps(with_history)


def test_a_bundle_without_histories_answers_those_of_the_request(tmp_path):
    table, target = sample_table(TASK, 120)
    recipe = get_recipe("ease")
    model = recipe.fit(table, None, recipe.variants(table.schema, target, len(table))[0], context(TASK, target))
    kept = TASK.deployed(model, make_config(data="memory", task="recommendation", histories=False))
    before = model.answer([model.had("u1")])[0]
    assert len(model.had("u1"))
    kept.save(tmp_path)
    assert "u1" not in (tmp_path / "model.json").read_text()
    again = type(model).load(tmp_path, target_from_state(target.state()))
    assert len(again.had("u1")) == 0
    assert again.answer([model.had("u1")])[0] == before
