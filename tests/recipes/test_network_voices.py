"""Voices of two networks: what they cost once recordings are read, and what is begun where time is short."""

import dataclasses

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.recipes.shared.synthesis_corpus import corpus
from modelwright.testing import context, sample_table

TASK = get_task("text-to-speech")


@pytest.fixture(scope="module")
def data():
    return sample_table(TASK, 12)


@pytest.mark.parametrize("name", ["fastspeech2", "matcha-tts"])
def test_smaller_networks_ask_for_less_and_need_no_vocoder(data, name):
    table, target = data
    recipe, ctx = get_recipe(name), context(TASK, target)
    first = type(recipe).options()
    smaller = recipe.smaller(first, table.schema)
    least = [recipe.estimate(table, o, ctx).least_seconds for o in (first, *smaller)]
    assert len(smaller) == 2
    assert least[0] > 2 * least[1] > 2 * least[2]
    assert {o.vocoder for o in smaller} == {"griffin-lim"}


def test_what_another_recipe_has_read_is_not_estimated_again(data):
    table, target = data
    recipe, ctx = get_recipe("fastspeech2"), context(TASK, target)
    options = type(recipe).options()
    before = recipe.estimate(table, options, ctx)
    read = corpus(table, ctx)
    after = recipe.estimate(table, options, dataclasses.replace(ctx, encoded=ctx.cache.keys()))
    assert after.least_seconds < before.least_seconds
    assert read.borrowed == 0
    assert corpus(table, ctx).borrowed == read.took > 0  # a refit on other rows reads them again
