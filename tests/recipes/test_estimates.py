"""Estimates count what media cost: to be read, and by the width of their features."""

import time

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.features import _decoded, image
from modelwright.testing import context, sample_table


def estimated(name, rows, modality, cache=None):
    task = get_task("classification")
    table, target = sample_table(task, rows, modality=modality)
    recipe = get_recipe(name)
    ctx = context(task, target)
    if cache is not None:
        ctx.cache.update(cache)
    return recipe.estimate(table, recipe.variants(table.schema, target, rows)[0], ctx), table, ctx


@pytest.mark.parametrize("name", ["linear", "trees", "catboost"])
def test_slow_pictures_are_counted(monkeypatch, name):
    if name == "catboost":
        pytest.importorskip("catboost")
        modality, module, read = "molecule", "modelwright.features._chemistry", "facts"
        pytest.importorskip("rdkit")
    else:
        modality, module, read = "image", "modelwright.features.image", "decode"
    quick = estimated(name, 100, modality)[0]
    target = __import__(module, fromlist=["x"])
    real = getattr(target, read)

    def slow(*args, **kwargs):
        time.sleep(0.02)
        return real(*args, **kwargs)

    monkeypatch.setattr(target, read, slow)
    for user in (image, __import__("modelwright.features.molecule", fromlist=["x"])):
        if hasattr(user, read):
            monkeypatch.setattr(user, read, slow)
    monkeypatch.setattr(_decoded, "cores", lambda: 1)
    found = estimated(name, 100, modality)[0]
    assert found.seconds - quick.seconds > 1.0, "100 rows at 20 ms, one after the other"


def test_molecules_are_as_wide_as_their_features():
    pytest.importorskip("rdkit")
    one, _, ctx = estimated("trees", 200, "molecule")
    wide = next(v for k, v in ctx.cache.items() if k[0] == "reading")[1]
    assert wide > 50
    assert one.memory >= 12 * 200 * wide


def test_what_was_read_once_is_not_counted_again():
    found, table, ctx = estimated("linear", 60, "image")
    recipe = get_recipe("linear")
    target = ctx.target
    options = recipe.variants(table.schema, target, 60)[0]
    ctx.cache[next(k for k in ctx.cache if k[0] == "reading")] = (1.0, 300)
    assert recipe.estimate(table, options, ctx).seconds > 60
    recipe.fit(table, table.take(np.arange(10)), options, ctx)
    assert recipe.estimate(table, options, ctx).seconds < 30
    assert found.seconds < 30


@pytest.mark.parametrize(("dear", "most"), [(0.0, 32), (1e9, 256)])
def test_of_a_dear_step_few_rows_are_tried(monkeypatch, dear, most):
    from modelwright.models.network import ColumnNetwork
    from modelwright.recipes import _network

    task = get_task("classification")
    table, target = sample_table(task, 280)
    recipe, seen = get_recipe("textcnn"), []
    real = ColumnNetwork.forward

    def forward(self, tensors):
        seen.append(len(next(iter(tensors.values()))))
        return real(self, tensors)

    monkeypatch.setattr(ColumnNetwork, "forward", forward)
    monkeypatch.setattr(_network, "_DEAR_STEP", dear)
    options = recipe.variants(table.schema, target, 280)[0]
    small = {"embedding": 8, "filters": 8, "width": 8, "batch": 256, "bigrams": False}
    found = recipe.estimate(table, options.model_copy(update=small), context(task, target))
    assert max(seen) == most
    assert found.seconds > 0
