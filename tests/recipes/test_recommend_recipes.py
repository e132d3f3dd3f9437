"""Recipes that recommend: what each can tell that others cannot, on events made so that it is known."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix, save_npz

from modelwright.core.answers.base import target_from_state
from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Related
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.events import read_bare_events
from modelwright.data.infer import infer_schema
from modelwright.recipes.shared.histories import Histories, _last_times, ordered
from modelwright.recipes.shared.neighbours import likest
from modelwright.recipes.shared.recommend import RankModel
from modelwright.testing import context

TASK = get_task("recommendation")
KINDS = ("tea", "ink", "oak", "fig")
rng = np.random.default_rng(0)


def table(users, items, related=(), time=True):
    columns = {"user": [str(u) for u in users], "item": [str(i) for i in items]}
    if time:
        columns["time"] = list(range(len(users)))
    raw = pa.table(columns)
    config = make_config(data="memory", task="recommendation", target="item")
    schema = TASK.typed(infer_schema(raw, target="item", overrides={"item": "id"}), config)
    made = {}
    for name, key, lines in related:
        own = pa.table(lines)
        found = infer_schema(own, overrides={key: "id"}).with_column(key, role="ignored")
        made[name] = Related(coerce(own, found)[0], key)
    return coerce(raw, schema)[0].beside(made)


def tastes(cold: int = 8):
    """Users who stay with one of four kinds of items; `cold` further items that nobody had; users of two towns, by taste."""
    people, each = 80, 10
    users = np.repeat(np.arange(people), 6)
    items = np.array([f"i{(u % 4) * each + rng.integers(0, each)}" for u in users])
    names = [f"i{k}" for k in range(4 * each)] + [f"new{k}" for k in range(cold)]
    kind = [KINDS[k // each] for k in range(4 * each)] + [KINDS[k % 4] for k in range(cold)]
    noise = [f"word{rng.integers(50)} of no use" for _ in names]
    lines = {"item": names, "kind": kind, "noise": noise, "weight": rng.random(len(names)).round(2).tolist()}
    home = {"user": [str(u) for u in range(people + 8)], "town": [f"town {KINDS[u % 4]}" for u in range(people + 8)]}
    return table(users, items, [("items", "item", lines), ("users", "user", home)])


def fitted(name, rows, valid=None, ctx=None, **options):
    recipe = get_recipe(name)
    ctx = ctx or context(TASK, TASK.fit_codec(rows))
    first = recipe.variants(rows.schema, ctx.target, len(rows))[0]
    return recipe.fit(rows, valid, type(first)(**{**first.model_dump(), **options}), ctx)


def again(model: RankModel, folder) -> RankModel:
    model.save(folder)
    return type(model).load(folder, target_from_state(json.loads(json.dumps(model.target.state()))))


def kind_of(model, item):
    name = model.target.items[item]
    return KINDS[int(name[3:]) % 4] if name.startswith("new") else KINDS[int(name[1:]) // 10]


@pytest.mark.parametrize(("name", "options"), [("content", {}), ("two-tower", {"epochs": 15, "negatives": 32})])
def test_columns_tell_of_items_that_nobody_had_and_of_users_without_a_history(name, options, tmp_path):
    rows = tastes()
    model = again(fitted(name, rows, **options), tmp_path)
    new = np.array([i for i, n in enumerate(model.target.items) if n.startswith("new")])
    for taste in range(4):
        had = model.had(str(taste))
        assert len(had)
        scores = model.rank([had])[0]
        assert kind_of(model, new[np.argmax(scores[new])]) == KINDS[taste]
    # users 80 to 87 had nothing: their town is all that is known
    told = table([str(u) for u in range(80, 88)], ["i0"] * 8, time=False).beside(rows.related)
    best = [int(r.items[0]) for r in model.scores(told)[:, 0]]
    right = [kind_of(model, b) == KINDS[u % 4] for u, b in zip(range(80, 88), best)]
    assert sum(right) >= 7, right


def test_what_columns_say_is_learnt_from_what_was_had_together():
    rows = tastes()
    model = fitted("content", rows)
    weight = {n: float(model.weights[f]) for n, f, _ in model.described.slices()}
    assert weight["kind"] > 3 * max(weight["noise"], weight["weight"], 0.1)
    found = model.like({"kind": "ink"})
    assert {kind_of(model, i) for i in np.argsort(-found)[:10]} == {"ink"}


def test_segments_are_told_by_the_column_that_tells_most(tmp_path):
    rows = tastes()
    model = again(fitted("popular-segments", rows), tmp_path)
    assert model.column == "town"
    told = table(["84", "85", "nobody"], ["i0"] * 3, time=False).beside(rows.related)
    lists = [r.items for r in model.scores(told)[:, 0]]
    assert {kind_of(model, i) for i in lists[0][:8]} == {"tea"}
    assert {kind_of(model, i) for i in lists[1][:8]} == {"ink"}
    assert len({kind_of(model, i) for i in lists[2][:20]}) > 2


def test_a_recipe_of_columns_is_not_tried_without_any():
    from modelwright.tune.order import fitting

    rows = tastes().beside({})
    found = fitting(TASK, make_config(data="memory", task="recommendation"), rows, TASK.fit_codec(rows), None)
    told = dict(found.unfit)
    assert told["content"].en == "it reads columns of --items or --users"
    assert "popular-segments" in told
    assert "ease" in [r.name for r in found.recipes]


def chains(people=60, length=12):
    """Each user walks in a ring of 20 items: what follows is known, what goes together is not."""
    users = np.repeat(np.arange(people), length)
    start = rng.integers(0, 20, people)
    return table(users, [f"i{(start[u] + k) % 20}" for u in range(people) for k in range(length)])


@pytest.mark.parametrize("loss", ["softmax", "gbce"])
def test_sasrec_learns_what_follows(loss, tmp_path):
    rows = chains()
    model = again(
        fitted("sasrec", rows, epochs=60, loss=loss, width=32, tokens=128, negatives=19, dropout=0.1), tmp_path
    )
    place = model.target.places
    had = [np.array([place[f"i{k % 20}"] for k in range(s, s + 6)], np.int32) for s in range(20)]
    top = model.rank(had).argmax(axis=1)
    right = [model.target.items[t] == f"i{(s + 6) % 20}" for s, t in enumerate(top)]
    assert sum(right) >= 18, right
    answers_by_vectors(model, had)


def test_neighbours_are_the_same_from_sparse_and_from_whole_blocks(monkeypatch):
    matrix = csr_matrix(np.where(rng.random((200, 60)) < 0.1, rng.random((200, 60)), 0).astype(np.float32))
    scale = (rng.random(60).astype(np.float32) + 0.5, rng.random(60).astype(np.float32) + 0.5)
    made = []
    for full in (0.0, 1.1):
        monkeypatch.setattr("modelwright.recipes.shared.neighbours._FULL", full)
        made.append(likest(matrix, 8, scale, 1.0, Deadline()))
    assert made[0].nnz == made[1].nnz > 0
    assert abs(made[0] - made[1]).max() < 1e-6
    assert np.diff(made[1].indptr).max() == 8
    assert made[1].diagonal().max() == 0


def test_an_order_that_tells_nothing_is_seen():
    target = TASK.fit_codec(chains())
    assert ordered(Histories.of(chains(), target), target)
    mixed = table(np.repeat(np.arange(200), 12), [str(rng.integers(40)) for _ in range(2400)], time=False)
    target = TASK.fit_codec(mixed)
    assert not ordered(Histories.of(mixed, target), target)
    inside = [str(i) for _ in range(200) for i in sorted(rng.choice(40, 12, replace=False))]
    sorted_ = table(np.repeat(np.arange(200), 12), inside, time=False)
    target = TASK.fit_codec(sorted_)
    assert not ordered(Histories.of(sorted_, target), target)
    recipe = get_recipe("sasrec")
    with pytest.raises(ModelwrightError, match="tells nothing"):
        recipe.estimate(sorted_, recipe.options(), context(TASK, target))


def test_lightgcn_takes_the_item_itself_out_of_its_user(tmp_path):
    rows = tastes().beside({})
    model = again(fitted("lightgcn", rows, epochs=20, width=16, tokens=128, negatives=40), tmp_path)
    right = [
        kind_of(model, r.items[0]) == KINDS[int(u) % 4] for u in range(20) for r in model.answer([model.had(str(u))])
    ]
    assert sum(right) >= 17, right
    answers_by_vectors(model, [model.had(str(u)) for u in range(20)])


def answers_by_vectors(model, had):
    """What an index of the vectors finds is what the model ranks, and like items have like vectors."""
    found = model.query(had) @ model.item_vectors.T
    np.testing.assert_allclose(model.rank(had), found, atol=1e-4)
    alike = model.alike(np.arange(6))
    assert np.diag(alike) == pytest.approx(1)
    assert alike[0, 1:].max() < 1


def test_a_blend_uses_what_stands_and_is_fitted_anew_for_all_rows(tmp_path):
    rows = tastes()
    held = np.arange(len(rows)) % 6 == 5
    train, valid = rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))
    ctx = context(TASK, TASK.fit_codec(rows))
    alone = fitted("rank-blend", train, valid, context(TASK, ctx.target))
    assert {m.recipe for _, m in alone.members} <= {"item-knn", "graph-filter", "transitions"}
    for name in ("ease", "item-knn", "content"):
        fitted(name, train, valid, ctx)
    model = fitted("rank-blend", train, valid, ctx)
    assert model.borrowed > 0
    assert {m.recipe for _, m in model.members} >= {"content"}
    had = [model.had("3"), model.had("4")]
    same = again(model, tmp_path)
    assert np.allclose(same.rank(had), model.rank(had), atol=1e-4)
    ctx = context(TASK, TASK.fit_codec(rows), extent=json.loads(json.dumps(model.extent)))
    whole = fitted("rank-blend", rows, None, ctx)
    assert [m.recipe for _, m in whole.members] == [m.recipe for _, m in model.members]
    assert len(whole.histories.items) > len(model.histories.items)


def test_slim_and_neighbours_keep_to_few_weights():
    rows = tastes().beside({})
    for name, options in (("slim", {"neighbours": 5}), ("item-knn", {"neighbours": 5})):
        model = fitted(name, rows, **options)
        by_item = model.weights.tocsc() if name == "slim" else model.weights
        assert np.diff(by_item.indptr).max() == 5
        assert model.weights.diagonal().max() == 0
        had = model.had("2")
        reason = model.because(had, int(model.answer([had])[0].items[0]))
        assert set(reason) <= set(had.tolist())
        assert reason


def test_ials_is_the_same_with_and_without_the_compiled_solver(monkeypatch):
    pytest.importorskip("implicit")
    from modelwright.recipes.recommend import ials

    rows = tastes().beside({})
    quick = fitted("ials", rows, factors=8, sweeps=30)
    monkeypatch.setattr(ials, "compiled", lambda: None)
    exact = fitted("ials", rows, factors=8, sweeps=30)
    had = [quick.had(str(u)) for u in range(12)]
    assert np.abs(quick.rank(had) - exact.rank(had)).mean() < 0.05 * np.abs(exact.rank(had)).mean() + 0.02


def test_sparse_matrices_are_events(tmp_path):
    matrix = csr_matrix(np.array([[0, 2.0, 1.0], [3.0, 0, 0]]))
    for source in (matrix, tmp_path / "m.npz"):
        if source is not matrix:
            save_npz(source, matrix)
        found = read_bare_events(source)
        assert found.to_pylist() == [
            {"user": "0", "item": "1", "rating": 2.0}, {"user": "0", "item": "2", "rating": 1.0},
            {"user": "1", "item": "0", "rating": 3.0},
        ]  # fmt: skip
    assert read_bare_events(matrix > 0).column_names == ["user", "item"]
    (tmp_path / "x.npz").write_bytes(b"no matrix")
    with pytest.raises(DataError, match="holds no sparse matrix"):
        read_bare_events(tmp_path / "x.npz")
    with pytest.raises(DataError, match="no event"):
        read_bare_events(csr_matrix((3, 3)))


def test_events_of_the_future_are_left_out_and_told():
    import datetime as dt

    from modelwright.core.events import EventStream, Note
    from modelwright.pipeline.intake import get_data

    days = [dt.datetime(2024, 1, 1) + dt.timedelta(hours=h) for h in range(57)] + [dt.datetime(2999, 1, 1)] * 3
    raw = pa.table({"user": [f"u{i % 7}" for i in range(60)], "item": [f"i{i % 11}" for i in range(60)], "time": days})
    heard, events = [], EventStream()
    events.listen(heard.append)
    data = get_data(make_config(data="memory", task="recommendation"), raw, events)
    assert len(data.table) == 57
    said = " ".join(e.words.en for e in heard if isinstance(e, Note))
    assert "3 of 60 events lie in the future (the last one 2999-01-01) and are left out" in said


def test_items_that_users_share_are_alike_for_content_too():
    model = fitted("content", tastes())
    kinds = [model.target.places[n] for n in ("i0", "i1", "i30")]
    found = model.alike(np.array(kinds))
    assert found.shape == (3, 3)
    assert found[0, 1] > found[0, 2]


def test_a_large_catalogues_graph_filter_finds_the_same_list_without_scoring_all_of_it(monkeypatch):
    # as in a catalogue whose pairs are too many to keep
    monkeypatch.setattr("modelwright.recipes.recommend.graph_filter._PAIRS", 10)
    monkeypatch.setattr("modelwright.recipes.recommend.graph_filter._LEADING", 8)
    rng = np.random.default_rng(1)
    shelf = rng.integers(0, 6, 3000)
    rows = table(np.repeat(np.arange(300), 10), [f"i{k}" for k in shelf * 100 + rng.integers(0, 100, 3000)])
    model = fitted("graph-filter", rows, factors=40)
    items = len(model.target.items)
    for user in range(0, 300, 7):
        had = model.had(str(user))
        out = np.zeros(items, bool)
        out[had] = True
        out[: user // 2] = True
        quick = model.first(had, 20, out)
        exact = model.answer([had], length=20, without=out)[0]
        assert quick.items.tolist() == exact.items.tolist()
        np.testing.assert_allclose(quick.scores, exact.scores, rtol=1e-4, atol=1e-6)
    few = np.ones(items, bool)
    few[5:9] = False
    assert sorted(model.first(had, 20, few).items.tolist()) == [5, 6, 7, 8]
    many = [model.had(str(u)) for u in range(20)]
    np.testing.assert_allclose(model.rank(many)[3], model.rank(many[3:4])[0], rtol=1e-4, atol=1e-6)
    assert model.first(np.empty(0, np.int32), 5, few) is None


def test_an_item_that_a_user_had_twice_stands_where_it_was_had_last():
    users, items = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([5, 3, 5, 1, 5, 5, 3])
    # widths so large that pair and place do not fit into one number take another way
    for width in (6, np.iinfo(np.int64).max // 10):
        who, what = _last_times(users, items, width)
        assert who.tolist() == [0, 0, 0, 1, 2]
        assert what.tolist() == [3, 5, 1, 5, 3]
    once = _last_times(users[:2], items[:2], 6)
    assert once[1].tolist() == [5, 3]
    assert _last_times(users[:0], items[:0], 6)[0].tolist() == []
