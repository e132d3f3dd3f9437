"""How long one list of 20 takes, in process: of 41,000 items, and of a million through FAISS.

    python benchmarks/recommend_speed.py [41k] [million]

`41k`: 30,000 made-up users with a million events of 41,000 items; each recipe is fitted (few sweeps, since only its answers are timed) and asked for
lists of users drawn by chance: plain, under a condition, and varied with reasons. Bar: the plain list takes at most 3 ms (median).

`million`: 1,000,000 items as vectors of 64 numbers around 2,000 centres, with lengths as popularity gives them; histories of 20 items near each other. Bar:
at most 10 ms (median) at a recall of at least .98 of the exact search's 20 items.

One thread. Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pyarrow as pa

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Related, Schema, Table
from modelwright.core.task import get_task
from modelwright.recipes.shared.recommend import Histories
from modelwright.release.bundle import Predictor
from modelwright.release.recommend import Asked, Recommender
from modelwright.testing import context

_USERS, _ITEMS, _EVENTS = 30_000, 41_000, 1_000_000


def _timed(shop: Recommender, asked: list[Asked]) -> np.ndarray:
    """Return the milliseconds of each answer; the first ones are not counted."""
    times = []
    for one in [*asked[:5], *asked]:
        began = time.perf_counter()
        found = shop.answer(one)
        times.append(1000 * (time.perf_counter() - began))
        assert len(found["items"]) == one.k
    return np.array(times[5:])


def catalogue() -> bool:
    """Time lists of 41,000 items by several recipes."""
    rng = np.random.default_rng(0)
    shelf = rng.integers(0, 200, _USERS)
    user = rng.integers(0, _USERS, _EVENTS)
    within = np.minimum(rng.exponential(40, _EVENTS).astype(int), _ITEMS // 200 - 1)
    item = np.where(rng.random(_EVENTS) < 0.8, shelf[user], rng.integers(0, 200, _EVENTS)) * (_ITEMS // 200) + within
    schema = Schema((Column("user", "id"), Column("item", "id", "target", {"items": True})))
    columns = {"user": np.char.add("u", user.astype(str)), "item": np.char.add("i", item.astype(str))}
    table = Table.of(pa.table(columns), schema)
    task = get_task("recommendation")
    target = task.fit_target(table.column("item"), schema["item"])
    prices = Schema((Column("item", "id", "ignored"), Column("price", "number"), Column("shelf", "category")))
    number = np.array([int(i[1:]) for i in target.items])
    lines = {"item": list(target.items), "price": (number % 97).astype(float), "shelf": (number // 205).astype(str)}
    met = True
    for name, more in (("graph-filter", {}), ("ials", {"sweeps": 2}), ("transitions", {}), ("popular-items", {})):
        recipe = get_recipe(name)
        options = recipe.variants(schema, target, len(table))[0].model_copy(update=more)
        model = recipe.fit(table, None, options, context(task, target))
        made = Predictor(task, task.served(schema), target, [(1.0, model)])
        made.related = {"items": Related(Table.of(pa.table(lines), prices), "item")}
        shop = Recommender(made)
        people = [f"u{u}" for u in rng.integers(0, _USERS, 100)]
        plain = _timed(shop, [Asked(user=u, k=20) for u in people])
        under = _timed(shop, [Asked(user=u, k=20, where=["price<=50"]) for u in people])
        varied = _timed(shop, [Asked(user=u, k=20, diverse=0.3, reasons=True) for u in people[:30]])
        fine = bool(np.median(plain) <= 3)
        met &= fine
        shown = "   ".join(
            f"{title} {np.median(t):.2f} (p95 {np.quantile(t, 0.95):.2f})"
            for title, t in (("plain", plain), ("condition", under), ("varied", varied))
        )
        print(f"{len(target.items):,} items  {name:14} ms: {shown}   {'met' if fine else 'MISSED'}", flush=True)
    return met


def million() -> bool:
    """Time lists of a million items, and compare them with an exact search."""
    from modelwright.recipes.recommend.ials import IalsModel, IalsOptions

    rng = np.random.default_rng(0)
    count, width = 1_000_000, 64
    centres = rng.normal(size=(2000, width)).astype(np.float32)
    of = rng.integers(0, 2000, count)
    vectors = centres[of] + 0.7 * rng.normal(size=(count, width)).astype(np.float32)
    vectors *= (0.05 * rng.lognormal(0, 0.4, (count, 1))).astype(np.float32)
    target = RankedCodec([str(i) for i in range(count)])
    order = np.argsort(of, kind="stable")
    begins = rng.integers(0, count - 200, 1000)
    items = np.concatenate([rng.choice(order[b : b + 200], 20, replace=False) for b in begins]).astype(np.int32)
    histories = Histories([f"u{i}" for i in range(1000)], np.arange(0, 20_001, 20), items)
    model = IalsModel(target, histories, IalsOptions(factors=width), vectors, np.ones(count, np.float32))
    schema = Schema((Column("user", "id"), Column("item", "id", "target", {"items": True})))
    task = get_task("recommendation")
    began = time.perf_counter()
    shop = Recommender(Predictor(task, task.served(schema), target, [(1.0, model)]))
    built = time.perf_counter() - began
    assert shop.index is not None, "install faiss"
    people = [f"u{u}" for u in rng.permutation(1000)[:200]]
    took = _timed(shop, [Asked(user=u, k=20) for u in people])
    index, shop.index = shop.index, None
    exact = _timed(shop, [Asked(user=u, k=20) for u in people[:50]])
    hits = 0
    for u in people[:50]:
        wanted = {hit["item"] for hit in shop.answer(Asked(user=u, k=20))["items"]}
        shop.index = index
        hits += len(wanted & {hit["item"] for hit in shop.answer(Asked(user=u, k=20))["items"]})
        shop.index = None
    recall = hits / (20 * 50)
    fine = bool(np.median(took) <= 10 and recall >= 0.98)
    print(
        f"1,000,000 items  index ms {np.median(took):.2f} (p95 {np.quantile(took, 0.95):.2f}), exact {np.median(exact):.2f}; recall {recall:.4f}; "
        f"built in {built:.0f} s   {'met' if fine else 'MISSED'}",
        flush=True,
    )
    return fine


if __name__ == "__main__":
    parts = {"41k": catalogue, "million": million}
    chosen = sys.argv[1:] or list(parts)
    missed = [p for p in chosen if not parts[p]()]
    sys.exit(1 if missed else 0)
