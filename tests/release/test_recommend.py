"""Lists as a shop asks for them: conditions, rules, variety, descriptions, further events; and the index of very many items."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import MEDIA, Column, Related, Schema, Table
from modelwright.core.task import get_task
from modelwright.recipes.shared.recommend import Histories, RankModel, best
from modelwright.release.bundle import Predictor
from modelwright.release.catalogue import Catalogue, Condition
from modelwright.release.index import Index
from modelwright.release.recommend import Asked, Boost, Recommender
from modelwright.testing import context, sample_table

KINDS = ("shoes", "hats", "bags")


def goods(items: list[str]) -> Related:
    """Return a table of items in three kinds: what the sample's users stay with, prices 1 to 6, titles, pictures of some."""
    number = [int(i[1:]) for i in items]
    picture = [{"path": None, "bytes": b"jpeg%d" % n, "digest": None, "how": None} if n < 9 else None for n in number]
    columns = {
        "item": items, "title": [f"{('red', 'blue')[n % 2]} {KINDS[min(n // 6, 2)]} {n}" for n in number],
        "kind": [KINDS[min(n // 6, 2)] for n in number], "price": [float(1 + n % 6) if n else None for n in number],
        "picture": pa.array(picture, MEDIA),
    }  # fmt: skip
    schema = Schema(
        (
            Column("item", "id", "ignored"),
            Column("title", "text"),
            Column("kind", "category"),
            Column("price", "number"),
            Column("picture", "image"),
        )
    )
    return Related(Table.of(pa.table(columns), schema), "item")


@pytest.fixture(scope="module")
def predictor():
    task = get_task("recommendation")
    table, target = sample_table(task, 240)
    recipe = get_recipe("ease")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, None, options, context(task, target))
    made = Predictor(task, task.served(table.schema), target, [(1.0, model)], name="shop")
    made.related = {"items": goods(sorted(target.items, key=lambda i: int(i[1:])))}
    return made


@pytest.fixture
def shop(predictor):
    return Recommender(predictor)


def kinds(shop, found):
    return [shop.catalogue.shown(shop.target.places[hit["item"]])["kind"] for hit in found["items"]]


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("price<=2", lambda n: n and n % 6 <= 1), ("price > 5", lambda n: n % 6 == 5), ("kind=shoes", lambda n: n < 6),
        ("kind = hats|bags", lambda n: n >= 6), ("kind!=shoes", lambda n: n >= 6), ("title~BLUE", lambda n: n % 2 == 1),
        ("price=1|2", lambda n: n and n % 6 <= 1), ("price!=1", lambda n: n == 0 or n % 6 != 0), ("title~.", lambda n: False),
    ],
)  # fmt: skip
def test_conditions_tell_items_apart(predictor, text, which):
    catalogue = Catalogue(predictor.target.items, predictor.related["items"])
    found = catalogue.mask(Condition.read(text))
    assert [predictor.target.items[i] for i in np.flatnonzero(found)] == [
        i for i in predictor.target.items if which(int(i[1:]))
    ]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("price", DataError, "such as price<=50"), ("price<=", DataError, "such as price"), ("prise<=3", ColumnError, "`price`"),
        ("price<=cheap", DataError, "expected a number, received `cheap`"), ("kind<=shoes", DataError, "holds category"),
        ("price~3", DataError, "looks for a word"), ("picture=1", ColumnError, "no column of items `picture`"),
    ],
)  # fmt: skip
def test_conditions_that_do_not_fit_are_refused(shop, text, error, words):
    with pytest.raises(error, match=words):
        shop.answer(Asked(user="u1", where=[text]))


def test_an_answer_keeps_to_its_conditions(shop):
    found = shop.answer(Asked(user="u1", k=5, where=["price<=3", "kind=shoes|bags"], show=True, seen=True))
    assert 0 < len(found["items"]) <= 5
    assert all(hit["columns"]["price"] <= 3 and hit["columns"]["kind"] != "hats" for hit in found["items"])
    none = shop.answer(Asked(user="u1", where=["price>99"]))
    assert none["items"] == []
    assert none["warnings"][-1]["code"] == "few"


def test_without_a_table_of_items_conditions_are_refused(predictor):
    bare = Predictor(predictor.task, predictor.schema, predictor.target, predictor.members)
    with pytest.raises(ColumnError, match="--items"):
        Recommender(bare).answer(Asked(where=["price<=3"]))
    assert Recommender(bare).answer(Asked(user="u1", show=True, k=1))["items"][0]["columns"] == {}


def test_a_boost_moves_items_and_a_cap_bounds_them(shop):
    plain = shop.answer(Asked(history=["i1", "i2"], k=4))
    assert set(kinds(shop, plain)) == {"shoes"}
    moved = shop.answer(Asked(history=["i1", "i2"], k=4, boost=[Boost("kind=shoes", 0.0)]))
    assert "shoes" not in kinds(shop, moved)
    capped = shop.answer(Asked(history=["i1", "i2"], k=6, cap={"kind": 2}))
    assert sorted(kinds(shop, capped)) == sorted(2 * KINDS)
    scores = [hit["score"] for hit in capped["items"]]
    assert scores == sorted(scores, reverse=True)
    both = shop.answer(Asked(history=["i1"], k=10, cap={"kind": 3, "price": 1}))
    assert len(both["items"]) <= 7  # six prices, and one item without


def test_variety_brings_other_kinds(shop):
    plain, varied = (shop.answer(Asked(history=["i1", "i2", "i8"], k=4, diverse=d)) for d in (0.0, 0.7))
    assert len(set(kinds(shop, varied))) > len(set(kinds(shop, plain))) or len(set(kinds(shop, plain))) == 3
    assert varied["items"][0]["item"] == plain["items"][0]["item"]


def test_items_like_a_description(shop):
    found = shop.answer(Asked(like={"kind": "bags", "price": 2}, k=3, show=True))
    assert [hit["columns"]["kind"] for hit in found["items"]] == ["bags"] * 3
    assert "warnings" not in found
    with pytest.raises(ColumnError, match="`kind`"):
        shop.answer(Asked(like={"knd": "bags"}))
    with pytest.raises(DataError, match="a number"):
        shop.answer(Asked(like={"price": "cheap"}))


def test_further_events_count_at_once_and_can_be_forgotten(shop):
    before = shop.answer(Asked(user="new one", k=3))
    assert not before["known"]
    assert before["warnings"][0]["code"] == "unknown-user"
    assert shop.remember("new one", "i13")
    assert shop.remember("new one", "i14")
    assert not shop.remember("new one", "nothing")
    after = shop.answer(Asked(user="new one", k=3, reasons=True))
    assert after["known"]
    assert set(kinds(shop, after)) == {"bags"}
    assert {r for hit in after["items"] for r in hit["because"]} <= {"i13", "i14"}
    assert "i14" not in [hit["item"] for hit in after["items"]]
    assert shop.forget("new one")
    assert not shop.answer(Asked(user="new one"))["known"]


def test_titles_pictures_and_search(predictor):
    catalogue = Catalogue(predictor.target.items, predictor.related["items"])
    place = predictor.target.places
    assert catalogue.title_columns == {"en": "title", "zh": "title"}
    assert catalogue.title(place["i7"]) == "blue hats 7"
    assert catalogue.picture(place["i7"]) == b"jpeg7"
    assert catalogue.picture(place["i12"]) is None
    assert [catalogue.items[p] for p in catalogue.search("HATS 7", 5)] == ["i7"]
    assert len(catalogue.search("", 4)) == 4
    assert "picture" not in catalogue.shown(place["i7"])


def test_only_models_that_rank_recommend():
    task = get_task("click-through")
    table, target = sample_table(task, 60)
    recipe = get_recipe("click-means")
    model = recipe.fit(table, None, recipe.options(), context(task, target))
    with pytest.raises(OptionError, match="--task recommendation"):
        Recommender(Predictor(task, table.schema, target, [(1.0, model)]))


class Vectors(RankModel):
    """Items and users as vectors; a history is the mean of its items."""

    recipe = "vectors"

    def __init__(self, count: int) -> None:
        super().__init__(RankedCodec([str(i) for i in range(count)]), Histories.none())
        rng = np.random.default_rng(0)
        self.own = (rng.normal(size=(50, 16))[rng.integers(0, 50, count)] + 0.5 * rng.normal(size=(count, 16))).astype(
            np.float32
        )

    @property
    def item_vectors(self):
        return self.own

    def query(self, had):
        return np.stack([self.own[h].mean(axis=0) for h in had])

    def rank(self, had):
        return self.query(had) @ self.own.T

    def parts(self):
        return {}, {}

    @classmethod
    def made(cls, target, histories, state, arrays):
        raise ValueError


def test_the_index_finds_what_an_exact_search_finds(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr("modelwright.release.index.FEWEST", 5000)
    model = Vectors(20_000)
    index = Index.of(model)
    found = 0
    for i in range(20):
        had = np.arange(3 * i, 3 * i + 3, dtype=np.int32)
        out = np.zeros(20_000, bool)
        out[had] = True
        found_here = index.search(had, 20, out)
        exact = model.rank([had])[0]
        exact[had] = -np.inf
        best = set(np.argsort(-exact)[:20].tolist())
        found += len(best & set(found_here.items.tolist()))
        assert len(found_here.items) == 20
        assert not np.isin(found_here.items, had).any()
        assert np.allclose(found_here.scores, exact[found_here.items], atol=1e-5)
        assert (np.diff(found_here.scores) <= 0).all()
    assert found >= 0.98 * 400
    assert index.search(np.empty(0, np.int32), 20, out) is None
    assert Index.of(Vectors(100)) is None


def test_a_user_is_found_without_looking_at_all_of_them():
    names = ["zoe", "", "amy", "李", "bob", "éva", "u10", "u9"]
    had = Histories(names, np.arange(9), np.arange(8, dtype=np.int32))
    assert [had.place(n) for n in names] == list(range(8)) == had.places(pa.array(names)).tolist()
    assert [had.place(n) for n in ("", "a", "u1", "zz")] == [1, -1, -1, -1]
    assert Histories.none().place("amy") == -1


def test_the_best_of_many_equal_scores():
    scores = np.full(50_000, -np.inf, np.float32)
    scores[[7, 40_000, 3]] = 1.0, 2.0, 1.0
    assert best(scores, 20).items.tolist() == [40_000, 3, 7]
    assert best(np.zeros(50, np.float32), 5).items.tolist() == [0, 1, 2, 3, 4]
    assert len(best(scores, 0).items) == 0


def test_a_varied_list_comes_from_the_index_too(predictor, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr("modelwright.release.index.FEWEST", 5000)
    model = Vectors(6000)
    model.histories = Histories(["u"], np.array([0, 2]), np.array([5, 9], np.int32))
    task = get_task("recommendation")
    shop = Recommender(Predictor(task, predictor.schema, model.target, [(1.0, model)]))
    assert shop.index is not None
    plain = [h["item"] for h in shop.answer(Asked(user="u", k=10))["items"]]
    varied = [h["item"] for h in shop.answer(Asked(user="u", k=10, diverse=0.4))["items"]]
    shop.index = None
    assert [h["item"] for h in shop.answer(Asked(user="u", k=10))["items"]] == plain
    assert varied[0] == plain[0]
    assert varied != plain
    assert set(varied) != set(plain)
    assert len(set(varied)) == 10
