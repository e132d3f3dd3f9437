"""What a fit watches: the ranking metric over its own units, such as users, as the leaderboard reads it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import modelwright.recipes
from modelwright.core.judged import Judged, Metric
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table
from modelwright.core.words import Words


def of_city(table: Table) -> np.ndarray:
    return np.unique([str(v) for v in table.column("city").to_pylist()], return_inverse=True)[1]


def mean_over_cities(judged: Judged) -> list[float]:
    right = judged.chosen == judged.truth
    of = judged.unit("city")
    return [float(right[of == i].mean()) for i in range(of.max() + 1)]


BY_CITY = Metric(
    "by_city", Words("a", "a"), True, lambda units: float(np.mean(units)), unit="city", unit_of=of_city,
    by_unit=mean_over_cities,
)  # fmt: skip


def test_a_network_stops_by_a_metric_over_units(mixed, context) -> None:
    table = mixed("classes")
    train, valid = table.take(np.arange(0, len(table), 2)), table.take(np.arange(1, len(table), 2))
    cities = len(set(of_city(valid)))
    read = []

    def function(units: list[float]) -> float:
        read.append(len(units))
        return float(np.mean(units))

    ctx = replace(context(train), metric=replace(BY_CITY, function=function))
    recipe = get_recipe("tabm")
    recipe.fit(train, valid, recipe.options(members=4, width=16, epochs=2, batch=64), ctx)
    assert read
    assert set(read) == {cities}, "each city counts once, not each row"


def test_value_is_the_metric_over_units_with_more_for_better(mixed, context) -> None:
    table = mixed("classes")
    ctx = replace(context(table), metric=BY_CITY)
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(ctx.target.outputs), len(table))
    right = scores.argmax(axis=1) == ctx.target.encode(table.column("answer"))
    of = of_city(table)
    expected = np.mean([right[of == i].mean() for i in range(of.max() + 1)])
    assert ctx.value(table, scores) == pytest.approx(expected)
    assert ctx.value(table, scores) != pytest.approx(right.mean())
    assert replace(ctx, metric=replace(BY_CITY, higher=False)).value(table, scores) == pytest.approx(-expected)


def test_no_recipe_judges_rows_without_their_units() -> None:
    """`FitContext.value` is the one place: a recipe that calls `judge` by itself forgets the units."""
    for path in Path(modelwright.recipes.__path__[0]).rglob("*.py"):
        assert not re.search(r"(?<!def )(?<![.\w])judge\(|ctx\.metric\(", path.read_text(encoding="utf-8")), path.name
